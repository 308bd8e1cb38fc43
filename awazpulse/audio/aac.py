"""AAC's decoder configuration and its ADTS framing. No I/O.

AudioSpecificConfig: ISO/IEC 14496-3 §1.6.2.1. ADTS: ISO/IEC 13818-7 §6.2, 14496-3 §1.A.3.2.
RTMP and MP4 carry the configuration once and bare access units; Icecast and MPEG-TS repeat a
seven-byte ADTS header in front of each.
"""

from dataclasses import dataclass

from .bits import BitReader
from .errors import MalformedAudio, UnsupportedAudio
from .frame import Codec, Track
from .program_config import ProgramConfig, find_program_config, read_program_config
from .splitter import Buffer, FrameSplitter, Framing, Header

SAMPLE_RATES = (
    96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350,
)  # fmt: skip  # the standard's table, in its order (14496-3 table 1.18)
CHANNELS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 8}  # channelConfiguration -> channels
FRAME_SAMPLES = 1024
ADTS_HEADER_BYTES = 7
ADTS_HEADER_WITH_CRC_BYTES = 9
MAX_ADTS_FRAME_BYTES = 8191  # frame_length has 13 bits

_EXPLICIT_RATE = 15
_ESCAPED_OBJECT_TYPE = 31
_SBR, _PS = 5, 29
_UNTOLD = (
    2  # channel configuration 0 without a description: two languages, as Japan's television has
)
_MAX_ADTS_OBJECT_TYPE = 4  # the header's profile has two bits: object types 1 to 4


@dataclass(frozen=True, slots=True)
class _Config:
    """What an AudioSpecificConfig says of the AAC core; `program` describes configuration 0."""

    object_type: int
    sample_rate: int
    channel_configuration: int
    is_960: bool  # samples a frame
    program: ProgramConfig | None


def _parse_config(config: bytes) -> _Config:
    bits = BitReader(config, "AudioSpecificConfig")
    object_type = _read_object_type(bits)
    sample_rate = _read_sample_rate(bits)
    channel_configuration = bits.read(4)
    if object_type in (_SBR, _PS):
        _read_sample_rate(bits)  # the extension's rate: the core's is the one that counts
        object_type = _read_object_type(bits)
    if not 1 <= object_type <= _MAX_ADTS_OBJECT_TYPE:
        raise UnsupportedAudio(f"got AAC object type {object_type}, expected 1 to 4 (AAC-LC is 2)")
    is_960 = bool(bits.read(1))
    program = None
    if channel_configuration == 0:
        if bits.read(1):  # dependsOnCoreCoder
            bits.read(14)
        bits.read(1)  # extensionFlag: says nothing for these object types
        program = read_program_config(bits)
    return _Config(object_type, sample_rate, channel_configuration, is_960, program)


def _read_object_type(bits: BitReader) -> int:
    object_type = bits.read(5)
    return 32 + bits.read(6) if object_type == _ESCAPED_OBJECT_TYPE else object_type


def _read_sample_rate(bits: BitReader) -> int:
    index = bits.read(4)
    if index == _EXPLICIT_RATE:
        return bits.read(24)
    if index >= len(SAMPLE_RATES):
        raise MalformedAudio(f"got AAC sampling frequency index {index}, expected 0 to 12")
    return SAMPLE_RATES[index]


def parse_audio_specific_config(config: bytes) -> Track:
    """Return the track that an AudioSpecificConfig describes, with `config` kept as it came.

    Raises `MalformedAudio` when it is truncated or reserved, `UnsupportedAudio` when ADTS could
    not carry it (object types above 4, a rate outside the table, frames of 960 samples).
    """
    parsed = _parse_config(config)
    if parsed.sample_rate not in SAMPLE_RATES:
        raise UnsupportedAudio(
            f"got an AAC sample rate of {parsed.sample_rate} Hz, expected a standard one"
        )
    if parsed.is_960:
        raise UnsupportedAudio("got AAC frames of 960 samples, expected 1024: ADTS knows no others")
    if parsed.program is not None:
        channels = parsed.program.channels
    elif parsed.channel_configuration in CHANNELS:
        channels = CHANNELS[parsed.channel_configuration]
    else:
        raise UnsupportedAudio(
            f"got AAC channel configuration {parsed.channel_configuration}, expected 0 to 7"
        )
    return Track(Codec.AAC, parsed.sample_rate, channels, FRAME_SAMPLES, bytes(config))


