"""The endpoints under /channels: made, listed, set, put away."""

from http import HTTPStatus
from typing import Annotated

from pydantic import Field

from awazpulse.channels.channel_settings import DEFAULT_BITRATE_KBPS, ChannelSettings
from awazpulse.channels.public_urls import CHANNEL_ID
from awazpulse.channels.records import ChannelRecord
from awazpulse.kinds import FormatChange, Quality, Role, StreamType, TakeoverPolicy
from awazpulse.refusals import AlreadyExists, Forbidden, LimitReached, UnknownUser
from awazpulse.store.models import new_id

from .endpoints import Access, Call, Endpoint, Reply
from .models import Answer, UtcTime
from .pages import Page, PageQuery
from .services import Services

_TAG = "channels"
_PATH = "/channels/{id}"


class ChannelBrief(Answer):
    """A channel in a list."""

    id: str
    name: str
    owner_id: str
    is_active: bool = Field(description="false: an administrator has disabled it")
    archived_at: UtcTime | None
    created_at: UtcTime
    updated_at: UtcTime


class ChannelAnswer(ChannelBrief):
    """A channel with its settings, which `awazpulse channel set` has by the same names."""

    selected_type: StreamType
    description: str
    title_charset: str
    max_listeners: int
    quality: Quality
    bitrate: int
    backup_stream_url: str
    grace_time: int
    takeover: TakeoverPolicy
    format_change: FormatChange
    fallback_after: int
    always_on: bool
    simulcast: bool
    dead_air_level: int
    dead_air_after: int
    dead_air_fallback: bool
    show_listeners: bool


class ChannelsPage(Page):
    """Channels by id."""

    items: list[ChannelBrief]


class ChannelsQuery(PageQuery):
    """Which channels."""

    owner_id: Annotated[str, Field(max_length=64)] | None = Field(
        None, description="of one owner; others than oneself for administrators only"
    )
    archived: bool = Field(False, description="true: those that have been put away, and only those")


class NewChannelBody(ChannelSettings):
    """A channel to be, with any of its settings."""

    id: Annotated[str, Field(pattern=f"^{CHANNEL_ID.pattern}$")] | None = Field(
        None,
        description="1 to 36 letters, digits, '-' and '_', which stand in every address; without one"
        " it is made",
    )
    owner_id: Annotated[str, Field(max_length=64)] | None = Field(
        None, alias="ownerId", description="oneself, unless an administrator says otherwise"
    )


