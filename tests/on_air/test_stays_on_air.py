"""A channel stays on air on the real server while real encoders come and go."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import pytest

from hls.dating import LATE_S
from tests.on_air.clients import (
    fetch,
    ffmpeg_tone,
    icecast_output,
    play_hls,
    rtmp_output,
    running,
)
from tests.on_air.server import Server, run, until


class Listener:
    """A listener of port 8000 who keeps what comes, over one connection."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self.audio = bytearray()
        self.is_over = False

    async def listen(self) -> None:
        await self._reader.readuntil(b"\r\n\r\n")
        while data := await self._reader.read(65_536):
            self.audio += data
        self.is_over = True

    def seconds(self, bytes_per_second: int) -> float:
        return len(self.audio) / bytes_per_second


async def find_decode_errors(media: bytes | bytearray, container_format: str) -> str:
    """What ffmpeg complains of."""
    command = ("ffmpeg", "-v", "warning", "-f", container_format, "-i", "-", "-f", "null", "-")
    status, _, err = await run(*command, stdin=bytes(media))
    assert status == 0, err
    return err


def find_missing_audio(playlist: str) -> list[float]:
    """How many seconds are missing at each discontinuity; elsewhere the dates must go on steadily."""
    missing: list[float] = []
    end: float | None = None
    begin, is_marked = 0.0, False
    for line in playlist.splitlines():
        name, _, value = line.partition(":")
        if name == "#EXT-X-DISCONTINUITY":
            is_marked = True
        elif name == "#EXT-X-PROGRAM-DATE-TIME":
            begin = datetime.fromisoformat(value).timestamp()
        elif name == "#EXTINF":
            if is_marked and end is not None:
                missing.append(begin - end)
            elif end is not None:
                assert abs(begin - end) <= LATE_S, playlist
            end, is_marked = begin + float(value.rstrip(",")), False
    return missing


@asynccontextmanager
async def listening(server: Server, path: str = "/demo.mp3") -> AsyncIterator[Listener]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.ports["icecast"])
    writer.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())
    listener = Listener(reader)
    task = asyncio.create_task(listener.listen())
    try:
        yield listener
    finally:
        writer.close()
        await asyncio.wait([task], timeout=5)
        task.cancel()


def logged(server: Server, text: str) -> int:
    return sum(text in line for line in server.log)


@pytest.mark.parametrize("codec", ["mp3", "aac"])
async def test_icecast_listeners_hear_silence_while_the_encoder_is_gone_and_then_it_again(
    server: Server, codec: str
) -> None:
    await server.switch("demo", "icecast")
    output = icecast_output(server, server.card["credentials"]["icecast"]["password"], codec=codec)
    async with running(*ffmpeg_tone(codec, output)) as encoder:
        await until(lambda: server.rows()["icecast"]["status"] == "live")
        await asyncio.sleep(2)
        async with listening(server) as listener:
            await until(lambda: server.rows()["icecast"]["currentListeners"] == 1)
            await asyncio.sleep(1)
            encoder.kill()
            lost_at, had = time.monotonic(), len(listener.audio)
            await asyncio.sleep(1)
            gap = len(listener.audio) - had
            await until(lambda: logged(server, "silence began"), timeout_s=5)
            await asyncio.sleep(3)
            row = server.rows()["icecast"]
            assert (row["status"], row["currentListeners"]) == ("live", 1)
            async with running(*ffmpeg_tone(codec, output)):
                await until(lambda: logged(server, "the source is heard") == 2)
                away_s = time.monotonic() - lost_at
                await asyncio.sleep(3)
                assert not listener.is_over
            heard_s = listener.seconds({"mp3": 16_000, "aac": 20_000}[codec])
            assert gap < 20_000, "nothing is sent at first"
            assert heard_s > away_s + 5, (
                "the gap is filled, and the source is there before and after"
            )
            errors = await find_decode_errors(listener.audio, codec)
    assert errors == ""