def serialize_audio_specific_config(object_type: int, rate_index: int, channels: int) -> bytes:
    """Return the two bytes that say what an ADTS header says; all three as in that header."""
    return (object_type << 11 | rate_index << 7 | channels << 3).to_bytes(2, "big")


class AdtsFramer:
    """Puts the ADTS header of one track in front of bare access units.

    Channels that no standard configuration stands for are described in each unit: its program
    config element is put first (ISO/IEC 14496-3 §1.A.3.2.2.1), for a listener may join at any.
    """

    def __init__(self, track: Track) -> None:
        config = _parse_config(track.config)
        program, channel_configuration = config.program, config.channel_configuration
        self._program = b""
        if program is not None:
            channel_configuration = program.channel_configuration
            self._program = b"" if channel_configuration else program.serialize_element()
        rate_index = SAMPLE_RATES.index(config.sample_rate)
        # 56 bits: syncword, MPEG-4, layer 0, no CRC, profile, rate, channels, frame_length (13),
        # buffer fullness 0x7FF (variable rate), one raw data block.
        self._header = (
            0xFFF1 << 40
            | (config.object_type - 1) << 38
            | rate_index << 34
            | channel_configuration << 30
            | 0x7FF << 2
        )

    def frame(self, access_unit: bytes) -> bytes:
        """Return the access unit with its header; `MalformedAudio` if its length has no place."""
        size = ADTS_HEADER_BYTES + len(self._program) + len(access_unit)
        if size > MAX_ADTS_FRAME_BYTES:
            raise MalformedAudio(
                f"got an AAC access unit of {len(access_unit)} bytes, expected at most"
                f" {MAX_ADTS_FRAME_BYTES - ADTS_HEADER_BYTES - len(self._program)}"
            )
        header = (self._header | size << 13).to_bytes(ADTS_HEADER_BYTES, "big")
        return header + self._program + access_unit


def parse_adts_header(data: Buffer, at: int) -> Header | None:
    """Return what the seven bytes at `at` say, or None if they are no ADTS header."""
    second, third, fourth = data[at + 1], data[at + 2], data[at + 3]
    if data[at] != 0xFF or second & 0xF6 != 0xF0:
        return None
    header_bytes = ADTS_HEADER_BYTES if second & 1 else ADTS_HEADER_WITH_CRC_BYTES
    size = (fourth & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
    if third >> 2 & 0xF >= len(SAMPLE_RATES) or size <= header_bytes:
        return None
    blocks = 1 + (data[at + 6] & 3)
    identity = (third & 0xFD) << 2 | fourth >> 6  # profile, rate, channels; no private bits
    return Header(identity, size, blocks * FRAME_SAMPLES, header_bytes)


def parse_adts_track(frame: Buffer) -> Track:
    """Return the track that a whole ADTS frame, or one with a channel configuration, describes."""
    object_type, rate_index = (frame[2] >> 6) + 1, frame[2] >> 2 & 0xF
    channel_configuration = (frame[2] & 1) << 2 | frame[3] >> 6
    program = None
    if not channel_configuration:
        program = find_program_config(_first_access_unit(frame))
        channel_configuration = _UNTOLD if program is None else program.channel_configuration
    config = serialize_audio_specific_config(object_type, rate_index, channel_configuration)
    if program is None or channel_configuration:
        channels = CHANNELS[channel_configuration]
    else:
        channels = program.channels
        config = program.serialize(int.from_bytes(config, "big"), 8 * len(config))
    return Track(Codec.AAC, SAMPLE_RATES[rate_index], channels, FRAME_SAMPLES, config)


def _first_access_unit(frame: Buffer) -> bytes:
    """Return what stands behind an ADTS frame's header and, with a CRC, its table of blocks."""
    start = ADTS_HEADER_BYTES if frame[1] & 1 else ADTS_HEADER_WITH_CRC_BYTES + 2 * (frame[6] & 3)
    return bytes(frame[start:])


ADTS = Framing("AAC (ADTS)", ADTS_HEADER_BYTES, parse_adts_header, parse_adts_track)


def adts_splitter() -> FrameSplitter:
    """Return a splitter for a byte stream of ADTS frames alone."""
    return FrameSplitter(ADTS)
