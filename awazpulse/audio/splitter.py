"""Finds self-framing access units (MP3, ADTS) in a stream of bytes. No I/O.

Contract: `receive_data` takes any bytes and returns what they complete, in order: a `Track` before
the first frame and whenever the track changes, then its frames, in as few runs as it can. What is not
complete stays in a buffer of at most `MAX_BUFFERED_BYTES`.

A syncword also occurs inside audio and in tags, so a frame counts as one only when the next header
confirms it: once at the beginning and for the track that the stream already had,
`CONFIRMATIONS_OF_CHANGE` times for another track. From then on each frame is delivered as soon as it is whole. ID3 tags, which
players of files leave between frames, are stepped over by their length, other junk by searching.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from .errors import MalformedAudio
from .frame import FrameRun, Track

Buffer: TypeAlias = bytes | bytearray | memoryview
SplitEvents: TypeAlias = list[Track | FrameRun]

MAX_JUNK_BYTES = 64 * 1024  # four seconds at 128 kbit/s with no frame in it: this is no audio
CONFIRMATIONS_OF_CHANGE = 3  # false headers inside junk rarely chain once, never three times
MAX_BUFFERED_BYTES = 64 * 1024  # four ADTS frames of 8,191 bytes are the most that is looked at
_ID3V1_BYTES = 128
_ID3V2_HEADER_BYTES = 10


class Header(NamedTuple):
    """What a frame's header says: `size` and `header_bytes` in bytes, `samples` of the frame."""

    identity: int  # equal for frames of one track
    size: int
    samples: int
    header_bytes: int


class FrameSplitter:
    """Splits one source's bytes into frames; see the module's head for the contract.

    `parse_header(data, at)` sees at least `header_size` bytes from `at`.
    """

    def __init__(
        self,
        name: str,
        header_size: int,
        parse_header: Callable[[Buffer, int], Header | None],
        parse_track: Callable[[Buffer], Track],
    ) -> None:
        self._name = name
        self._header_size = header_size
        self._parse_header = parse_header
        self._parse_track = parse_track
        self._rest = b""  # of what has come: the beginning of a frame, or what may be one
        self._identity: int | None = None
        self._in_sync = False
        self._skip_bytes = 0  # of an ID3v2 tag, still to come
        self._junk_bytes = 0  # since the last frame
        self._sample_rate = 1
        self._samples = 0  # of the present track, delivered
        self._base_ms = 0  # the time at which the present track began
        self.skipped_bytes = 0  # junk and tags of the whole stream, for the log

    def receive_data(self, data: Buffer) -> SplitEvents:
        """Return the tracks and frames that `data` completes.

        Raises `MalformedAudio` after `MAX_JUNK_BYTES` in a row that hold no frame.
        """
        data = b"".join((self._rest, data)) if self._rest else bytes(data)
        events: SplitEvents = []
        at = 0
        while at < len(data):
            end = self._take_run(data, at, events) if self._in_sync else at
            if end == at:
                next_at = self._find_sync(data, at, events)
                if next_at is None:
                    break
                end = next_at
            at = end
        self._rest = data[at:]
        assert len(self._rest) <= MAX_BUFFERED_BYTES, "it waits for more than it looks at"
        return events

    def _take_run(self, data: bytes, at: int, events: SplitEvents) -> int:
        """Take the whole frames that stand at `at`, if any; return where they end."""
        parse_header, identity = self._parse_header, self._identity
        samples = header_bytes = 0
        sizes: list[int] = []
        end, last = at, len(data) - self._header_size
        while end <= last:
            header = parse_header(data, end)
            if header is None:
                break
            frame_identity, size, frame_samples, frame_header_bytes = header
            if frame_identity != identity or end + size > len(data):
                break
            if frame_samples != samples or frame_header_bytes != header_bytes:
                if sizes:
                    break  # of another kind: the next run
                samples, header_bytes = frame_samples, frame_header_bytes
            sizes.append(size)
            end += size
        if sizes:
            run = FrameRun(
                data[at:end],
                sizes,
                samples=samples,
                header_bytes=header_bytes,
                base_ms=self._base_ms,
                samples_before=self._samples,
                sample_rate=self._sample_rate,
            )
            events.append(run)
            self._samples += samples * len(sizes)
            self._junk_bytes = 0
        return end

    def _find_sync(self, data: bytes, at: int, events: SplitEvents) -> int | None:
        """Go on to where a frame may be, or find that one is at `at`; None when that needs more data."""
        if self._skip_bytes:
            step = min(self._skip_bytes, len(data) - at)
            self._skip_bytes -= step
            self.skipped_bytes += step
            return at + step
        if len(data) - at < self._header_size:
            return None
        header = self._parse_header(data, at)
        if self._in_sync and header is not None and header.identity == self._identity:
            return None  # it is not whole yet
        self._in_sync = False
        if header is None:
            return self._skip_junk(data, at)
        confirmed = self._confirm(data, at, header)
        if confirmed is None:
            return None
        if not confirmed:
            return self._count_junk(at, at + 1)
        self._in_sync = True
        if header.identity != self._identity:
            self._change_track(data, at, header, events)
        return at

    def _confirm(self, data: bytes, at: int, header: Header) -> bool | None:
        """Say whether headers of the same track follow; None when that needs more data."""
        changes = self._identity is not None and header.identity != self._identity
        for _ in range(CONFIRMATIONS_OF_CHANGE if changes else 1):
            at += header.size
            if len(data) - at < self._header_size:
                return None
            follower = self._parse_header(data, at)
            if follower is None or follower.identity != header.identity:
                return False
            header = follower
        return True

    def _change_track(self, data: bytes, at: int, header: Header, events: SplitEvents) -> None:
        self._base_ms += self._samples * 1000 // self._sample_rate
        self._samples = 0
        self._identity = header.identity
        track = self._parse_track(data[at : at + self._header_size])
        self._sample_rate = track.sample_rate
        events.append(track)

    def _skip_junk(self, data: bytes, at: int) -> int | None:
        """Step over a tag that stands where a frame should, or to the next possible header."""
        if data.startswith(b"TAG", at):
            self._skip_bytes = _ID3V1_BYTES
            return at
        if data.startswith(b"ID3", at):
            if len(data) - at < _ID3V2_HEADER_BYTES:
                return None
            sizes = data[at + 6 : at + 10]
            if max(sizes) < 0x80:  # ID3v2.4 §3.1: four times seven bits
                size = sizes[0] << 21 | sizes[1] << 14 | sizes[2] << 7 | sizes[3]
                self._skip_bytes = size + _ID3V2_HEADER_BYTES
                return at
        found = data.find(0xFF, at + 1)
        return self._count_junk(at, len(data) if found < 0 else found)

    def _count_junk(self, at: int, end: int) -> int:
        self._junk_bytes += end - at
        self.skipped_bytes += end - at
        if self._junk_bytes > MAX_JUNK_BYTES:
            raise MalformedAudio(
                f"got {self._junk_bytes} bytes without a frame, expected {self._name} audio"
            )
        return end
