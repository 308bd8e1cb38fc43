"""Encoders other than OBS and BUTT: each is accepted with right credentials, refused with wrong."""

import asyncio

import pytest

from tests.on_air.clients import ffmpeg_tone, icecast_output, rtmp_output, running
from tests.on_air.server import Server, run, until


def gstreamer_rtmp(server: Server, stream_key: str) -> tuple[str, ...]:
    # The whole URL in one property; the key's `?` needs no escape there.
    location = server.url("rtmp", f"/live/{stream_key}", "rtmp")
    return (
        *("gst-launch-1.0", "-q", "audiotestsrc", "is-live=true", "!", "audioconvert", "!"),
        *("avenc_aac", "!", "aacparse", "!", "flvmux", "streamable=true", "!"),
        *("rtmp2sink", f"location={location}"),
    )


@pytest.mark.needs("gst-launch-1.0")
async def test_gstreamer_goes_on_air(server: Server) -> None:
    key = server.card["credentials"]["hls"]["streamKey"]
    async with running(*gstreamer_rtmp(server, key)):
        await until(lambda: server.rows()["hls"]["status"] == "live")
        await until(lambda: server.rows()["hls"]["format"] == "aac")


@pytest.mark.needs("gst-launch-1.0")
async def test_gstreamer_is_told_of_a_wrong_key(server: Server) -> None:
    status, out, err = await run(*gstreamer_rtmp(server, "demo?key=wrong"), timeout_s=20)
    assert status != 0, out + err
    assert "wrong stream key for channel demo" in err


@pytest.mark.parametrize(
    ("stream_key", "reason", "logged"),
    [
        ("demo?key=wrong", "wrong stream key for channel demo", "wrong stream key"),
        # What was typed may be a key in the wrong place: it is not logged.
        ("nobody?key=wrong", "channel 'nobody' does not exist", "UnknownChannel"),
        ("9f8sKjw2mQpXc7Rt4Zb6Hd3N", "the stream key must be CHANNEL?key=", "must be CHANNEL"),
    ],
)
async def test_ffmpeg_is_refused_over_rtmp(
    server: Server, stream_key: str, reason: str, logged: str
) -> None:
    command = ffmpeg_tone("aac", rtmp_output(server, stream_key))
    status, _, err = await run(*command, timeout_s=20)
    assert status != 0
    assert reason in err  # ffmpeg prints the description of our onStatus
    await until(lambda: any("refused" in line and logged in line for line in server.log))
    if "wrong" not in logged:
        assert not [line for line in server.log if stream_key.partition("?")[0] in line]
    assert server.rows()["hls"]["status"] == "offline"


@pytest.mark.parametrize("codec", ["mp3", "aac"])
@pytest.mark.parametrize("legacy", ["0", "1"])
async def test_ffmpeg_goes_on_air_over_icecast_by_put_and_by_source(
    server: Server, codec: str, legacy: str
) -> None:
    await server.switch("demo", "icecast")
    password = server.card["credentials"]["icecast"]["password"]
    output = ("-legacy_icecast", legacy, *icecast_output(server, password, codec=codec))
    async with running(*ffmpeg_tone(codec, output)):
        await until(lambda: server.rows()["icecast"]["status"] == "live")
        await until(lambda: server.rows()["icecast"]["format"] == codec)


async def test_ffmpeg_is_refused_over_icecast(server: Server) -> None:
    password = server.card["credentials"]["icecast"]["password"]
    wrong = await run(*ffmpeg_tone("mp3", icecast_output(server, "wrong")), timeout_s=20)
    assert wrong[0] != 0
    assert "401" in wrong[2]
    unselected = await run(*ffmpeg_tone("mp3", icecast_output(server, password)), timeout_s=20)
    assert unselected[0] != 0
    assert "403" in unselected[2]
    await until(lambda: any("set to HLS; switch it to Icecast first" in x for x in server.log))
    await server.switch("demo", "icecast")
    await server.cli("channel", "set", "demo", "takeover=refuse")
    unknown = icecast_output(server, password, "/nobody.mp3")
    assert "404" in (await run(*ffmpeg_tone("mp3", unknown), timeout_s=20))[2]
    async with running(*ffmpeg_tone("mp3", icecast_output(server, password))) as first:
        await until(lambda: server.rows()["icecast"]["status"] == "live")
        await asyncio.sleep(0.5)
        second = await run(*ffmpeg_tone("mp3", icecast_output(server, password)), timeout_s=20)
        assert second[0] != 0
        assert first.returncode is None


async def test_over_rtmp_a_newer_connection_takes_over(server: Server) -> None:
    command = ffmpeg_tone(
        "aac", rtmp_output(server, server.card["credentials"]["hls"]["streamKey"])
    )
    async with running(*command) as first:
        await until(lambda: server.rows()["hls"]["status"] == "live")
        async with running(*command) as second, asyncio.timeout(10):
            await first.wait()
            assert second.returncode is None
            await until(lambda: any("takes over from" in x for x in server.log))
            assert server.rows()["hls"]["status"] == "live"
