"""AAC's program_config_element: the channels of audio whose channel configuration is 0. No I/O.

ISO/IEC 14496-3 §4.4.1.1 (table 4.2), 13818-7 §8.5. It stands at the end of an AudioSpecificConfig,
or as the first element of an access unit, and is padded to a whole byte of what it stands in: so it
is kept in two parts, which can be put behind any number of bits.
"""

from dataclasses import dataclass

from .bits import BitReader
from .errors import MalformedAudio

_ID_PCE = 0b101  # id_syn_ele: three bits in front of each element of an access unit
_ID_BITS = 3

# What the standard channel configurations consist of (14496-3 table 1.19): the single (S) and paired (P)
# elements in front, at the sides and at the back, and how many low-frequency ones. The pair of 5.0 and
# 5.1 surround may be said to stand at either place.
_CHANNEL_CONFIGURATIONS = {
    ("S", "", "", 0): 1,
    ("P", "", "", 0): 2,
    ("SP", "", "", 0): 3,
    ("SP", "", "S", 0): 4,
    ("SP", "", "P", 0): 5,
    ("SP", "P", "", 0): 5,
    ("SP", "", "P", 1): 6,
    ("SP", "P", "", 1): 6,
    ("SPP", "", "P", 1): 7,
}


@dataclass(frozen=True, slots=True)
class ProgramConfig:
    """One program_config_element; `bits` are the `bit_count` ones up to its byte alignment."""

    channels: int
    channel_configuration: int  # the standard one with the same elements, or 0
    bits: int
    bit_count: int
    comment: bytes

    def serialize(self, before: int, before_count: int) -> bytes:
        """Return `before_count` bits of `before` with the element behind them, as whole bytes."""
        value, count = before << self.bit_count | self.bits, before_count + self.bit_count
        padding = -count % 8
        head = (value << padding).to_bytes((count + padding) // 8, "big")
        return head + bytes([len(self.comment)]) + self.comment

    def serialize_element(self) -> bytes:
        """Return it as the first element of an access unit, which can follow at once."""
        return self.serialize(_ID_PCE, _ID_BITS)


def read_program_config(reader: BitReader) -> ProgramConfig:
    """Read one behind what has been read. Raises `MalformedAudio` if it is cut off or describes nothing."""
    start = reader.position
    reader.read(10)  # element_instance_tag, object_type, sampling_frequency_index
    front, side, back = reader.read(4), reader.read(4), reader.read(4)
    low, data, coupling = reader.read(2), reader.read(3), reader.read(4)
    for mixdown_bits in (4, 4, 3):  # mono, stereo, matrix
        if reader.read(1):
            reader.read(mixdown_bits)
    elements = [_read_elements(reader, count) for count in (front, side, back)]
    reader.read(4 * low + 4 * data + 5 * coupling)
    bits, bit_count = reader.reread(start), reader.position - start
    reader.align()
    comment = bytes(reader.read(8) for _ in range(reader.read(8)))
    kinds = "".join(elements)
    channels = len(kinds) + kinds.count("P") + low
    if not channels:
        raise MalformedAudio("got an AAC program config without channels, expected one or more")
    layout = (elements[0], elements[1], elements[2], low)
    standard = _CHANNEL_CONFIGURATIONS.get(layout, 0)
    return ProgramConfig(channels, standard, bits, bit_count, comment)


def _read_elements(reader: BitReader, count: int) -> str:
    """Return for each of the elements whether it is a pair of channels (P) or a single one (S)."""
    return "".join("SP"[reader.read(5) >> 4] for _ in range(count))


def find_program_config(access_unit: bytes) -> ProgramConfig | None:
    """Return the one that an access unit begins with, or None if it begins with something else."""
    reader = BitReader(access_unit, "an AAC program config")
    try:
        if reader.read(_ID_BITS) != _ID_PCE:
            return None
        return read_program_config(reader)
    except MalformedAudio:
        return None
