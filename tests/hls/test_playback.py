"""A real player on the live playlist: ffmpeg demuxes what is published while it is published."""

import asyncio
import time

import pytest

from awazpulse.audio import Frame
from hls.limits import Limits
from hls.server import HlsServer
from tests.hls.workbench import LEFT, input_of, make_broadcast, tone

SPEED = 5  # times real time
# ffmpeg reloads every two seconds, in which so much more than a segment goes by at that speed.
LIMITS = Limits(window_segments=12)
RAW = {"aac": ("-f", "adts"), "mp3": ("-write_xing", "0", "-id3v2_version", "0", "-f", "mp3")}


async def play(port: int, codec: str) -> tuple[bytes, bytes]:
    """What ffmpeg copies from the live playlist, from its oldest segment on, and what it says."""
    player = await asyncio.create_subprocess_exec(
        *("ffmpeg", "-v", "warning", "-live_start_index", "0"),
        *("-i", f"http://127.0.0.1:{port}/hls/demo.m3u8", "-c", "copy", *RAW[codec], "-"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        return await asyncio.wait_for(player.communicate(), 40)
    finally:
        if player.returncode is None:
            player.kill()
            await player.wait()


async def publish(server: HlsServer, codec: str, frames: list[Frame], track_frames: int) -> None:
    """Publish `frames` at `SPEED`, as two broadcasts, the second of which takes over."""
    track, _ = tone(codec, 12)
    begin, published = time.monotonic(), 0
    for part in (frames[:track_frames], frames[track_frames:]):
        broadcast = make_broadcast()
        server.attach(broadcast)
        input_of(broadcast).set_track(track)
        for frame in part:
            input_of(broadcast).publish([frame], time.monotonic())
            published += frame.samples
            ahead = begin + published / track.sample_rate / SPEED - time.monotonic()
            if ahead > 0.01:
                await asyncio.sleep(ahead)
        broadcast.close(LEFT)


@pytest.mark.parametrize("codec", ["aac", "mp3"])
async def test_ffmpeg_plays_every_frame_across_a_republish_to_the_end(codec: str) -> None:
    frames = tone(codec, 12)[1]
    server = HlsServer(LIMITS)
    port = await server.start("127.0.0.1", 0)
    try:
        publishing = asyncio.create_task(publish(server, codec, frames, len(frames) // 2))
        await asyncio.sleep(0)  # on air, and no segment yet: the first request waits for it
        copied, said = await play(port, codec)
        await publishing
    finally:
        await server.close()
    assert copied == b"".join(frame.data for frame in frames)
    assert said == b""
