"""The neutral unit of media: one track, many frames. No I/O."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import overload


class Codec(StrEnum):
    """What an access unit is encoded with."""

    MP3 = "mp3"
    MP2 = "mp2"  # MPEG audio Layer II
    AAC = "aac"


@dataclass(frozen=True, slots=True)
class Track:
    """What a decoder must know before the first frame.

    `sample_rate` is in Hz and counts what `Frame.samples` counts. For HE-AAC both are those of
    the AAC core (22,050 Hz and 1,024 samples where 44,100 Hz comes out of the loudspeaker), as in
    ADTS and in MPEG-TS, so that durations are exact without knowing of SBR.

    `config` is the AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1) of AAC, empty for MPEG audio.
    """

    codec: Codec
    sample_rate: int
    channels: int
    frame_samples: int
    config: bytes = b""


@dataclass(slots=True)
class Frame:
    """One access unit, in the form that frames itself on a plain byte stream.

    `data` is a whole MP3 or MP2 frame, or an ADTS frame for AAC; the bare access unit is
    `data[header_bytes:]`, for containers that do the framing themselves. `timestamp_ms` is the
    source's clock: milliseconds, never going back over a wrap of the source's counter, with an
    arbitrary beginning. `samples` is the duration in samples of the track.

    Not frozen: making a frozen one costs 0.34 us instead of 0.09 us, on the path of every
    frame. Nobody changes a frame once it is published.
    """

    timestamp_ms: int
    samples: int
    data: bytes
    header_bytes: int = 0


class FrameRun(Sequence[Frame]):
    """Frames that stand one behind the other in one piece of memory, `data`; `sizes` are their bytes.

    All have the same `samples` and `header_bytes`, and the time goes on from frame to frame:
    `samples_before` have passed since `base_ms`, at `sample_rate`. A `Frame` is made only when one is asked
    for: a relay of bytes needs none, and to make them all was a third of what a frame cost it. So iterate:
    each index makes all of them anew.
    """

    __slots__ = (
        "_base_ms",
        "_header_bytes",
        "_sample_rate",
        "_samples_before",
        "data",
        "samples",
        "sizes",
    )

    def __init__(
        self,
        data: bytes,
        sizes: Sequence[int],
        *,
        samples: int,
        header_bytes: int,
        base_ms: int,
        samples_before: int,
        sample_rate: int,
    ) -> None:
        self.data = data
        self.sizes = sizes
        self.samples = samples
        self._header_bytes = header_bytes
        self._base_ms = base_ms
        self._samples_before = samples_before
        self._sample_rate = sample_rate

    def __len__(self) -> int:
        return len(self.sizes)

    def __iter__(self) -> Iterator[Frame]:
        at, samples = 0, self._samples_before
        for size in self.sizes:
            timestamp_ms = self._base_ms + samples * 1000 // self._sample_rate
            data = self.data[at : at + size]
            yield Frame(timestamp_ms, self.samples, data, self._header_bytes)
            at += size
            samples += self.samples

    @overload
    def __getitem__(self, index: int) -> Frame: ...
    @overload
    def __getitem__(self, index: slice) -> list[Frame]: ...
    def __getitem__(self, index: int | slice) -> Frame | list[Frame]:
        return list(self)[index]


def join_frames(frames: Sequence[Frame]) -> tuple[bytes, Sequence[int]]:
    """Return the bytes of all frames, one behind the other, and how many each has."""
    if isinstance(frames, FrameRun):
        return frames.data, frames.sizes
    pieces = [frame.data for frame in frames]
    return b"".join(pieces), [len(piece) for piece in pieces]


def measure_frames(frames: Sequence[Frame]) -> tuple[int, int]:
    """Return how many bytes and samples the frames have in all."""
    if isinstance(frames, FrameRun):
        return len(frames.data), frames.samples * len(frames.sizes)
    size = samples = 0
    for frame in frames:
        size += len(frame.data)
        samples += frame.samples
    return size, samples
