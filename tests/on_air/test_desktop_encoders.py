"""OBS and BUTT themselves: on air with what the card says, and told why when it is wrong."""

import asyncio
import socket

import pytest

from tests.audio import split_frames
from tests.on_air.clients import fetch, listen, measure_tone, play_hls
from tests.on_air.desktop import desktop, start_butt, start_obs
from tests.on_air.server import Server, until


@pytest.mark.needs("obs", "Xvfb", "pulseaudio", "pactl")
async def test_obs_goes_on_air_and_its_tone_is_heard(server: Server) -> None:
    await server.end_with_encoder()
    key = server.card["credentials"]["hls"]["streamKey"]
    async with desktop() as made:
        log = await start_obs(made, server.url("rtmp", "/live", "rtmp"), key)
        await until(lambda: server.rows()["hls"]["status"] == "live", timeout_s=40)
        player = asyncio.create_task(play_hls(server.url("hls", "/hls/demo.m3u8")))
        await asyncio.sleep(8)
        assert "Streaming Start" in log.read_text(errors="replace")
        row = server.rows()["hls"]
        assert (row["format"], row["bitrate"], row["currentListeners"]) == ("aac", 160, 1)
    media = await player
    seconds, pitch = measure_tone(media, "mpegts")
    assert seconds > 7
    assert abs(pitch - 440) < 5  # through a sound card whose clock is a timer


@pytest.mark.needs("obs", "Xvfb", "pulseaudio", "pactl")
async def test_obs_stops_at_once_with_a_wrong_key(server: Server) -> None:
    async with desktop() as made:
        log = await start_obs(made, server.url("rtmp", "/live", "rtmp"), "demo?key=wrong")
        await until(lambda: "Streaming Stop" in log.read_text(errors="replace"), timeout_s=40)
        text = log.read_text(errors="replace")
        assert "failed: -3" in text  # OBS_OUTPUT_INVALID_STREAM: it tells its user to check the key
    assert any("wrong stream key for channel demo" in line for line in server.log)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


@pytest.mark.needs("butt", "Xvfb", "pulseaudio", "pactl")
async def test_butt_goes_on_air_with_its_title_and_counts_listeners(server: Server) -> None:
    await server.end_with_encoder()
    await server.switch("demo", "icecast")
    password = server.card["credentials"]["icecast"]["password"]
    port = server.ports["icecast"]
    async with desktop() as made:
        butt = await start_butt(made, "127.0.0.1", port, password, "demo.mp3", free_port())
        await until(lambda: server.rows()["icecast"]["status"] == "live", timeout_s=30)
        await butt.set_song("Nūr Jehān - Chāndnī Rātein")
        await until(lambda: server.rows()["icecast"]["currentArtist"] == "Nūr Jehān")
        assert server.rows()["icecast"]["currentTrack"] == "Chāndnī Rātein"
        url = server.url("icecast", "/demo.mp3")
        plain = asyncio.create_task(listen(url))
        icy = asyncio.create_task(listen(url, {"Icy-MetaData": "1"}))
        await butt.until("listeners", "2")
        await butt.until("connected", "1")
        _, document = await fetch(server.url("icecast", "/status-json.xsl"))
        assert "Chāndnī Rātein" in document.decode()
    audio = await plain
    assert b"".join(split_frames(audio, "mp3")) == audio
    seconds, pitch = measure_tone(audio, "mp3")
    assert seconds > 5
    assert abs(pitch - 440) < 5
    assert "StreamTitle='Nūr Jehān - Chāndnī Rātein';".encode() in await icy


@pytest.mark.needs("butt", "Xvfb", "pulseaudio", "pactl")
async def test_butt_is_not_connected_with_a_wrong_password(server: Server) -> None:
    await server.switch("demo", "icecast")
    port = server.ports["icecast"]
    async with desktop() as made:
        butt = await start_butt(made, "127.0.0.1", port, "wrong", "demo.mp3", free_port())
        await until(
            lambda: any("wrong source password for channel demo" in x for x in server.log),
            timeout_s=30,
        )
        await butt.until("connecting", "0")
        await butt.until("connected", "0")
    assert server.rows()["icecast"]["status"] == "offline"
