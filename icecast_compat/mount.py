"""A broadcast as port 8000 shows it: Icecast's mount. No I/O of its own.

One byte sequence for plain listeners and one with ICY metadata, each with its audience; the head
of a listener's response; and who is listening.
"""

import re
import socket
import time
from dataclasses import dataclass, field
from email.utils import formatdate

from awazpulse.audio import Codec, Frame, Track
from awazpulse.relay import Broadcast, Title
from awazpulse.relay.fanout import Audience, FanOut
from awazpulse.relay.feed import PlainFeed
from awazpulse.relay.listener import Listener
from icecast_compat.icy import METAINT, IcyFeed
from icecast_compat.responses import CORS, NO_CACHE, SERVER

_CONTENT_TYPES = {Codec.MP3: "audio/mpeg", Codec.AAC: "audio/aac"}
_MOUNT_PATH = re.compile(r"/([A-Za-z0-9_-]{1,36})(?:\.(?:mp3|aac))?")


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


@dataclass(slots=True)
class _Head:
    """A response head, made anew once a second for its Date and when the station changes."""

    made: float = -1.0
    station: object = None
    data: bytes = b""


@dataclass
class Mount:
    """A `Subscriber` of one broadcast, with its listeners."""

    broadcast: Broadcast
    fanout: FanOut
    started: float = field(default_factory=time.time)  # seconds since the epoch

    def __post_init__(self) -> None:
        self._plain = PlainFeed()
        self._icy = IcyFeed()
        self._audiences = {
            False: Audience(self.fanout, self._plain, self._on_left),
            True: Audience(self.fanout, self._icy, self._on_left),
        }
        self._heads = {False: _Head(), True: _Head()}

    @property
    def path(self) -> str:
        """The mount's name."""
        return f"/{self.broadcast.channel_id}.mp3"

    @property
    def content_type(self) -> str:
        """What the source declared, else what it sends."""
        track = self.broadcast.track
        declared = self.broadcast.station.content_type
        return declared or _CONTENT_TYPES[track.codec if track else Codec.MP3]

    @property
    def listeners(self) -> list[Listener]:
        """Who is listening, in no order."""
        return [
            listener for audience in self._audiences.values() for listener in audience.listeners
        ]

    # -- Subscriber

    def on_track(self, track: Track) -> None:
        """Go on: each frame says of itself what it is."""

    def on_frame(self, frame: Frame) -> None:
        """Add the frame to both byte sequences."""
        self._plain.append(frame)
        self._icy.append(frame)

    def on_title(self, title: Title) -> None:
        """Have the metadata blocks from now on carry the title."""
        self._icy.set_title(title)

    def on_close(self, reason: str) -> None:  # noqa: ARG002  # players are told by the end alone
        """Disconnect the listeners, once they have the last frame."""
        for audience in self._audiences.values():
            audience.close()

    # -- listeners

    def listener_head(self, *, icy: bool) -> bytes:
        """Return the head of a listener's response.

        Its `icy-*` lines have no space behind the colon: Icecast writes them so, and old players
        look for `icy-metaint:16000` to the letter.
        """
        now = time.monotonic()
        head = self._heads[icy]
        station = self.broadcast.station
        if now - head.made > 1.0 or head.station is not station:
            head.made, head.station, head.data = now, station, self._make_head(icy=icy)
        return head.data

    def _make_head(self, *, icy: bool) -> bytes:
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
            f"Date: {formatdate(usegmt=True)}\r\n"
            f"Content-Type: {self.content_type}\r\n"
            f"{NO_CACHE}{CORS}"
            + "".join(f"{name}:{value}\r\n" for name, value in lines.items() if value)
            + "\r\n"
        ).encode()

    def admit(self, client: socket.socket, info: ListenerInfo, *, icy: bool) -> None:
        """Begin to send to a listener, over a socket that is the mount's from here on."""
        self.broadcast.listener_joined()
        self._audiences[icy].join(client, self.listener_head(icy=icy), info)

    def _on_left(self, listener: Listener) -> None:  # noqa: ARG002  # only their number matters
        self.broadcast.listener_left()
