"""Real encoders and players, as programs of their own."""

import asyncio
import itertools
import statistics
import subprocess
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from tests.on_air.server import Server

CODECS = {
    "aac": ("-c:a", "aac", "-b:a", "160k"),
    "mp3": ("-c:a", "libmp3lame", "-b:a", "128k", "-write_xing", "0", "-id3v2_version", "0"),
}
FORMATS = {"aac": "adts", "mp3": "mp3"}
CONTENT_TYPES = {"aac": "audio/aac", "mp3": "audio/mpeg"}
TONE = ("-re", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100", "-ac", "2")


@asynccontextmanager
async def running(*command: str) -> AsyncIterator[Process]:
    """Run a program for as long as the block lasts."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def rtmp_output(server: Server, stream_key: str) -> tuple[str, ...]:
    return ("-f", "flv", server.url("rtmp", f"/live/{stream_key}", "rtmp"))


def icecast_output(
    server: Server, password: str, path: str = "/demo.mp3", codec: str = "mp3"
) -> tuple[str, ...]:
    url = f"icecast://source:{password}@127.0.0.1:{server.ports['icecast']}{path}"
    return ("-content_type", CONTENT_TYPES[codec], "-f", FORMATS[codec], url)


def ffmpeg_tone(codec: str, output: tuple[str, ...]) -> tuple[str, ...]:
    """A command that publishes a tone until it is ended."""
    return ("ffmpeg", "-v", "error", *TONE, *CODECS[codec], *output)


def ffmpeg_copy(file: Path, output: tuple[str, ...]) -> tuple[str, ...]:
    """A command that publishes a file's frames as they are, in real time."""
    return ("ffmpeg", "-v", "error", "-re", "-i", str(file), "-c", "copy", *output)


async def fetch(url: str, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        return answer.status, await answer.read()


async def listen(url: str, headers: dict[str, str] | None = None) -> bytes:
    """Receive an Icecast stream to its end."""
    reader, writer = await _get(url, headers)
    try:
        data = await reader.read()
    finally:
        writer.close()
    head, _, body = data.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.0 200 OK\r\n"), head
    return body


async def _get(
    url: str, headers: dict[str, str] | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, path = url.removeprefix("http://").partition("/")
    name, _, port = host.partition(":")
    reader, writer = await asyncio.open_connection(name, int(port))
    lines = [f"GET /{path} HTTP/1.1", f"Host: {host}"]
    lines += [f"{key}: {value}" for key, value in (headers or {}).items()]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    return reader, writer


async def play_hls(url: str) -> bytes:
    """Fetch every segment of a live playlist from its first one to the playlist's end."""
    names: list[str] = []
    media = b""
    async with aiohttp.ClientSession() as session:
        while True:
            async with session.get(url) as answer:
                playlist = await answer.text()
                assert answer.status == 200, playlist
            for name in playlist.splitlines():
                if name and not name.startswith("#") and name not in names:
                    names.append(name)
                    async with session.get(f"{url.rpartition('/')[0]}/{name}") as answer:
                        assert answer.status == 200
                        media += await answer.read()
            if "#EXT-X-ENDLIST" in playlist:
                return media
            await asyncio.sleep(0.5)


def measure_tone(media: bytes, container_format: str) -> tuple[float, float]:
    """Decode audio; return its length in seconds and its pitch in Hz.

    The pitch is the median of what each second crosses zero: a sound card that is late at first
    leaves silence.
    """
    decoded = subprocess.run(
        [
            *("ffmpeg", "-v", "error", "-f", container_format, "-i", "-"),
            *("-f", "s16le", "-ac", "1", "-ar", "44100", "-"),
        ],
        input=media,
        capture_output=True,
        check=True,
    )
    assert decoded.stderr == b""
    samples = memoryview(decoded.stdout).cast("h")
    seconds = [samples[at : at + 44_100] for at in range(0, len(samples) - 44_099, 44_100)]
    pitches = [sum(a < 0 <= b for a, b in itertools.pairwise(second)) for second in seconds]
    return len(samples) / 44_100, statistics.median(pitches)
