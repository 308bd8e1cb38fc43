"""Who is asking, and the endpoints under /auth."""

from aiohttp import web

from awazpulse.channels.access import Identity
from awazpulse.kinds import Role
from awazpulse.refusals import InvalidToken, UnknownUser, WrongLogin

from .bodies import LoginBody
from .endpoints import Access, Call, Endpoint
from .models import Answer
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


class UserAnswer(Answer):
    """A user."""

    id: str
    email: str
    role: Role


class LoginAnswer(Answer):
    """A token for one who has signed in."""

    access_token: str
    token_type: str
    expires_in: int
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
                tag="accounts",
                summary="Sign in",
                body=LoginBody,
                answer=LoginAnswer,
                refusals=(WrongLogin,),
                is_secret=True,
            ),
            Endpoint(
                method="GET",
                path="/auth/me",
                handler=self._get_me,
                access=Access.USER,
                tag="accounts",
                summary="Who the token is of",
                answer=UserAnswer,
                is_secret=True,
            ),
        ]

    async def _log_in(self, call: Call) -> LoginAnswer:
        body = call.body_as(LoginBody)
        address = call.request.remote or ""
        user = await self._services.users.authenticate(body.email, body.password, address)
        token = self._services.tokens.issue(user)
        return LoginAnswer(
            access_token=token.text,
            token_type="Bearer",  # noqa: S106  # RFC 6750's name for it
            expires_in=token.expires_in_s,
            user=UserAnswer.model_validate(user),
        )

    async def _get_me(self, call: Call) -> UserAnswer:
        return UserAnswer(id=call.user.user_id, email=call.user.email, role=call.user.role)
