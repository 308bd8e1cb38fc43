"""Access tokens: JWTs (RFC 7519) signed by HS256 with a key of their own. No I/O.

Two audiences: people's, for the API, and the operator's, with which the command line asks a
running server for one action on one channel. A token of one is never good for the other.

PyJWT loads 5 MB of cryptography, so it is loaded with the first token.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from awazpulse.kinds import Role
from awazpulse.refusals import InvalidToken
from awazpulse.store import User

from .access import Identity
from .keys import derive_key

ACCESS_LIFETIME_S = 12 * 3600  # of the operator's; a script may run for a night
SIGN_IN_ACCESS_LIFETIME_S = 3600  # a sign-in has its refresh token for longer
INTERNAL_LIFETIME_S = 60  # made and used at once, on the same machine or near it
MAX_TOKEN_CHARACTERS = 4096

_ISSUER = "awazpulse"
_ACCESS_AUDIENCE = "awazpulse-api"
_INTERNAL_AUDIENCE = "awazpulse-internal"
_ALGORITHM = "HS256"
_NOT_OURS = "the access token is not one of ours; sign in again"


class InternalAction(StrEnum):
    """What the command line asks of a running server; the values are part of what is signed."""

    REFRESH = "refresh"
    SWITCH_TYPE = "switch-type"


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token and how long it is good for."""

    text: str = field(repr=False)
    expires_in_s: int = ACCESS_LIFETIME_S


class Tokens:
    """Makes and verifies tokens. `wall_clock` gives seconds since 1970, and is for tests."""

    def __init__(
        self,
        secret_key: str,
        *,
        access_lifetime_s: int = ACCESS_LIFETIME_S,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._key = derive_key(secret_key, "access tokens v1")
        self._access_lifetime_s = access_lifetime_s
        self._wall_clock = wall_clock

    def issue(self, user: User, sign_in_id: str | None = None) -> AccessToken:
        """Return a token: of a sign-in, with which it ends, or the operator's."""
        claims = {"sub": user.id, "email": user.email, "role": Role(user.role).value}
        lifetime_s = self._access_lifetime_s
        if sign_in_id is not None:
            claims["sid"] = sign_in_id
            lifetime_s = min(lifetime_s, SIGN_IN_ACCESS_LIFETIME_S)
        return AccessToken(self._sign(claims, _ACCESS_AUDIENCE, lifetime_s), lifetime_s)

    def verify(self, text: str) -> Identity:
        """Return whose token this is. Raises `InvalidToken`."""
        claims = self._open(text, _ACCESS_AUDIENCE, ["sub", "email", "role"])
        try:
            return Identity(
                str(claims["sub"]),
                str(claims["email"]),
                Role(claims["role"]),
                claims.get("sid"),
                int(claims["iat"]),
            )
        except ValueError:
            raise InvalidToken(_NOT_OURS) from None

    def issue_internal(self, channel_id: str, action: InternalAction) -> str:
        """Return a token that lets its bearer do this to this channel, and nothing else."""
        claims = {"sub": channel_id, "action": action.value}
        return self._sign(claims, _INTERNAL_AUDIENCE, INTERNAL_LIFETIME_S)

    def verify_internal(self, text: str, channel_id: str, action: InternalAction) -> None:
        """Raise `InvalidToken` unless this is a token for this action on this channel."""
        claims = self._open(text, _INTERNAL_AUDIENCE, ["sub", "action"])
        if claims["sub"] != channel_id:
            raise InvalidToken("the token is for another channel")
        if claims["action"] != action.value:
            raise InvalidToken("the token is for another action")

    def _sign(self, claims: dict[str, str], audience: str, lifetime_s: int) -> str:
        now = int(self._wall_clock())
        envelope = {"iss": _ISSUER, "aud": audience, "iat": now, "exp": now + lifetime_s}
        import jwt  # noqa: PLC0415  # see above

        return jwt.encode({**claims, **envelope}, self._key, _ALGORITHM)

    def _open(self, text: str, audience: str, required: list[str]) -> dict[str, Any]:
        if len(text) > MAX_TOKEN_CHARACTERS:
            raise InvalidToken("the access token is too long")
        if not text.isascii():  # JWTs are base64url and dots (RFC 7515 §3.1)
            raise InvalidToken(_NOT_OURS)
        import jwt  # noqa: PLC0415  # see above

        try:
            claims = jwt.decode(
                text,
                self._key,
                algorithms=[_ALGORITHM],
                audience=audience,
                issuer=_ISSUER,
                options={
                    "require": ["exp", "iat", *required],
                    "verify_exp": False,
                    "verify_iat": False,
                },
            )
        except (jwt.InvalidTokenError, ValueError, RecursionError):
            # PyJWT lets through what JSON's reader says of huge numbers and of deep nesting.
            raise InvalidToken(_NOT_OURS) from None
        # By our own clock, which tests turn.
        if not isinstance(claims["exp"], int) or claims["exp"] <= self._wall_clock():
            raise InvalidToken("the access token has expired; sign in again")
        return claims
