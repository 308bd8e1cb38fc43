"""MPEG-1, 2 and 2.5 Layer III frames (MP3). No I/O.

Header: ISO/IEC 11172-3 §2.4.1.3 and §2.4.2.3, 13818-3 §2.4.1.3; MPEG 2.5 halves MPEG-2's rates.
Free-format frames (bitrate index 0) carry no length and count as no header.
"""

from struct import Struct

from .frame import Codec, Track
from .splitter import Buffer, FrameSplitter, Header

HEADER_BYTES = 4
_MPEG_1, _MPEG_2, _MPEG_2_5 = 3, 2, 0
_LAYER_III = 1
_MONO = 3

_KBITS_MPEG_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBITS_MPEG_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_SAMPLE_RATES = {
    _MPEG_1: (44100, 48000, 32000),
    _MPEG_2: (22050, 24000, 16000),
    _MPEG_2_5: (11025, 12000, 8000),
}


def _describe(second: int, third: int) -> Header | None:
    """Return what the second and third byte of a header say."""
    version = second >> 3 & 3
    bitrate_index, rate_index = third >> 4, third >> 2 & 3
    if second >> 1 & 3 != _LAYER_III or version == 1 or rate_index == 3 or bitrate_index in (0, 15):
        return None
    sample_rate = _SAMPLE_RATES[version][rate_index]
    if version == _MPEG_1:
        kbits, samples = _KBITS_MPEG_1[bitrate_index], 1152
    else:
        kbits, samples = _KBITS_MPEG_2[bitrate_index], 576
    size = samples * kbits * 125 // sample_rate + (third >> 1 & 1)
    # Version, layer and rate make the track; the channel mode may change from frame to frame
    # (joint stereo does), the CRC bit and the bitrate too.
    return Header((second & 0xFE) << 8 | third & 0x0C, size, samples, 0)


# All 252 headers by their first three bytes; the CRC bit, the private bit and the fourth byte say nothing
# about the frame's length. A look-up is a fifth of what parsing each frame's header costs.
_HEADERS = {
    0xFF << 16 | second << 8 | third: header
    for second in range(0xE0, 0x100, 2)
    for third in range(0, 0x100, 2)
    if (header := _describe(second, third)) is not None
}
_HEADER_MASK = 0xFFFEFE
_read_word = Struct(">I").unpack_from


def parse_header(data: Buffer, at: int) -> Header | None:
    """Return what the four bytes at `at` say, or None if they are no Layer III header."""
    (word,) = _read_word(data, at)
    return _HEADERS.get(word >> 8 & _HEADER_MASK)


def parse_track(header: Buffer) -> Track:
    """Return the track that a valid header describes."""
    version = header[1] >> 3 & 3
    return Track(
        Codec.MP3,
        _SAMPLE_RATES[version][header[2] >> 2 & 3],
        1 if header[3] >> 6 == _MONO else 2,
        1152 if version == _MPEG_1 else 576,
    )


def mp3_splitter() -> FrameSplitter:
    """Return a splitter for a byte stream of MP3 frames (`audio/mpeg`)."""
    return FrameSplitter("MP3", HEADER_BYTES, parse_header, parse_track)
