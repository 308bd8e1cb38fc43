import pytest
from hypothesis import given
from hypothesis import strategies as st

from awazpulse.audio import MalformedAudio
from awazpulse.audio.bits import BitReader
from awazpulse.audio.program_config import (
    ProgramConfig,
    find_program_config,
    read_program_config,
)
from tests.awazpulse.audio.program_configs import bits_of, pack


def read(bits: str, before: str = "", comment: bytes = b"") -> ProgramConfig:
    reader = BitReader(pack(before + bits) + bytes([len(comment)]) + comment, "it")
    reader.read(len(before))
    return read_program_config(reader)


@pytest.mark.parametrize(
    ("layout", "channels", "standard"),
    [
        (("S", "", "", 0), 1, 1),
        (("P", "", "", 0), 2, 2),
        (("SP", "", "", 0), 3, 3),
        (("SP", "", "S", 0), 4, 4),
        (("SP", "", "P", 0), 5, 5),
        (("SP", "P", "", 0), 5, 5),
        (("SP", "", "P", 1), 6, 6),
        (("SP", "P", "", 1), 6, 6),
        (("SPP", "", "P", 1), 8, 7),
        (("SS", "", "", 0), 2, 0),  # two languages
        (("P", "", "P", 0), 4, 0),  # quadrophony
        (
            ("SP", "P", "P", 1),
            8,
            0,
        ),  # 7.1 with speakers at the sides: configuration 7 has them in front
        (("PPPPPPPP", "", "", 3), 19, 0),
    ],
)
def test_a_layout_has_so_many_channels_and_maybe_a_standard_configuration(
    layout: tuple[str, str, str, int], channels: int, standard: int
) -> None:
    config = read(bits_of(layout))
    assert (config.channels, config.channel_configuration) == (channels, standard)


def test_mixdowns_data_and_coupling_channels_change_nothing() -> None:
    config = read(bits_of(("SP", "", "P", 1), mixdowns=True, data=3, coupling=2))
    assert (config.channels, config.channel_configuration) == (6, 6)


def test_one_without_channels_is_malformed() -> None:
    with pytest.raises(MalformedAudio, match="without channels"):
        read(bits_of(("", "", "", 0), data=2))


LAYOUTS = st.tuples(*[st.text("SP", max_size=15)] * 3, st.integers(0, 3)).filter(any)


@given(LAYOUTS, st.text("01", max_size=20), st.binary(max_size=255), st.text("01", max_size=20))
def test_it_can_be_put_behind_any_other_bits(
    layout: tuple[str, str, str, int], before: str, comment: bytes, other: str
) -> None:
    config = read(bits_of(layout, mixdowns=True), before, comment)
    moved = config.serialize(int(other or "0", 2), len(other))
    assert moved == pack(other + bits_of(layout, mixdowns=True)) + bytes([len(comment)]) + comment
    assert find_program_config(config.serialize_element() + b"audio") == config


def test_one_that_is_cut_off_anywhere_is_none() -> None:
    whole = read(bits_of(("SP", "", "P", 1)), comment=b"by hand").serialize_element()
    assert [find_program_config(whole[:size]) for size in range(len(whole))] == [None] * len(whole)
    assert find_program_config(whole) is not None


@given(st.binary(max_size=40))
def test_random_bytes_are_one_or_none(data: bytes) -> None:
    config = find_program_config(data)
    assert config is None or config.channels > 0
