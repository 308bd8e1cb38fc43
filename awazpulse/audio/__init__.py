"""Audio as values: tracks, frames and the bit parsing that finds them. No I/O, no asyncio.

Everything that comes in is turned into `Frame`s of a `Track`, everything that goes out is made
from them; a protocol knows only its own side of that conversion.
"""

from .errors import AudioError, MalformedAudio, UnsupportedAudio
from .frame import Codec, Frame, FrameRun, Track, join_frames, measure_frames

__all__ = [
    "AudioError",
    "Codec",
    "Frame",
    "FrameRun",
    "MalformedAudio",
    "Track",
    "UnsupportedAudio",
    "join_frames",
    "measure_frames",
]
