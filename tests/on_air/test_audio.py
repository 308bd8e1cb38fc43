"""A minute of a known tone, through each way in and out: the same frames, each of them once."""

import asyncio
from pathlib import Path

from tests.audio import encode_tone, split_frames
from tests.on_air.clients import (
    ffmpeg_copy,
    icecast_output,
    listen,
    measure_tone,
    play_hls,
    rtmp_output,
    running,
)
from tests.on_air.server import Server, until

SECONDS = 61
TIMEOUT_S = SECONDS + 45


async def receive(server: Server, channel: str, url: str, command: tuple[str, ...]) -> bytes:
    """Publish a file to its end, and return what a player received meanwhile."""
    async with running(*command) as encoder, asyncio.timeout(TIMEOUT_S):
        await until(lambda: "live" in [row["status"] for row in server.rows(channel).values()])
        player = play_hls(url) if "m3u8" in url else listen(url)
        media = await player
        assert await encoder.wait() == 0
        return media


async def test_a_minute_of_tone_comes_out_frame_by_frame_as_it_went_in(
    server: Server, tmp_path: Path
) -> None:
    jobs, sent = {}, {}
    for way, codec in (("hls", "aac"), ("hls", "mp3"), ("icecast", "mp3"), ("icecast", "aac")):
        channel = f"{way}-{codec}"
        credentials = (await server.add_channel(channel, way))[way]
        await server.end_with_encoder(channel)
        sent[channel] = encode_tone(codec, SECONDS, bitrate_kbps=128)
        file = tmp_path / f"{channel}.{codec}"
        file.write_bytes(sent[channel])
        if way == "hls":
            output = rtmp_output(server, credentials["streamKey"])
            url = server.url("hls", f"/hls/{channel}.m3u8")
        else:
            path = f"/{channel}.mp3"
            output = icecast_output(server, credentials["password"], path, codec)
            url = server.url("icecast", path)
        jobs[channel] = receive(server, channel, url, ffmpeg_copy(file, output))
    received = dict(zip(jobs, await asyncio.gather(*jobs.values()), strict=True))
    for channel, media in received.items():
        codec = channel.rpartition("-")[2]
        container = "mpegts" if channel.startswith("hls") else codec
        got, expected = split_frames(media, container), split_frames(sent[channel], codec)
        assert len(got) == len(expected), channel
        assert got == expected, channel
        seconds, pitch = measure_tone(media, container)
        assert seconds > 60, channel
        assert abs(pitch - 440) <= 1, channel
