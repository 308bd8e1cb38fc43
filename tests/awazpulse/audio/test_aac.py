import pytest
from hypothesis import given
from hypothesis import strategies as st

from awazpulse.audio import AudioError, Codec, MalformedAudio, Track, UnsupportedAudio
from awazpulse.audio.aac import (
    MAX_ADTS_FRAME_BYTES,
    SAMPLE_RATES,
    AdtsFramer,
    parse_adts_header,
    parse_adts_track,
    parse_audio_specific_config,
)
from tests.audio import encode_tone, split_frames


def test_config_of_aac_lc_stereo_at_44100() -> None:
    track = parse_audio_specific_config(bytes.fromhex("1210"))
    assert track == Track(Codec.AAC, 44_100, 2, 1024, bytes.fromhex("1210"))


def test_config_with_trailing_sync_extension_as_obs_sends_it() -> None:
    track = parse_audio_specific_config(bytes.fromhex("121056e500"))
    assert (track.sample_rate, track.channels) == (44_100, 2)
    assert track.config == bytes.fromhex("121056e500")


def test_config_of_he_aac_tells_the_core_rate() -> None:
    # object type 5, 22,050 Hz, stereo, extension 44,100 Hz, core object type 2
    bits = f"{5:05b}{7:04b}{2:04b}{4:04b}{2:05b}{0:03b}"
    config = int(bits.ljust(32, "0"), 2).to_bytes(4, "big")
    assert parse_audio_specific_config(config).sample_rate == 22_050


def test_config_with_an_explicit_rate_of_the_table_is_that_rate() -> None:
    bits = f"{2:05b}{15:04b}{48_000:024b}{2:04b}{0:03b}"
    config = int(bits.ljust(40, "0"), 2).to_bytes(5, "big")
    track = parse_audio_specific_config(config)
    assert track.sample_rate == 48_000
    header = parse_adts_header(AdtsFramer(track).frame(b"x"), 0)
    assert header is not None
    assert parse_adts_track(AdtsFramer(track).frame(b"x")).sample_rate == 48_000


@pytest.mark.parametrize(
    ("bits", "error", "message"),
    [
        (f"{2:05b}{4:04b}", MalformedAudio, "too short"),
        (f"{2:05b}{13:04b}{2:04b}000", MalformedAudio, "frequency index 13"),
        (f"{31:05b}{10:06b}{4:04b}{2:04b}000", UnsupportedAudio, "object type 42"),
        (f"{2:05b}{15:04b}{44_000:024b}{2:04b}000", UnsupportedAudio, "44000 Hz"),
        (f"{2:05b}{4:04b}{0:04b}000", UnsupportedAudio, "channel configuration 0"),
        (f"{2:05b}{4:04b}{2:04b}100", UnsupportedAudio, "960 samples"),
    ],
)
def test_configs_that_cannot_be_carried_say_why(
    bits: str, error: type[AudioError], message: str
) -> None:
    padded = bits.ljust((len(bits) + 7) // 8 * 8, "0")
    if error is MalformedAudio and "short" in message:
        padded = bits[:8]
    with pytest.raises(error, match=message):
        parse_audio_specific_config(int(padded, 2).to_bytes(len(padded) // 8, "big"))


@given(st.binary(max_size=12))
def test_random_configs_are_parsed_or_refused(config: bytes) -> None:
    try:
        track = parse_audio_specific_config(config)
    except AudioError:
        return
    framed = AdtsFramer(track).frame(b"unit")
    assert parse_adts_track(framed).sample_rate == track.sample_rate
    assert parse_adts_track(framed).channels == track.channels


@given(
    st.sampled_from(SAMPLE_RATES),
    st.integers(1, 7),
    st.integers(1, 4),
    st.binary(min_size=1, max_size=2000),
)
def test_a_framed_access_unit_parses_back(
    rate: int, channels: int, object_type: int, unit: bytes
) -> None:
    config = (object_type << 11 | SAMPLE_RATES.index(rate) << 7 | channels << 3).to_bytes(2, "big")
    framed = AdtsFramer(parse_audio_specific_config(config)).frame(unit)
    header = parse_adts_header(framed, 0)
    assert header is not None
    assert (header.size, header.samples, framed[header.header_bytes :]) == (
        len(framed),
        1024,
        unit,
    )
    assert parse_adts_track(framed).config == config


def test_an_access_unit_at_the_limit_is_framed_and_one_byte_more_is_not() -> None:
    framer = AdtsFramer(parse_audio_specific_config(bytes.fromhex("1210")))
    assert len(framer.frame(bytes(MAX_ADTS_FRAME_BYTES - 7))) == MAX_ADTS_FRAME_BYTES
    with pytest.raises(MalformedAudio, match="got an AAC access unit of 8185 bytes"):
        framer.frame(bytes(MAX_ADTS_FRAME_BYTES - 6))


def test_our_header_is_the_one_that_ffmpeg_writes() -> None:
    for frame in split_frames(encode_tone("aac", 1), "aac"):
        framer = AdtsFramer(parse_adts_track(frame))
        assert framer.frame(frame[7:]) == frame


@pytest.mark.parametrize(
    "header",
    [
        "fff9508000fffc",  # a frame of 7 bytes in which no audio is
        "fff85080011ffc",  # shorter than its own header, which has a CRC
        "fff7508003fffc",  # layer 3: this is MPEG audio
        "fff97c8003fffc",  # rate index 15
        "fff9500003fffc",  # channel configuration 0
        "00f9508003fffc",
    ],
)
def test_what_is_no_adts_header(header: str) -> None:
    assert parse_adts_header(bytes.fromhex(header), 0) is None
