"""What clients may send, and its reading: bounded in size and in time, then validated."""

import asyncio
from typing import Annotated, TypeVar

from aiohttp import web
from pydantic import BaseModel, Field, ValidationError

from awazpulse.channels.accounts import MAX_EMAIL_CHARACTERS
from awazpulse.channels.passwords import MAX_PASSWORD_CHARACTERS
from awazpulse.kinds import StreamType
from awazpulse.refusals import InvalidValue
from awazpulse.relay.title import MAX_TITLE_CHARACTERS

from .models import Body

MAX_BODY_BYTES = 64 * 1024  # ours are under 1 KiB
BODY_TIMEOUT_S = 10.0  # a body that trickles in holds a connection no longer than this

B = TypeVar("B", bound=BaseModel)


class LoginBody(Body):
    """An e-mail address and its password."""

    email: Annotated[str, Field(max_length=MAX_EMAIL_CHARACTERS)]
    password: Annotated[str, Field(max_length=MAX_PASSWORD_CHARACTERS)]


class SwitchTypeBody(Body):
    """The type to select."""

    stream_type: StreamType


class TitleBody(Body):
    """What plays now; without an artist, `Artist - Track` in the title is taken apart."""

    title: Annotated[str, Field(max_length=MAX_TITLE_CHARACTERS)]
    artist: Annotated[str, Field(max_length=MAX_TITLE_CHARACTERS)] = ""
    url: Annotated[str, Field(max_length=MAX_TITLE_CHARACTERS)] = ""


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
        raise InvalidValue(describe_error(error)) from None


def describe_error(error: ValidationError) -> str:
    """Return what is wrong with what was sent, without repeating it."""
    first = error.errors(include_url=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        return "the body is not JSON"
    place = ".".join(str(part) for part in first["loc"]) or "body"
    return f"{place}: {first['msg']}"
