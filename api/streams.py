"""The endpoints under /streams: what a channel is set to, switching it, and its credentials."""

from aiohttp import web

from awazpulse.channels.access import may_see_credentials, may_see_streams, may_switch
from awazpulse.kinds import StreamType
from awazpulse.refusals import Forbidden, InvalidValue

from .answers import answer_secret, describe_stream
from .authentication import identify
from .bodies import SwitchTypeBody, read_body
from .services import Services


class StreamRoutes:
    """/streams. Each call: who asks, what is asked (400), does it exist (404), may they (403)."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def list_routes(self) -> list[web.RouteDef]:
        """Return the endpoints."""
        return [
            web.get("/streams/channel/{id}", self._get_streams),
            web.get("/streams/channel/{id}/active-type", self._get_active_type),
            web.get("/streams/channel/{id}/credentials", self._get_credentials),
            web.post("/streams/channel/{id}/switch-type", self._switch_type),
        ]

    async def _get_streams(self, request: web.Request) -> web.Response:
        identity = await identify(request, self._services)
        channel_id = request.match_info["id"]
        record = await self._services.channels.get(channel_id)
        if not may_see_streams(identity, record.channel.owner_id):
            raise Forbidden("only the channel's owner and administrators may see its streams")
        streams = await self._services.streams.get_streams(channel_id)
        return web.json_response([describe_stream(stream) for stream in streams])

    async def _get_active_type(self, request: web.Request) -> web.Response:
        await identify(request, self._services)
        active = await self._services.streams.get_active_stream(request.match_info["id"])
        row = describe_stream(active.stream) if active.stream else {}
        shown = ("streamUrl", "currentListeners", "maxListeners", "currentTrack", "currentArtist")
        return web.json_response(
            {
                "channelId": active.channel_id,
                "activeType": active.stream_type,
                "streamType": active.stream_type,
                "status": active.status,
                "isLive": active.is_live,
                "streamId": row.get("id"),
                **{name: row.get(name) for name in shown},
            }
        )

    async def _get_credentials(self, request: web.Request) -> web.Response:
        identity = await identify(request, self._services)
        wanted = _read_stream_type(request)
        record = await self._services.channels.get(request.match_info["id"])
        if not may_see_credentials(identity, record.channel.owner_id):
            raise Forbidden("only the channel's owner may see its credentials")
        credentials = self._services.channels.read_credentials(record.channel)
        return answer_secret((credentials.of(wanted) if wanted else credentials).to_json())

    async def _switch_type(self, request: web.Request) -> web.Response:
        identity = await identify(request, self._services)
        body = await read_body(request, SwitchTypeBody)
        channel_id = request.match_info["id"]
        record = await self._services.channels.get(channel_id)
        if not may_switch(identity, record.channel.owner_id):
            raise Forbidden("only the channel's owner and administrators may switch it")
        stream = await self._services.streams.switch_stream_type(channel_id, body.stream_type)
        return web.json_response(describe_stream(stream))


def _read_stream_type(request: web.Request) -> StreamType | None:
    text = request.query.get("streamType")
    if text is None:
        return None
    try:
        return StreamType(text)
    except ValueError:
        raise InvalidValue(f"got streamType {text[:64]!r}, expected hls or icecast") from None
