from pathlib import Path

import pytest

from awazpulse.audio import Codec, Track, UnsupportedAudio
from awazpulse.audio.aac import (
    ADTS_HEADER_BYTES,
    CHANNELS,
    parse_adts_header,
    parse_adts_track,
    parse_audio_specific_config,
    serialize_audio_specific_config,
)
from awazpulse.audio.mpeg_audio import parse_header, parse_track
from awazpulse.audio.reservoir import measure_side_info
from awazpulse.media.silence import MAX_AAC_BYTES_PER_CHANNEL, encode_silence
from tests.audio import encode_tone, split_frames

from .players import complaints_of_ffmpeg, complaints_of_mpg123, decode, track_of

AAC_RATES = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
]  # fmt: skip


def seam(codec: str, tone: bytes, bitrate_kbps: int) -> bytes:
    """A source that is cut anywhere, 100 frames of silence, and a fresh session of the source."""
    frames = split_frames(tone, codec)
    silence = encode_silence(track_of(tone, codec), bitrate_kbps)
    return b"".join((*frames[:25], *[silence] * 100, *frames))


@pytest.mark.needs("ffmpeg", "mpg123")
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(
    "rate", [48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000]
)
def test_players_hear_no_fault_on_either_side_of_mp3_silence(
    rate: int, channels: int, tmp_path: Path
) -> None:
    bitrate = 128 if rate >= 32_000 else 32
    tone = encode_tone("mp3", 2, sample_rate=rate, channels=channels, bitrate_kbps=bitrate)
    data = seam("mp3", tone, bitrate)
    assert complaints_of_ffmpeg(data, "mp3") == ""
    assert complaints_of_mpg123(data, tmp_path) == ""


@pytest.mark.needs("ffmpeg", "mpg123")
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [48_000, 44_100, 32_000, 24_000, 22_050, 16_000])
def test_players_hear_no_fault_on_either_side_of_mp2_silence(
    rate: int, channels: int, tmp_path: Path
) -> None:
    bitrate = 96 * channels if rate >= 32_000 else 64
    tone = encode_tone("mp2", 2, sample_rate=rate, channels=channels, bitrate_kbps=bitrate)
    data = seam("mp2", tone, bitrate)
    assert complaints_of_ffmpeg(data, "mp3") == ""
    assert complaints_of_mpg123(data, tmp_path) == ""


@pytest.mark.parametrize(
    ("channels", "bitrate_kbps", "size"),
    [(2, 32, 192), (2, 79, 192), (2, 81, 288), (2, 9999, 1152), (1, 9999, 576), (1, 32, 96)],
)
def test_mp2_has_a_bitrate_that_its_mode_allows(
    channels: int, bitrate_kbps: int, size: int, tmp_path: Path
) -> None:
    frame = encode_silence(Track(Codec.MP2, 48_000, channels, 1152), bitrate_kbps)
    assert len(frame) == size
    assert complaints_of_mpg123(frame * 20, tmp_path) == ""


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("rate", AAC_RATES)
def test_players_hear_no_fault_on_either_side_of_aac_silence(rate: int, channels: int) -> None:
    bitrate = 32 * channels
    tone = encode_tone("aac", 2, sample_rate=rate, channels=channels, bitrate_kbps=bitrate)
    assert complaints_of_ffmpeg(seam("aac", tone, bitrate), "aac") == ""


@pytest.mark.parametrize("channel_configuration", CHANNELS)
def test_every_standard_order_of_aac_channels_has_silence(channel_configuration: int) -> None:
    config = serialize_audio_specific_config(2, 4, channel_configuration)
    frame = encode_silence(parse_audio_specific_config(config), 64)
    assert parse_adts_track(frame).channels == CHANNELS[channel_configuration]
    assert complaints_of_ffmpeg(frame * 20, "aac") == ""


