"""A switch while live, on the real server over its real ports."""

import asyncio
import time

from tests.on_air.clients import (
    fetch,
    ffmpeg_tone,
    icecast_output,
    listen,
    play_hls,
    rtmp_output,
    running,
)
from tests.on_air.server import Server, until


async def test_a_switch_cuts_the_encoder_off_and_lets_the_other_one_in(server: Server) -> None:
    credentials = server.card["credentials"]
    obs = ffmpeg_tone("aac", rtmp_output(server, credentials["hls"]["streamKey"]))
    butt = ffmpeg_tone("mp3", icecast_output(server, credentials["icecast"]["password"]))
    hls_url = server.url("hls", "/hls/demo.m3u8")
    icecast_url = server.url("icecast", "/demo.mp3")

    async with running(*obs) as encoder:
        await until(lambda: server.rows()["hls"]["status"] == "live")
        player = asyncio.create_task(play_hls(hls_url))
        await until(lambda: server.rows()["hls"]["currentListeners"] == 1)
        token = await server.token()
        begun = time.monotonic()
        row = await server.switch("demo", "icecast", token)
        async with asyncio.timeout(2):
            await encoder.wait()
        assert time.monotonic() - begun < 1  # with ffmpeg's own end
        assert row["streamType"] == "icecast"
        assert row["icecastMountPoint"] == "/demo.mp3"
        assert row["streamUrl"].endswith("/demo.mp3")
        assert row["isMainStream"] is True
        async with asyncio.timeout(15):
            assert await player  # its playlist has ended
    rows = server.rows()
    assert (rows["hls"]["status"], rows["hls"]["currentListeners"]) == ("offline", 0)
    assert (rows["hls"]["isMainStream"], rows["icecast"]["isMainStream"]) == (0, 1)
    assert (rows["icecast"]["status"], rows["icecast"]["channelId"]) == ("offline", "demo")

    async with running(*obs) as refused:
        async with asyncio.timeout(10):
            assert await refused.wait() != 0
    await until(lambda: any("set to Icecast; switch it to HLS first" in x for x in server.log))

    async with running(*butt) as encoder:
        await until(lambda: server.rows()["icecast"]["status"] == "live")
        listener = asyncio.create_task(listen(icecast_url))
        await until(lambda: server.rows()["icecast"]["currentListeners"] == 1)
        await server.switch("demo", "hls")
        async with asyncio.timeout(1):
            assert await listener
        async with asyncio.timeout(2):
            await encoder.wait()
    rows = server.rows()
    assert (rows["icecast"]["status"], rows["icecast"]["currentListeners"]) == ("offline", 0)
    assert (rows["hls"]["isMainStream"], rows["icecast"]["isMainStream"]) == (1, 0)
    assert len(rows) == 2
    assert (await fetch(icecast_url))[0] == 404

    async with running(*obs):
        await until(lambda: server.rows()["hls"]["status"] == "live")
        row = server.rows()["hls"]
        assert (row["format"], row["lastOnlineAt"] is not None) == ("aac", True)


async def test_selecting_the_selected_type_leaves_what_is_live_on_air(server: Server) -> None:
    key = server.card["credentials"]["hls"]["streamKey"]
    async with running(*ffmpeg_tone("aac", rtmp_output(server, key))) as encoder:
        await until(lambda: server.rows()["hls"]["status"] == "live")
        row = await server.switch("demo", "hls")
        assert row["status"] == "live"
        await asyncio.sleep(0.5)
        assert encoder.returncode is None
        token = await server.token()
        status, active = await server.request("GET", "/streams/channel/demo/active-type", token)
        assert (status, active["activeType"], active["isLive"]) == (200, "hls", True)


async def test_a_change_on_the_command_line_holds_at_once(server: Server) -> None:
    await server.switch("demo", "icecast")
    password = server.card["credentials"]["icecast"]["password"]
    url = server.url("icecast", "/demo.mp3")
    async with running(*ffmpeg_tone("mp3", icecast_output(server, password))) as encoder:
        await until(lambda: server.rows()["icecast"]["status"] == "live")
        first = asyncio.create_task(listen(url))
        await until(lambda: server.rows()["icecast"]["currentListeners"] == 1)
        await server.cli("channel", "set", "demo", "maxListeners=1")
        status, text = await fetch(url)
        assert (status, text) == (403, b"max listeners reached\r\n")
        await server.cli("channel", "set", "demo", "maxListeners=2")
        second = asyncio.create_task(listen(url))
        await until(lambda: server.rows()["icecast"]["currentListeners"] == 2)
        await server.cli("channel", "set", "demo", "isActive=false")
        async with asyncio.timeout(2):
            await asyncio.gather(first, second, encoder.wait())


async def test_what_is_switched_on_the_command_line_is_switched_in_the_server(
    server: Server,
) -> None:
    key = server.card["credentials"]["hls"]["streamKey"]
    async with running(*ffmpeg_tone("aac", rtmp_output(server, key))) as encoder:
        await until(lambda: server.rows()["hls"]["status"] == "live")
        await server.cli("switch", "demo", "icecast")
        async with asyncio.timeout(2):
            await encoder.wait()
    assert server.rows()["icecast"]["isMainStream"] == 1
