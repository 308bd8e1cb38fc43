"""A broadcast as port 8000 shows it: Icecast's mount.

It has a byte sequence for plain listeners and a view of it with ICY metadata, each with its audience. It
makes the head of a listener's response, and counts listeners. It stays while sources come and go.
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
from awazpulse.relay.sessions import NoSessionLog, SessionLog

from .icy import METAINT, IcyFeed
from .responses import CORS, NO_CACHE, SERVER, stamp_date

_CONTENT_TYPES = {  # the source may declare any of its codec's; else it is the first
    Codec.MP3: ("audio/mpeg",),
    Codec.MP2: ("audio/mpeg",),
    Codec.AAC: ("audio/aac", "audio/aacp"),
}


@dataclass(frozen=True, slots=True)
class ListenerInfo:
    """What is known of a listener as it comes; the ledger keeps it."""

    address: str
    user_agent: str


class _Feeds:
    """The two byte sequences of one kind of audio, with their listeners."""

    def __init__(
        self,
        fanout: FanOut,
        on_left: Callable[[Listener], None],
        pull: Callable[[], None],
        on_gone: Callable[[Listener], None],
    ) -> None:
        self.plain = PlainFeed()
        self.icy = IcyFeed(self.plain)
        self._plain_audience = Audience(fanout, self.plain, on_left, pull, on_gone)
        self._icy_audience = Audience(fanout, self.icy, on_left, pull, on_gone)

    def audience(self, *, icy: bool) -> Audience:
        """Return the listeners with ICY metadata, or those without."""
        return self._icy_audience if icy else self._plain_audience

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._plain_audience.listeners) + len(self._icy_audience.listeners)

    def close(self) -> None:
        """Disconnect the listeners after the last frame that was published. A second call changes nothing."""
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
        session_log: SessionLog | None = None,
    ) -> None:
        self.broadcast = broadcast
        self.started = started
        self.count = broadcast.listeners_of(StreamType.ICECAST)
        self._fanout = fanout
        self._on_closed = on_closed
        self._session_log = session_log or NoSessionLog()
        self.is_closed = False
        self._track: Track | None = None
        self._feeds = self._make_feeds()

    def _make_feeds(self) -> _Feeds:
        return _Feeds(self._fanout, self._on_left, self.broadcast.pull, self._on_gone)

    @property
    def path(self) -> str:
        """The mount's name."""
        return mount_point(self.broadcast.channel_id)

    @property
    def content_type(self) -> str:
        """The type of the audio that is sent. Before any has come, it is what the source declared."""
        declared = self.broadcast.station.content_type
        if self._track is None and declared:
            return declared
        names = _CONTENT_TYPES[self._track.codec if self._track else Codec.MP3]
        return declared if declared in names else names[0]

    # -- Subscriber

    def on_track(self, track: Track) -> None:
        """Take note of the track. If the listeners' Content-Type is not true of it, disconnect them."""
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
        """Do nothing: to a listener it does not matter which source frames of one codec come from."""

    def on_frames(self, frames: Sequence[Frame]) -> None:
        """Add the frames to the byte sequence, and metadata blocks to the view of it."""
        feeds = self._feeds
        feeds.plain.append(frames)
        feeds.icy.follow()

    def on_title(self, title: Title) -> None:
        """Let the metadata blocks from now on carry the title."""
        self._feeds.icy.set_title(title)

    def on_close(self, end: End) -> None:  # noqa: ARG002  # players cannot be told a reason
        """Disconnect the listeners after the last frame that was published."""
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

        Its `icy-*` lines have no space behind the colon, as Icecast writes them: old players look for
        exactly `icy-metaint:16000`.
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
        """Fetch what the source has sent by now. If the source has ended, this may close the mount."""
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
        # First: a listener may be gone again before `join` returns.
        self.count.listener_joined()
        entry = audience.feed.join()
        first_byte = entry.position - len(entry.prefix)
        # Of a listener nothing stays in memory but the number of its session.
        session = self._session_log.begin_session(
            self.broadcast.channel_id,
            StreamType.ICECAST,
            info.address,
            info.user_agent,
            first_byte,
        )
        try:
            audience.join(client, stamp_date(self.listener_head(icy=icy), wall), session)
        except BaseException:
            self.count.listener_left()
            self._session_log.end_session(session, first_byte)
            client.close()
            raise

    def _on_left(self, listener: Listener) -> None:  # noqa: ARG002  # only their number matters
        self.count.listener_left()

    def _on_gone(self, listener: Listener) -> None:
        assert isinstance(listener.info, int)
        self._session_log.end_session(listener.info, listener.position)
