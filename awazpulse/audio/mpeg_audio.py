"""MPEG-1, 2 and 2.5 audio frames of Layer III (MP3) and Layer II (MP2). No I/O.

Header: ISO/IEC 11172-3 §2.4.1.3 and §2.4.2.3, 13818-3 §2.4.1.3; MPEG 2.5 halves MPEG-2's rates.
Layer I and free-format frames (bitrate index 0, which carry no length) count as no header: no
encoder for broadcasting makes them, and players do not play them. They are refused by name.
"""

from struct import Struct

from .errors import UnsupportedAudio
from .frame import Codec, Track
from .splitter import Buffer, FrameSplitter, Framing, Header

HEADER_BYTES = 4
_MPEG_1, _MPEG_2, _MPEG_2_5 = 3, 2, 0
_LAYER_I, _LAYER_II, _LAYER_III = 3, 2, 1
_MONO = 3

_KBITS_MPEG_1 = {
    _LAYER_III: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    _LAYER_II: (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
}
_KBITS_MPEG_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)  # of both layers
_SAMPLE_RATES = {
    _MPEG_1: (44100, 48000, 32000),
    _MPEG_2: (22050, 24000, 16000),
    _MPEG_2_5: (11025, 12000, 8000),
}


def _count_samples(version: int, layer: int) -> int:
    return 576 if layer == _LAYER_III and version != _MPEG_1 else 1152


def _describe(second: int, third: int) -> Header | str | None:
    """Return what the second and third byte of a header say; a name for what is not carried."""
    version, layer = second >> 3 & 3, second >> 1 & 3
    bitrate_index, rate_index = third >> 4, third >> 2 & 3
    if layer == 0 or version == 1 or rate_index == 3 or bitrate_index == 15:
        return None
    if layer == _LAYER_I:
        return "MPEG audio Layer I" if bitrate_index else None
    if bitrate_index == 0:
        return "free-format MPEG audio"
    sample_rate, samples = _SAMPLE_RATES[version][rate_index], _count_samples(version, layer)
    table = _KBITS_MPEG_1[layer] if version == _MPEG_1 else _KBITS_MPEG_2
    size = samples * table[bitrate_index] * 125 // sample_rate + (third >> 1 & 1)
    # Version, layer and rate make the track; the channel mode may change from frame to frame
    # (joint stereo does), the CRC bit and the bitrate too.
    return Header((second & 0xFE) << 8 | third & 0x0C, size, samples, 0)


# All headers by their first three bytes; the CRC bit, the private bit and the fourth byte say nothing
# about the frame's length. A look-up is a fifth of what parsing each frame's header costs.
_DESCRIPTIONS = {
    0xFF << 16 | second << 8 | third: _describe(second, third)
    for second in range(0xE0, 0x100, 2)
    for third in range(0, 0x100, 2)
}
_HEADERS = {word: said for word, said in _DESCRIPTIONS.items() if isinstance(said, Header)}
_NOT_CARRIED = {word: said for word, said in _DESCRIPTIONS.items() if isinstance(said, str)}
_HEADER_MASK = 0xFFFEFE
_read_word = Struct(">I").unpack_from


def parse_header(data: Buffer, at: int) -> Header | None:
    """Return what the four bytes at `at` say, or None if they are no header of Layer II or III."""
    (word,) = _read_word(data, at)
    return _HEADERS.get(word >> 8 & _HEADER_MASK)


def parse_track(header: Buffer) -> Track:
    """Return the track that a valid header, or a frame with one, describes."""
    version, layer = header[1] >> 3 & 3, header[1] >> 1 & 3
    return Track(
        Codec.MP3 if layer == _LAYER_III else Codec.MP2,
        _SAMPLE_RATES[version][header[2] >> 2 & 3],
        1 if header[3] >> 6 == _MONO else 2,
        _count_samples(version, layer),
    )


# Frames that are not carried, or whose length is not told, are known by their distance.
_MIN_DISTANCE_BYTES = 24  # of MP3 frames at 8 kbit/s
MAX_DISTANCE_BYTES = 4096  # LAME's free format at 640 kbit/s has 2,880 at 32 kHz
_EQUAL_DISTANCES = 3  # in a row: false headers inside junk rarely have that
_SLOTS_BYTES = (0, 1, -1, 4, -4)  # by which padding makes a distance longer or shorter


def check_carried(data: bytes, at: int) -> bool | None:
    """Return True if the four bytes at `at` begin nothing that is refused; None needs more data.

    Raises `UnsupportedAudio` if frames of Layer I or of free format follow each other there.
    """
    (word,) = _read_word(data, at)
    name = _NOT_CARRIED.get(word >> 8 & _HEADER_MASK)
    if name is None:
        return True
    first = _find_like(data, at, range(_MIN_DISTANCE_BYTES, MAX_DISTANCE_BYTES + 1))
    if first is None:
        return None if len(data) - at < MAX_DISTANCE_BYTES + HEADER_BYTES else True
    distance = last = first
    for _ in range(_EQUAL_DISTANCES - 1):
        if len(data) - at < last + distance + max(_SLOTS_BYTES) + HEADER_BYTES:
            return None
        following = [last + distance + slot for slot in _SLOTS_BYTES]
        found = next((offset for offset in following if _are_alike(data, at, at + offset)), None)
        if found is None:
            return True
        last = found
    raise UnsupportedAudio(f"got {name}, expected MP3 or MP2 with a bitrate in its headers")


def _find_like(data: bytes, at: int, offsets: range) -> int | None:
    """Return the first offset at which a header like that at `at` stands."""
    mark, end = data[at : at + 2], at + offsets.stop + 1
    found = data.find(mark, at + offsets.start, end)
    while found >= 0:
        if found + 3 <= len(data) and _are_alike(data, at, found):
            return found - at
        found = data.find(mark, found + 1, end)
    return None


def _are_alike(data: bytes, one: int, other: int) -> bool:
    """Say whether two headers differ in no more than padding and what says nothing of the length."""
    same_words = data[one : one + 2] == data[other : other + 2]
    return same_words and data[one + 2] & 0xFC == data[other + 2] & 0xFC


MPEG_AUDIO = Framing("MP3", HEADER_BYTES, parse_header, parse_track, check_carried)


def mp3_splitter() -> FrameSplitter:
    """Return a splitter for a byte stream of MPEG audio frames alone."""
    return FrameSplitter(MPEG_AUDIO)
