"""The endpoints of the panel's session: as those under /auth, with the tokens in cookies.

They are in no document, for they are of use to the panel's own pages alone.
"""

from http import HTTPStatus

from aiohttp import web

from awazpulse.channels.sign_ins import SignIn
from awazpulse.refusals import InvalidToken, WrongLogin

from .authentication import UserAnswer, identify
from .bodies import LoginBody, PasswordChangeBody
from .endpoints import Access, Call, Endpoint
from .services import Services
from .session_cookies import REFRESH_COOKIE, clear_cookies, set_cookies

_TAG = "panel"


class PanelSessionRoutes:
    """/panel/login, /panel/refresh, /panel/logout, /panel/password."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def list_endpoints(self) -> list[Endpoint]:
        """Return the endpoints."""
        return [
            Endpoint(
                method="POST",
                path="/panel/login",
                handler=self._log_in,
                access=Access.PANEL,
                tag=_TAG,
                summary="Sign in",
                body=LoginBody,
                answer=UserAnswer,
                refusals=(WrongLogin,),
            ),
            Endpoint(
                method="POST",
                path="/panel/refresh",
                handler=self._refresh,
                access=Access.PANEL,
                tag=_TAG,
                summary="Stay signed in",
                answer=UserAnswer,
                refusals=(InvalidToken,),
            ),
            Endpoint(
                method="POST",
                path="/panel/logout",
                handler=self._log_out,
                access=Access.PANEL,
                tag=_TAG,
                summary="Sign out",
                status=HTTPStatus.NO_CONTENT,
            ),
            Endpoint(
                method="PUT",
                path="/panel/password",
                handler=self._change_password,
                access=Access.PANEL,
                tag=_TAG,
                summary="Change the password",
                body=PasswordChangeBody,
                answer=UserAnswer,
                refusals=(WrongLogin, InvalidToken),
            ),
        ]

    async def _log_in(self, call: Call) -> web.Response:
        body = call.body_as(LoginBody)
        user = await self._services.users.authenticate(body.email, body.password, call.address)
        return self._answer(call, await self._services.sign_ins.begin(user))

    async def _refresh(self, call: Call) -> web.Response:
        token = call.request.cookies.get(REFRESH_COOKIE)
        if not token:
            raise InvalidToken("sign in first")
        return self._answer(call, await self._services.sign_ins.refresh(token))

    async def _log_out(self, call: Call) -> web.Response:
        token = call.request.cookies.get(REFRESH_COOKIE)
        if token:
            await self._services.sign_ins.end(token)
        response = web.Response(status=HTTPStatus.NO_CONTENT)
        clear_cookies(response)
        return response

    async def _change_password(self, call: Call) -> web.Response:
        body = call.body_as(PasswordChangeBody)
        identity = await identify(call.request, self._services)
        user = await self._services.users.change_password(
            identity.user_id, body.current_password, body.new_password, call.address
        )
        return self._answer(call, await self._services.sign_ins.begin(user))

    def _answer(self, call: Call, sign_in: SignIn) -> web.Response:
        token = self._services.tokens.issue(sign_in.user, sign_in.id)
        response = web.Response(
            text=UserAnswer.model_validate(sign_in.user).to_json(),
            content_type="application/json",
            headers={"Cache-Control": "no-store"},
        )
        set_cookies(response, call.request, token.text, token.expires_in_s, sign_in.refresh_token)
        return response
