"""The channels there are: made, listed, set, and their secrets shown and made anew.

What is changed here is in the database only; a server that has the channel on air learns of it by
`StreamManager.refresh`, or by itself within seconds.
"""

from collections.abc import Callable, Mapping

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from awazpulse.channels.accounts import require_user
from awazpulse.channels.admission import decrypt_secret
from awazpulse.channels.channel_settings import OF_CHANNEL, OF_STREAMS, parse_settings
from awazpulse.channels.credentials import ChannelCredentials, make_credentials
from awazpulse.channels.errors import AlreadyExists, InvalidValue, refusing_when_away
from awazpulse.channels.public_urls import PublicUrls
from awazpulse.channels.records import CHANNEL_ID, ChannelRecord, load_channel, new_stream
from awazpulse.channels.secrets import SecretKind, Vault, generate_secret
from awazpulse.store import Channel, Sessions, StreamType, utc_now


class ChannelCatalog:
    """Reads and writes channels. Everything may raise `ServiceUnavailable`."""

    def __init__(self, sessions: Sessions, vault: Vault, urls: Callable[[], PublicUrls]) -> None:
        self._sessions = sessions
        self._vault = vault
        self._urls = urls

    async def create(self, channel_id: str, name: str, owner_email: str) -> Channel:
        """Make a channel with new secrets, set to HLS.

        Raises `InvalidValue`, `UnknownUser`, `AlreadyExists`.
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
                await self._insert(channel, owner_email)
            except IntegrityError:
                raise AlreadyExists(f"channel {channel_id!r} exists already") from None
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

    async def rotate(self, channel_id: str, kind: SecretKind) -> None:
        """Make a secret anew; the old one opens nothing any more, what is on air stays on air.

        Raises `UnknownChannel`.
        """
        with refusing_when_away("change the channel"):
            async with self._sessions.write() as session:
                record = await load_channel(session, channel_id, lock=True)
                self._renew(record.channel, kind)

    async def _insert(self, channel: Channel, owner_email: str) -> None:
        now = utc_now()
        channel.created_at = channel.updated_at = now
        async with self._sessions.write() as session:
            channel.owner_id = (await require_user(session, owner_email)).id
            session.add(channel)
            await session.flush()
            stream = new_stream(ChannelRecord(channel, ()), StreamType.HLS, self._urls(), now)
            stream.is_main_stream = True
            session.add(stream)

    def _renew(self, channel: Channel, kind: SecretKind) -> None:
        sealed = self._vault.encrypt(channel.id, kind, generate_secret())
        if kind is SecretKind.STREAM_KEY:
            channel.encrypted_stream_key = sealed
        else:
            channel.encrypted_source_password = sealed
