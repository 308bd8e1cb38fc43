"""The channels there are: made, listed, set, and their secrets shown and made anew.

What is changed here is in the database only; a server that has the channel on air learns of it by
`StreamManager.refresh`, or by itself within seconds.
"""

from collections.abc import Callable, Mapping

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from awazpulse.kinds import StreamType
from awazpulse.refusals import AlreadyExists, InvalidValue, LimitReached, UnknownUser
from awazpulse.store import Channel, Sessions, User, utc_now
from awazpulse.store.models import DEFAULT_MAX_LISTENERS

from .accounts import require_user
from .availability import refusing_when_away
from .channel_settings import OF_CHANNEL, OF_STREAMS, parse_settings
from .credentials import (
    ChannelCredentials,
    HlsCredentials,
    IcecastCredentials,
    make_credentials,
)
from .login_rules import decrypt_secret, get_secret_kind
from .public_urls import CHANNEL_ID, PublicUrls
from .records import ChannelRecord, load_channel, new_stream
from .secrets import SecretKind, Vault, generate_secret


class ChannelCatalog:
    """Reads and writes channels. Everything may raise `ServiceUnavailable`."""

    def __init__(self, sessions: Sessions, vault: Vault, urls: Callable[[], PublicUrls]) -> None:
        self._sessions = sessions
        self._vault = vault
        self._urls = urls

    async def create(self, channel_id: str, name: str, owner: str | User) -> Channel:
        """Make a channel with new secrets, set to HLS.

        `owner` is an e-mail address, or a user not saved yet, who is made together with the
        channel or not at all. Raises `InvalidValue`, `UnknownUser`, `AlreadyExists`.
        """
        channel = self._make(channel_id, name)
        with refusing_when_away("make a channel"):
            try:
                async with self._sessions.write() as session:
                    if await _find_by_id(session, channel_id) is not None:
                        raise AlreadyExists(f"channel {channel_id!r} exists already")
                    if isinstance(owner, User):
                        session.add(owner)
                        await session.flush()
                    else:
                        owner = await require_user(session, owner)
                    await self._insert(session, channel, owner.id)
            except IntegrityError:
                which = f" or user {owner.email!r}" if isinstance(owner, User) else ""
                raise AlreadyExists(f"channel {channel_id!r}{which} exists already") from None
        return channel

    async def provision(
        self, channel_id: str, owner_id: str, settings: Mapping[str, object]
    ) -> tuple[ChannelRecord, bool]:
        """Make a channel with settings by their JSON names; return it, and whether it is new.

        The owner's channel that has this id already is left as it is. Raises `InvalidValue`,
        `UnknownUser`, `AlreadyExists`, `LimitReached`.
        """
        values = parse_settings(settings)
        channel = self._make(channel_id, str(values.get("name", channel_id)))
        with refusing_when_away("make a channel"):
            try:
                async with self._sessions.write() as session:
                    known = await _find_by_id(session, channel_id)
                    if known is not None:
                        if known.id == channel_id and known.owner_id == owner_id:
                            return await load_channel(session, channel_id), False
                        raise AlreadyExists(f"channel {channel_id!r} exists already")
                    # Locked, so that two at once cannot both be the last that the limit allows.
                    owner = await session.get(User, owner_id, with_for_update=True)
                    if owner is None or owner.id != owner_id:
                        raise UnknownUser(owner_id)
                    await _require_room(session, owner)
                    require_below(owner.max_listeners, values)
                    if owner.max_listeners is not None:
                        most = min(DEFAULT_MAX_LISTENERS, owner.max_listeners)
                        values.setdefault("max_listeners", most)
                    await self._insert(session, channel, owner.id)
                    record = await load_channel(session, channel_id)
                    _apply(record, values)
            except IntegrityError:  # another one was faster
                raise AlreadyExists(f"channel {channel_id!r} exists already") from None
            return await self.get(channel_id), True

    async def get(self, channel_id: str) -> ChannelRecord:
        """Return a channel with its streams. Raises `UnknownChannel`."""
        with refusing_when_away("look up the channel"):
            async with self._sessions.read() as session:
                return await load_channel(session, channel_id)

    async def list_all(self) -> list[Channel]:
        """Return all channels, by id."""
        with refusing_when_away("list the channels"):
            async with self._sessions.read() as session:
                return list(await session.scalars(select(Channel).order_by(Channel.id)))

    async def list_page(
        self, after: str, limit: int, *, owner_id: str | None = None, archived: bool = False
    ) -> list[Channel]:
        """Return at most `limit` channels by id, those after the id `after`; of one owner, or of all."""
        is_archived = Channel.archived_at.is_not(None)
        query = select(Channel).where(Channel.id > after, is_archived if archived else ~is_archived)
        if owner_id is not None:
            query = query.where(Channel.owner_id == owner_id)
        with refusing_when_away("list the channels"):
            async with self._sessions.read() as session:
                return list(await session.scalars(query.order_by(Channel.id).limit(limit)))

    async def list_ids(self, owner_id: str) -> list[str]:
        """Return the ids of all channels of an owner that are not put away."""
        query = select(Channel.id).where(
            Channel.owner_id == owner_id, Channel.archived_at.is_(None)
        )
        with refusing_when_away("list the channels"):
            async with self._sessions.read() as session:
                return list(await session.scalars(query))

    async def set(self, channel_id: str, settings: Mapping[str, object]) -> ChannelRecord:
        """Change settings by their JSON names, all of them or none; return the channel.

        Raises `InvalidValue`, `UnknownChannel`.
        """
        values = parse_settings(settings)
        with refusing_when_away("change the channel"):
            async with self._sessions.write() as session:
                record = await load_channel(session, channel_id, lock=True)
                _apply(record, values)
        return record

    async def set_within_limits(
        self, channel_id: str, settings: Mapping[str, object]
    ) -> ChannelRecord:
        """Do the same within what the channel's owner may have. Raises `LimitReached`, too."""
        values = parse_settings(settings)
        with refusing_when_away("change the channel"):
            async with self._sessions.write() as session:
                record = await load_channel(session, channel_id, lock=True)
                owner = await session.get_one(User, record.channel.owner_id)
                require_below(owner.max_listeners, values)
                _apply(record, values)
        return record

    async def archive(self, channel_id: str, *, is_archived: bool) -> ChannelRecord:
        """Put a channel away, with its rows and secrets, or get it back.

        Its id stays taken, and nobody may broadcast. Raises `UnknownChannel`, `LimitReached`.
        """
        with refusing_when_away("change the channel"):
            async with self._sessions.write() as session:
                record = await load_channel(session, channel_id, lock=True)
                if (record.channel.archived_at is not None) != is_archived:
                    if not is_archived:
                        id_ = record.channel.owner_id
                        owner = await session.get_one(User, id_, with_for_update=True)
                        await _require_room(session, owner)
                    record.channel.archived_at = utc_now() if is_archived else None
        return record

    async def get_credentials(self, channel_id: str) -> ChannelCredentials:
        """Return what encoders must be told. Raises `UnknownChannel`, `UnreadableSecrets`."""
        return self.read_credentials((await self.get(channel_id)).channel)

    def read_credentials(self, channel: Channel) -> ChannelCredentials:
        """Return the same of a channel that has been read. Raises `UnreadableSecrets`."""
        return make_credentials(
            channel.id,
            decrypt_secret(channel, SecretKind.STREAM_KEY, self._vault),
            decrypt_secret(channel, SecretKind.SOURCE_PASSWORD, self._vault),
            self._urls(),
        )

    async def rotate(
        self, channel_id: str, stream_type: StreamType
    ) -> HlsCredentials | IcecastCredentials:
        """Make the secret of a type anew; return what encoders must be told now.

        The old one opens nothing any more, what is on air stays on air. The other type's secret is
        not read: this is also the way out when the secret key is lost. Raises `UnknownChannel`.
        """
        kind = get_secret_kind(stream_type)
        with refusing_when_away("change the channel"):
            async with self._sessions.write() as session:
                record = await load_channel(session, channel_id, lock=True)
                secret = self._renew(record.channel, kind)
        return make_credentials(channel_id, secret, secret, self._urls()).of(stream_type)

    def _make(self, channel_id: str, name: str) -> Channel:
        """Return a channel with new secrets, not saved. Raises `InvalidValue`."""
        if not CHANNEL_ID.fullmatch(channel_id):
            raise InvalidValue(
                f"got channel id {channel_id[:64]!r}, expected 1 to 36 letters, digits, '-' and '_'"
            )
        channel = Channel(id=channel_id, name=parse_settings({"name": name})["name"])
        self._renew(channel, SecretKind.STREAM_KEY)
        self._renew(channel, SecretKind.SOURCE_PASSWORD)
        return channel

    async def _insert(self, session: AsyncSession, channel: Channel, owner_id: str) -> None:
        now = utc_now()
        channel.created_at = channel.updated_at = now
        channel.owner_id = owner_id
        session.add(channel)
        await session.flush()
        stream = new_stream(ChannelRecord(channel, ()), StreamType.HLS, self._urls(), now)
        stream.is_main_stream = True
        session.add(stream)
        await session.flush()

    def _renew(self, channel: Channel, kind: SecretKind) -> str:
        secret = generate_secret()
        sealed = self._vault.encrypt(channel.id, kind, secret)
        if kind is SecretKind.STREAM_KEY:
            channel.encrypted_stream_key = sealed
        else:
            channel.encrypted_source_password = sealed
        return secret


