"""Mends a Layer III stream that continues in its middle, behind silence or another source. No I/O.

A frame's main data may begin in the bodies of earlier frames, up to 511 bytes back (`main_data_begin`, the
bit reservoir: ISO/IEC 11172-3 §2.4.2.7, §2.4.3.4.3). Behind a seam the decoder has other bytes there, and plays
them as noise or complains. Dropping such frames would shift the time; muting them keeps it: the side
information says that there is nothing to decode, the body stays, for the frames behind refer to it.

Main data stands in the order of the frames. So once a frame's begins behind the seam, all later ones do,
and nothing more needs mending.
"""

from .mpeg_audio import HEADER_BYTES

_MPEG_1 = 3
_MONO = 3
_CRC_BYTES = 2
_CRC_POLYNOMIAL = 0x8005
_CRC_START = 0xFFFF


def measure_side_info(frame: bytes) -> tuple[int, int, int]:
    """Return where a Layer III frame's side information begins and ends, and its main_data_begin."""
    begin = HEADER_BYTES + (0 if frame[1] & 1 else _CRC_BYTES)
    is_mono = frame[3] >> 6 == _MONO
    if frame[1] >> 3 & 3 == _MPEG_1:
        return begin, begin + (17 if is_mono else 32), frame[begin] << 1 | frame[begin + 1] >> 7
    return begin, begin + (9 if is_mono else 17), frame[begin]


class ReservoirSeam:
    """Takes the frames behind one seam, in order; `is_done` once the rest needs no look any more."""

    def __init__(self) -> None:
        self.is_done = False
        self._available_bytes = 0  # of main data since the seam

    def mend(self, frame: bytes) -> bytes:
        """Return the frame as it is, or muted if it refers to what stands before the seam.

        Same size, same duration. A frame too short for its side information is not touched.
        """
        if self.is_done or len(frame) < HEADER_BYTES + _CRC_BYTES:
            return frame
        begin, end, main_data_begin = measure_side_info(frame)
        if len(frame) < end:
            return frame
        if main_data_begin <= self._available_bytes:
            self.is_done = True
            return frame
        # Not 0: decoders keep what is in reach of the frame before, and of a short frame's reach only
        # its own body would be left.
        muted = _mute(frame, begin, end, self._available_bytes)
        self._available_bytes += len(frame) - end
        return muted


def _mute(frame: bytes, begin: int, end: int, main_data_begin: int) -> bytes:
    bits = 9 if frame[1] >> 3 & 3 == _MPEG_1 else 8
    side_info_bytes = end - begin
    side_info = (main_data_begin << (8 * side_info_bytes - bits)).to_bytes(side_info_bytes, "big")
    crc = b"" if frame[1] & 1 else compute_crc(frame[2:HEADER_BYTES] + side_info).to_bytes(2, "big")
    return frame[:HEADER_BYTES] + crc + side_info + frame[end:]


def compute_crc(protected: bytes) -> int:
    """Return the CRC-16 of ISO/IEC 11172-3 §2.4.3.1: the header's last two bytes, then the side information."""
    crc = _CRC_START
    for byte in protected:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ (_CRC_POLYNOMIAL if crc & 0x8000 else 0)) & 0xFFFF
    return crc
