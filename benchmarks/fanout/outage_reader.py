"""A listener whose station loses its source now and then: each frame is checked. No I/O.

Between two frames of the source there may be others, which stand in for it. The source's frames must all
come, in their order; only the first ones behind a gap may be muted, for they refer to what listeners did
not get (ISO/IEC 11172-3 §2.4.2.7): a muted one has an empty side
information.
"""

from typing import ClassVar

from awazpulse.audio.mpeg_audio import HEADER_BYTES, parse_header

from .audio import FRAME_S, Reference
from .reader import Reader

SIDE_INFO_BYTES = 32  # of MPEG-1 Layer III in stereo
MAX_MUTED_FRAMES = 16  # behind one gap
_MAX_KNOWN = 4096  # verdicts: listeners in step are sent the same pieces

# What a piece comes to: the position behind it, what is left of it, and stand-ins and muted frames in it.
Verdict = tuple[int, bytes, int, int]


class WrongAudio(Exception):
    """Neither the source's next frame nor a stand-in."""


class OutageReader(Reader):
    """A listener that stays through outages, and asked for no metadata."""

    __slots__ = ("carry", "muted", "stand_in_frames")

    _known: ClassVar[dict[tuple[int, bytes], Verdict]] = {}

    def __init__(self, reference: Reference, mount: int, group: str, started: float) -> None:
        super().__init__(reference, mount, group, started)
        self.carry = b""  # the beginning of a frame that stands in, or may
        self.stand_in_frames = 0
        self.muted = 0

    @property
    def stand_in_s(self) -> float:
        """How much of what was heard stood in for the source."""
        return self.stand_in_frames * FRAME_S

    def check(self, data: memoryview) -> None:
        """Compare audio with what must follow, or may stand in."""
        self.audio_bytes += len(data)
        if not self.carry and self.reference.data.startswith(data, self.position):
            self.position += len(data)
            return
        piece = self.carry + bytes(data)
        key = (self.position, piece)
        try:
            verdict = self._known.get(key) or judge(self.reference, self.position, piece)
        except WrongAudio as error:
            self.fault = str(error)
            return
        if len(self._known) < _MAX_KNOWN:
            self._known[key] = verdict
        self.position, self.carry, stand_ins, muted = verdict
        self.stand_in_frames += stand_ins
        self.muted += muted


def judge(reference: Reference, position: int, piece: bytes) -> Verdict:
    """Take a piece apart, which begins at a frame or within one of the source's. Raises `WrongAudio`."""
    at = stand_ins = muted = 0
    starts = reference.starts
    index = reference.frame_of(position, 0)
    while at < len(piece):
        rest = starts[index + 1] - position
        if reference.data.startswith(piece[at : at + rest], position):
            taken = min(rest, len(piece) - at)
            position += taken
            at += taken
            index += position == starts[index + 1]
            continue
        if position != starts[index]:
            raise WrongAudio(f"wrong audio within the frame at byte {starts[index]}")
        if len(piece) - at < HEADER_BYTES:
            break
        header = parse_header(piece, at)
        if header is None:
            raise WrongAudio(f"no frame behind byte {position}")
        if len(piece) - at < header.size:
            break
        frame = piece[at : at + header.size]
        if not any(frame[HEADER_BYTES:]):
            stand_ins += 1
        elif is_like(reference, index, frame):
            muted += 1
            index += 1
            position = starts[index]
        else:
            raise WrongAudio(f"a frame behind byte {position} that nobody has sent")
        at += header.size
    return position, piece[at:], stand_ins, muted


def is_like(reference: Reference, index: int, frame: bytes) -> bool:
    """Whether this is the source's frame of this number, muted: all of it but for the side information."""
    sent = reference.data[reference.starts[index] : reference.starts[index + 1]]
    kept = HEADER_BYTES + SIDE_INFO_BYTES
    return frame[:HEADER_BYTES] == sent[:HEADER_BYTES] and frame[kept:] == sent[kept:]
