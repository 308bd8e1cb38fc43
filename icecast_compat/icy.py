"""ICY metadata: titles inside the audio, one block every `METAINT` bytes. No I/O.

All ICY listeners of a mount share one byte sequence, in which the blocks stand at fixed places. So a
title is encoded once per mount. The sequence is a view of the mount's plain feed: it stores only the
blocks, and `read` puts them between the audio. A listener counts `METAINT` audio bytes from its first
byte, so it must enter where an interval begins. A frame seldom begins exactly there. The bytes of the
frame that is cut are therefore replaced by zeros, which only this listener gets and which decoders skip;
then follows the first byte of a whole frame.

A block is one length byte L and then 16 L bytes, padded with NUL. Every block carries the title, because a
new listener's burst holds the blocks of some seconds ago. To repeat a title is valid.
"""

from bisect import bisect_right

from awazpulse.relay import Title
from awazpulse.relay.feed import Entry, PlainFeed

METAINT = 16_000  # audio bytes between two blocks; Icecast's default, which every player knows
MAX_BLOCK_BYTES = 4080  # 255 * 16
_EMPTY_BLOCK = b"\0"
_INTERVALS_KEPT_IN_FEEDS = (
    4  # how far back intervals are known, as a multiple of the feed's capacity
)


def serialize_metadata_block(title: Title) -> bytes:
    """Return the block for a title, in UTF-8. A title that is too long is cut between two characters."""
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
    """Put a space into each `';`: parsers take it for the end of the value, and it cannot be escaped."""
    return text.replace("';", "' ;")


class IcyFeed:
    """A plain feed with metadata blocks between its bytes, for listeners that asked for them.

    Make it while the plain feed is empty, and call `follow` each time that the plain feed has grown.

        position 0        METAINT                       2 METAINT + len(block 1)
        | audio 0 ...     | block 1 | audio 1 ...       | block 2 | audio 2 ...
        begins[0]                   begins[1]                     begins[2]
    """

    def __init__(self, plain: PlainFeed) -> None:
        self._plain = plain
        self._block = _EMPTY_BLOCK
        # Interval n holds the plain bytes from n * METAINT on. Entry k of the lists is interval `_first + k`.
        self._first = 0
        self._begins = [0]
        self._blocks = [b""]  # the block in front of each interval

    @property
    def capacity(self) -> int:
        """See `Feed`."""
        return self._plain.capacity

    @property
    def start(self) -> int:
        """See `Feed`."""
        return self._place(self._plain.start)

    @property
    def end(self) -> int:
        """See `Feed`."""
        return self._place(self._plain.end)

    def set_title(self, title: Title) -> None:
        """Let the blocks from now on carry `title`."""
        self._block = serialize_metadata_block(title)

    def follow(self) -> None:
        """Add the blocks that belong between the bytes which the plain feed has grown by."""
        begins, blocks = self._begins, self._blocks
        while self._plain.end >= (self._first + len(begins)) * METAINT:
            begins.append(begins[-1] + METAINT + len(self._block))
            blocks.append(self._block)
        # Intervals are kept longer than the feed's bytes, because `rejoin` is asked for positions that the
        # feed has forgotten.
        oldest = begins[-1] - _INTERVALS_KEPT_IN_FEEDS * self._plain.capacity
        while len(begins) > 1 and begins[1] <= oldest:
            del begins[0], blocks[0]
            self._first += 1

    def read(self, start: int, end: int) -> memoryview:
        """See `Feed`. The result is a copy, unless the range lies inside one interval."""
        pieces: list[memoryview | bytes] = []
        at = bisect_right(self._begins, start) - 1
        while start < end:
            begin = self._begins[at]
            audio_end = begin + METAINT
            if start < audio_end:
                stop = min(end, audio_end)
                plain = (self._first + at) * METAINT - begin
                pieces.append(self._plain.read(plain + start, plain + stop))
            else:
                at += 1
                stop = min(end, self._begins[at])
                pieces.append(self._blocks[at][start - audio_end : stop - audio_end])
            start = stop
        return memoryview(pieces[0] if len(pieces) == 1 else b"".join(pieces))

    def join(self) -> Entry:
        """Return where to enter: the oldest interval of the burst, with zeros up to its first whole frame."""
        oldest = self._plain.oldest_frame()
        begin = -(-oldest // METAINT) * METAINT
        if (
            begin > self._plain.newest_frame()
        ):  # the burst holds no interval's beginning with a whole frame
            return self._enter(b"", oldest)
        return self._enter(b"", self._plain.frame_from(begin))

    def rejoin(self, position: int) -> Entry | None:
        """Return how to leave the interval at `position` for the newest one; None if that is not known.

        The listener counts on: blanks complete its interval, then an empty block, and it stands at
        an interval's beginning.
        """
        if position < self._begins[0]:
            return None  # its interval is forgotten: it would take audio for a block
        begin = self._plain.newest_frame() // METAINT * METAINT
        return self._enter(self._rest_of_interval(position), self._plain.frame_from(begin))

    def _rest_of_interval(self, position: int) -> bytes:
        at = bisect_right(self._begins, position) - 1
        block_at = self._begins[at] + METAINT
        if position <= block_at:
            return bytes(block_at - position) + _EMPTY_BLOCK
        return self._blocks[at + 1][position - block_at :]

    def _enter(self, prefix: bytes, frame: int) -> Entry:
        """Return an entry at a frame, with zeros for what its interval holds in front of the frame."""
        return Entry(prefix + bytes(frame % METAINT), self._place(frame))

    def _place(self, plain: int) -> int:
        """Return where a byte of the plain feed stands in this one."""
        number = plain // METAINT
        return self._begins[number - self._first] + plain - number * METAINT
