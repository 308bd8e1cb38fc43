"""What everybody may know of a channel, without a login."""

from aiohttp import web
from pydantic import Field

from awazpulse.channels.public_view import PublicChannel
from awazpulse.kinds import StreamType
from awazpulse.refusals import ServiceUnavailable, UnknownChannel

from .endpoints import Access, Call, Endpoint
from .middlewares import ANY_ORIGIN
from .models import Answer
from .services import Services

CACHE_S = 1
PUBLIC_HEADERS = {
    "Cache-Control": f"public, max-age={CACHE_S}",
    "Access-Control-Allow-Origin": ANY_ORIGIN,
}


class PlaybackUrls(Answer):
    """Where it is played; null for a delivery that the channel does not use."""

    hls: str | None
    icecast: str | None


class PublicAnswer(Answer):
    """A channel as everybody sees it."""

    channel_id: str
    name: str
    description: str
    is_live: bool
    stream_type: StreamType = Field(description="what is on air, else what the channel is set to")
    playback_url: str | None
    playback_urls: PlaybackUrls
    title: str
    artist: str
    track: str
    listeners: int | None = Field(description="null unless the channel's `showListeners` is on")


class PublicRoutes:
    """/public/channels/{id}."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def list_endpoints(self) -> list[Endpoint]:
        """Return the endpoints."""
        return [
            Endpoint(
                method="GET",
                path="/public/channels/{id}",
                handler=self._get,
                access=Access.ANYONE,
                tag="public",
                summary="What everybody may know of a channel",
                description="May be kept for a second, and read by pages of every origin.",
                answer=PublicAnswer,
                refusals=(UnknownChannel, ServiceUnavailable),
            )
        ]

    async def _get(self, call: Call) -> web.Response:
        channel = await self._services.public.get(call.path_id)
        return web.Response(
            text=describe(channel).to_json(),
            content_type="application/json",
            headers=PUBLIC_HEADERS,
        )


def describe(channel: PublicChannel) -> PublicAnswer:
    """Return the answer's model."""
    urls = channel.playback_urls
    return PublicAnswer(
        channel_id=channel.channel_id,
        name=channel.name,
        description=channel.description,
        is_live=channel.is_live,
        stream_type=channel.stream_type,
        playback_url=urls[channel.stream_type],
        playback_urls=PlaybackUrls(hls=urls[StreamType.HLS], icecast=urls[StreamType.ICECAST]),
        title=channel.title,
        artist=channel.artist,
        track=channel.track,
        listeners=channel.listeners,
    )
