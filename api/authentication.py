"""Who is asking, and the endpoints under /auth."""

from http import HTTPStatus

from aiohttp import web
from pydantic import Field

from awazpulse.channels.access import Identity
from awazpulse.channels.sign_ins import SignIn
from awazpulse.kinds import Role
from awazpulse.refusals import InvalidToken, ServerDraining, WrongLogin

from .bodies import LoginBody, PasswordChangeBody, RefreshBody
from .endpoints import Access, Call, Endpoint
from .models import Answer
from .services import Issuer, Services, Users
from .session_cookies import read_access_cookie

_TAG = "accounts"


def read_bearer_token(request: web.Request) -> str:
    """Return the request's bearer token (RFC 6750 §2.1). Raises `InvalidToken`."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if not token:
        scheme, token = _read_subprotocols(request)
    if scheme.lower() != "bearer" or not token.strip():
        raise InvalidToken("sign in first: send 'Authorization: Bearer TOKEN'")
    return token.strip()


def _read_subprotocols(request: web.Request) -> tuple[str, str]:
    """Return the scheme and the token of a browser's WebSocket, which can send no such header."""
    if request.headers.get("Upgrade", "").lower() != "websocket":
        return "", ""
    scheme, _, token = request.headers.get("Sec-WebSocket-Protocol", "").partition(",")
    return scheme.strip(), token.strip()


async def identify(request: web.Request, services: Services) -> Identity:
    """Return who is asking, as the database knows them now. Raises `InvalidToken`.

    A bearer token counts before the panel's cookie. A token lives for hours; in them a user may lose a
    role, sign out, or go. May raise `ServiceUnavailable`.
    """
    has_bearer = "Authorization" in request.headers or _read_subprotocols(request)[1]
    cookie = None if has_bearer else read_access_cookie(request)
    token = cookie or read_bearer_token(request)
    if services.issuer is not None and services.issuer.is_for_issuer(token):
        return await _identify_by_issuer(token, services.issuer, services.users)
    claimed = services.tokens.verify(token)
    user = await services.users.identify(claimed)
    return Identity(user.id, user.email, Role(user.role), claimed.sign_in_id, claimed.issued_at)


async def _identify_by_issuer(token: str, issuer: Issuer, users: Users) -> Identity:
    """Return the user of ours whom another issuer names; a role that it names goes before the row's."""
    claims = await issuer.verify(token)
    user = await users.find_claimed(claims.user)
    role = Role(user.role)
    if claims.is_admin is not None:
        role = Role.ADMIN if claims.is_admin else Role.STATION_OWNER
    return Identity(user.id, user.email, role, None, claims.issued_at)


class UserAnswer(Answer):
    """A user."""

    id: str
    email: str
    role: Role


class LoginAnswer(Answer):
    """Tokens for one who has signed in."""

    access_token: str
    token_type: str
    expires_in: int = Field(description="seconds that the access token is good for")
    refresh_token: str = Field(description="good for one use, at /auth/refresh, within 30 days")
    user: UserAnswer


class AuthRoutes:
    """/auth."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def list_endpoints(self) -> list[Endpoint]:
        """Return the endpoints."""
        return [
            Endpoint(
                method="POST",
                path="/auth/login",
                handler=self._log_in,
                access=Access.ANYONE,
                tag=_TAG,
                summary="Sign in",
                body=LoginBody,
                answer=LoginAnswer,
                refusals=(WrongLogin, ServerDraining),
                is_secret=True,
            ),
            Endpoint(
                method="POST",
                path="/auth/refresh",
                handler=self._refresh,
                access=Access.ANYONE,
                tag=_TAG,
                summary="Stay signed in: new tokens for a refresh token",
                description="The refresh token is used up. One that is used again later ends the sign-in.",
                body=RefreshBody,
                answer=LoginAnswer,
                refusals=(InvalidToken,),
                is_secret=True,
            ),
            Endpoint(
                method="POST",
                path="/auth/logout",
                handler=self._log_out,
                access=Access.ANYONE,
                tag=_TAG,
                summary="End the sign-in that a refresh token is of",
                description="Its access tokens open nothing any more. A token that is none ends nothing.",
                body=RefreshBody,
                status=HTTPStatus.NO_CONTENT,
            ),
            Endpoint(
                method="PUT",
                path="/auth/password",
                handler=self._change_password,
                access=Access.USER,
                tag=_TAG,
                summary="Change the password",
                description="Every sign-in ends but this one, which the answer continues.",
                body=PasswordChangeBody,
                answer=LoginAnswer,
                refusals=(WrongLogin,),
                is_secret=True,
            ),
            Endpoint(
                method="GET",
                path="/auth/me",
                handler=self._get_me,
                access=Access.USER,
                tag=_TAG,
                summary="Who the token is of",
                answer=UserAnswer,
                is_secret=True,
            ),
        ]

    async def _log_in(self, call: Call) -> LoginAnswer:
        if self._services.readiness.is_draining:
            raise ServerDraining
        body = call.body_as(LoginBody)
        user = await self._services.users.authenticate(body.email, body.password, call.address)
        return self._answer(await self._services.sign_ins.begin(user))

    async def _refresh(self, call: Call) -> LoginAnswer:
        token = call.body_as(RefreshBody).refresh_token
        return self._answer(await self._services.sign_ins.refresh(token))

    async def _log_out(self, call: Call) -> None:
        await self._services.sign_ins.end(call.body_as(RefreshBody).refresh_token)

    async def _change_password(self, call: Call) -> LoginAnswer:
        body = call.body_as(PasswordChangeBody)
        user = await self._services.users.change_password(
            call.user.user_id, body.current_password, body.new_password, call.address
        )
        return self._answer(await self._services.sign_ins.begin(user))

    def _answer(self, sign_in: SignIn) -> LoginAnswer:
        token = self._services.tokens.issue(sign_in.user, sign_in.id)
        return LoginAnswer(
            access_token=token.text,
            token_type="Bearer",  # noqa: S106  # RFC 6750's name for it
            expires_in=token.expires_in_s,
            refresh_token=sign_in.refresh_token,
            user=UserAnswer.model_validate(sign_in.user),
        )

    async def _get_me(self, call: Call) -> UserAnswer:
        return UserAnswer(id=call.user.user_id, email=call.user.email, role=call.user.role)
