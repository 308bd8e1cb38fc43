"""The panel as an owner uses it, in a real browser, with real encoders."""

import asyncio
import re
import time
from pathlib import Path

import pytest
from playwright.async_api import Route, expect

from tests.on_air.clients import ffmpeg_tone, icecast_output, rtmp_output, running
from tests.on_air.server import Server, serving, until
from tests.panel.conftest import Visit, Visits, until_true

pytestmark = [
    pytest.mark.needs("chromium", "ffmpeg"),
    pytest.mark.asyncio(loop_scope="package"),
]

ON_AIR = "aw-on-air .badge.live"


async def wait_until_live(server: Server, channel: str, token: str = "") -> None:
    token = token or await server.token()

    async def is_live() -> bool:
        path = f"/streams/channel/{channel}/active-type"
        return bool((await server.request("GET", path, token))[1]["isLive"])

    await until_true(is_live)


async def test_a_wrong_password_is_told_and_the_right_one_opens_the_panel(visits: Visits) -> None:
    async with visits.open() as visit:
        page = visit.page
        await page.goto(f"{visit.base}/")
        await page.fill("#email", "owner@localhost")
        await page.fill("#password", "not this one")
        await page.click("form button")
        await expect(page.get_by_role("alert")).to_contain_text("password is wrong")
        await visit.log_in()
        await expect(page.get_by_role("heading", name="Your channels")).to_be_visible()
        await expect(page.locator(".glance", has_text="Demo")).to_be_visible()
        # The session is the browser's to keep, and no script's to read.
        cookies = {cookie["name"]: cookie for cookie in await visit.context.cookies()}
        assert cookies.keys() == {"awazpulse_access", "awazpulse_refresh"} or len(cookies) == 1
        for cookie in cookies.values():
            assert cookie["httpOnly"]
            assert cookie["sameSite"] == "Strict"
        assert await page.evaluate("document.cookie") == ""
        assert "eyJ" not in await page.evaluate("JSON.stringify(localStorage)")
        await page.locator("summary").click()
        await page.get_by_role("button", name="Sign out").click()
        await expect(page.locator("#email")).to_be_visible()
        await page.reload()
        await expect(page.locator("#email")).to_be_visible()


async def test_secrets_leave_the_server_only_when_they_are_shown_or_copied(visits: Visits) -> None:
    credentials = await visits.server.add_channel("secrets", "hls")
    key = credentials["hls"]["streamKey"]
    async with visits.open() as visit:
        await visit.log_in()
        await visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
        asked: list[str] = []
        visit.page.on(
            "request",
            lambda request: (
                asked.append(request.url)
                if "/streams/" in request.url and "/credentials" in request.url
                else None
            ),
        )
        await visit.open_channel("secrets")
        field = visit.page.locator("[data-field=streamKey]")
        await expect(field).to_contain_text("hidden")
        assert key not in await visit.page.content()
        assert not asked
        await field.get_by_role("button", name="Copy").click()
        await expect(field.locator(".icon-check")).to_be_visible()
        assert await visit.page.evaluate("navigator.clipboard.readText()") == key
        assert key not in await visit.page.content()
        await field.get_by_role("button", name="Show").click()
        await expect(field).to_contain_text(key)
        # Without HTTPS there is no Clipboard API.
        await visit.page.evaluate(
            "Object.defineProperty(navigator, 'clipboard', {value: undefined});"
            " trueClipboard.writeText('before')"
        )
        server = visit.page.locator("[data-field=rtmpUrl]")
        await server.get_by_role("button", name="Copy").click()
        await expect(server.locator(".icon-check")).to_be_visible()
        copied = await visit.page.evaluate("trueClipboard.readText()")
        assert copied == credentials["hls"]["rtmpUrl"]
        # Made anew: the old one is gone from the page.
        await visit.page.get_by_role("button", name="Make anew").click()
        await visit.page.locator("dialog").get_by_role("button", name="Make anew").click()
        await expect(visit.page.locator("dialog")).to_have_count(0)
        assert key not in await visit.page.content()
        new = await visits.server.cli("credentials", "secrets")
        await expect(field).to_contain_text(new["hls"]["streamKey"])


