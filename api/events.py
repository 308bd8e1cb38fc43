"""Events of channels as they happen: server-sent events (WHATWG HTML §9.2) or a WebSocket (RFC 6455)."""

from http import HTTPStatus
from typing import Annotated

from aiohttp import web
from pydantic import Field

from awazpulse.addresses import identify_peer
from awazpulse.channels.access import Identity
from awazpulse.channels.public_urls import CHANNEL_ID
from awazpulse.kinds import Role
from awazpulse.refusals import (
    Forbidden,
    ServiceUnavailable,
    TooManyReaders,
    UnknownChannel,
)

from .authentication import identify
from .endpoints import Access, Call, Endpoint
from .event_lines import Wish, follow
from .models import Body
from .services import Services

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
                lasts=True,
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
                lasts=True,
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
            return await follow(
                call.request,
                self._services.events,
                Wish(channels, _find_last(call, query), with_levels=query.levels),
                recheck,
                self._clients,
            )

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
        last = _find_last(call, call.query_as(EventsQuery))
        with self._clients.counting(identify_peer(call.address)):
            wish = Wish(channels, last, is_public=True)
            return await follow(call.request, self._services.events, wish, recheck, self._clients)


def _find_last(call: Call, query: EventsQuery) -> str | None:
    """Return the number of the last event that the reader knows."""
    return call.request.headers.get("Last-Event-ID") or query.last_event_id
