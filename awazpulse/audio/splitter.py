"""Finds self-framing access units (MP3, ADTS) in a stream of bytes. No I/O.

Contract: `receive_data` takes any bytes and returns what they complete, in order: a `Track` before
the first frame and whenever the track changes, then `Frame`s. What is not complete stays
in a buffer of at most `MAX_BUFFERED_BYTES`.

A syncword also occurs inside audio and in tags, so a frame counts as one only when the next header
confirms it: once at the beginning and for the track that the stream already had,
`CONFIRMATIONS_OF_CHANGE` times for another track. From then on each frame is delivered as soon as it is whole. ID3 tags, which
players of files leave between frames, are stepped over by their length, other junk by searching.
"""

from collections.abc import Callable
from typing import NamedTuple

from .errors import MalformedAudio
from .frame import Frame, Track

Buffer = bytes | bytearray | memoryview

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
        self._buffer = bytearray()
        self._identity: int | None = None
        self._in_sync = False
        self._skip_bytes = 0  # of an ID3v2 tag, still to come
        self._junk_bytes = 0  # since the last frame
        self._sample_rate = 1
        self._samples = 0  # of the present track, delivered
        self._base_ms = 0  # the time at which the present track began
        self.skipped_bytes = 0  # junk and tags of the whole stream, for the log

    def receive_data(self, data: bytes | bytearray | memoryview) -> list[Track | Frame]:
        """Return the tracks and frames that `data` completes.

        Raises `MalformedAudio` after `MAX_JUNK_BYTES` in a row that hold no frame.
        """
        buffer = self._buffer
        buffer += data
        events: list[Track | Frame] = []
        at = self._split_in_sync(events) if self._in_sync and not self._skip_bytes else 0
        while True:
            next_at = self._step(at, events)
            if next_at is None:
                break
            at = next_at
        del buffer[:at]
        assert len(buffer) <= MAX_BUFFERED_BYTES, "a splitter that waits for more than it looks at"
        return events

    def _split_in_sync(self, events: list[Track | Frame]) -> int:
        """Advance over the whole frames at the beginning; everything else is `_step`'s.

        The way of nearly every frame, in a fifth of the time that `_step` takes. Once a call: it
        copies the buffer.
        """
        parse_header, identity = self._parse_header, self._identity
        rate, base_ms, samples = self._sample_rate, self._base_ms, self._samples
        at = 0
        buffer = bytes(
            self._buffer
        )  # a piece of it is made at once; of a bytearray it is made twice
        last = len(buffer) - self._header_size
        while at <= last:
            header = parse_header(buffer, at)
            if header is None:
                break
            frame_identity, size, frame_samples, header_bytes = header
            end = at + size
            if frame_identity != identity or end > len(buffer):
                break
            timestamp_ms = base_ms + samples * 1000 // rate
            samples += frame_samples
            events.append(Frame(timestamp_ms, frame_samples, buffer[at:end], header_bytes))
            at = end
        if at:
            self._samples = samples
            self._junk_bytes = 0
        return at

    def _step(self, at: int, events: list[Track | Frame]) -> int | None:
        """Advance over one frame or one piece of junk; None when that needs more data."""
        buffer = self._buffer
        if self._skip_bytes:
            step = min(self._skip_bytes, len(buffer) - at)
            self._skip_bytes -= step
            self.skipped_bytes += step
            return at + step if step else None
        if len(buffer) - at < self._header_size:
            return None
        header = self._parse_header(buffer, at)
        if header is None or (self._in_sync and header.identity != self._identity):
            self._in_sync = False
        if header is None:
            return self._skip_junk(at)
        if not self._in_sync:
            confirmed = self._confirm(at, header)
            if confirmed is None:
                return None
            if not confirmed:
                return self._count_junk(at, at + 1)
            self._in_sync = True
            if header.identity != self._identity:
                self._change_track(at, header, events)
        end = at + header.size
        if end > len(buffer):
            return None
        timestamp_ms = self._base_ms + self._samples * 1000 // self._sample_rate
        self._samples += header.samples
        self._junk_bytes = 0
        events.append(
            Frame(timestamp_ms, header.samples, bytes(buffer[at:end]), header.header_bytes)
        )
        return end

    def _confirm(self, at: int, header: Header) -> bool | None:
        """Say whether headers of the same track follow; None when that needs more data."""
        changes = self._identity is not None and header.identity != self._identity
        for _ in range(CONFIRMATIONS_OF_CHANGE if changes else 1):
            at += header.size
            if len(self._buffer) - at < self._header_size:
                return None
            follower = self._parse_header(self._buffer, at)
            if follower is None or follower.identity != header.identity:
                return False
            header = follower
        return True

    def _change_track(self, at: int, header: Header, events: list[Track | Frame]) -> None:
        self._base_ms += self._samples * 1000 // self._sample_rate
        self._samples = 0
        self._identity = header.identity
        track = self._parse_track(self._buffer[at : at + self._header_size])
        self._sample_rate = track.sample_rate
        events.append(track)

    def _skip_junk(self, at: int) -> int | None:
        """Step over a tag that stands where a frame should, or to the next possible header."""
        buffer = self._buffer
        if buffer.startswith(b"TAG", at):
            self._skip_bytes = _ID3V1_BYTES
            return at
        if buffer.startswith(b"ID3", at):
            if len(buffer) - at < _ID3V2_HEADER_BYTES:
                return None
            sizes = buffer[at + 6 : at + 10]
            if max(sizes) < 0x80:  # ID3v2.4 §3.1: four times seven bits
                size = sizes[0] << 21 | sizes[1] << 14 | sizes[2] << 7 | sizes[3]
                self._skip_bytes = size + _ID3V2_HEADER_BYTES
                return at
        found = buffer.find(0xFF, at + 1)
        return self._count_junk(at, len(buffer) if found < 0 else found)

    def _count_junk(self, at: int, end: int) -> int:
        self._junk_bytes += end - at
        self.skipped_bytes += end - at
        if self._junk_bytes > MAX_JUNK_BYTES:
            raise MalformedAudio(
                f"got {self._junk_bytes} bytes without a frame, expected {self._name} audio"
            )
        return end
