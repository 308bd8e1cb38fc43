"""What clients may send, and its reading: bounded in size and in time, then validated."""

import asyncio
from typing import Annotated, Literal, TypeVar

from aiohttp import web
from pydantic import BaseModel, Field, ValidationError

from awazpulse.channels.accounts import MAX_EMAIL_CHARACTERS
from awazpulse.channels.passwords import MAX_PASSWORD_CHARACTERS
from awazpulse.refusals import InvalidValue

MAX_BODY_BYTES = 64 * 1024  # ours are under 1 KiB
BODY_TIMEOUT_S = 10.0  # a body that trickles in holds a connection no longer than this

B = TypeVar("B", bound=BaseModel)


class LoginBody(BaseModel):
    """POST /auth/login."""

    email: Annotated[str, Field(max_length=MAX_EMAIL_CHARACTERS)]
    password: Annotated[str, Field(max_length=MAX_PASSWORD_CHARACTERS)]


class SwitchTypeBody(BaseModel):
    """POST /streams/channel/{id}/switch-type."""

    stream_type: Annotated[Literal["hls", "icecast"], Field(alias="streamType")]


async def read_body(request: web.Request, model: type[B]) -> B:
    """Return the request's body.

    Raises `InvalidValue`, which never repeats what was sent (it may be a password), and aiohttp's
    errors for a body too large or too slow.
    """
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            raw = await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout(
            text=f"the body did not arrive within {BODY_TIMEOUT_S:g} s"
        ) from None
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        raise InvalidValue(_describe(error)) from None


def _describe(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        return "the body is not JSON"
    place = ".".join(str(part) for part in first["loc"]) or "body"
    return f"{place}: {first['msg']}"