async def test_an_hls_playlist_goes_on_without_a_seam_while_the_encoder_is_gone(
    server: Server,
) -> None:
    url = server.url("hls", "/hls/demo.m3u8")
    output = rtmp_output(server, server.card["credentials"]["hls"]["streamKey"])
    async with running(*ffmpeg_tone("aac", output)):
        await until(lambda: server.rows()["hls"]["status"] == "live")
        player = asyncio.create_task(play_hls(url))
        await asyncio.sleep(5)
    await asyncio.sleep(5)
    _, playlist = await fetch(url)
    assert b"ENDLIST" not in playlist
    assert server.rows()["hls"]["status"] == "live"
    async with running(*ffmpeg_tone("aac", output)):
        await until(lambda: logged(server, "the source is heard") == 2)
        await asyncio.sleep(5)
        _, playlist = await fetch(url)
        await server.switch("demo", "icecast")
    media = await asyncio.wait_for(player, 10)
    # An encoder that has begun with a burst is a burst ahead of the clock: that audio is missing behind it.
    missing_s = find_missing_audio(playlist.decode())
    assert all(seconds > LATE_S for seconds in missing_s)
    if not missing_s:
        assert await find_decode_errors(media, "mpegts") == ""


async def test_the_end_of_the_grace_time_ends_a_channel_and_a_setting_changes_it(
    server: Server,
) -> None:
    await server.cli("channel", "set", "demo", "graceTime=2")
    output = rtmp_output(server, server.card["credentials"]["hls"]["streamKey"])
    async with running(*ffmpeg_tone("aac", output)):
        await until(lambda: server.rows()["hls"]["status"] == "live")
        await asyncio.sleep(3)
    await until(lambda: logged(server, "no encoder came back in time: 2 s after"), timeout_s=5)
    await until(lambda: server.rows()["hls"]["status"] == "offline")
    _, playlist = await fetch(server.url("hls", "/hls/demo.m3u8"))
    assert playlist.rstrip().endswith(b"#EXT-X-ENDLIST")


async def test_a_second_encoder_takes_over_and_listeners_stay(server: Server) -> None:
    await server.switch("demo", "icecast")
    output = icecast_output(server, server.card["credentials"]["icecast"]["password"])
    async with running(*ffmpeg_tone("mp3", output)) as first:
        await until(lambda: server.rows()["icecast"]["status"] == "live")
        async with listening(server) as listener:
            await until(lambda: server.rows()["icecast"]["currentListeners"] == 1)
            async with running(*ffmpeg_tone("mp3", output)):
                async with asyncio.timeout(10):
                    assert await first.wait() != 0
                await asyncio.sleep(2)
                assert not listener.is_over
                assert server.rows()["icecast"]["currentListeners"] == 1
    assert logged(server, "takes over from")


async def test_a_channel_that_refuses_takeovers_tells_the_second_encoder(server: Server) -> None:
    await server.switch("demo", "icecast")
    await server.cli("channel", "set", "demo", "takeover=refuse")
    output = icecast_output(server, server.card["credentials"]["icecast"]["password"])
    async with running(*ffmpeg_tone("mp3", output)):
        await until(lambda: server.rows()["icecast"]["status"] == "live")
        status, _, err = await run(*ffmpeg_tone("mp3", output), timeout_s=20)
        assert status != 0
        assert "403" in err
        assert server.rows()["icecast"]["status"] == "live"


async def test_a_fallback_file_stands_in_and_its_title_is_shown(
    server: Server, tmp_path: Path
) -> None:
    file = tmp_path / "song.flac"
    song = ("-f", "lavfi", "-i", "sine=880:r=48000:d=4", "-metadata", "artist=Noor Jehan")
    await run("ffmpeg", "-v", "error", *song, "-metadata", "title=Chandni Raatein", str(file))
    await server.switch("demo", "icecast")
    await server.cli("channel", "set", "demo", "fallbackAfter=1")
    answer = await server.cli("channel", "fallback", "demo", str(file))
    assert answer["fallback"]["title"] == "Noor Jehan - Chandni Raatein"
    output = icecast_output(server, server.card["credentials"]["icecast"]["password"])
    async with running(*ffmpeg_tone("mp3", output)):
        await until(lambda: server.rows()["icecast"]["status"] == "live")
        await until(lambda: any((server.data_dir / "prepared").rglob("*.json")), timeout_s=15)
        await asyncio.sleep(1)
    async with listening(server) as listener:
        await until(lambda: logged(server, "the fallback began"), timeout_s=10)
        await until(lambda: server.rows()["icecast"]["currentTrack"] == "Chandni Raatein")
        await asyncio.sleep(6)  # it has begun anew by then
        async with running(*ffmpeg_tone("mp3", output)):
            await until(lambda: logged(server, "the source is heard") == 2)
            await asyncio.sleep(2)
            await until(lambda: server.rows()["icecast"]["currentTrack"] is None)
        assert not listener.is_over
        assert await find_decode_errors(listener.audio, "mp3") == ""


