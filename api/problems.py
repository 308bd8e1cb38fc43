"""Errors as problem details (RFC 9457): `application/problem+json`.

`type` names the kind of problem for programs, `detail` tells people what is wrong and what to do.
`statusCode`, `message` and `error` repeat that as NestJS makes errors, for clients of such a backend.
One table says which refusal is which problem.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web
from pydantic import Field

from awazpulse.refusals import (
    AlreadyExists,
    CannotStore,
    FileTooLarge,
    Forbidden,
    InvalidToken,
    InvalidValue,
    LastAdministrator,
    LimitReached,
    NotReady,
    OffAir,
    Refusal,
    ServiceUnavailable,
    TooManyReaders,
    UnknownChannel,
    UnknownUser,
    UnknownWebhook,
    UnreadableSecrets,
    UploadUnderWay,
    WrongLogin,
)

from .models import Answer

CONTENT_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:awazpulse:problem:"
RETRY_AFTER_S = 5


class Problem(Answer):
    """An error."""

    type: str = Field(description="the kind of problem; about:blank when the status says it all")
    title: str = Field(description="the same for all problems of this kind")
    status: int
    detail: str = Field(description="what is wrong and what to do")
    status_code: int = Field(description="as status")
    message: str = Field(description="as detail")
    error: str = Field(description="the status in words")


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """How a refusal is answered."""

    name: str
    title: str
    status: HTTPStatus


_KINDS: tuple[tuple[type[Refusal], ProblemKind], ...] = (
    (InvalidValue, ProblemKind("invalid-value", "Invalid value", HTTPStatus.BAD_REQUEST)),
    (InvalidToken, ProblemKind("invalid-token", "Not signed in", HTTPStatus.UNAUTHORIZED)),
    (WrongLogin, ProblemKind("wrong-login", "Wrong login", HTTPStatus.UNAUTHORIZED)),
    (Forbidden, ProblemKind("forbidden", "Not allowed", HTTPStatus.FORBIDDEN)),
    (UnknownChannel, ProblemKind("unknown-channel", "Unknown channel", HTTPStatus.NOT_FOUND)),
    (UnknownUser, ProblemKind("unknown-user", "Unknown user", HTTPStatus.NOT_FOUND)),
    (UnknownWebhook, ProblemKind("unknown-webhook", "Unknown webhook", HTTPStatus.NOT_FOUND)),
    (OffAir, ProblemKind("off-air", "Off air", HTTPStatus.CONFLICT)),
    (LimitReached, ProblemKind("limit-reached", "Limit reached", HTTPStatus.FORBIDDEN)),
    (
        LastAdministrator,
        ProblemKind("last-administrator", "Last administrator", HTTPStatus.CONFLICT),
    ),
    (AlreadyExists, ProblemKind("already-exists", "Already exists", HTTPStatus.CONFLICT)),
    (
        FileTooLarge,
        ProblemKind("file-too-large", "File too large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    ),
    (
        UploadUnderWay,
        ProblemKind("upload-under-way", "Upload under way", HTTPStatus.TOO_MANY_REQUESTS),
    ),
    (
        TooManyReaders,
        ProblemKind("too-many-readers", "Too many readers", HTTPStatus.TOO_MANY_REQUESTS),
    ),
    (CannotStore, ProblemKind("cannot-store", "Cannot store", HTTPStatus.INSUFFICIENT_STORAGE)),
    (
        UnreadableSecrets,
        ProblemKind("unreadable-secrets", "Unreadable secrets", HTTPStatus.SERVICE_UNAVAILABLE),
    ),
    (NotReady, ProblemKind("not-ready", "Not ready", HTTPStatus.SERVICE_UNAVAILABLE)),
    (
        ServiceUnavailable,
        ProblemKind("unavailable", "Not available", HTTPStatus.SERVICE_UNAVAILABLE),
    ),
)
_CONFLICT = ProblemKind("conflict", "Conflict", HTTPStatus.CONFLICT)
_HEADERS = {
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": "Bearer"},
    HTTPStatus.TOO_MANY_REQUESTS: {"Retry-After": str(RETRY_AFTER_S)},
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": str(RETRY_AFTER_S)},
}


def find_kind(refusal: type[Refusal]) -> ProblemKind:
    """Return how refusals of this class are answered."""
    return next((kind for known, kind in _KINDS if issubclass(refusal, known)), _CONFLICT)


def answer_refusal(refusal: Refusal) -> web.Response:
    """Return the error that a refusal is."""
    kind = find_kind(type(refusal))
    return _answer(kind.status, TYPE_PREFIX + kind.name, kind.title, str(refusal), {})


def answer_error(
    status: int, detail: str, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return an error whose status says what kind it is."""
    known = HTTPStatus(status)
    return _answer(known, "about:blank", known.phrase, detail, headers or {})


def _answer(
    status: HTTPStatus, problem_type: str, title: str, detail: str, headers: Mapping[str, str]
) -> web.Response:
    problem = Problem(
        type=problem_type,
        title=title,
        status=status,
        detail=detail,
        status_code=status,
        message=detail,
        error=status.phrase,
    )
    return web.Response(
        text=problem.to_json(),
        status=status,
        content_type=CONTENT_TYPE,
        headers={"Cache-Control": "no-store", **_HEADERS.get(status, {}), **headers},
    )
