"""ICY metadata: titles inside the audio, one block every `METAINT` bytes. No I/O.

The blocks stand at fixed places of a byte sequence that all ICY listeners of a mount share, so a
title is encoded once per mount. A listener counts `METAINT` audio bytes from its first one;
hence it enters at an interval's beginning. That is seldom a frame's beginning: the bytes of the
frame that is cut there are blanked with zeros of the listener's own, which decoders step over, and
its first audible byte is a frame's first.

Block: one length byte L, then 16 L bytes, padded with NUL. Every block carries the title (a
repeated one is valid), for a joiner's burst holds the blocks of some seconds ago.
"""

from bisect import bisect_right
from collections import deque

from awazpulse.audio import Frame
from awazpulse.relay import Title
from awazpulse.relay.feed import BURST_BYTES, QUEUE_BYTES, Entry
from awazpulse.relay.ring import Ring

METAINT = 16_000  # audio bytes between two blocks; Icecast's default, which every player knows
MAX_BLOCK_BYTES = 4080  # 255 * 16
_EMPTY_BLOCK = b"\0"
_INTERVALS_KEPT_IN_RINGS = 4  # how far back intervals are known, in the ring's capacities


def serialize_metadata_block(title: Title) -> bytes:
    """Return the block for a title: UTF-8, cut on a character's boundary where it is too long."""
    if not title.text and not title.url:
        return _EMPTY_BLOCK
    url = f"StreamUrl='{_neutralise(title.url)}';".encode() if title.url else b""
    text = _neutralise(title.text).encode()
    room = MAX_BLOCK_BYTES - len(b"StreamTitle='';")
    if len(text) + len(url) > room:  # the title is what listeners see
        url = b""
    text = text[:room].decode(errors="ignore").encode()
    content = b"StreamTitle='" + text + b"';" + url
    length = (len(content) + 15) // 16
    return bytes([length]) + content.ljust(16 * length, b"\0")


def _neutralise(text: str) -> str:
    """Part the pair that ends a value: parsers stop at the first `';`, there is no escape."""
    return text.replace("';", "' ;")


class IcyFeed:
    """The frames with metadata blocks between them; a `Feed` for listeners that asked for it."""

    def __init__(self, queue_bytes: int = QUEUE_BYTES, burst_bytes: int = BURST_BYTES) -> None:
        self.ring = Ring(queue_bytes, burst_bytes)
        self._block = _EMPTY_BLOCK
        self._intervals = deque([0])  # where the intervals in the ring begin
        self._audio_bytes = 0  # in the present interval
        self._needs_join_point = True  # the present interval has none yet

    def set_title(self, title: Title) -> None:
        """Have the blocks from now on carry `title`."""
        self._block = serialize_metadata_block(title)

    def append(self, frame: Frame) -> None:
        """Add the newest frame, and the block that falls due inside it."""
        if self._needs_join_point:
            self._needs_join_point = False
            self.ring.mark_join_point(padding=self._audio_bytes)
        data = memoryview(frame.data)
        while len(data) >= METAINT - self._audio_bytes:
            due = METAINT - self._audio_bytes
            self.ring.append(data[:due])
            data = data[due:]
            self.ring.append(self._block)
            self._begin_interval()
        self.ring.append(data)
        self._audio_bytes += len(data)

    def _begin_interval(self) -> None:
        self._audio_bytes = 0
        self._needs_join_point = True
        self._intervals.append(self.ring.end)
        # Kept for longer than the ring's bytes: `rejoin` is asked for positions behind its end.
        oldest = self.ring.end - _INTERVALS_KEPT_IN_RINGS * self.ring.capacity
        while len(self._intervals) > 1 and self._intervals[1] <= oldest:
            self._intervals.popleft()

    def join(self) -> Entry:
        """Return the oldest interval of the burst: blanks, then on from its first whole frame."""
        position, padding = self.ring.oldest_join_point
        return Entry(bytes(padding), position)

    def rejoin(self, position: int) -> Entry:
        """Return how to leave the interval at `position` for the newest one.

        The listener counts on: blanks complete its interval, then an empty block, and it stands at
        an interval's beginning.
        """
        newest, padding = self.ring.newest_join_point
        position = max(position, self._intervals[0])
        at = bisect_right(self._intervals, position)
        block_at = self._intervals[at - 1] + METAINT
        if position <= block_at:
            rest = bytes(block_at - position) + _EMPTY_BLOCK
        else:  # inside a block, which was appended whole: an interval begins behind it
            rest = self._rest_of_block(position, self._intervals[at])
        return Entry(rest + bytes(padding), newest)

    def _rest_of_block(self, position: int, end: int) -> bytes:
        if position < self.ring.start:
            return bytes(end - position)
        return bytes(self.ring.read(position, end))
