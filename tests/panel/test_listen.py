"""The listener's page in a real browser, with real encoders."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import expect

from tests.on_air.clients import ffmpeg_tone, icecast_output, rtmp_output, running
from tests.on_air.server import serving
from tests.panel.conftest import Visits

pytestmark = [
    pytest.mark.needs("chromium", "ffmpeg"),
    pytest.mark.asyncio(loop_scope="package"),
]


@pytest.mark.parametrize("stream_type", ["hls", "icecast"])
async def test_it_plays_what_is_on_air_and_returns_by_itself(
    visits: Visits, stream_type: str
) -> None:
    server = visits.server
    channel = f"heard-{stream_type}"
    credentials = await server.add_channel(channel, stream_type)
    await server.cli("channel", "set", channel, "graceTime=0", "name=Radio Ravi")
    if stream_type == "hls":
        command = ffmpeg_tone("aac", rtmp_output(server, credentials["hls"]["streamKey"]))
    else:
        password = credentials["icecast"]["password"]
        command = ffmpeg_tone("mp3", icecast_output(server, password, f"/{channel}.mp3"))
    async with visits.open() as visit:
        page = visit.page
        await page.goto(f"{visit.base}/listen/{channel}")
        state = page.locator(".state")
        await expect(state).to_contain_text("Off air")
        await expect(page.get_by_role("button", name="Listen")).to_be_disabled()
        async with running(*command):
            await expect(state).to_contain_text("On air", timeout=15_000)
            await page.get_by_role("button", name="Listen").click()
            await visit.wait_until_heard()
            path = f"/streams/channel/{channel}/metadata"
            body = {"artist": "Iqbal Bano", "title": "Hum Dekhenge"}
            await server.request("PUT", path, await server.token(), body)
            await expect(page.locator("[data-test=title]")).to_have_text("Hum Dekhenge")
            assert await page.title() == "Iqbal Bano - Hum Dekhenge · Radio Ravi"
            metadata = "navigator.mediaSession.metadata.title"
            assert await page.evaluate(metadata) == "Hum Dekhenge"
        await expect(state).to_contain_text("Off air", timeout=15_000)
        await expect(page.locator(".player-state")).to_contain_text("goes on by itself")
        async with running(*command):
            await expect(state).to_contain_text("On air", timeout=15_000)
            await expect(page.locator(".play")).to_have_attribute(
                "data-state", "playing", timeout=20_000
            )
            await visit.wait_until_heard()


async def test_it_gives_radio_apps_their_address_and_can_be_installed(visits: Visits) -> None:
    credentials = await visits.server.add_channel("apps", "icecast")
    async with visits.open() as visit:
        await visit.page.goto(f"{visit.base}/listen/apps")
        address = visit.page.locator(".apps code")
        await expect(address).to_have_text(credentials["icecast"]["playbackUrl"])
        await visit.page.get_by_role("button", name="QR code").click()
        await expect(visit.page.get_by_role("img", name="QR code")).to_be_visible()
        devtools = await visit.context.new_cdp_session(visit.page)
        manifest = await devtools.send("Page.getAppManifest")
        assert not manifest["errors"]
        assert '"name": "Apps"' in manifest["data"]
        answer = await devtools.send("Page.getInstallabilityErrors")
        errors = {error["errorId"] for error in answer["installabilityErrors"]}
        assert errors <= {"in-incognito"}  # as every browser of a test is


async def test_an_unknown_station_is_said_to_be_unknown(visits: Visits) -> None:
    async with visits.open() as visit:
        answer = await visit.page.goto(f"{visit.base}/listen/nowhere")
        assert answer is not None
        assert answer.status == 404
        await expect(visit.page.locator("h1")).to_have_text("There is no such station")


class Framing:
    """Another site, whose page shows ours in a frame."""

    url = ""

    async def answer(self, _request: web.Request) -> web.Response:
        return web.Response(text=f'<iframe src="{self.url}"></iframe>', content_type="text/html")


@asynccontextmanager
async def serving_frame() -> AsyncIterator[tuple[Framing, str]]:
    site, app = Framing(), web.Application()
    app.router.add_get("/", site.answer)
    async with TestServer(app) as server:
        yield site, f"http://127.0.0.1:{server.port}"


async def test_it_stands_in_frames_of_the_hosts_that_the_operator_names(
    visits: Visits, tmp_path: Path
) -> None:
    async with (
        serving_frame() as (friend, friendly),
        serving_frame() as (stranger, strange),
        serving(tmp_path / "data", EMBED_HOSTS=friendly) as server,
        visits.open(server) as visit,
    ):
        friend.url = stranger.url = f"{visit.base}/listen/demo?embed=1"
        station = visit.page.frame_locator("iframe").locator("h1", has_text="Demo")
        await visit.page.goto(friendly)
        await expect(station).to_be_visible()
        await visit.page.goto(strange)
        await visit.page.wait_for_timeout(500)
        await expect(station).to_have_count(0)
        assert any("frame-ancestors" in fault for fault in visit.faults)
        visit.faults.clear()
