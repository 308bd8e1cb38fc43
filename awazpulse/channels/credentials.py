"""What an encoder must be told to get on air, as values. No I/O.

They hold secrets: their `repr` leaves those out, and only the channel's owner sees `to_json`.
"""

from dataclasses import dataclass, field

from awazpulse.kinds import StreamType

from .public_urls import SOURCE_USERNAME, PublicUrls, mount_point


@dataclass(frozen=True, slots=True)
class HlsCredentials:
    """For OBS: the fields 'Server' and 'Stream Key'."""

    rtmp_url: str
    stream_key: str = field(repr=False)
    playback_url: str = ""
    stream_type: StreamType = StreamType.HLS

    def to_json(self) -> dict[str, str | int]:
        """Return the API's answer."""
        return {
            "streamType": self.stream_type.value,
            "rtmpUrl": self.rtmp_url,
            "streamKey": self.stream_key,
            "playbackUrl": self.playback_url,
        }


@dataclass(frozen=True, slots=True)
class IcecastCredentials:
    """For BUTT: the server's name or address, its port, mount, user and password."""

    server: str
    port: int
    mount_point: str
    password: str = field(repr=False)
    playback_url: str = ""
    username: str = SOURCE_USERNAME
    stream_type: StreamType = StreamType.ICECAST

    def to_json(self) -> dict[str, str | int]:
        """Return the API's answer."""
        return {
            "streamType": self.stream_type.value,
            "server": self.server,
            "port": self.port,
            "mountPoint": self.mount_point,
            "username": self.username,
            "password": self.password,
            "playbackUrl": self.playback_url,
        }


@dataclass(frozen=True, slots=True)
class ChannelCredentials:
    """Both ways on air of one channel."""

    hls: HlsCredentials
    icecast: IcecastCredentials

    def of(self, stream_type: StreamType) -> HlsCredentials | IcecastCredentials:
        """Return those of one type."""
        return self.hls if stream_type is StreamType.HLS else self.icecast

    def to_json(self) -> dict[str, dict[str, str | int]]:
        """Return the API's answer."""
        return {"hls": self.hls.to_json(), "icecast": self.icecast.to_json()}


def make_credentials(
    channel_id: str, stream_key: str, source_password: str, urls: PublicUrls
) -> ChannelCredentials:
    """Put a channel's secrets and this server's addresses together."""
    return ChannelCredentials(
        HlsCredentials(
            urls.rtmp,
            f"{channel_id}?key={stream_key}",
            urls.playback(channel_id, StreamType.HLS),
        ),
        IcecastCredentials(
            urls.host,
            urls.icecast_port,
            mount_point(channel_id),
            source_password,
            urls.playback(channel_id, StreamType.ICECAST),
        ),
    )
