"""Runs a parser's case whole, byte by byte, and with bytes behind it: all must say the same."""

from collections.abc import Callable, Iterable
from typing import TypeVar

import pytest

T = TypeVar("T")
Receive = Callable[[bytes], Iterable[T]]


def receive_every_way(
    make: Callable[[], Receive[T]], data: bytes, *, behind: bytes = b"", then: Iterable[T] = ()
) -> list[T]:
    """Return what `data` gives, after a check that it is the same in every cut.

    `behind` is what may follow on the wire, `then` what it gives by itself.
    """
    whole = list(make()(data))
    assert _receive_bytes(make(), data) == whole
    for cut in range(0, len(data), max(1, len(data) // 7)):
        receive = make()
        assert [*receive(data[:cut]), *receive(data[cut:])] == whole
    assert list(make()(data + behind)) == [*whole, *then]
    return whole


def fail_every_way(
    make: Callable[[], Receive[T]], data: bytes, expected: type[Exception]
) -> Exception:
    """Return the exception that `data` raises, after a check that it raises in every cut."""
    with pytest.raises(expected) as whole:
        list(make()(data))
    with pytest.raises(expected) as single:
        _receive_bytes(make(), data)
    assert str(single.value) == str(whole.value)
    with pytest.raises(expected):
        list(make()(data + bytes(64)))
    return whole.value


def _receive_bytes(receive: Receive[T], data: bytes) -> list[T]:
    return [event for byte in data for event in receive(bytes((byte,)))]
