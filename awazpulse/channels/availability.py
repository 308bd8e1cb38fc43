"""Turns an absent database into the refusal that callers know."""

from collections.abc import Iterator
from contextlib import contextmanager

from awazpulse.refusals import ServiceUnavailable
from awazpulse.store.errors import DatabaseUnavailable


@contextmanager
def refusing_when_away(doing: str) -> Iterator[None]:
    """Turn an absent database into `ServiceUnavailable`: 'the server cannot `doing` just now'."""
    try:
        yield
    except DatabaseUnavailable as error:
        raise ServiceUnavailable(doing) from error
