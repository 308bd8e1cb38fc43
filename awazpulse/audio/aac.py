"""AAC's decoder configuration and its ADTS framing. No I/O.

AudioSpecificConfig: ISO/IEC 14496-3 §1.6.2.1. ADTS: ISO/IEC 13818-7 §6.2, 14496-3 §1.A.3.2.
RTMP and MP4 carry the configuration once and bare access units; Icecast and MPEG-TS repeat a
seven-byte ADTS header in front of each.
"""

from .errors import MalformedAudio, UnsupportedAudio
from .frame import Codec, Track
from .splitter import Buffer, FrameSplitter, Header

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
_MAX_ADTS_OBJECT_TYPE = 4  # the header's profile has two bits: object types 1 to 4


class _Bits:
    """Reads an AudioSpecificConfig bit by bit; a read past the end is the peer's fault."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def read(self, count: int) -> int:
        if count > self._left:
            raise MalformedAudio(
                f"AudioSpecificConfig is too short: got {self._left} bits more, expected {count}"
            )
        self._left -= count
        return (self._value >> self._left) & ((1 << count) - 1)

    def read_object_type(self) -> int:
        object_type = self.read(5)
        return 32 + self.read(6) if object_type == _ESCAPED_OBJECT_TYPE else object_type

    def read_sample_rate(self) -> int:
        index = self.read(4)
        if index == _EXPLICIT_RATE:
            return self.read(24)
        if index >= len(SAMPLE_RATES):
            raise MalformedAudio(f"got AAC sampling frequency index {index}, expected 0 to 12")
        return SAMPLE_RATES[index]


def parse_audio_specific_config(config: bytes) -> Track:
    """Return the track that an AudioSpecificConfig describes, with `config` kept as it came.

    Raises `MalformedAudio` when it is truncated or reserved, `UnsupportedAudio` when ADTS could
    not carry it (object types above 4, a rate outside the table, frames of 960 samples).
    """
    bits = _Bits(config)
    object_type = bits.read_object_type()
    sample_rate = bits.read_sample_rate()
    channel_configuration = bits.read(4)
    if object_type in (_SBR, _PS):
        bits.read_sample_rate()  # the extension's rate: the core's is the one that counts
        object_type = bits.read_object_type()
    if not 1 <= object_type <= _MAX_ADTS_OBJECT_TYPE:
        raise UnsupportedAudio(f"got AAC object type {object_type}, expected 1 to 4 (AAC-LC is 2)")
    if sample_rate not in SAMPLE_RATES:
        raise UnsupportedAudio(
            f"got an AAC sample rate of {sample_rate} Hz, expected a standard one"
        )
    if channel_configuration not in CHANNELS:
        raise UnsupportedAudio(
            f"got AAC channel configuration {channel_configuration}, expected 1 to 7"
        )
    if bits.read(1):
        raise UnsupportedAudio("got AAC frames of 960 samples, expected 1024")
    return Track(
        Codec.AAC, sample_rate, CHANNELS[channel_configuration], FRAME_SAMPLES, bytes(config)
    )


def serialize_audio_specific_config(object_type: int, rate_index: int, channels: int) -> bytes:
    """Return the two bytes that say what an ADTS header says; all three as in that header."""
    return (object_type << 11 | rate_index << 7 | channels << 3).to_bytes(2, "big")


class AdtsFramer:
    """Puts the ADTS header of one track in front of bare access units."""

    def __init__(self, track: Track) -> None:
        bits = _Bits(track.config)
        object_type = bits.read_object_type()
        rate_index = SAMPLE_RATES.index(bits.read_sample_rate())
        channel_configuration = bits.read(4)
        if object_type in (_SBR, _PS):
            bits.read_sample_rate()
            object_type = bits.read_object_type()
        # 56 bits: syncword, MPEG-4, layer 0, no CRC, profile, rate, channels, frame_length (13),
        # buffer fullness 0x7FF (variable rate), one raw data block.
        self._header = (
            0xFFF1 << 40
            | (object_type - 1) << 38
            | rate_index << 34
            | channel_configuration << 30
            | 0x7FF << 2
        )

    def frame(self, access_unit: bytes) -> bytes:
        """Return the access unit with its header; `MalformedAudio` if its length has no place."""
        size = len(access_unit) + ADTS_HEADER_BYTES
        if size > MAX_ADTS_FRAME_BYTES:
            raise MalformedAudio(
                f"got an AAC access unit of {len(access_unit)} bytes, expected at most"
                f" {MAX_ADTS_FRAME_BYTES - ADTS_HEADER_BYTES}"
            )
        return (self._header | size << 13).to_bytes(ADTS_HEADER_BYTES, "big") + access_unit


def parse_adts_header(data: Buffer, at: int) -> Header | None:
    """Return what the seven bytes at `at` say, or None if they are no ADTS header.

    Channel configuration 0 (described inside the audio) is taken as no header: MPEG-TS and
    players want it in the header.
    """
    second, third, fourth = data[at + 1], data[at + 2], data[at + 3]
    if data[at] != 0xFF or second & 0xF6 != 0xF0:
        return None
    rate_index = third >> 2 & 0xF
    channel_configuration = (third & 1) << 2 | fourth >> 6
    header_bytes = ADTS_HEADER_BYTES if second & 1 else ADTS_HEADER_WITH_CRC_BYTES
    size = (fourth & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
    if rate_index >= len(SAMPLE_RATES) or not channel_configuration or size <= header_bytes:
        return None
    blocks = 1 + (data[at + 6] & 3)
    identity = third & 0xFC | channel_configuration  # profile and rate, with the private bits off
    return Header(identity, size, blocks * FRAME_SAMPLES, header_bytes)


def parse_adts_track(header: Buffer) -> Track:
    """Return the track that a valid ADTS header describes."""
    rate_index = header[2] >> 2 & 0xF
    channel_configuration = (header[2] & 1) << 2 | header[3] >> 6
    config = serialize_audio_specific_config(
        (header[2] >> 6) + 1, rate_index, channel_configuration
    )
    return Track(
        Codec.AAC,
        SAMPLE_RATES[rate_index],
        CHANNELS[channel_configuration],
        FRAME_SAMPLES,
        config,
    )


def adts_splitter() -> FrameSplitter:
    """Return a splitter for a byte stream of ADTS frames (`audio/aac`, `audio/aacp`)."""
    return FrameSplitter("ADTS", ADTS_HEADER_BYTES, parse_adts_header, parse_adts_track)
