import io

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from awazpulse.audio import AudioError, Codec, FrameRun, MalformedAudio, Track, UnsupportedAudio
from awazpulse.audio.aac import (
    MAX_ADTS_FRAME_BYTES,
    SAMPLE_RATES,
    AdtsFramer,
    parse_adts_header,
    parse_adts_track,
    parse_audio_specific_config,
    serialize_audio_specific_config,
)
from awazpulse.audio.detect import audio_splitter
from tests.audio import encode_tone, split_frames
from tests.awazpulse.audio.program_configs import bits_of, pack


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
        (f"{2:05b}{4:03b}", MalformedAudio, "too short"),
        (f"{2:05b}{13:04b}{2:04b}000", MalformedAudio, "frequency index 13"),
        (f"{31:05b}{10:06b}{4:04b}{2:04b}000", UnsupportedAudio, "object type 42"),
        (f"{2:05b}{15:04b}{44_000:024b}{2:04b}000", UnsupportedAudio, "44000 Hz"),
        (f"{2:05b}{4:04b}{8:04b}000", UnsupportedAudio, "channel configuration 8, expected 0 to 7"),
        (f"{2:05b}{4:04b}{2:04b}100", UnsupportedAudio, "960 samples, expected 1024: ADTS"),
        (f"{2:05b}{4:04b}{0:04b}000", MalformedAudio, "too short"),
        (f"{2:05b}{4:04b}{0:04b}000{0:048b}", MalformedAudio, "without channels"),
    ],
)
def test_configs_that_cannot_be_carried_say_why(
    bits: str, error: type[AudioError], message: str
) -> None:
    with pytest.raises(error, match=message):
        parse_audio_specific_config(pack(bits))


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
        "00f9508003fffc",
    ],
)
def test_what_is_no_adts_header(header: str) -> None:
    assert parse_adts_header(bytes.fromhex(header), 0) is None


def test_tracks_that_differ_in_rate_or_channels_alone_differ_in_identity() -> None:
    identities = set()
    for rate_index in range(len(SAMPLE_RATES)):
        for channels in range(8):
            config = serialize_audio_specific_config(2, rate_index, channels or 1)
            framed = bytearray(AdtsFramer(parse_audio_specific_config(config)).frame(b"unit"))
            framed[2] = framed[2] & 0xFE | channels >> 2
            framed[3] = framed[3] & 0x3F | (channels & 3) << 6
            header = parse_adts_header(framed, 0)
            assert header is not None
            identities.add(header.identity)
    assert len(identities) == 8 * len(SAMPLE_RATES)


# Channel configuration 0: the channels are described by a program config element.

QUAD = ("P", "", "P", 0)


def config_of(layout: tuple[str, str, str, int], *, core_coder: bool = False) -> bytes:
    coder = f"1{0:014b}" if core_coder else "0"
    return pack(f"{2:05b}{4:04b}{0:04b}0{coder}0{bits_of(layout)}") + b"\0"


@pytest.mark.parametrize(
    ("layout", "standard", "channels"),
    [
        (("S", "", "", 0), 1, 1),
        (("P", "", "", 0), 2, 2),
        (("SP", "", "", 0), 3, 3),
        (("SP", "", "P", 1), 6, 6),
        (("SPP", "", "P", 1), 7, 8),
    ],
)
@pytest.mark.parametrize("core_coder", [False, True])
def test_a_config_that_describes_a_standard_layout_is_framed_as_that(
    layout: tuple[str, str, str, int], standard: int, channels: int, core_coder: bool
) -> None:
    config = config_of(layout, core_coder=core_coder)
    track = parse_audio_specific_config(config)
    assert track == Track(Codec.AAC, 44_100, channels, 1024, config)
    framed = AdtsFramer(track).frame(b"unit")
    assert framed[7:] == b"unit"
    assert parse_adts_track(framed).config == serialize_audio_specific_config(2, 4, standard)


def test_a_layout_without_a_standard_one_is_described_in_each_access_unit() -> None:
    track = parse_audio_specific_config(config_of(QUAD))
    assert track.channels == 4
    framed = AdtsFramer(track).frame(b"unit")
    assert framed[7:] == pack(f"{5:03b}{bits_of(QUAD)}") + b"\0unit"
    parsed = parse_adts_track(framed)
    assert (parsed.channels, parsed.config) == (4, config_of(QUAD))


def test_a_described_access_unit_at_the_limit_is_framed_and_one_byte_more_is_not() -> None:
    framer = AdtsFramer(parse_audio_specific_config(config_of(QUAD)))
    room = MAX_ADTS_FRAME_BYTES - len(framer.frame(b""))
    assert len(framer.frame(bytes(room))) == MAX_ADTS_FRAME_BYTES
    with pytest.raises(MalformedAudio, match=f"{room + 1} bytes, expected at most {room}$"):
        framer.frame(bytes(room + 1))


@pytest.mark.parametrize(
    ("layout", "channels"), [("quad", 4), ("6.1", 7), ("hexagonal", 6), ("2.1", 3)]
)
def test_adts_that_ffmpeg_describes_itself_is_a_track_and_untouched(
    layout: str, channels: int
) -> None:
    tone = encode_tone("aac", 1, layout=layout, bitrate_kbps=256)
    track, *runs = audio_splitter().receive_data(tone)
    assert isinstance(track, Track)
    assert track.channels == channels
    assert parse_audio_specific_config(track.config) == track
    assert b"".join(run.data for run in runs if isinstance(run, FrameRun)) == tone
    # A description is in ffmpeg's first frame alone; framed anew, each has one, and any can be joined.
    framer = AdtsFramer(track)
    joined = b"".join(framer.frame(frame[7:]) for frame in split_frames(tone, "aac")[9:])
    with av.open(io.BytesIO(joined), "r", format="aac") as container:
        decoded = list(container.decode(audio=0))
    assert {frame.layout.nb_channels for frame in decoded} == {channels}
    assert len(decoded) >= len(split_frames(tone, "aac")) - 10


@pytest.mark.parametrize("crc", [False, True])
@pytest.mark.parametrize("blocks", [1, 3])
def test_a_description_is_found_behind_a_crc_and_its_table_of_blocks(
    crc: bool, blocks: int
) -> None:
    table = bytes(2 * blocks) if crc else b""
    unit = table + pack(f"{5:03b}{bits_of(('SP', '', 'P', 1))}") + b"\0audio"
    size = 7 + len(unit)
    bits = 0xFFF0 | (not crc)
    header = bits << 40 | 1 << 38 | 4 << 34 | size << 13 | 0x7FF << 2 | (blocks - 1)
    track = parse_adts_track(header.to_bytes(7, "big") + unit)
    assert (track.channels, track.config) == (6, serialize_audio_specific_config(2, 4, 6))


def test_adts_without_any_description_is_taken_for_two_channels() -> None:
    frame = bytes.fromhex("fff150000fdffc") + bytes(119)
    splitter = audio_splitter()
    track, run = splitter.receive_data(frame * 3)
    assert isinstance(track, Track)
    assert (track.channels, track.config) == (2, serialize_audio_specific_config(2, 4, 2))
    assert isinstance(run, FrameRun)
    assert run.data == frame * 3
