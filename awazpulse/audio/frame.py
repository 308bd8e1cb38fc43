"""The neutral unit of media: one track, many frames. No I/O."""

from dataclasses import dataclass
from enum import StrEnum


class Codec(StrEnum):
    """What an access unit is encoded with."""

    MP3 = "mp3"
    AAC = "aac"


@dataclass(frozen=True, slots=True)
class Track:
    """What a decoder must know before the first frame.

    `sample_rate` is in Hz and counts what `Frame.samples` counts. For HE-AAC both are those of
    the AAC core (22,050 Hz and 1,024 samples where 44,100 Hz comes out of the loudspeaker), as in
    ADTS and in MPEG-TS, so that durations are exact without knowing of SBR.

    `config` is the AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1) of AAC, empty for MP3.
    """

    codec: Codec
    sample_rate: int
    channels: int
    frame_samples: int
    config: bytes = b""


@dataclass(slots=True)
class Frame:
    """One access unit, in the form that frames itself on a plain byte stream.

    `data` is a whole MP3 frame, or an ADTS frame for AAC; the bare access unit is
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
