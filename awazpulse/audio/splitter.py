"""Finds self-framing access units (MPEG audio, ADTS) in a stream of bytes. No I/O.

Contract: `receive_data` takes any bytes and returns what they complete, in order: a `Track` before
the first frame and whenever the track changes, then its frames, in as few runs as it can. What is not
complete stays in a buffer of at most `MAX_BUFFERED_BYTES`.

A syncword also occurs inside audio and in tags, so a frame counts as one only when the next header
confirms it: once at the beginning and for the track that the stream already had,
`CONFIRMATIONS_OF_CHANGE` times for another track. From then on each frame is delivered as soon as it is whole.

What stands between frames is searched for the next header or tag. A tag is stepped over by its length,
and does not count as junk; but as lengths may lie, frames are looked for inside it, too: `FRAMES_IN_TAG`
in a row are audio. A frame that was cut short has taken the beginning of what follows for its own: so
when nothing known follows a frame, what is inside it is searched as well.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from .errors import MalformedAudio
from .frame import FrameRun, Track
from .tags import MARKS, measure_ape_item, measure_tag

Buffer: TypeAlias = bytes | bytearray | memoryview
SplitEvents: TypeAlias = list[Track | FrameRun]

MAX_JUNK_BYTES = 64 * 1024  # four seconds at 128 kbit/s with no frame in it: this is no audio
CONFIRMATIONS_OF_CHANGE = 3  # false headers inside junk rarely chain once, never three times
MAX_BUFFERED_BYTES = 64 * 1024  # frames in a row inside a tag are the most that is looked at
FRAMES_IN_TAG = 16  # 0.4 s: no picture holds that many by chance, and listeners may lose them
MAX_CHAIN_BYTES = 48 * 1024  # six ADTS frames of 8,191 bytes, or more of them, say as much as 16
# Frames between two looks inside the last one: bounds how often bytes are delivered that lie about sizes.
FRAMES_BETWEEN_LOOKS = 8

# Eleven bits set; a third byte of 0xFF is valid in no framing, and padding consists of such.
_SYNC = rb"\xff(?:[\xe0-\xff](?!\xff)|\Z)"
_BEGINNINGS = [mark[:size] for mark in MARKS for size in range(1, len(mark))]
# Where a frame or a tag may begin: at the data's end the beginning of its mark is enough.
_find_start = re.compile(
    _SYNC + b"|" + b"|".join(MARKS) + b"|(?:" + b"|".join(_BEGINNINGS) + rb")\Z"
).search
_find_syncs = re.compile(_SYNC).finditer


class Header(NamedTuple):
    """What a frame's header says: `size` and `header_bytes` in bytes, `samples` of the frame."""

    identity: int  # equal for frames of one track, and for no others of any framing
    size: int
    samples: int
    header_bytes: int


def _carry_all(data: bytes, at: int) -> bool | None:  # noqa: ARG001  # a default `check_carried`
    return True


@dataclass(frozen=True, slots=True)
class Framing:
    """How the frames of one kind are known.

    `parse_header(data, at)` sees at least `header_size` bytes from `at`, `parse_track` a whole frame.
    `check_carried(data, at)` is asked where there is no header: it raises `UnsupportedAudio` if it
    knows what follows as audio that is not carried, returns None if that needs more data, else True.
    """

    name: str
    header_size: int
    parse_header: Callable[[Buffer, int], Header | None]
    parse_track: Callable[[Buffer], Track]
    check_carried: Callable[[bytes, int], bool | None] = _carry_all


