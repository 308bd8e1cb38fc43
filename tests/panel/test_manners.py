"""What all pages keep to: access, looks, weight, and that they do not grow."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import WebSocketRoute, expect

from tests.on_air.clients import ffmpeg_tone, icecast_output, rtmp_output, running
from tests.panel.conftest import DESKTOP, PHONE, Visit, Visits
from tests.panel.test_panel import wait_until_live

pytestmark = [
    pytest.mark.needs("chromium", "ffmpeg"),
    pytest.mark.asyncio(loop_scope="package"),
]

CHANNEL = "ravi"
ADMIN = {"email": "admin@radio.example", "password": "the admin's password"}
TITLES = [("Nayyara Noor", "Aaj Bazar Mein"), ("اقبال بانو", "ہم دیکھیں گے")]
MAX_PANEL_BYTES = 300_000  # compressed, without hls.js
MAX_PAINT_MS = 500
VISITS = 3  # the best of them counts: this machine has other work, too


@asynccontextmanager
async def on_air(visits: Visits, channel: str = CHANNEL) -> AsyncIterator[None]:
    """A station that is on air with titles, and has turned somebody away."""
    server = visits.server
    token = (await server.cli("token", ADMIN["email"]))["accessToken"]
    status, _ = await server.request("GET", f"/channels/{channel}", token)
    if status == 404:
        add = ("channel", "add", "Radio Ravi راوی", "--id", channel, "--owner", ADMIN["email"])
        await server.cli(*add)
        await server.cli("channel", "set", channel, "graceTime=0")
    credentials = await server.cli("credentials", channel)
    wrong = icecast_output(server, "no", f"/{channel}.mp3")
    async with running(*ffmpeg_tone("mp3", wrong)) as refused:
        await refused.wait()
    command = ffmpeg_tone("aac", rtmp_output(server, credentials["hls"]["streamKey"]))
    path = f"/streams/channel/{channel}"
    async with running(*command):
        await wait_until_live(server, channel, token)
        for artist, title in TITLES:
            await server.request(
                "PUT", f"{path}/metadata", token, {"artist": artist, "title": title}
            )
        yield


async def make_admin(visits: Visits) -> None:
    arguments = ("user", "add", ADMIN["email"], "--role", "admin")
    await visits.server.cli(*arguments, stdin=ADMIN["password"].encode())


async def show(visit: Visit, name: str) -> None:
    """Open one of the pages and wait until it is whole."""
    page = visit.page
    match name:
        case "login":
            await page.goto(f"{visit.base}/")
            await page.wait_for_selector("#email")
        case "channels":
            await page.goto(f"{visit.base}/#/")
            await expect(page.locator(".glance .badge").first).to_be_visible()
        case "studio":
            await visit.open_channel(CHANNEL)
            await expect(page.locator("[data-check=connected]")).to_be_visible()
            await expect(page.locator("aw-meter")).to_contain_text("dBFS", timeout=15_000)
        case "off-air" | "users" | "account" | "nowhere":
            part = "channel/demo" if name == "off-air" else name
            await page.goto(f"{visit.base}/#/{part}")
            await page.wait_for_selector("main .card")
        case "audience" | "settings":
            await visit.open_channel(CHANNEL, name)
            await page.wait_for_selector(f"aw-{name} .card")
        case "listen":
            await page.goto(f"{visit.base}/listen/{CHANNEL}")
            await page.wait_for_selector(".badge.live")
        case "embed":
            await page.goto(f"{visit.base}/listen/{CHANNEL}?embed=1")
            await page.wait_for_selector(".badge.live")
    await page.evaluate("document.fonts.ready")
    await page.wait_for_timeout(250)


PAGES = ("login", "channels", "studio", "off-air", "audience", "settings", "users", "account", "listen", "embed")  # fmt: skip
_SHOTS_OF_BOTH = ("studio", "listen")  # are kept in both themes, the rest in one


@pytest.mark.parametrize("language", ["en", "ur"])
async def test_every_page_is_open_to_everybody_in_both_themes(
    visits: Visits, language: str
) -> None:
    if language == "en":
        await make_admin(visits)
    async with on_air(visits):
        for theme in ("light", "dark"):
            async with visits.open(locale=language, color_scheme=theme) as visit:
                for name in PAGES:
                    if name == "channels":
                        await visit.log_in(ADMIN)
                    await show(visit, name)
                    assert await visit.page.get_attribute("html", "dir") == (
                        "rtl" if language == "ur" else "ltr"
                    )
                    faults = await visit.find_axe_faults()
                    assert not faults, (name, theme, faults)
                    await _check_widths(visit, f"{name}-{language}-{theme}", theme == "light")


async def _check_widths(visit: Visit, name: str, is_kept: bool) -> None:
    """Nothing is cut off on a phone or a desktop; keep what it looks like."""
    for width, size in (("phone", PHONE), ("desktop", DESKTOP)):
        await visit.page.set_viewport_size(size)
        await visit.page.wait_for_timeout(150)
        wide = await visit.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{name} is {wide} px too wide on a {width}"
        if is_kept or name.startswith(_SHOTS_OF_BOTH):
            await visit.screenshot(f"{name}-{width}")


@pytest.mark.parametrize("language", ["en", "ur"])
async def test_the_first_paint_is_fast_and_the_panel_is_light(
    visits: Visits, language: str
) -> None:
    paints_ms = []
    for _ in range(VISITS):
        async with visits.open(locale=language) as visit:
            await visit.page.goto(f"{visit.base}/")
            await visit.page.wait_for_selector("#email")
            paints_ms.append(await visit.find_first_paint_ms())
    assert min(paints_ms) < MAX_PAINT_MS
    server, sizes = visits.server, list[float]()
    owner = {"email": f"light-{language}@radio.example", "password": "a light password"}
    await server.cli("user", "add", owner["email"], stdin=owner["password"].encode())
    channel = f"light-{language}"
    await server.cli("channel", "add", "Light", "--id", channel, "--owner", owner["email"])
    async with visits.open(locale=language) as visit:
        devtools = await visit.context.new_cdp_session(visit.page)
        await devtools.send("Network.enable")
        devtools.on(
            "Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"])
        )
        await visit.log_in(owner)
        await visit.open_channel(channel)
        await visit.open_channel(channel, "settings")
        await visit.open_channel(channel, "audience")
        await visit.page.wait_for_selector("aw-chart canvas")
    assert sum(sizes) < MAX_PANEL_BYTES


async def test_a_page_left_open_for_ten_minutes_of_events_does_not_grow(visits: Visits) -> None:
    await visits.server.add_channel("steady", "hls")
    lines: list[WebSocketRoute] = []

    def take(line: WebSocketRoute) -> None:
        lines.append(line)

    async with visits.open() as visit:
        await visit.page.route_web_socket("**/events?*", take)
        await visit.log_in()
        await visit.open_channel("steady")
        await expect(visit.page.locator("aw-on-air")).to_be_visible()
        start = datetime.now(UTC)
        _send_events(lines[-1], start, range(600))
        await expect(visit.page.locator("[data-test=title]")).to_have_text("Song 570")
        before = await visit.read_metrics()
        _send_events(lines[-1], start, range(600, 1200))
        await expect(visit.page.locator("[data-test=title]")).to_have_text("Song 1170")
        after = await visit.read_metrics()
        assert after["Nodes"] <= before["Nodes"] * 1.05
        assert after["JSEventListeners"] <= before["JSEventListeners"] * 1.05
        assert after["JSHeapUsedSize"] <= before["JSHeapUsedSize"] * 1.1 + 300_000


def _send_events(line: WebSocketRoute, start: datetime, seconds: range) -> None:
    """Tell what happens to a busy station within these seconds."""

    def tell(kind: str, **data: object) -> None:
        event = {"id": "1", "type": kind, "channelId": "steady", "streamType": "hls"}
        line.send(json.dumps(event | {"time": time.replace("+00:00", "Z"), "data": data}))

    for second in seconds:
        time = (start + timedelta(seconds=second)).isoformat(timespec="milliseconds")
        peak = -6.0 - second % 20
        tell("levels", peakDbfs=[peak, peak], rmsDbfs=[-20.0, -20.0], isClipped=False)
        tell("listeners", hls=second % 50, icecast=0, total=second % 50)
        if second % 20 == 0:
            tell("source_lost", reason="connection_lost")
            tell("source_connected", address="192.0.2.1:5", encoder="obs")
            tell("source_heard", codec="aac", bitrateKbps=128)
        if second % 30 == 0:
            tell("title", title=f"Song {second}", artist="", track=f"Song {second}")
            tell("login_refused", reason="wrong_secret", address="192.0.2.1:5")
            tell("quality", bitrateKbps=128, gaps=0, longestGapSeconds=0, clockPercent=0)
