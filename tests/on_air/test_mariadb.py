"""The whole server on MariaDB, also while MariaDB is away: what is on air stays on air."""

import asyncio
from pathlib import Path

import pytest

from tests.audio import split_frames
from tests.mariadb import MariaDb
from tests.on_air.clients import (
    fetch,
    ffmpeg_tone,
    icecast_output,
    listen,
    rtmp_output,
    running,
)
from tests.on_air.server import run, serving, until


async def test_what_is_on_air_outlives_the_database_and_the_rows_come_true_again(
    tmp_path: Path, own_mariadb: MariaDb
) -> None:
    url = own_mariadb.create_database()
    async with serving(tmp_path / "data", DATABASE_URL=url) as server:
        password = server.card["credentials"]["icecast"]["password"]
        output = icecast_output(server, password)
        assert (await server.switch("demo", "icecast"))["isMainStream"] is True
        await server.end_with_encoder()
        async with running(*ffmpeg_tone("mp3", output)) as encoder:
            await until(lambda: server.rows()["icecast"]["status"] == "live")
            token = await server.token()
            own_mariadb.stop()
            try:
                listener = asyncio.create_task(listen(server.url("icecast", "/demo.mp3")))
                await asyncio.sleep(6)
                assert encoder.returncode is None
                switch = "/streams/channel/demo/switch-type"
                status, answer = await server.request("POST", switch, token, {"streamType": "hls"})
                assert (status, answer["statusCode"]) == (503, 503)
                assert (await server.request("GET", "/health"))[1]["database"] != "ok"
                wrong = icecast_output(server, "wrong")
                refused = await run(*ffmpeg_tone("mp3", wrong), timeout_s=30)
                assert "403" in refused[2]
            finally:
                own_mariadb.start()
            await until(lambda: server.rows()["icecast"]["currentListeners"] == 1, timeout_s=20)
        audio = await listener
        frames = split_frames(audio, "mp3")
        assert b"".join(frames) == audio
        assert len(frames) * 1152 / 44_100 > 6  # seconds
        await until(lambda: server.rows()["icecast"]["status"] == "offline")
        assert server.rows()["icecast"]["totalUptime"] >= 6
        await server.switch("demo", "hls")
        assert server.rows()["hls"]["isMainStream"] == 1


@pytest.mark.parametrize("stream_type", ["hls", "icecast"])
async def test_encoder_that_drops_while_the_database_is_away_comes_back_and_goes_on_air(
    tmp_path: Path, own_mariadb: MariaDb, stream_type: str
) -> None:
    url = own_mariadb.create_database()
    async with serving(tmp_path / "data", DATABASE_URL=url) as server:
        credentials = server.card["credentials"]
        await server.switch("demo", stream_type)
        await server.end_with_encoder()
        if stream_type == "hls":
            command = ffmpeg_tone("aac", rtmp_output(server, credentials["hls"]["streamKey"]))
        else:
            command = ffmpeg_tone("mp3", icecast_output(server, credentials["icecast"]["password"]))
        async with running(*command):
            await until(lambda: server.rows()[stream_type]["status"] == "live")
            token = await server.token()
            own_mariadb.stop()
            await asyncio.sleep(1)
        try:
            await until(lambda: any("off air" in line for line in server.log))
            async with running(*command) as encoder:
                await until(lambda: any("login by memory" in line for line in server.log))
                status, answer = await server.request("GET", "/streams/channel/demo", token)
                assert (status, answer["type"]) == (503, "urn:awazpulse:problem:unavailable")
                if stream_type == "hls":
                    status, playlist = await fetch(server.url("hls", "/hls/demo.m3u8"))
                    assert (status, playlist[:7]) == (200, b"#EXTM3U")
                own_mariadb.start()
                await until(lambda: server.rows()[stream_type]["status"] == "live", timeout_s=20)
                answered = await server.request("GET", "/streams/channel/demo", token)
                assert answered[0] == 200
                assert encoder.returncode is None
        finally:
            if not own_mariadb.is_running:
                own_mariadb.start()
        await until(lambda: server.rows()[stream_type]["status"] == "offline")


async def test_secret_that_the_command_line_has_replaced_is_not_remembered(
    tmp_path: Path, own_mariadb: MariaDb
) -> None:
    url = own_mariadb.create_database()
    async with serving(tmp_path / "data", DATABASE_URL=url) as server:
        await server.switch("demo", "icecast")
        await server.end_with_encoder()
        old = server.card["credentials"]["icecast"]["password"]
        command = ffmpeg_tone("mp3", icecast_output(server, old))
        async with running(*command):
            await until(lambda: server.rows()["icecast"]["status"] == "live")
        await until(lambda: any("off air" in line for line in server.log))
        await server.cli("channel", "rotate", "demo", "icecast")
        own_mariadb.stop()
        assert "403" in (await run(*command, timeout_s=30))[2]
        own_mariadb.start()
