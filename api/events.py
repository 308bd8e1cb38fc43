"""Events of channels as they happen: server-sent events (WHATWG HTML §9.2) or a WebSocket (RFC 6455)."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Annotated, Protocol

from aiohttp import WSCloseCode, WSMsgType, web
from pydantic import Field

from awazpulse.addresses import identify_peer
from awazpulse.channels.access import Identity
from awazpulse.channels.public_urls import CHANNEL_ID
from awazpulse.events.hub import EventHub, Subscription
from awazpulse.events.messages import Message, describe_time
from awazpulse.kinds import Role
from awazpulse.refusals import (
    Forbidden,
    Refusal,
    ServiceUnavailable,
    TooManyReaders,
    UnknownChannel,
)
from awazpulse.waiting import wait_at_most

from .authentication import identify
from .endpoints import Access, Call, Endpoint
from .middlewares import ANY_ORIGIN
from .models import Body
from .services import Services

HEARTBEAT_S = 15.0  # a proxy closes what is silent for a minute
RECHECK_S = 30.0  # how long one who has lost a right may read on
WRITE_TIMEOUT_S = 20.0  # a reader that takes nothing for so long is dropped
RETRY_MS = 2000  # when a browser's EventSource connects anew
MAX_MESSAGE_BYTES = 1024  # of a WebSocket's client, who has nothing to say
_TAG = "events"
_STREAM = {"text/event-stream": {"schema": {"type": "string"}}}


class EventsQuery(Body):
    """What a reader wants."""

    last_event_id: Annotated[str, Field(max_length=64)] | None = Field(
        None, description="the `id` of the last event that is known, as the header Last-Event-ID"
    )


class OwnEventsQuery(EventsQuery):
    """What a reader who has signed in wants."""

    channel: Annotated[str, Field(pattern=f"^(?:{CHANNEL_ID.pattern})$")] | None = Field(
        None, description="of this channel only"
    )
    levels: bool = Field(False, description="also how loud it is, once a second")


class _Line(Protocol):
    """A reader's connection, of either kind."""

    @property
    def response(self) -> web.StreamResponse:
        """What the handler returns."""

    @property
    def is_gone(self) -> bool:
        """Whether the reader has left."""

    async def open(self) -> None:
        """Answer the request's head."""

    async def send(self, messages: list[tuple[str, str, str]]) -> None:
        """Send events: kind, number and JSON of each."""

    async def beat(self) -> None:
        """Send what keeps the connection open."""

    async def end(self, reason: str) -> None:
        """Say that no more will come."""

    async def close(self) -> None:
        """Let go of the connection. Also of one that is gone."""


