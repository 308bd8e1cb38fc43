"""A broadcast as port 8000 shows it: Icecast's mount.

A byte sequence for plain listeners and a view of it with ICY metadata, each with its audience; the head
of a listener's response; and who is listening.
"""

import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from awazpulse.audio import Codec, Frame, Track
from awazpulse.channels.public_urls import CHANNEL_ID, mount_point
from awazpulse.relay import Broadcast, Title
from awazpulse.relay.fanout import Audience, FanOut
from awazpulse.relay.feed import PlainFeed
from awazpulse.relay.listener import Listener

from .icy import METAINT, IcyFeed
from .responses import CORS, NO_CACHE, SERVER, stamp_date

_CONTENT_TYPES = {  # the first where the source declared none of them
    Codec.MP3: ("audio/mpeg",),
    Codec.MP2: ("audio/mpeg",),
    Codec.AAC: ("audio/aac", "audio/aacp"),
}
_MOUNT_PATH = re.compile(rf"/({CHANNEL_ID.pattern})(?:\.(?:mp3|aac))?")


def parse_mount_path(path: str) -> str | None:
    """Return the channel id in a mount's path, or None if the path names no channel.

    `/id.mp3` is the name of every mount whatever its codec; `/id.aac` and `/id` mean the same.
    """
    match = _MOUNT_PATH.fullmatch(path)
    return match[1] if match else None


@dataclass(frozen=True, slots=True)
class ListenerInfo:
    """What is known of a listener."""

    address: str
    user_agent: str


@dataclass
class Mount:
    """A `Subscriber` of one broadcast, with its listeners."""

    broadcast: Broadcast
    fanout: FanOut
    started: float  # seconds since 1970

    def __post_init__(self) -> None:
        self._plain = PlainFeed()
        self._icy = IcyFeed(self._plain)
        pull = self.broadcast.pull
        self._plain_audience = Audience(self.fanout, self._plain, self._on_left, pull)
        self._icy_audience = Audience(self.fanout, self._icy, self._on_left, pull)

    @property
    def path(self) -> str:
        """The mount's name."""
        return mount_point(self.broadcast.channel_id)

    @property
    def content_type(self) -> str:
        """The type of what the source sends, whatever it declared; before that, what it declared."""
        track = self.broadcast.track
        declared = self.broadcast.station.content_type
        if track is None and declared:
            return declared
        names = _CONTENT_TYPES[track.codec if track else Codec.MP3]
        return declared if declared in names else names[0]

    # -- Subscriber

    def on_track(self, track: Track) -> None:
        """Go on: each frame says of itself what it is."""

    def on_frames(self, frames: Sequence[Frame]) -> None:
        """Add the frames to the byte sequence, and its blocks to the one with metadata."""
        self._plain.append(frames)
        self._icy.follow()

    def on_title(self, title: Title) -> None:
        """Have the metadata blocks from now on carry the title."""
        self._icy.set_title(title)

    def on_close(self, reason: str) -> None:  # noqa: ARG002  # players are told by the end alone
        """Disconnect the listeners, once they have the last frame that was published."""
        self._plain_audience.close()
        self._icy_audience.close()

    # -- listeners

    def listener_head(self, *, icy: bool) -> bytes:
        """Return the head of a listener's response, but for its Date.

        Its `icy-*` lines have no space behind the colon: Icecast writes them so, and old players
        look for `icy-metaint:16000` to the letter.
        """
        station = self.broadcast.station
        bitrate = self.broadcast.bitrate_kbps
        lines = {
            "icy-br": str(bitrate) if bitrate else "",
            "ice-audio-info": station.audio_info,
            "icy-description": station.description,
            "icy-genre": station.genre,
            "icy-name": station.name,
            "icy-pub": str(int(station.public)),
            "icy-url": station.url,
            "icy-metadata": "1" if icy else "",
            "icy-metaint": str(METAINT) if icy else "",
        }
        return (
            "HTTP/1.0 200 OK\r\n"
            f"Server: {SERVER}\r\n"
            "Connection: Close\r\n"
            f"Content-Type: {self.content_type}\r\n"
            f"{NO_CACHE}{CORS}"
            + "".join(f"{name}:{value}\r\n" for name, value in lines.items() if value)
            + "\r\n"
        ).encode()

    def first_bytes(self, count: int) -> bytes:
        """Return what a listener would get first, filled up with zeros."""
        self.broadcast.pull()
        start = self._plain.join().position
        end = min(start + count, self._plain.end)
        return bytes(self._plain.read(start, end)).ljust(count, b"\0")

    def pull(self) -> bool:
        """Fetch what the source has sent by now; return False if that was its end."""
        self.broadcast.pull()
        return not self.broadcast.is_closed

    def admit(self, client: socket.socket, info: ListenerInfo, wall: float, *, icy: bool) -> None:
        """Begin to send to a listener, over a socket that is the mount's from here on.

        `wall` is in seconds since 1970.
        """
        self.broadcast.listener_joined()
        audience = self._icy_audience if icy else self._plain_audience
        audience.join(client, stamp_date(self.listener_head(icy=icy), wall), info)

    def _on_left(self, listener: Listener) -> None:  # noqa: ARG002  # only their number matters
        self.broadcast.listener_left()
