"""Who is asking, and the endpoints under /auth."""

from typing import Any

from aiohttp import web

from awazpulse.channels.access import Identity
from awazpulse.kinds import Role
from awazpulse.refusals import InvalidToken, UnknownUser
from awazpulse.store import User

from .answers import answer_secret
from .bodies import LoginBody, read_body
from .services import Services


def read_bearer_token(request: web.Request) -> str:
    """Return the request's bearer token (RFC 6750 §2.1). Raises `InvalidToken`."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise InvalidToken("sign in first: send 'Authorization: Bearer TOKEN'")
    return token.strip()


async def identify(request: web.Request, services: Services) -> Identity:
    """Return who is asking, as the database knows them now. Raises `InvalidToken`.

    A token lives for hours; in them a user may lose a role, or go.
    """
    claimed = services.tokens.verify(read_bearer_token(request))
    try:
        user = await services.users.get(claimed.user_id)
    except UnknownUser:
        raise InvalidToken("this user does not exist any more") from None
    return Identity(user.id, user.email, Role(user.role))


class AuthRoutes:
    """/auth."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def list_routes(self) -> list[web.RouteDef]:
        """Return the endpoints."""
        return [web.post("/auth/login", self._log_in), web.get("/auth/me", self._get_me)]

    async def _log_in(self, request: web.Request) -> web.Response:
        body = await read_body(request, LoginBody)
        address = request.remote or ""
        user = await self._services.users.authenticate(body.email, body.password, address)
        token = self._services.tokens.issue(user)
        return answer_secret(
            {
                "accessToken": token.text,
                "tokenType": "Bearer",
                "expiresIn": token.expires_in_s,
                "user": _describe(user),
            }
        )

    async def _get_me(self, request: web.Request) -> web.Response:
        identity = await identify(request, self._services)
        return answer_secret(
            {"id": identity.user_id, "email": identity.email, "role": identity.role}
        )


def _describe(user: User) -> dict[str, Any]:
    return {"id": user.id, "email": user.email, "role": user.role}
