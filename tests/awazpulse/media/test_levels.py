import subprocess
import time

import pytest

from awazpulse.audio import Codec, Track
from awazpulse.media import levels as module
from awazpulse.media.levels import MAX_METERS, measure
from awazpulse.media.silence import encode_silence
from awazpulse.media.values import SILENCE_DBFS, Levels
from tests.audio import split_frames

from .players import track_of

FORMATS = {
    "mp3": ["-write_xing", "0", "-id3v2_version", "0", "-f", "mp3"],
    "mp2": ["-f", "mp2"],
    "aac": ["-f", "adts"],
}
CODECS = pytest.mark.parametrize("codec", ["mp3", "mp2", "aac"])


def encode(codec: str, left: str, right: str | None = None, bitrate: str = "192k") -> bytes:
    source = f"aevalsrc='{left}{'|' + right if right else ''}':s=44100:d=2"
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, "-b:a", bitrate]
    run = subprocess.run([*command, *FORMATS[codec], "-"], check=True, capture_output=True)
    return run.stdout


def measured(codec: str, data: bytes, at: int = 20, count: int = 9) -> Levels:
    frames = split_frames(data, codec)[at : at + count]
    assert len(frames) == count
    levels = measure(track_of(data, codec), b"".join(frames))
    assert levels is not None
    return levels


def sine(amplitude: float, hz: int = 440) -> str:
    return f"{amplitude}*sin(2*PI*{hz}*t)"


@CODECS
@pytest.mark.parametrize(("amplitude", "dbfs"), [(0.5, -6), (0.1, -20), (0.001, -60)])
def test_a_sine_has_its_peak_and_an_rms_3_db_below(
    codec: str, amplitude: float, dbfs: float
) -> None:
    levels = measured(codec, encode(codec, sine(amplitude), sine(amplitude / 2, 880)))
    assert levels.peak_dbfs == pytest.approx((dbfs, dbfs - 6), abs=1.5)
    assert levels.rms_dbfs[0] == pytest.approx(dbfs - 3, abs=0.5)
    assert levels.rms_dbfs[1] == pytest.approx(dbfs - 9, abs=0.5)
    assert not levels.is_clipped
    assert not levels.is_mono


@pytest.mark.parametrize(
    ("codec", "bitrate"), [("mp3", "32k"), ("mp3", "64k"), ("mp3", "192k"), ("aac", "192k")]
)
def test_where_the_stretch_begins_makes_no_difference(codec: str, bitrate: str) -> None:
    """At low bitrates several MP3 frames refer to what was before the stretch."""
    data = encode(codec, sine(0.25), None, bitrate)
    for at in range(10, 40):
        levels = measured(codec, data, at)
        assert levels.peak_dbfs == pytest.approx((-12.2,), abs=0.5)  # LAME makes it 0.5 dB softer
        assert levels.rms_dbfs == pytest.approx((-15.2,), abs=0.4)


@CODECS
def test_one_channel_is_one_and_not_called_mono(codec: str) -> None:
    levels = measured(codec, encode(codec, sine(0.5)))
    assert len(levels.peak_dbfs) == len(levels.rms_dbfs) == 1
    assert not levels.is_mono


@CODECS
def test_two_equal_channels_are_mono_and_two_that_differ_a_little_are_not(codec: str) -> None:
    tone = sine(0.5)
    assert measured(codec, encode(codec, tone, tone)).is_mono
    other = f"{tone}+{sine(0.01, 3000)}"
    assert not measured(codec, encode(codec, tone, other)).is_mono


@CODECS
def test_audio_that_was_cut_off_at_the_top_is_clipped_and_full_scale_is_not(codec: str) -> None:
    # 1.1, for LAME makes it 0.5 dB softer; encoders take floats above full scale.
    assert measured(codec, encode(codec, sine(0.1), f"clip({sine(3)},-1.1,1.1)")).is_clipped
    assert not measured(codec, encode(codec, sine(0.9, 3000), sine(0.5))).is_clipped


@CODECS
def test_silence_is_given_as_the_lowest_level(codec: str) -> None:
    data = encode(codec, sine(0.5), sine(0.5))
    track = track_of(data, codec)
    levels = measure(track, encode_silence(track, 128) * 9)
    lowest = (SILENCE_DBFS, SILENCE_DBFS)
    assert levels == Levels(lowest, lowest, is_clipped=False, is_mono=True)


@CODECS
def test_what_cannot_be_decoded_has_no_levels(codec: str) -> None:
    data = encode(codec, sine(0.5))
    track = track_of(data, codec)
    first, second, *_ = split_frames(data, codec)[20:]
    for nothing in (b"", b"\0" * 5000, first, first[:7] + b"\xff" * 3000, first[:50] + second[:3]):
        assert measure(track, nothing) is None
    assert measured(codec, data).peak_dbfs == pytest.approx((-6,), abs=0.5)


@CODECS
def test_a_broken_frame_is_left_out_with_the_one_behind_it(codec: str) -> None:
    data = encode(codec, sine(0.25), sine(0.25))
    frames = split_frames(data, codec)[20:30]
    frames[4] = frames[4][:7] + b"\xff" * (len(frames[4]) - 7)
    levels = measure(track_of(data, codec), b"".join(frames))
    assert levels is not None
    assert levels.rms_dbfs == pytest.approx((-15, -15), abs=3)


def test_so_many_tracks_keep_their_decoder_and_one_more_drops_the_oldest() -> None:
    module._meters.clear()
    tracks = [Track(Codec.MP3, 44_100, 2, 1152, bytes([n])) for n in range(MAX_METERS + 1)]
    for track in tracks[:MAX_METERS]:
        measure(track, b"")
    assert [*module._meters] == tracks[:MAX_METERS]
    measure(tracks[0], b"")  # used again
    measure(tracks[MAX_METERS], b"")
    assert [*module._meters] == [*tracks[2:MAX_METERS], tracks[0], tracks[MAX_METERS]]


@CODECS
def test_a_stretch_of_eight_frames_costs_about_a_millisecond(codec: str) -> None:
    data = encode(codec, sine(0.5), sine(0.3, 700))
    track, stretch = track_of(data, codec), b"".join(split_frames(data, codec)[20:28])
    measure(track, stretch)
    costs = []
    for _ in range(30):
        begin = time.process_time()
        measure(track, stretch)
        costs.append(time.process_time() - begin)
    assert min(costs) < 0.004  # four times what it is, for slow machines
