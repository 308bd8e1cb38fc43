"""A broadcast as port 8000 shows it: Icecast's mount.

A byte sequence for plain listeners and a view of it with ICY metadata, each with its audience; the head
of a listener's response; and who is listening. The mount stays while sources come and go.
"""

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from awazpulse.audio import Codec, Frame, Track
from awazpulse.channels.public_urls import mount_point
from awazpulse.kinds import StreamType
from awazpulse.relay import Broadcast, End, Title
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


@dataclass(frozen=True, slots=True)
class ListenerInfo:
    """What is known of a listener."""

    address: str
    user_agent: str


class _Feeds:
    """The two byte sequences of one kind of audio, with their listeners."""

    def __init__(
        self, fanout: FanOut, on_left: Callable[[Listener], None], pull: Callable[[], None]
    ) -> None:
        self.plain = PlainFeed()
        self.icy = IcyFeed(self.plain)
        self._plain_audience = Audience(fanout, self.plain, on_left, pull)
        self._icy_audience = Audience(fanout, self.icy, on_left, pull)

    def audience(self, *, icy: bool) -> Audience:
        """Return who listens with ICY metadata, or without."""
        return self._icy_audience if icy else self._plain_audience

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._plain_audience.listeners) + len(self._icy_audience.listeners)

    def close(self) -> None:
        """Disconnect the listeners, once they have the last frame that was published."""
        self._plain_audience.close()
        self._icy_audience.close()


class Mount:
    """A delivery of one broadcast, with its listeners.

    `started` is in seconds since 1970; `on_closed(mount)` is called when it is over.
    """

    def __init__(
        self,
        broadcast: Broadcast,
        fanout: FanOut,
        started: float,
        on_closed: Callable[["Mount"], None] = lambda _mount: None,
    ) -> None:
        self.broadcast = broadcast
        self.started = started
        self.count = broadcast.listeners_of(StreamType.ICECAST)
        self._fanout = fanout
        self._on_closed = on_closed
        self.is_closed = False
        self._track: Track | None = None
        self._feeds = self._make_feeds()

    def _make_feeds(self) -> _Feeds:
        return _Feeds(self._fanout, self._on_left, self.broadcast.pull)

    @property
    def path(self) -> str:
        """The mount's name."""
        return mount_point(self.broadcast.channel_id)

    @property
    def content_type(self) -> str:
        """The type of what is sent, whatever the source declared; before that, what it declared."""
        declared = self.broadcast.station.content_type
        if self._track is None and declared:
            return declared
        names = _CONTENT_TYPES[self._track.codec if self._track else Codec.MP3]
        return declared if declared in names else names[0]

    # -- Subscriber

    def on_track(self, track: Track) -> None:
        """Go on with audio of the same kind; end the listeners whose Content-Type is no longer true."""
        former, self._track = self._track, track
        if former is None or self._goes_on(former, track):
            return
        self.count.listeners -= self._feeds.listeners
        self._feeds.close()
        self._feeds = self._make_feeds()
        self._feeds.icy.set_title(self.broadcast.title)

    def _goes_on(self, former: Track, track: Track) -> bool:
        if former.codec is not track.codec:
            return False
        formats = {(t.sample_rate, t.channels) for t in (former, track)}
        return len(formats) == 1 or not self.broadcast.ends_on_format_change

    def on_break(self) -> None:
        """Go on: frames of one codec follow each other, whoever sends them."""

    def on_frames(self, frames: Sequence[Frame]) -> None:
        """Add the frames to the byte sequence, and its blocks to the one with metadata."""
        feeds = self._feeds
        feeds.plain.append(frames)
        feeds.icy.follow()

    def on_title(self, title: Title) -> None:
        """Have the metadata blocks from now on carry the title."""
        self._feeds.icy.set_title(title)

    def on_close(self, end: End) -> None:  # noqa: ARG002  # players are told by the end alone
        """Disconnect the listeners, once they have the last frame that was published."""
        self.is_closed = True
        self._feeds.close()
        self._on_closed(self)

    # -- listeners

    @property
    def has_room(self) -> bool:
        """Whether one more listener may join."""
        return self.count.has_room

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

    def pull(self) -> None:
        """Fetch what the source has sent by now. Its end may be in that, and the mount's with it."""
        self.broadcast.pull()

    def first_bytes(self, count: int) -> bytes:
        """Fetch what has come; return what a listener would get first, filled up with zeros."""
        self.pull()
        plain = self._feeds.plain
        start = plain.join().position
        end = min(start + count, plain.end)
        return bytes(plain.read(start, end)).ljust(count, b"\0")

    def admit(self, client: socket.socket, info: ListenerInfo, wall: float, *, icy: bool) -> None:
        """Begin to send to a listener, over a socket that is the mount's from here on.

        `wall` is in seconds since 1970. When it raises, nobody has joined and the socket is closed.
        """
        audience = self._feeds.audience(icy=icy)
        self.count.listener_joined()  # first: a listener may be gone again before `join` returns
        try:
            audience.join(client, stamp_date(self.listener_head(icy=icy), wall), info)
        except BaseException:
            self.count.listener_left()
            client.close()
            raise

    def _on_left(self, listener: Listener) -> None:  # noqa: ARG002  # only their number matters
        self.count.listener_left()
