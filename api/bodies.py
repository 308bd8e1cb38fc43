"""What clients may send, and its reading: bounded in size and in time, then validated."""

import asyncio
from typing import Annotated, TypeVar

from aiohttp import web
from pydantic import BaseModel, Field, ValidationError
from pydantic_core import from_json, to_json

from awazpulse.channels.accounts import MAX_EMAIL_CHARACTERS
from awazpulse.channels.passwords import MAX_PASSWORD_CHARACTERS
from awazpulse.channels.sign_ins import MAX_TOKEN_CHARACTERS
from awazpulse.kinds import StreamType
from awazpulse.refusals import InvalidValue
from awazpulse.relay.title import MAX_TITLE_CHARACTERS

from .models import Body

MAX_BODY_BYTES = 64 * 1024  # ours are under 1 KiB
BODY_TIMEOUT_S = 10.0  # a body that trickles in holds a connection no longer than this

B = TypeVar("B", bound=BaseModel)


Email = Annotated[str, Field(max_length=MAX_EMAIL_CHARACTERS)]
Password = Annotated[str, Field(max_length=MAX_PASSWORD_CHARACTERS)]


class LoginBody(Body):
    """An e-mail address and its password."""

    email: Email
    password: Password


class RefreshBody(Body):
    """A refresh token."""

    refresh_token: Annotated[str, Field(max_length=MAX_TOKEN_CHARACTERS)]


class PasswordChangeBody(Body):
    """A user's present password and the next one."""

    current_password: Password
    new_password: Password


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
        return model.model_validate_json(_spell_integers(raw), strict=True)
    except ValidationError as error:
        raise InvalidValue(describe_error(error)) from None


def _spell_integers(raw: bytes) -> bytes:
    """Return a body with 5.0 as 5: JSON Schema takes both for integers, our models the second only."""
    try:
        value = from_json(raw, allow_inf_nan=False)
    except ValueError:
        return raw  # its validation says what is wrong
    if not isinstance(value, dict):
        return raw
    changed = {k: int(v) for k, v in value.items() if isinstance(v, float) and v.is_integer()}
    return to_json(value | changed) if changed else raw


def describe_error(error: ValidationError) -> str:
    """Return what is wrong with what was sent, without repeating it."""
    first = error.errors(include_url=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        return "the body is not JSON"
    place = ".".join(str(part) for part in first["loc"]) or "body"
    return f"{place}: {first['msg']}"
