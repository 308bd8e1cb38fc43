"""The channels there are: made, listed, set, and their secrets shown and made anew.

What is changed here is in the database only; a server that has the channel on air learns of it by
`StreamManager.refresh`, or by itself within seconds.
"""

from collections.abc import Callable, Mapping

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from awazpulse.kinds import StreamType
from awazpulse.refusals import AlreadyExists, InvalidValue
from awazpulse.store import Channel, Sessions, User, utc_now

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
        if not CHANNEL_ID.fullmatch(channel_id):
            raise InvalidValue(
                f"got channel id {channel_id!r}, expected 1 to 36 letters, digits, '-' and '_'"
            )
        settings = parse_settings({"name": name})
        channel = Channel(id=channel_id, name=settings["name"])
        self._renew(channel, SecretKind.STREAM_KEY)
        self._renew(channel, SecretKind.SOURCE_PASSWORD)
        with refusing_when_away("make a channel"):
            try:
                await self._insert(channel, owner)
            except IntegrityError:
                which = f" or user {owner.email!r}" if isinstance(owner, User) else ""
                raise AlreadyExists(f"channel {channel_id!r}{which} exists already") from None
        return channel

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

    async def set(self, channel_id: str, settings: Mapping[str, object]) -> ChannelRecord:
        """Change settings by their JSON names, all of them or none; return the channel.

        Raises `InvalidValue`, `UnknownChannel`.
        """
        values = parse_settings(settings)
        with refusing_when_away("change the channel"):
            async with self._sessions.write() as session:
                record = await load_channel(session, channel_id, lock=True)
                for name, value in values.items():
                    if name in OF_CHANNEL:
                        setattr(record.channel, name, value)
                    if name in OF_STREAMS:
                        for stream in record.streams:
                            setattr(stream, name, value)
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

    async def _insert(self, channel: Channel, owner: str | User) -> None:
        now = utc_now()
        channel.created_at = channel.updated_at = now
        async with self._sessions.write() as session:
            if isinstance(owner, User):
                session.add(owner)
                await session.flush()
            else:
                owner = await require_user(session, owner)
            channel.owner_id = owner.id
            # Ids stand in URLs and name files: two that differ by case only would be mistaken.
            same = select(Channel.id).where(func.lower(Channel.id) == channel.id.lower())
            if await session.scalar(same):
                raise AlreadyExists(f"channel {channel.id!r} exists already")
            session.add(channel)
            await session.flush()
            stream = new_stream(ChannelRecord(channel, ()), StreamType.HLS, self._urls(), now)
            stream.is_main_stream = True
            session.add(stream)

    def _renew(self, channel: Channel, kind: SecretKind) -> str:
        secret = generate_secret()
        sealed = self._vault.encrypt(channel.id, kind, secret)
        if kind is SecretKind.STREAM_KEY:
            channel.encrypted_stream_key = sealed
        else:
            channel.encrypted_source_password = sealed
        return secret