class ChannelRoutes:
    """/channels."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def list_endpoints(self) -> list[Endpoint]:
        """Return the endpoints."""
        return [
            Endpoint(
                method="GET",
                path="/channels",
                handler=self._list,
                access=Access.USER,
                tag=_TAG,
                summary="One's own channels by id; an administrator's are all",
                query=ChannelsQuery,
                answer=ChannelsPage,
                refusals=(Forbidden,),
                is_secret=True,
            ),
            Endpoint(
                method="POST",
                path="/channels",
                handler=self._create,
                access=Access.USER,
                tag=_TAG,
                summary="Make a channel",
                description="With the id of a channel that this owner has, nothing changes: 200.",
                body=NewChannelBody,
                answer=ChannelAnswer,
                status=HTTPStatus.CREATED,
                other_successes=(HTTPStatus.OK,),
                refusals=(AlreadyExists, LimitReached, Forbidden, UnknownUser),
                is_secret=True,
            ),
            Endpoint(
                method="GET",
                path=_PATH,
                handler=self._get,
                access=Access.OWNER_OR_ADMIN,
                tag=_TAG,
                summary="A channel with its settings",
                answer=ChannelAnswer,
                is_secret=True,
            ),
            Endpoint(
                method="PATCH",
                path=_PATH,
                handler=self._change,
                access=Access.OWNER_OR_ADMIN,
                tag=_TAG,
                summary="Change settings",
                description="They hold at once for what is on air, and nobody is disconnected, unless"
                " the setting says so. `isActive` is for administrators.",
                body=ChannelSettings,
                answer=ChannelAnswer,
                refusals=(LimitReached,),
                is_secret=True,
            ),
            Endpoint(
                method="DELETE",
                path=_PATH,
                handler=self._archive,
                access=Access.OWNER_OR_ADMIN,
                tag=_TAG,
                summary="Put a channel away",
                description="What is on air ends, and nobody may broadcast. Its id stays taken.",
                answer=ChannelAnswer,
                is_secret=True,
            ),
            Endpoint(
                method="POST",
                path=f"{_PATH}/restore",
                handler=self._restore,
                access=Access.OWNER_OR_ADMIN,
                tag=_TAG,
                summary="Get a channel back that was put away",
                answer=ChannelAnswer,
                refusals=(LimitReached,),
                is_secret=True,
            ),
        ]

    async def _list(self, call: Call) -> ChannelsPage:
        query = call.query_as(ChannelsQuery)
        owner_id = query.owner_id
        if call.user.role is not Role.ADMIN:
            owner_id = owner_id or call.user.user_id
            if owner_id != call.user.user_id:
                raise Forbidden("another owner's channels are for administrators only")
        channels = await self._services.channels.list_page(
            query.after, query.limit + 1, owner_id=owner_id, archived=query.archived
        )
        shown = [ChannelBrief.model_validate(channel) for channel in channels[: query.limit]]
        return ChannelsPage(items=shown, next=shown[-1].id if len(channels) > len(shown) else None)

    async def _create(self, call: Call) -> Reply:
        body = call.body_as(NewChannelBody)
        owner_id = body.owner_id or call.user.user_id
        if owner_id != call.user.user_id and call.user.role is not Role.ADMIN:
            raise Forbidden("another owner's channel is made by administrators only")
        _require_may_set(call, body)
        settings = body.model_dump(
            mode="json", by_alias=True, exclude_unset=True, exclude={"id", "owner_id"}
        )
        record, is_new = await self._services.channels.provision(
            body.id or new_id(), owner_id, settings
        )
        return Reply(_describe(record), HTTPStatus.CREATED if is_new else HTTPStatus.OK)

    async def _get(self, call: Call) -> ChannelAnswer:
        return _describe(call.record)

    async def _change(self, call: Call) -> ChannelAnswer:
        body = call.body_as(ChannelSettings)
        _require_may_set(call, body)
        settings = body.model_dump(mode="json", by_alias=True, exclude_unset=True)
        id_ = call.record.channel.id
        record = await self._services.channels.set_within_limits(id_, settings)
        self._services.public.forget(id_)
        await self._services.streams.refresh(id_)
        return _describe(record)

    async def _archive(self, call: Call) -> ChannelAnswer:
        return await self._set_archived(call, is_archived=True)

    async def _restore(self, call: Call) -> ChannelAnswer:
        return await self._set_archived(call, is_archived=False)

    async def _set_archived(self, call: Call, *, is_archived: bool) -> ChannelAnswer:
        id_ = call.record.channel.id
        record = await self._services.channels.archive(id_, is_archived=is_archived)
        self._services.public.forget(id_)
        await self._services.streams.refresh(id_)
        return _describe(record)


def _require_may_set(call: Call, settings: ChannelSettings) -> None:
    if "is_active" in settings.model_fields_set and call.user.role is not Role.ADMIN:
        raise Forbidden("isActive is for administrators; DELETE puts the channel away")


def _describe(record: ChannelRecord) -> ChannelAnswer:
    channel, stream = record.channel, record.main or next(iter(record.streams), None)
    return ChannelAnswer(
        **dict(ChannelBrief.model_validate(channel)),
        selected_type=record.selected_type,
        description=channel.description or "",
        title_charset=channel.title_charset,
        max_listeners=record.max_listeners,
        quality=(stream and stream.quality) or Quality.MEDIUM,
        bitrate=(stream and stream.bitrate) or DEFAULT_BITRATE_KBPS,
        backup_stream_url=(stream and stream.backup_stream_url) or "",
        grace_time=channel.grace_time,
        takeover=channel.takeover,
        format_change=channel.format_change,
        fallback_after=channel.fallback_after,
        always_on=channel.always_on,
        simulcast=channel.simulcast,
        dead_air_level=channel.dead_air_level,
        dead_air_after=channel.dead_air_after,
        dead_air_fallback=channel.dead_air_fallback,
        show_listeners=channel.show_listeners,
    )
