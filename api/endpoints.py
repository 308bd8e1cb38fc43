"""An endpoint as data: who may call it, what it takes, what it answers. No I/O.

The server's routes, the OpenAPI document and the tests of who may do what are all made from these, so
that none of them can forget an endpoint.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from http import HTTPStatus
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel

from awazpulse.channels.access import Identity
from awazpulse.channels.records import ChannelRecord
from awazpulse.refusals import Refusal

from .models import Answer, Body

M = TypeVar("M", bound=BaseModel)

ADDRESS = web.RequestKey("address", str)  # of the request's client, once it is known


class Access(Enum):
    """Who may call an endpoint; the values are words for people."""

    ANYONE = "anyone"
    USER = "every user"
    OWNER = "the channel's owner"
    OWNER_OR_ADMIN = "the channel's owner and administrators"
    ADMIN = "administrators"
    COMMAND_LINE = "the command line on this machine"
    PANEL = "the panel's own pages"

    @property
    def needs_channel(self) -> bool:
        """Whether `{id}` in the path is a channel whose owner is asked for."""
        return self in (Access.OWNER, Access.OWNER_OR_ADMIN)

    @property
    def needs_user(self) -> bool:
        """Whether a user must have signed in."""
        return self not in (Access.ANYONE, Access.COMMAND_LINE, Access.PANEL)

    @property
    def is_documented(self) -> bool:
        """Whether clients may call it; what is left has no place in the API's document."""
        return self not in (Access.COMMAND_LINE, Access.PANEL)


@dataclass(frozen=True, slots=True)
class Call:
    """One request, checked: its bearer may make it, and what it sends is valid.

    `identity` is who asks, where the access asks for a user; `channel` the channel of the path, where it
    asks for the channel's owner.
    """

    request: web.Request
    identity: Identity | None = None
    channel: ChannelRecord | None = None
    body: BaseModel | None = None
    query: BaseModel | None = None

    @property
    def user(self) -> Identity:
        """Who asks."""
        assert self.identity is not None, "the endpoint's access asks for no user"
        return self.identity

    @property
    def record(self) -> ChannelRecord:
        """The channel of the path, with its rows as they were when the call came."""
        assert self.channel is not None, "the endpoint's access asks for no channel"
        return self.channel

    @property
    def address(self) -> str:
        """The address of the client."""
        return self.request[ADDRESS]

    @property
    def path_id(self) -> str:
        """The `{id}` of the path, as it came."""
        return self.request.match_info["id"]

    def body_as(self, model: type[M]) -> M:
        """Return the body, which is of the endpoint's model."""
        assert isinstance(self.body, model), "the endpoint has another body"
        return self.body

    def query_as(self, model: type[M]) -> M:
        """Return the query, which is of the endpoint's model."""
        assert isinstance(self.query, model), "the endpoint has another query"
        return self.query


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer with another status of success than the endpoint's first one."""

    answer: Answer
    status: HTTPStatus


Result = Answer | Reply | web.StreamResponse | None
Handler = Callable[[Call], Awaitable[Result]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One method of one path.

    `answer` is the model of a success, None for no content; `others` are further ones that it may be.
    `is_list`: a list of them. `is_nullable`: or null. `content` is what is no model: OpenAPI's media
    types of a success, and `body_content` of the request. `refusals` are those that `access`, `body` and
    `query` do not bring by themselves. `is_secret`: no cache on the way may keep the answer.
    `lasts`: the answer has no end, so there is no HEAD of it.
    """

    method: str
    path: str
    handler: Handler
    access: Access
    tag: str
    summary: str
    answer: type[Answer] | None = None
    others: tuple[type[Answer], ...] = ()
    is_list: bool = False
    is_nullable: bool = False
    status: HTTPStatus = HTTPStatus.OK
    other_successes: tuple[HTTPStatus, ...] = ()  # with the same answer
    body: type[BaseModel] | None = None
    query: type[Body] | None = None
    refusals: tuple[type[Refusal], ...] = ()
    statuses: tuple[HTTPStatus, ...] = ()  # of errors that are no refusals
    description: str = ""
    content: Mapping[str, Any] = field(default_factory=dict)
    body_content: Mapping[str, Any] = field(default_factory=dict)
    is_secret: bool = False
    lasts: bool = False
