"""The endpoints of a channel's rows: what is on air, switching it, stopping it, its title."""

from aiohttp import web
from pydantic import Field

from awazpulse.kinds import StreamStatus, StreamType
from awazpulse.refusals import OffAir

from .bodies import SwitchTypeBody, TitleBody
from .endpoints import Access, Call, Endpoint
from .models import Answer, UtcTime
from .rows import StreamRow, describe_stream
from .services import Services

_TAG = "streams"
_PATH = "/streams/channel/{id}"


class ActiveTypeAnswer(Answer):
    """What is on air, and what the channel is set to; the facts are null while nothing is on air."""

    channel_id: str
    active_type: StreamType | None = Field(description="the type that is live; null: off air")
    selected_type: StreamType = Field(description="the type that the channel is set to")
    is_live: bool
    status: StreamStatus = Field(description="of the selected row")
    stream_id: str | None
    stream_url: str | None
    current_listeners: int | None
    max_listeners: int | None
    current_track: str | None
    current_artist: str | None
    last_online_at: UtcTime | None


class SwitchAnswer(StreamRow):
    """The row that is selected now."""

    is_changed: bool = Field(description="false: the channel was set to this type already")


class StopAnswer(Answer):
    """Whether anything was on air."""

    was_live: bool


class TitleAnswer(Answer):
    """What plays now, as listeners are shown it."""

    title: str
    artist: str
    track: str


class StreamRoutes:
    """/streams/channel/{id} and what is below it."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def list_endpoints(self) -> list[Endpoint]:
        """Return the endpoints."""
        return [
            Endpoint(
                method="GET",
                path=_PATH,
                handler=self._get_streams,
                access=Access.OWNER_OR_ADMIN,
                tag=_TAG,
                summary="The channel's rows",
                answer=StreamRow,
                is_list=True,
            ),
            Endpoint(
                method="GET",
                path=f"{_PATH}/active-type",
                handler=self._get_active_type,
                access=Access.OWNER_OR_ADMIN,
                tag=_TAG,
                summary="What is on air, and what the channel is set to",
                answer=ActiveTypeAnswer,
            ),
            Endpoint(
                method="POST",
                path=f"{_PATH}/switch-type",
                handler=self._switch_type,
                access=Access.OWNER_OR_ADMIN,
                tag=_TAG,
                summary="Set the channel to the other type",
                description="What is on air of the first one ends. The selected type again changes nothing.",
                body=SwitchTypeBody,
                answer=SwitchAnswer,
            ),
            Endpoint(
                method="POST",
                path=f"{_PATH}/stop",
                handler=self._stop,
                access=Access.OWNER_OR_ADMIN,
                tag=_TAG,
                summary="End what is on air",
                description="An encoder that connects again is on air again; `isActive` keeps it out. A"
                " channel that is always on begins anew with its fallback after some seconds.",
                answer=StopAnswer,
            ),
            Endpoint(
                method="PUT",
                path=f"{_PATH}/metadata",
                handler=self._set_title,
                access=Access.OWNER_OR_ADMIN,
                tag=_TAG,
                summary="Say what plays now",
                description="Until the encoder, or somebody else, says otherwise.",
                body=TitleBody,
                answer=TitleAnswer,
                refusals=(OffAir,),
            ),
        ]

    async def _get_streams(self, call: Call) -> web.Response:
        streams = await self._services.streams.get_streams(call.record.channel.id)
        text = ",".join(describe_stream(stream).to_json() for stream in streams)
        return web.Response(text=f"[{text}]", content_type="application/json")

    async def _get_active_type(self, call: Call) -> ActiveTypeAnswer:
        active = self._services.streams.describe_active(call.record)
        row = active.stream
        return ActiveTypeAnswer(
            channel_id=active.channel_id,
            active_type=active.active_type,
            selected_type=active.selected_type,
            is_live=active.active_type is not None,
            status=active.status,
            stream_id=row and row.id,
            stream_url=row and row.stream_url,
            current_listeners=row and row.current_listeners,
            max_listeners=row and row.max_listeners,
            current_track=row and row.current_track,
            current_artist=row and row.current_artist,
            last_online_at=row and row.last_online_at,
        )

    async def _switch_type(self, call: Call) -> SwitchAnswer:
        wanted = call.body_as(SwitchTypeBody).stream_type
        outcome = await self._services.streams.switch(call.record.channel.id, wanted)
        row = describe_stream(outcome.stream)
        return SwitchAnswer(**dict(row), is_changed=outcome.is_changed)

    async def _stop(self, call: Call) -> StopAnswer:
        was_live = self._services.streams.stop(call.record.channel.id, call.user.email)
        return StopAnswer(was_live=was_live)

    async def _set_title(self, call: Call) -> TitleAnswer:
        body = call.body_as(TitleBody)
        title = self._services.streams.set_title(
            call.record.channel.id, body.artist, body.title, body.url
        )
        return TitleAnswer(title=title.text, artist=title.artist, track=title.track)
