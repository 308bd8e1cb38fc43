import pytest

from awazpulse.audio import Codec, Track
from awazpulse.audio.mpeg_audio import parse_header, parse_track
from tests.audio import encode_tone, split_frames


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


def test_mono_is_one_channel() -> None:
    assert parse_track(encode_tone("mp3", 1, channels=1)).channels == 1


@pytest.mark.parametrize(
    "header",
    [
        "fffa0000",  # free format: no length
        "fffbf000",  # bitrate index 15
        "fffb9c00",  # rate index 3
        "fffd9000",  # Layer II
        "ffff9000",  # Layer I
        "ffeb9000",  # reserved version
        "00fb9000",
        "ff1b9000",
    ],
)
def test_what_is_no_layer_iii_header(header: str) -> None:
    assert parse_header(bytes.fromhex(header), 0) is None
