"""Real encoders against the real server: what they send is what comes out, byte by byte."""

import asyncio
from pathlib import Path

import pytest

from awazpulse.audio import Codec
from tests.audio import encode_tone, split_frames

from .stage import CHANNEL, KEY, Stage, on_stage

MEDIA_S = 3
PATIENCE_S = 20

_FFMPEG = ("ffmpeg", "-v", "warning", "-nostdin")


@pytest.fixture
def aac_file(tmp_path: Path) -> Path:
    path = tmp_path / "tone.aac"
    path.write_bytes(encode_tone("aac", MEDIA_S))
    return path


@pytest.fixture
def mp3_file(tmp_path: Path) -> Path:
    path = tmp_path / "tone.mp3"
    path.write_bytes(encode_tone("mp3", MEDIA_S))
    return path


async def _run(*command: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, output.decode(errors="replace")


def _url(stage: Stage, key: str = KEY) -> str:
    return f"rtmp://127.0.0.1:{stage.port}/live/{CHANNEL}?key={key}"


def _access_units(stage: Stage) -> list[bytes]:
    return [frame.data[frame.header_bytes :] for frame in stage.recorder.frames]


def _file_access_units(path: Path) -> list[bytes]:
    kind = path.suffix[1:]
    header_bytes = 7 if kind == "aac" else 0
    return [frame[header_bytes:] for frame in split_frames(path.read_bytes(), kind)]


def _assert_times_are_even(stage: Stage) -> None:
    """The times that came are those of the samples, but for rounding to milliseconds."""
    frames, track = stage.recorder.frames, stage.recorder.tracks[0]
    for number, frame in enumerate(frames):
        exact_ms = number * track.frame_samples * 1000 / track.sample_rate
        assert abs(frame.timestamp_ms - frames[0].timestamp_ms - exact_ms) <= 1.5


async def test_ffmpeg_publishes_aac_and_its_frames_are_the_same_bytes(aac_file: Path) -> None:
    async with on_stage() as stage:
        copy = ("-c", "copy", "-bsf:a", "aac_adtstoasc", "-f", "flv")
        status, output = await _run(*_FFMPEG, "-i", str(aac_file), *copy, _url(stage))
        assert status == 0, output
        await stage.wait_off_air()
        [track] = stage.recorder.tracks
        assert (track.codec, track.sample_rate, track.channels) == (Codec.AAC, 44100, 2)
        assert _access_units(stage) == _file_access_units(aac_file)
        _assert_times_are_even(stage)


async def test_ffmpeg_publishes_mp3_and_its_frames_are_the_same_bytes(mp3_file: Path) -> None:
    async with on_stage() as stage:
        copy = ("-c", "copy", "-f", "flv")
        status, output = await _run(*_FFMPEG, "-i", str(mp3_file), *copy, _url(stage))
        assert status == 0, output
        await stage.wait_off_air()
        [track] = stage.recorder.tracks
        assert (track.codec, track.sample_rate, track.channels) == (Codec.MP3, 44100, 2)
        assert _access_units(stage) == _file_access_units(mp3_file)
        _assert_times_are_even(stage)


async def test_ffmpeg_publishes_video_beside_audio_and_only_the_audio_comes_out(
    aac_file: Path,
) -> None:
    async with on_stage() as stage:
        video = ("-f", "lavfi", "-i", f"testsrc=size=320x180:rate=30:duration={MEDIA_S}")
        coding = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "30", "-b:v", "2M")
        audio = ("-c:a", "copy", "-bsf:a", "aac_adtstoasc", "-f", "flv")
        status, output = await _run(
            *_FFMPEG, "-i", str(aac_file), *video, *coding, *audio, _url(stage)
        )
        assert status == 0, output
        await stage.wait_off_air()
        assert _access_units(stage) == _file_access_units(aac_file)
        _assert_times_are_even(stage)


@pytest.mark.needs("gst-launch-1.0")
@pytest.mark.parametrize("kind", ["aac", "mp3"])
async def test_gstreamer_publishes_and_its_frames_are_the_same_bytes(
    kind: str, aac_file: Path, mp3_file: Path
) -> None:
    path, parser = (aac_file, "aacparse") if kind == "aac" else (mp3_file, "mpegaudioparse")
    async with on_stage() as stage:
        status, output = await _run(
            *("gst-launch-1.0", "-q", "filesrc", f"location={path}", "!", parser),
            *(
                "!",
                "flvmux",
                "streamable=true",
                "!",
                "rtmp2sink",
                "sync=false",
                f"location={_url(stage)}",
            ),
        )
        assert status == 0, output
        await stage.wait_off_air()
        assert _access_units(stage) == _file_access_units(path)
        _assert_times_are_even(stage)


async def test_ffmpeg_is_told_why_it_is_refused(aac_file: Path) -> None:
    async with on_stage() as stage:
        copy = ("-c", "copy", "-bsf:a", "aac_adtstoasc", "-f", "flv")
        command = (*_FFMPEG, "-i", str(aac_file), *copy)
        status, output = await _run(*command, _url(stage, "wrong"))
        assert status != 0
        assert f"Server error: wrong stream key for channel {CHANNEL}" in output
        status, output = await _run(*command, _url(stage).replace("/live/", "/radio/"))
        assert status != 0
        assert "the server URL must end in /live" in output
        assert stage.gate.broadcasts == []


@pytest.mark.needs("gst-launch-1.0")
async def test_gstreamer_is_told_why_it_is_refused(aac_file: Path) -> None:
    async with on_stage() as stage:
        status, output = await _run(
            *("gst-launch-1.0", "-q", "filesrc", f"location={aac_file}", "!", "aacparse"),
            *("!", "flvmux", "!", "rtmp2sink", f"location={_url(stage, 'wrong')}"),
        )
        assert status != 0
        assert f"wrong stream key for channel {CHANNEL}" in output
        assert stage.gate.broadcasts == []