async def test_going_on_air_shows_within_two_seconds_and_can_be_heard(visits: Visits) -> None:
    server = visits.server
    credentials = await server.add_channel("morning", "hls")
    async with visits.open() as visit:
        page = visit.page
        await visit.log_in()
        await visit.open_channel("morning")
        await expect(page.locator("[data-check=waiting]")).to_contain_text("Waiting for OBS")
        output = rtmp_output(server, credentials["hls"]["streamKey"])
        async with running(*ffmpeg_tone("aac", output)):
            await wait_until_live(server, "morning")
            began = time.monotonic()
            await page.wait_for_selector(ON_AIR)
            assert time.monotonic() - began < 2
            connected = page.locator("[data-check=connected]")
            await expect(connected).to_contain_text("FFmpeg is connected")
            await expect(connected).to_contain_text(re.compile(r"AAC · 1[56]\d kbit/s"))
            await page.get_by_role("button", name="Change the title").click()
            await page.fill("#artist", "Nayyara Noor")
            await page.wait_for_timeout(2500)  # levels come meanwhile, and must not wipe it
            await expect(page.locator("#artist")).to_have_value("Nayyara Noor")
            await page.fill("#title", "Aaj Bazar Mein")
            await page.get_by_role("button", name="Show it").click()
            await expect(page.locator("[data-test=title]")).to_have_text("Aaj Bazar Mein")
            await page.get_by_role("button", name="Listen", exact=True).click()
            await visit.wait_until_heard()
            await expect(page.locator("aw-listening")).to_contain_text("s behind the studio")
            await expect(page.locator("[data-test=listeners]")).to_have_text("1", timeout=15_000)
            await expect(page.locator(".type").first).to_contain_text("measured in this browser")
            await expect(page.locator("aw-meter")).to_contain_text("dBFS")
            await page.get_by_role("button", name="Stop the broadcast").click()
            await page.get_by_role("button", name="Stop now").click()
            await expect(page.locator("dialog")).to_have_count(0)
        await expect(page.locator(ON_AIR)).to_have_count(0, timeout=40_000)


async def test_a_switch_while_live_cuts_off_the_encoder_and_shows_the_other_values(
    visits: Visits,
) -> None:
    server = visits.server
    credentials = await server.add_channel("evening", "hls")
    key = credentials["hls"]["streamKey"]
    async with visits.open() as visit:
        page = visit.page
        await visit.log_in()
        await visit.open_channel("evening")
        await page.locator("[data-field=streamKey]").get_by_role("button", name="Show").click()
        await expect(page.locator("[data-field=streamKey]")).to_contain_text(key)
        async with running(*ffmpeg_tone("aac", rtmp_output(server, key))) as encoder:
            await page.wait_for_selector(ON_AIR)
            await _fail_to_switch(visit)
            await page.get_by_role("radio", name="Icecast").click()
            dialog = page.locator("dialog")
            await expect(dialog).to_contain_text("You are on air with 0 listeners")
            await dialog.get_by_role("button", name="Cut off and switch").click()
            await until(lambda: encoder.returncode is not None)
            await expect(page.locator("aw-credentials section")).to_have_attribute(
                "data-type", "icecast"
            )
            assert key not in await page.content()
        await expect(page.locator("aw-guide")).to_contain_text("Set up BUTT")
        await expect(page.locator("[data-field=mountPoint]")).to_contain_text("/evening.mp3")
        await expect(page.get_by_role("radio", name="Icecast")).to_be_checked()
        output = icecast_output(server, credentials["icecast"]["password"], "/evening.mp3")
        async with running(*ffmpeg_tone("mp3", output)):
            await page.wait_for_selector(ON_AIR)
            await page.get_by_role("button", name="Listen", exact=True).click()
            await visit.wait_until_heard()


async def _fail_to_switch(visit: Visit) -> None:
    """Have a switch fail; the page says why, and shows what was."""
    page = visit.page

    async def refuse(route: Route) -> None:
        problem = '{"type": "urn:awazpulse:problem:unavailable", "detail": "away"}'
        await route.fulfill(status=503, body=problem, content_type="application/problem+json")

    await page.route("**/switch-type", refuse)
    await page.get_by_role("radio", name="Icecast").click()
    dialog = page.locator("dialog")
    await dialog.get_by_role("button", name="Cut off and switch").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("Nothing has changed")
    await dialog.get_by_role("button", name="Cancel").click()
    await page.unroute("**/switch-type")
    await expect(page.get_by_role("radio", name="HLS")).to_be_checked()
    await expect(page.locator("aw-credentials section")).to_have_attribute("data-type", "hls")