def _apply(record: ChannelRecord, values: Mapping[str, object]) -> None:
    for name, value in values.items():
        if name in OF_CHANNEL:
            setattr(record.channel, name, value)
        if name in OF_STREAMS:
            for stream in record.streams:
                setattr(stream, name, value)


async def _find_by_id(session: AsyncSession, channel_id: str) -> Channel | None:
    """Return the channel with this id in any case.

    Ids stand in URLs and name files: two that differ by case only would be mistaken.
    """
    found: Channel | None = await session.scalar(
        select(Channel).where(func.lower(Channel.id) == channel_id.lower())
    )
    return found


async def _require_room(session: AsyncSession, owner: User) -> None:
    """Raise `LimitReached` if the owner has as many channels as they may."""
    of_owner = select(func.count()).where(Channel.owner_id == owner.id)
    count = await session.scalar(of_owner.where(Channel.archived_at.is_(None))) or 0
    if count >= owner.max_channels:
        raise LimitReached(
            f"{owner.email} may have {owner.max_channels} channels and has {count}; archive one,"
            " or ask the operator for more"
        )


def require_below(max_listeners: int | None, values: Mapping[str, object]) -> None:
    """Raise `LimitReached` if a channel is to have more listeners than its owner's channels may."""
    wanted = values.get("max_listeners")
    if max_listeners is not None and isinstance(wanted, int) and wanted > max_listeners:
        raise LimitReached(
            f"maxListeners: got {wanted}, the operator allows {max_listeners}; ask for more"
        )
