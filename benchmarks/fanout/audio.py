"""The audio of the listener benchmarks: MP3 frames of 128 kbit/s, none like another.

All mounts play one byte sequence, the reference, each from a frame of its own: what a listener
receives is checked against it byte by byte, so a frame that is lost, doubled, out of order or from
another mount is seen.
"""

import random
from array import array
from bisect import bisect_right
from itertools import accumulate

BITRATE = 128_000
SAMPLE_RATE = 44_100
FRAME_SAMPLES = 1152
FRAME_S = FRAME_SAMPLES / SAMPLE_RATE
BYTES_PER_SECOND = BITRATE // 8
PREFILL_FRAMES = 170  # 4.4 s: a source that has just come on air has a whole burst to give
MOUNT_OFFSET_FRAMES = 7  # between the beginnings of two mounts

_HEADER = b"\xff\xfb\x90\x64"  # MPEG-1 Layer III, 128 kbit/s, 44.1 kHz, joint stereo
_PADDED_HEADER = b"\xff\xfb\x92\x64"
_FRAME_BYTES = 417
_NO_SYNC = bytes(range(255)) + b"\xfe"  # no byte of the payload looks like a frame's beginning


class Reference:
    """The first `frames` frames: `data`, and where each begins in `starts` (one more than there are)."""

    def __init__(self, frames: int) -> None:
        noise = random.Random(frames)
        pieces = []
        for number in range(frames):
            # The bytes that have come to be due: every frame is 417 or 418 (padded) bytes long.
            due = (number + 1) * FRAME_SAMPLES * BITRATE // 8 // SAMPLE_RATE
            size = due - number * FRAME_SAMPLES * BITRATE // 8 // SAMPLE_RATE
            header = _HEADER if size == _FRAME_BYTES else _PADDED_HEADER
            pieces.append(header + noise.randbytes(size - len(header)).translate(_NO_SYNC))
        self.data = b"".join(pieces)
        self.starts = array("l", accumulate((len(piece) for piece in pieces), initial=0))

    def frame_of(self, position: int, mount: int) -> int:
        """Return which of a mount's frames, counted from its own first, holds a byte."""
        return bisect_right(self.starts, position) - 1 - mount * MOUNT_OFFSET_FRAMES


def frames_needed(mounts: int, seconds: float) -> int:
    """Return how long a reference must be for so many mounts to play for so long."""
    return PREFILL_FRAMES + (mounts - 1) * MOUNT_OFFSET_FRAMES + int(seconds / FRAME_S) + 2