async def test_a_fallback_alone_keeps_a_channel_on_air(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "song.wav"
    await run("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=880:d=4", str(file))
    await server.cli("channel", "fallback", "demo", str(file), "--title", "Always here")
    await server.cli("channel", "set", "demo", "alwaysOn=true")
    await until(lambda: server.rows()["hls"]["status"] == "live", timeout_s=20)
    await until(lambda: server.rows()["hls"]["currentTrack"] == "Always here")
    url = server.url("hls", "/hls/demo.m3u8")
    output = rtmp_output(server, server.card["credentials"]["hls"]["streamKey"])
    async with running(*ffmpeg_tone("aac", output)):
        await until(lambda: logged(server, "the source is heard"), timeout_s=10)
        await asyncio.sleep(3)
    await until(lambda: logged(server, "the fallback began") == 2, timeout_s=10)
    await asyncio.sleep(4)
    _, playlist = await fetch(url)
    assert b"ENDLIST" not in playlist


async def test_with_simulcast_both_deliveries_run_from_one_encoder(server: Server) -> None:
    await server.cli("channel", "set", "demo", "simulcast=true")
    output = rtmp_output(server, server.card["credentials"]["hls"]["streamKey"])
    async with running(*ffmpeg_tone("aac", output)):
        await until(lambda: {r["status"] for r in server.rows().values()} == {"live"})
        await asyncio.sleep(5)
        assert len(server.rows()) == 2
        async with listening(server) as listener:
            await asyncio.sleep(3)
        assert await find_decode_errors(listener.audio, "aac") == ""
        _, playlist = await fetch(server.url("hls", "/hls/demo.m3u8"))
        assert b"#EXTINF" in playlist
    await server.switch("demo", "icecast")
    output = icecast_output(server, server.card["credentials"]["icecast"]["password"], codec="aac")
    async with running(*ffmpeg_tone("aac", output)):
        await until(lambda: logged(server, "the source is heard") == 2, timeout_s=10)
        _, before = await fetch(server.url("hls", "/hls/demo.m3u8"))
        await asyncio.sleep(5)  # nobody listens on port 8000
        _, after = await fetch(server.url("hls", "/hls/demo.m3u8"))
        assert after.splitlines()[-1] not in before


async def test_an_encoder_that_stands_still_is_stood_in_for_and_leaves_nobody_behind(
    server: Server,
) -> None:
    await server.switch("demo", "icecast")
    output = icecast_output(server, server.card["credentials"]["icecast"]["password"])
    async with running(*ffmpeg_tone("mp3", output)) as encoder:
        await until(lambda: server.rows()["icecast"]["status"] == "live")
        async with listening(server) as listener:
            await asyncio.sleep(2)
            encoder.send_signal(signal.SIGSTOP)
            await until(lambda: logged(server, "silence began"), timeout_s=6)
            begin, had = time.monotonic(), len(listener.audio)
            await asyncio.sleep(3)
            encoder.send_signal(signal.SIGCONT)
            await until(lambda: logged(server, "the source is heard") == 2)
            await asyncio.sleep(4)
            ahead_s = (len(listener.audio) - had) / 16_000 - (time.monotonic() - begin)
            assert not listener.is_over
        assert ahead_s < 3.5, "what it could not send is not sent on top of the silence"
