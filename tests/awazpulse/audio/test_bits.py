import pytest

from awazpulse.audio import MalformedAudio
from awazpulse.audio.bits import BitReader


def test_bits_are_read_from_the_most_significant_on_across_bytes() -> None:
    reader = BitReader(bytes([0b1010_0101, 0b1100_0011]), "it")
    assert [reader.read(count) for count in (1, 3, 0, 8, 4)] == [1, 0b010, 0, 0b0101_1100, 0b0011]
    assert reader.position == 16


def test_what_was_read_can_be_had_again_as_one_number() -> None:
    reader = BitReader(b"\xa5\xc3", "it")
    reader.read(3)
    start = reader.position
    reader.read(2)
    reader.read(6)
    assert reader.reread(start) == 0xA5C3 >> 5 & 0xFF


def test_alignment_goes_to_the_next_whole_byte_or_stays() -> None:
    reader = BitReader(b"\xff\x01\x02", "it")
    reader.align()
    assert reader.position == 0
    reader.read(1)
    reader.align()
    assert reader.read(8) == 1
    reader.align()
    assert reader.position == 16


def test_a_read_past_the_end_says_of_what() -> None:
    reader = BitReader(b"\xff", "the thing")
    reader.read(5)
    with pytest.raises(MalformedAudio, match="the thing is too short: got 3 bits more, expected 4"):
        reader.read(4)