class EventRoutes:
    """/events and /public/channels/{id}/events."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._clients = services.event_clients

    def list_endpoints(self) -> list[Endpoint]:
        """Return the endpoints."""
        how = (
            "Server-sent events; a request to upgrade gets a WebSocket with the same JSON in its messages."
            " Each has `id`, `type`, `channelId`, `streamType`, `time` and `data`. The first is `hello`;"
            " `missed` follows where events since the last known one are not kept any more: read anew what"
            " matters."
        )
        return [
            Endpoint(
                method="GET",
                path="/events",
                handler=self._follow_own,
                access=Access.USER,
                tag=_TAG,
                summary="What happens to one's channels, as it happens",
                description=f"{how} An administrator is told of all channels. A browser's WebSocket sends its"
                " token as the subprotocols `bearer, TOKEN`.",
                query=OwnEventsQuery,
                content=_STREAM,
                refusals=(UnknownChannel, Forbidden, ServiceUnavailable),
                other_successes=(HTTPStatus.SWITCHING_PROTOCOLS,),
                is_secret=True,
            ),
            Endpoint(
                method="GET",
                path="/public/channels/{id}/events",
                handler=self._follow_public,
                access=Access.ANYONE,
                tag="public",
                summary="What everybody may know of what happens to a channel, as it happens",
                description=f"{how} On air, off air, switched, titles, and listeners if the channel shows them.",
                query=EventsQuery,
                content=_STREAM,
                refusals=(UnknownChannel, TooManyReaders, ServiceUnavailable),
                other_successes=(HTTPStatus.SWITCHING_PROTOCOLS,),
            ),
        ]

    async def _follow_own(self, call: Call) -> web.StreamResponse:
        query = call.query_as(OwnEventsQuery)
        channels = await self._find_channels(call.user, query.channel)

        async def recheck() -> bool:
            """Whether the reader may still read the same. Raises `Refusal`."""
            identity = await identify(call.request, self._services)
            return await self._find_channels(identity, query.channel) == channels

        with self._clients.counting(None):
            reader = _Reader(
                call, self._services.events, channels, recheck, with_levels=query.levels
            )
            return await reader.serve()

    async def _find_channels(self, identity: Identity, wanted: str | None) -> frozenset[str] | None:
        """Return the channels that somebody may read of; None for all."""
        if identity.role is Role.ADMIN:
            if wanted is None:
                return None
            return frozenset([(await self._services.channels.get(wanted)).channel.id])
        own = frozenset(await self._services.channels.list_ids(identity.user_id))
        if wanted is None:
            return own
        if wanted not in own:
            await self._services.channels.get(wanted)  # 404 before 403, as everywhere
            raise Forbidden(f"this is for {Access.OWNER_OR_ADMIN.value} only")
        return frozenset([wanted])

    async def _follow_public(self, call: Call) -> web.StreamResponse:
        await self._services.public.get(call.path_id)

        async def recheck() -> bool:
            await self._services.public.get(call.path_id)
            return True

        channels = frozenset([call.path_id])
        with self._clients.counting(identify_peer(call.address)):
            reader = _Reader(call, self._services.events, channels, recheck, is_public=True)
            return await reader.serve()


class _Reader:
    """One connection that is told of events until it, or its right to be told, ends."""

    def __init__(
        self,
        call: Call,
        hub: EventHub,
        channels: frozenset[str] | None,
        recheck: Callable[[], Awaitable[bool]],
        *,
        is_public: bool = False,
        with_levels: bool = False,
    ) -> None:
        self._request = call.request
        self._hub = hub
        self._recheck = recheck
        self._channels = channels
        self._is_public = is_public
        self._with_levels = with_levels
        self._ready = asyncio.Event()
        query = call.query
        assert isinstance(query, EventsQuery)
        self._after = self._request.headers.get("Last-Event-ID") or query.last_event_id

    async def serve(self) -> web.StreamResponse:
        """Send events to the end."""
        is_upgrade = self._request.headers.get("Upgrade", "").lower() == "websocket"
        line: _Line = (
            _Socket(self._request) if is_upgrade else _Stream(self._request, self._is_public)
        )
        subscription, is_whole = self._hub.subscribe(
            self._channels,
            self._ready.set,
            is_public=self._is_public,
            with_levels=self._with_levels,
            after=self._after,
        )
        # The sender may be waiting for a reader that takes nothing.
        subscription.on_dropped = self._abort
        try:
            await line.open()
            await self._greet(line, is_whole=is_whole)
            await line.end(await self._follow(line, subscription))
        except (ConnectionError, TimeoutError):
            self._abort()
        finally:
            subscription.end()
            await line.close()
        return line.response

    def _abort(self) -> None:
        if self._request.transport is not None:
            self._request.transport.abort()

    async def _greet(self, line: "_Line", *, is_whole: bool) -> None:
        kinds = ["hello"] if is_whole else ["hello", "missed"]
        number = self._hub.last_id
        await line.send([(kind, number, _describe(kind, number)) for kind in kinds])

    async def _follow(self, line: "_Line", subscription: Subscription) -> str:
        """Send what comes; return why it ended."""
        checked_at = time.monotonic()
        while not line.is_gone:
            await wait_at_most(self._ready, HEARTBEAT_S)
            self._ready.clear()
            if time.monotonic() - checked_at >= RECHECK_S:
                try:
                    if not await self._recheck():
                        return "your channels have changed; connect again"
                except ServiceUnavailable:
                    pass  # the database is away: what was right stays right
                except Refusal as refusal:
                    return str(refusal)
                checked_at = time.monotonic()
            messages = subscription.take()
            async with asyncio.timeout(WRITE_TIMEOUT_S):
                if messages:
                    await line.send([self._render(message) for message in messages])
                elif not subscription.is_over:
                    await line.beat()
            if subscription.is_over:
                return "the server is stopping"
        return ""

    def _render(self, message: Message) -> tuple[str, str, str]:
        text = message.text(is_public=self._is_public)
        assert text is not None, "the subscription has passed over what is not public"
        return message.kind.value, message.id, text


def _describe(kind: str, number: str) -> str:
    return json.dumps(
        {
            "id": number,
            "type": kind,
            "channelId": None,
            "streamType": None,
            "time": describe_time(time.time()),
            "data": {"lastEventId": number},
        }
    )


class _Stream:
    """Server-sent events."""

    def __init__(self, request: web.Request, is_public: bool) -> None:  # noqa: FBT001
        self._request = request
        headers = {
            "Content-Type": "text/event-stream; charset=utf-8",
            "Cache-Control": "no-store",
            "X-Accel-Buffering": "no",  # nginx would keep events back
        }
        if is_public:
            headers["Access-Control-Allow-Origin"] = ANY_ORIGIN
        self._response = web.StreamResponse(headers=headers)

    @property
    def response(self) -> web.StreamResponse:
        return self._response

    @property
    def is_gone(self) -> bool:
        transport = self._request.transport
        return transport is None or transport.is_closing()

    async def open(self) -> None:
        await self._response.prepare(self._request)
        await self._response.write(f"retry: {RETRY_MS}\n\n".encode())

    async def send(self, messages: list[tuple[str, str, str]]) -> None:
        text = "".join(
            f"id: {id_}\nevent: {kind}\ndata: {data}\n\n" for kind, id_, data in messages
        )
        await self._response.write(text.encode())

    async def beat(self) -> None:
        await self._response.write(b":\n\n")

    async def end(self, reason: str) -> None:
        if reason:
            await self._response.write(f": {reason}\n\n".encode())

    async def close(self) -> None:
        with suppress(ConnectionError):
            await self._response.write_eof()


class _Socket:
    """A WebSocket. What its client says is read, for its pings and its close, and thrown away."""

    def __init__(self, request: web.Request) -> None:
        self._request = request
        self._socket = web.WebSocketResponse(
            protocols=("bearer",),
            heartbeat=HEARTBEAT_S,
            max_msg_size=MAX_MESSAGE_BYTES,
            compress=False,
            timeout=2.0,
        )
        self._reader: asyncio.Task[None] | None = None

    @property
    def response(self) -> web.StreamResponse:
        return self._socket

    @property
    def is_gone(self) -> bool:
        return self._socket.closed or (self._reader is not None and self._reader.done())

    async def open(self) -> None:
        await self._socket.prepare(self._request)
        self._reader = asyncio.get_running_loop().create_task(self._read())

    async def _read(self) -> None:
        async for message in self._socket:
            if message.type is WSMsgType.ERROR:
                return

    async def send(self, messages: list[tuple[str, str, str]]) -> None:
        for _, _, data in messages:
            await self._socket.send_str(data)

    async def beat(self) -> None:
        """Aiohttp sends pings."""

    async def end(self, reason: str) -> None:
        if reason:
            await self._socket.close(code=WSCloseCode.GOING_AWAY, message=reason.encode()[:120])

    async def close(self) -> None:
        await self._socket.close()
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)
