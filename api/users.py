"""The endpoints under /users: an administrator's accounts."""

from http import HTTPStatus
from typing import Annotated

from pydantic import Field

from awazpulse.channels.accounts import parse_email
from awazpulse.channels.channel_settings import MAX_MAX_LISTENERS
from awazpulse.channels.passwords import generate_password
from awazpulse.kinds import Role
from awazpulse.refusals import AlreadyExists, LastAdministrator
from awazpulse.store import User
from awazpulse.store.models import DEFAULT_MAX_CHANNELS

from .bodies import Email, Password
from .endpoints import Access, Call, Endpoint, Reply
from .models import Answer, Body, UtcTime
from .pages import Page, PageQuery
from .services import Services

MAX_MAX_CHANNELS = 100_000

_TAG = "users"
_PATH = "/users/{id}"

MaxChannels = Annotated[
    int, Field(ge=0, le=MAX_MAX_CHANNELS, description="channels that the user may have")
]
MaxListeners = Annotated[
    int | None,
    Field(
        ge=0,
        le=MAX_MAX_LISTENERS,
        description="the most that each of the user's channels may be set to; null: no limit",
    ),
]


class AccountAnswer(Answer):
    """A user, as administrators see them."""

    id: str
    email: str
    role: Role
    is_active: bool
    max_channels: int
    max_listeners: int | None
    created_at: UtcTime
    updated_at: UtcTime


class NewAccountAnswer(AccountAnswer):
    """The same, with the password if it was made by the server: it is shown this once."""

    password: str | None


class PasswordAnswer(Answer):
    """The password if it was made by the server: it is shown this once."""

    password: str | None


class AccountsPage(Page):
    """Users by id."""

    items: list[AccountAnswer]


class NewUserBody(Body):
    """A user to be; without a password one is made and shown."""

    id: Annotated[str, Field(max_length=36)] | None = Field(
        None, description="an id of yours, with which the same call can be made again"
    )
    email: Email
    password: Password | None = None
    role: Role = Role.STATION_OWNER
    is_active: bool = True
    max_channels: MaxChannels = DEFAULT_MAX_CHANNELS
    max_listeners: MaxListeners = None


class UserChangeBody(Body):
    """What is to change; the rest stays."""

    email: Email = ""
    role: Role = Role.STATION_OWNER
    is_active: bool = Field(True, description="false: no login, and no broadcast on any channel")
    max_channels: MaxChannels = DEFAULT_MAX_CHANNELS
    max_listeners: MaxListeners = None


class PasswordBody(Body):
    """Another password; without one it is made and shown."""

    password: Password | None = None


class UserRoutes:
    """/users."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def list_endpoints(self) -> list[Endpoint]:
        """Return the endpoints."""
        return [
            Endpoint(
                method="GET",
                path="/users",
                handler=self._list,
                access=Access.ADMIN,
                tag=_TAG,
                summary="Users, by id",
                query=PageQuery,
                answer=AccountsPage,
                is_secret=True,
            ),
            Endpoint(
                method="POST",
                path="/users",
                handler=self._create,
                access=Access.ADMIN,
                tag=_TAG,
                summary="Make a user",
                description="With the id and the address of a user there is, nothing changes: 200.",
                body=NewUserBody,
                answer=NewAccountAnswer,
                status=HTTPStatus.CREATED,
                other_successes=(HTTPStatus.OK,),
                refusals=(AlreadyExists,),
                is_secret=True,
            ),
            Endpoint(
                method="GET",
                path=_PATH,
                handler=self._get,
                access=Access.ADMIN,
                tag=_TAG,
                summary="A user",
                answer=AccountAnswer,
                is_secret=True,
            ),
            Endpoint(
                method="PATCH",
                path=_PATH,
                handler=self._change,
                access=Access.ADMIN,
                tag=_TAG,
                summary="Change a user",
                description="One who is disabled, or gets another role, is signed out; what their"
                " channels have on air ends within seconds.",
                body=UserChangeBody,
                answer=AccountAnswer,
                refusals=(AlreadyExists, LastAdministrator),
                is_secret=True,
            ),
            Endpoint(
                method="PUT",
                path=f"{_PATH}/password",
                handler=self._reset_password,
                access=Access.ADMIN,
                tag=_TAG,
                summary="Give a user another password",
                description="Every sign-in of the user ends.",
                body=PasswordBody,
                answer=PasswordAnswer,
                is_secret=True,
            ),
        ]

    async def _list(self, call: Call) -> AccountsPage:
        query = call.query_as(PageQuery)
        users = await self._services.users.list_page(query.after, query.limit + 1)
        shown = [AccountAnswer.model_validate(user) for user in users[: query.limit]]
        return AccountsPage(items=shown, next=shown[-1].id if len(users) > len(shown) else None)

    async def _create(self, call: Call) -> Reply:
        body = call.body_as(NewUserBody)
        password = body.password or generate_password()
        user, is_new = await self._services.users.provision(
            body.id,
            body.email,
            password,
            body.model_dump(include={"role", "is_active", "max_channels", "max_listeners"}),
        )
        shown = password if is_new and body.password is None else None
        answer = NewAccountAnswer(**_facts(user), password=shown)
        return Reply(answer, HTTPStatus.CREATED if is_new else HTTPStatus.OK)

    async def _get(self, call: Call) -> AccountAnswer:
        return AccountAnswer.model_validate(await self._services.users.get(call.path_id))

    async def _change(self, call: Call) -> AccountAnswer:
        values = call.body_as(UserChangeBody).model_dump(exclude_unset=True)
        if "email" in values:
            values["email"] = parse_email(values["email"])
        return AccountAnswer.model_validate(await self._services.users.change(call.path_id, values))

    async def _reset_password(self, call: Call) -> PasswordAnswer:
        given = call.body_as(PasswordBody).password
        password = given or generate_password()
        user = await self._services.users.get(call.path_id)
        await self._services.users.set_password(user.email, password)
        return PasswordAnswer(password=None if given else password)


def _facts(user: User) -> dict[str, object]:
    return dict(AccountAnswer.model_validate(user))