async def test_an_encoder_that_is_turned_away_is_explained(visits: Visits) -> None:
    server = visits.server
    credentials = await server.add_channel("locked", "hls")
    async with visits.open() as visit:
        await visit.log_in()
        await visit.open_channel("locked")
        await expect(visit.page.locator("[data-check=waiting]")).to_be_visible()
        async with running(*ffmpeg_tone("aac", rtmp_output(server, "locked?key=wrong"))):
            refused = visit.page.locator("[data-check=refused]")
            await expect(refused).to_contain_text("the stream key is wrong. Copy it again")
        output = icecast_output(server, credentials["icecast"]["password"], "/locked.mp3")
        async with running(*ffmpeg_tone("mp3", output)):
            await expect(refused).to_contain_text("this channel is set to HLS")
        await expect(visit.page.locator("aw-history .lines .bad").first).to_be_visible()


async def test_owners_see_their_own_channels_alone(visits: Visits) -> None:
    server = visits.server
    await server.add_channel("private", "hls")
    login = {"email": "neighbour@radio.example", "password": "another good password"}
    await server.cli("user", "add", login["email"], stdin=login["password"].encode())
    await server.cli("channel", "add", "Next Door", "--id", "next", "--owner", login["email"])
    async with visits.open() as visit:
        await visit.log_in(login)
        names = visit.page.locator(".glance .name")
        await expect(names).to_have_text(["Next Door"])
        await visit.page.goto(f"{visit.base}/#/channel/private")
        await expect(visit.page.get_by_role("alert")).to_contain_text("cannot be shown")
        assert "private" not in await visit.page.locator("main").inner_text()


async def test_settings_are_saved_undone_and_survive(visits: Visits) -> None:
    server = visits.server
    await server.add_channel("tuned", "hls")
    song = server.data_dir.parent / "song.mp3"
    if not song.exists():
        make = ("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=duration=3", str(song))
        process = await asyncio.create_subprocess_exec(*make)
        await process.wait()
    async with visits.open() as visit:
        page = visit.page
        await visit.log_in()
        await visit.open_channel("tuned", "settings")
        await page.fill("#setting-graceTime", "45")
        await page.get_by_role("switch", name="Always on").check()
        await expect(page.locator(".save-bar")).to_contain_text("2 changes")
        await page.get_by_role("button", name="Save").click()
        await expect(page.locator(".notice")).to_contain_text("Saved")
        await page.reload()
        await expect(page.locator("#setting-graceTime")).to_have_value("45")
        await page.fill("#setting-graceTime", "60")
        await page.get_by_role("button", name="Save").click()
        await page.locator(".notice").get_by_role("button", name="Undo").click()
        await expect(page.locator("#setting-graceTime")).to_have_value("45")
        await page.locator("aw-fallback input[type=file]").set_input_files(song)
        await expect(page.locator("aw-fallback audio")).to_be_visible()
        await page.fill("#fallback-title", "Back soon")
        await page.get_by_role("button", name="Use this file").click()
        await expect(page.locator(".kept")).to_contain_text("Back soon")


async def test_a_restart_heals_the_page(visits: Visits, tmp_path: Path) -> None:
    async with serving(tmp_path / "data") as first:
        ports = {f"{name.upper()}_PORT": port for name, port in first.ports.items()}
        async with visits.open(first) as visit:
            await visit.log_in()
            await visit.open_channel("demo")
            await expect(visit.page.locator("[data-check=waiting]")).to_be_visible()
            key = first.card["credentials"]["hls"]["streamKey"]
            await first.stop()
            await expect(visit.page.locator(".lost")).to_contain_text("Reconnecting")
            async with serving(tmp_path / "data", **ports) as second:
                await expect(visit.page.locator(".lost")).to_be_empty(timeout=15_000)
                async with running(*ffmpeg_tone("aac", rtmp_output(second, key))):
                    await visit.page.wait_for_selector(ON_AIR)
                await visit.page.close()
