"""What must not hurt: nonsense, silence and hostility on every port, beside a channel on air."""

import asyncio
import base64
import json
import os
import time
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from tests.audio import encode_tone
from tests.on_air.clients import ffmpeg_copy, icecast_output, listen, running
from tests.on_air.server import AWAZPULSE, Server, environment, serving, until

RTMP_HANDSHAKE = b"\x03" + bytes(1536)


async def talk(server: Server, port: str, data: bytes, timeout_s: float = 10) -> bytes:
    """Send bytes and return all that comes back before the server hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.ports[port])
    received = b""
    try:
        async with asyncio.timeout(timeout_s):
            writer.write(data)
            while piece := await reader.read(65_536):
                received += piece
    except ConnectionError:
        pass  # a reset is a close
    finally:
        writer.close()
    return received


@pytest.mark.parametrize(
    ("port", "data", "answer"),
    [
        ("rtmp", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b""),
        ("rtmp", os.urandom(5000), None),
        ("rtmp", RTMP_HANDSHAKE + bytes(1536) + os.urandom(5000), None),
        ("icecast", RTMP_HANDSHAKE, b" 400 "),
        ("icecast", b"\x16\x03\x01" + os.urandom(500), b" 400 "),
        ("icecast", b"GET / HTTP/1.1\r\nX: " + b"a" * 20_000, b" 431 "),
        ("icecast", b"BREW / HTTP/1.1\r\n\r\n", b" 405 "),
        ("icecast", b"GET /nobody.mp3 HTTP/1.1\r\n\r\n", b" 404 "),
        ("icecast", b"GET /../../etc/passwd HTTP/1.1\r\n\r\n", b" 404 "),
        ("icecast", b"SOURCE /demo.mp3 ICE/1.0\r\n\r\n" + os.urandom(5000), b" 401 "),
        ("icecast", b"PUT /demo.mp3 HTTP/1.0\r\n\r\n" + os.urandom(500_000), b" 401 "),
        ("icecast", b"POST /admin/metadata HTTP/1.1\r\nContent-Length: 999999\r\n\r\n", b" 413 "),
        ("hls", RTMP_HANDSHAKE, b" 400 "),
        ("hls", b"GET / HTTP/1.1\r\nX: " + b"a" * 20_000, b" 431 "),
        ("hls", b"GET /hls/nobody.m3u8 HTTP/1.0\r\n\r\n", b" 404 "),
        ("hls", b"GET /hls/..%2f..%2fetc/passwd HTTP/1.0\r\n\r\n", b" 404 "),
        ("api", RTMP_HANDSHAKE, b" 400 "),
        ("api", b"GET / HTTP/1.1\r\nX: " + b"a" * 20_000, b" 400 "),
    ],
)
async def test_each_gets_a_clear_answer_or_a_close(
    server: Server, port: str, data: bytes, answer: bytes | None
) -> None:
    received = await talk(server, port, data, timeout_s=20)
    if answer is not None:
        assert answer in received[:20] if answer else received == b""


async def test_silent_connections_are_closed_by_their_deadlines(server: Server) -> None:
    begun = time.monotonic()
    took: dict[str, float] = {}

    async def wait_for(port: str) -> None:
        await talk(server, port, b"", timeout_s=45)
        took[port] = time.monotonic() - begun

    await asyncio.gather(*(wait_for(port) for port in ("rtmp", "icecast", "hls", "api")))
    assert took["rtmp"] < 7
    assert took["icecast"] < 17
    assert took["hls"] < 12
    assert took["api"] < 17


async def test_what_is_on_air_is_untouched_and_memory_stays_flat(
    server: Server, tmp_path: Path
) -> None:
    await server.switch("demo", "icecast")
    await server.end_with_encoder()
    password = server.card["credentials"]["icecast"]["password"]
    url = server.url("icecast", "/demo.mp3")
    file = tmp_path / "tone.mp3"
    file.write_bytes(encode_tone("mp3", 10))

    async def attack() -> None:
        noise = [
            ("rtmp", RTMP_HANDSHAKE + bytes(1536) + os.urandom(60_000)),
            ("rtmp", b"GET / HTTP/1.1\r\n\r\n"),
            ("icecast", b"PUT /demo.mp3 HTTP/1.1\r\n\r\n" + os.urandom(100_000)),
            ("icecast", b"GET / HTTP/1.1\r\nX: " + b"a" * 20_000),
            ("icecast", os.urandom(2000)),
            ("hls", os.urandom(2000)),
            ("api", os.urandom(2000)),
        ]
        await asyncio.gather(
            *(talk(server, port, data, timeout_s=40) for port, data in noise for _ in range(20)),
            return_exceptions=True,
        )

    async with running(*ffmpeg_copy(file, icecast_output(server, password))) as encoder:
        await until(lambda: server.rows()["icecast"]["status"] == "live")
        listener = asyncio.create_task(listen(url))
        await attack()
        before = server.resident_kb()
        while encoder.returncode is None:
            await attack()
        assert server.resident_kb() - before < 8_000
    assert await listener == file.read_bytes()


async def test_a_source_that_falls_silent_is_ended_and_one_that_sends_no_audio_too(
    server: Server,
) -> None:
    async with serving(server.data_dir.parent / "other", SOURCE_TIMEOUT_S=1) as other:
        await other.switch("demo", "icecast")
        await other.end_with_encoder()
        password = other.card["credentials"]["icecast"]["password"]
        login = base64.b64encode(f"source:{password}".encode()).decode()
        head = (
            "PUT /demo.mp3 HTTP/1.1\r\nContent-Type: audio/mpeg\r\n"
            f"Authorization: Basic {login}\r\n\r\n"
        ).encode()
        begun = time.monotonic()
        assert await talk(other, "icecast", head) == b"HTTP/1.0 200 OK\r\n\r\n"
        assert 0.9 < time.monotonic() - begun < 4
        await until(lambda: any("fell silent: no audio for 1 s" in line for line in other.log))
        await talk(other, "icecast", head + bytes(100_000))
        await until(lambda: any("without a frame, expected MP3" in line for line in other.log))
        assert other.rows()["icecast"]["status"] == "offline"


async def test_a_log_that_nobody_reads_stops_nothing(tmp_path: Path) -> None:
    env = environment(tmp_path / "data", LOG_LEVEL="debug")
    process = await asyncio.create_subprocess_exec(
        *AWAZPULSE, "serve", "--json", env=env, stdout=PIPE, stderr=PIPE, limit=1
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.timeout(20):
            card = json.loads((await process.stdout.read(65_536)).decode())
        server = Server(process, card, env)
        for _ in range(20):  # 100 KB of log each; a pipe holds 64
            garbage = [talk(server, "icecast", b"BREW /" + b"x" * 4000 + b" HTTP/1.0\r\n\r\n")]
            garbage += [talk(server, "rtmp", b"GET / HTTP/1.0\r\n\r\n") for _ in range(50)]
            await asyncio.gather(*garbage)
        assert (await server.request("GET", "/health"))[0] == 200
        process.terminate()
        async with asyncio.timeout(10):
            while process.returncode is None:  # noqa: ASYNC110  # wait() waits for the pipe too
                await asyncio.sleep(0.1)
        assert process.returncode == 0
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
