import pytest

from awazpulse.audio import Codec, Track, UnsupportedAudio
from awazpulse.audio.mpeg_audio import (
    MAX_DISTANCE_BYTES,
    check_carried,
    mp3_splitter,
    parse_header,
    parse_track,
)
from tests.audio import encode_tone, split_frames
from tests.awazpulse.audio.pieces import feed


@pytest.mark.parametrize("rate", [44_100, 48_000, 32_000, 22_050, 24_000, 16_000, 11_025, 8_000])
@pytest.mark.parametrize("bitrate", [32, 64, 128])
def test_every_frame_that_lame_writes_has_the_size_its_header_tells(
    rate: int, bitrate: int
) -> None:
    for frame in split_frames(encode_tone("mp3", 1, sample_rate=rate, bitrate_kbps=bitrate), "mp3"):
        header = parse_header(frame, 0)
        assert header is not None
        assert header.size == len(frame)
        samples = 1152 if rate >= 32_000 else 576
        assert header.samples == samples
        assert parse_track(frame) == Track(Codec.MP3, rate, 2, samples)


@pytest.mark.parametrize("rate", [44_100, 48_000, 32_000, 22_050, 24_000, 16_000])
@pytest.mark.parametrize("bitrate", [64, 112, 160])
def test_every_frame_of_layer_ii_has_the_size_its_header_tells(rate: int, bitrate: int) -> None:
    tone = encode_tone("mp2", 1, sample_rate=rate, bitrate_kbps=bitrate)
    for frame in split_frames(tone, "mp3"):
        header = parse_header(frame, 0)
        assert header is not None
        assert (header.size, header.samples) == (len(frame), 1152)
        assert parse_track(frame) == Track(Codec.MP2, rate, 2, 1152)


def test_layer_ii_of_mpeg_2_5_halves_the_rates_of_mpeg_2() -> None:
    frame = bytes.fromhex("ffe58400")  # 64 kbit/s
    header = parse_header(frame, 0)
    assert header is not None
    assert (header.size, header.samples) == (1152 * 64 * 125 // 12_000, 1152)
    assert parse_track(frame) == Track(Codec.MP2, 12_000, 2, 1152)


def test_mono_is_one_channel() -> None:
    assert parse_track(encode_tone("mp3", 1, channels=1)).channels == 1


@pytest.mark.parametrize(
    "header",
    [
        "fffa0000",  # free format: no length
        "fffbf000",  # bitrate index 15
        "fffb9c00",  # rate index 3
        "ffff9000",  # Layer I
        "ffeb9000",  # reserved version
        "00fb9000",
        "ff1b9000",
    ],
)
def test_what_is_no_header_of_audio_that_is_carried(header: str) -> None:
    assert parse_header(bytes.fromhex(header), 0) is None


FREE_FORMAT = [bytes.fromhex(head) for head in ("fffb0000", "fffa0400", "fffd0400", "fff30800")]
LAYER_I = bytes.fromhex("ffff9000")


def frames_at(distances: list[int], head: bytes) -> bytes:
    return b"".join(head + bytes(distance - 4) for distance in distances) + head


@pytest.mark.parametrize("head", FREE_FORMAT)
@pytest.mark.parametrize("size", [1, 100, 100_000])
def test_free_format_is_refused_by_its_name_at_the_first_frames(head: bytes, size: int) -> None:
    splitter = mp3_splitter()
    data = frames_at([626, 627, 626, 627], head)
    with pytest.raises(UnsupportedAudio, match="got free-format MPEG audio, expected"):
        feed(splitter, data, size)


def test_layer_i_is_refused_by_its_name() -> None:
    with pytest.raises(UnsupportedAudio, match="got MPEG audio Layer I, expected"):
        mp3_splitter().receive_data(frames_at([312, 316, 312, 312], LAYER_I))


def test_free_format_in_the_middle_of_a_stream_is_refused_too() -> None:
    splitter = mp3_splitter()
    splitter.receive_data(encode_tone("mp3", 1))
    with pytest.raises(UnsupportedAudio, match="free-format"):
        splitter.receive_data(frames_at([600] * 5, FREE_FORMAT[0]))


@pytest.mark.parametrize("distances", [[600, 610, 600], [600, 600, 590], [600, 600]])
def test_headers_at_other_distances_are_junk(distances: list[int]) -> None:
    data = frames_at(distances, FREE_FORMAT[0])[:-4] + b"\xff\xfb\x90\x00" + bytes(5000)
    assert check_carried(data, 0) is True


def test_frames_of_free_format_up_to_the_limit_are_known_and_one_byte_longer_are_not() -> None:
    with pytest.raises(UnsupportedAudio):
        check_carried(frames_at([MAX_DISTANCE_BYTES] * 4, FREE_FORMAT[0]), 0)
    assert check_carried(frames_at([MAX_DISTANCE_BYTES + 1] * 4, FREE_FORMAT[0]), 0) is True


def test_a_header_of_free_format_is_waited_on_no_longer_than_the_limit() -> None:
    data = FREE_FORMAT[0] + bytes(MAX_DISTANCE_BYTES)
    assert check_carried(data[:-1], 0) is None
    assert check_carried(data, 0) is True
