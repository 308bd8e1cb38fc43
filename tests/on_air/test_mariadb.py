"""The whole server on MariaDB, also while MariaDB is away: what is on air stays on air."""

import asyncio
from pathlib import Path

from tests.audio import split_frames
from tests.mariadb import MariaDb
from tests.on_air.clients import ffmpeg_tone, icecast_output, listen, running
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
                refused = await run(*ffmpeg_tone("mp3", output), timeout_s=30)
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
