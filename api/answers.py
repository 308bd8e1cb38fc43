"""What the API answers: rows by their column names, and errors in one shape.

An error is `{"statusCode": .., "message": .., "error": ..}`, as NestJS makes them, for clients of
such a backend find here what they know. One table says which refusal is which status.
"""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any

from aiohttp import web

from awazpulse.refusals import (
    AlreadyExists,
    CannotStore,
    FileTooLarge,
    Forbidden,
    InvalidToken,
    InvalidValue,
    Refusal,
    ServiceUnavailable,
    UnknownChannel,
    UnknownUser,
    UnreadableSecrets,
    UploadUnderWay,
    WrongLogin,
)
from awazpulse.store import Stream

_STATUSES: tuple[tuple[type[Refusal], HTTPStatus], ...] = (
    (InvalidValue, HTTPStatus.BAD_REQUEST),
    (InvalidToken, HTTPStatus.UNAUTHORIZED),
    (WrongLogin, HTTPStatus.UNAUTHORIZED),
    (Forbidden, HTTPStatus.FORBIDDEN),
    (UnknownChannel, HTTPStatus.NOT_FOUND),
    (UnknownUser, HTTPStatus.NOT_FOUND),
    (AlreadyExists, HTTPStatus.CONFLICT),
    (FileTooLarge, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (UploadUnderWay, HTTPStatus.TOO_MANY_REQUESTS),
    (CannotStore, HTTPStatus.INSUFFICIENT_STORAGE),
    (UnreadableSecrets, HTTPStatus.SERVICE_UNAVAILABLE),
    (ServiceUnavailable, HTTPStatus.SERVICE_UNAVAILABLE),
)
_RETRY_AFTER_S = 5
_HEADERS = {
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": "Bearer"},
    HTTPStatus.TOO_MANY_REQUESTS: {"Retry-After": str(_RETRY_AFTER_S)},
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": str(_RETRY_AFTER_S)},
}


def answer_error(
    status: int, message: str, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return an error."""
    known = HTTPStatus(status)
    body = {"statusCode": status, "message": message, "error": known.phrase}
    return web.json_response(
        body, status=status, headers={**_HEADERS.get(known, {}), **(headers or {})}
    )


def answer_refusal(refusal: Refusal) -> web.Response:
    """Return the error that a refusal is."""
    for kind, status in _STATUSES:
        if isinstance(refusal, kind):
            return answer_error(status, str(refusal))
    return answer_error(HTTPStatus.CONFLICT, str(refusal))


def answer_secret(body: Mapping[str, Any]) -> web.Response:
    """Return what no cache on the way may keep."""
    return web.json_response(body, headers={"Cache-Control": "no-store"})


def describe_stream(stream: Stream) -> dict[str, Any]:
    """Return a row by its column names, times in ISO 8601 (UTC)."""
    mapper = stream.__mapper__
    return {
        column.name: _to_json(getattr(stream, mapper.get_property_by_column(column).key))
        for column in mapper.columns
    }


def format_time(time: datetime) -> str:
    """Return a time of the tables, which is UTC without saying so, in ISO 8601."""
    return time.isoformat(timespec="seconds") + "Z"


def _to_json(value: Any) -> Any:  # noqa: ANN401  # a column's value
    return format_time(value) if isinstance(value, datetime) else value