@pytest.mark.parametrize("codec", ["mp3", "mp2", "aac"])
def test_after_the_overlap_of_the_last_frame_every_sample_is_zero(codec: str) -> None:
    tone = encode_tone(codec, 1)
    silence = encode_silence(track_of(tone, codec), 128)
    decoded = decode([*split_frames(tone, codec)[:20], *[silence] * 20], codec)
    assert any(decoded[20])
    assert decoded[22:] == [bytes(len(samples)) for samples in decoded[22:]]
    assert all(len(samples) == len(decoded[19]) for samples in decoded[20:])


@pytest.mark.parametrize(
    ("bitrate_kbps", "size"), [(128, 417), (127.9, 417), (143, 417), (145, 522), (None, 417),
                               (1, 104), (9999, 1044)],
)  # fmt: skip
def test_mp3_has_the_nearest_bitrate_of_the_table(bitrate_kbps: float | None, size: int) -> None:
    track = Track(Codec.MP3, 44_100, 2, 1152)
    frame = encode_silence(track, bitrate_kbps)
    header = parse_header(frame, 0)
    assert header is not None
    assert len(frame) == header.size == size
    assert parse_track(frame) == track
    assert measure_side_info(frame)[2] == 0
    assert not any(frame[4:])


def test_aac_is_filled_up_to_the_bitrate() -> None:
    track = parse_audio_specific_config(serialize_audio_specific_config(2, 4, 1))
    frames = [encode_silence(track, bitrate_kbps) for bitrate_kbps in range(1, 200)]
    for bitrate_kbps, frame in enumerate(frames, 1):
        ideal = 1024 * bitrate_kbps * 125 / 44_100
        assert ideal - 3 < len(frame) <= max(11, ideal)
    assert complaints_of_ffmpeg(b"".join(frames), "aac") == ""


def test_aac_is_filled_up_to_what_a_decoder_buffers() -> None:
    track = parse_audio_specific_config(serialize_audio_specific_config(2, 4, 1))
    at_limit = (ADTS_HEADER_BYTES + MAX_AAC_BYTES_PER_CHANNEL) * 44_100 / 1024 / 125
    frames = [encode_silence(track, bitrate) for bitrate in (at_limit + 0.01, at_limit + 1, 9999)]
    sizes = [len(frame) - ADTS_HEADER_BYTES for frame in frames]
    assert MAX_AAC_BYTES_PER_CHANNEL - 3 <= sizes[0] <= MAX_AAC_BYTES_PER_CHANNEL
    assert sizes[0] == sizes[1] == sizes[2]
    assert complaints_of_ffmpeg(frames[2] * 20, "aac") == ""


@pytest.mark.parametrize("object_type", [1, 2, 4])
def test_aac_has_the_header_of_the_track(object_type: int) -> None:
    config = serialize_audio_specific_config(object_type, 4, 2)
    frame = encode_silence(parse_audio_specific_config(config), 64)
    header = parse_adts_header(frame, 0)
    assert header is not None
    assert header.size == len(frame)
    assert parse_adts_track(frame).config == config
    assert complaints_of_ffmpeg(frame * 20, "aac") == ""


@pytest.mark.parametrize("config", ["2b92080000", "eb8a0800"], ids=["HE-AAC", "HE-AAC v2"])
def test_he_aac_gets_a_frame_of_its_core(config: str) -> None:
    track = parse_audio_specific_config(bytes.fromhex(config))
    frame = encode_silence(track, 48)
    assert parse_adts_track(frame).sample_rate == track.sample_rate
    assert len(frame) == pytest.approx(1024 * 48 * 125 / track.sample_rate, abs=4)
    assert complaints_of_ffmpeg(frame * 20, "aac") == ""


def test_a_track_that_no_header_describes_is_refused() -> None:
    for track in (
        Track(Codec.MP3, 96_000, 2, 1152),
        Track(Codec.AAC, 44_100, 2, 1024, bytes.fromhex("1200")),  # channels of no standard order
        Track(Codec.AAC, 44_100, 2, 1024, b""),
    ):
        with pytest.raises(UnsupportedAudio):
            encode_silence(track, 128)