class FrameSplitter:
    """Splits one source's bytes into frames of any of the framings; see the module's head."""

    def __init__(self, *framings: Framing) -> None:
        self._framings = framings
        self._search_size = max(framing.header_size for framing in framings)
        # Of the present track.
        self._header_size, self._parse_header = framings[0].header_size, framings[0].parse_header
        self._identity: int | None = None
        self._sample_rate = 1
        self._samples = 0  # of it, delivered
        self._base_ms = 0  # the time at which it began
        self._rest = b""  # of what has come: the beginning of a frame, or what may be one
        self._in_sync = False
        self._tag_bytes = 0  # of a tag, still to come
        self._junk_bytes = 0  # since the last frame
        self._is_behind_known = False  # the position is right behind a frame or a tag
        self._last_run: FrameRun | None = None  # unless a tag has come since
        self._next_look = 0  # how many samples must have been delivered before that
        self.skipped_bytes = 0  # junk and tags of the whole stream, for the log

    def receive_data(self, data: Buffer) -> SplitEvents:
        """Return the tracks and frames that `data` completes.

        Raises `MalformedAudio` after `MAX_JUNK_BYTES` in a row that hold no frame, `UnsupportedAudio`
        for frames of a kind that is not carried.
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
                if next_at < 0:  # inside the last frame, which came with an earlier call
                    assert self._last_run is not None, "no other call goes back"
                    data, next_at = self._last_run.data[next_at:] + data, 0
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
            self._last_run = run
            self._samples += samples * len(sizes)
            self._junk_bytes = 0
        return end

    def _find_sync(self, data: bytes, at: int, events: SplitEvents) -> int | None:
        """Go on to where a frame may be, or find that one is at `at`; None when that needs more data.

        The position may be a negative one: that far back in the last frame.
        """
        if self._tag_bytes:
            return self._pass_tag(data, at)
        if len(data) - at < self._search_size:
            return None
        if self._in_sync:
            present = self._parse_header(data, at)
            if present is not None and present.identity == self._identity:
                return None  # it is not whole yet
            self._in_sync = False
            self._is_behind_known = True
        found = self._find_header(data, at)
        if found is None:
            return self._pass_unknown(data, at)
        framing, header = found
        confirmed = self._confirm(data, at, framing, header)
        if confirmed is None:
            return None
        if not confirmed:
            return self._pass_junk(data, at)
        self._in_sync = True
        if header.identity != self._identity:
            self._change_track(data[at : at + header.size], framing, header, events)
        return at

    def _find_header(self, data: bytes, at: int) -> tuple[Framing, Header] | None:
        for framing in self._framings:
            header = framing.parse_header(data, at)
            if header is not None:
                return framing, header
        return None

    def _confirm(self, data: bytes, at: int, framing: Framing, header: Header) -> bool | None:
        """Say whether headers of the same track follow; None when that needs more data."""
        changes = self._identity is not None and header.identity != self._identity
        for _ in range(CONFIRMATIONS_OF_CHANGE if changes else 1):
            at += header.size
            if len(data) - at < framing.header_size:
                return None
            follower = framing.parse_header(data, at)
            if follower is None or follower.identity != header.identity:
                return False
            header = follower
        return True

    def _change_track(
        self, frame: bytes, framing: Framing, header: Header, events: SplitEvents
    ) -> None:
        self._base_ms += self._samples * 1000 // self._sample_rate
        self._samples = 0
        self._next_look = FRAMES_BETWEEN_LOOKS * header.samples
        self._identity = header.identity
        self._header_size, self._parse_header = framing.header_size, framing.parse_header
        track = framing.parse_track(frame)
        self._sample_rate = track.sample_rate
        events.append(track)

    def _pass_unknown(self, data: bytes, at: int) -> int | None:
        """Step over what stands where a frame should: a tag, or junk."""
        size = measure_tag(data, at)
        if size == 0 and self._is_behind_known:
            size = measure_ape_item(data, at)
        if size is None:
            return None
        if size:
            self._tag_bytes = size
            self._last_run = None
            return at
        for framing in self._framings:
            if framing.check_carried(data, at) is None:
                return None
        return self._pass_junk(data, at)

    def _pass_tag(self, data: bytes, at: int) -> int | None:
        """Step over what has come of a tag, or to the audio inside one that lies about its length."""
        tag_end = at + self._tag_bytes
        end = min(tag_end, len(data))
        is_audio: bool | None = False
        for candidate in _find_syncs(data, at, end):
            is_audio = self._chains_inside(data, candidate.start(), tag_end)
            if is_audio is not False:
                end = candidate.start()
                break
        self.skipped_bytes += end - at
        self._tag_bytes = 0 if is_audio else tag_end - end
        self._is_behind_known = not self._tag_bytes
        return None if is_audio is None and end == at else end

    def _chains_inside(self, data: bytes, at: int, tag_end: int) -> bool | None:
        """Say whether so many frames follow each other inside a tag that they must be audio."""
        start, count, identity = at, 0, None
        while count < FRAMES_IN_TAG and at - start <= MAX_CHAIN_BYTES:
            if at + self._search_size > tag_end:
                return False
            if len(data) - at < self._search_size:
                return None
            found = self._find_header(data, at)
            if found is None or identity not in (None, found[1].identity):
                return False
            identity = found[1].identity
            at += found[1].size
            count += 1
        return at <= tag_end

    def _pass_junk(self, data: bytes, at: int) -> int:
        """Step to the next place where a frame or a tag may begin, be it inside the last frame."""
        last, looks = self._last_run, self._is_behind_known
        self._is_behind_known = False
        if looks and last is not None and self._samples >= self._next_look:
            self._next_look = self._samples + FRAMES_BETWEEN_LOOKS * last.samples
            return self._count_junk(at, at - last.sizes[-1] + 1)
        found = _find_start(data, at + 1)
        return self._count_junk(at, len(data) if found is None else found.start())

    def _count_junk(self, at: int, end: int) -> int:
        self._junk_bytes += end - at
        self.skipped_bytes += end - at
        if self._junk_bytes > MAX_JUNK_BYTES:
            names = " or ".join(framing.name for framing in self._framings)
            raise MalformedAudio(
                f"got {self._junk_bytes} bytes without a frame, expected {names} audio"
            )
        return end
