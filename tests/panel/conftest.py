"""One browser and one server for all tests of the pages."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
import pytest_asyncio
from playwright.async_api import (
    Browser,
    BrowserContext,
    Page,
    ViewportSize,
    async_playwright,
)

from tests.on_air.server import Server, serving

ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).parent / "results"  # screenshots
CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
DESKTOP, PHONE = ViewportSize(width=1280, height=900), ViewportSize(width=360, height=740)

# Tests reach what a page plays, and its copies, also where the page hides the Clipboard API.
_HOOKS = """
window.players = [];
window.Audio = class extends Audio { constructor() { super(); window.players.push(this); } };
window.trueClipboard = navigator.clipboard;
"""
# What a page plays, for half a second: its loudest sample, and how far its clock went.
_HEAR = """
async () => {
  const player = window.players.at(-1);
  if (!window.analyser) {
    const context = new AudioContext();
    window.analyser = context.createAnalyser();
    context.createMediaElementSource(player).connect(window.analyser);
    window.analyser.connect(context.destination);
    await context.resume();
  }
  const began = player.currentTime;
  let loudest = 0;
  const samples = new Float32Array(window.analyser.fftSize);
  for (let turn = 0; turn < 25; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    window.analyser.getFloatTimeDomainData(samples);
    loudest = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), loudest);
  }
  return [player.currentTime - began, loudest];
}
"""


async def until_true(ask: Callable[[], Awaitable[object]], timeout_s: float = 20) -> None:
    """Wait for something that a page or a server is to be asked for."""
    async with asyncio.timeout(timeout_s):
        while not await ask():  # noqa: ASYNC110  # it is not in this process
            await asyncio.sleep(0.1)


class Visit:
    """Somebody's browser on our pages; at its end nothing has gone wrong in it."""

    def __init__(self, server: Server, context: BrowserContext, page: Page) -> None:
        self.server = server
        self.context = context
        self.page = page
        self.base = f"http://127.0.0.1:{server.ports['api']}"
        self.faults: list[str] = []
        self.hosts: set[str] = set()
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        page.on("console", lambda message: self._note(message.text))
        page.on("request", lambda request: self.hosts.add(request.url.split("/")[2].split(":")[0]))

    def _note(self, text: str) -> None:
        if "Content Security Policy" in text:
            self.faults.append(text)

    async def log_in(self, login: dict[str, str] | None = None) -> None:
        """Sign in by the form."""
        login = login or self.server.card["owner"]
        await self.page.goto(f"{self.base}/")
        await self.page.fill("#email", login["email"])
        await self.page.fill("#password", login["password"])
        await self.page.click("form button")
        await self.page.wait_for_selector("aw-channels")

    async def open_channel(self, channel: str, part: str = "") -> None:
        """Open a channel's page."""
        await self.page.goto(f"{self.base}/#/channel/{channel}{part and '/' + part}")
        await self.page.wait_for_selector(".channel-title")

    async def hear(self) -> tuple[float, float]:
        """Return how many seconds of half a second were played, and how loud, up to 1."""
        went, loudest = await self.page.evaluate(_HEAR)
        return float(went), float(loudest)

    async def wait_until_heard(self) -> None:
        """Wait for a player that plays, and for more than silence."""
        # Not by `wait_for_function`: the page's policy forbids what it does.
        await until_true(lambda: self.page.evaluate("players.some((one) => one.currentTime > 0.5)"))
        went, loudest = await self.hear()
        assert went > 0.25
        assert loudest > 0.02

    async def screenshot(self, name: str) -> None:
        """Keep what the page looks like, for people."""
        RESULTS.mkdir(exist_ok=True)
        await self.page.screenshot(path=RESULTS / f"{name}.png", full_page=True)

    async def find_first_paint_ms(self) -> float:
        """Return when the page first showed anything."""
        paints = "performance.getEntriesByName('first-contentful-paint')"
        await until_true(lambda: self.page.evaluate(f"{paints}.length"))
        return float(await self.page.evaluate(f"{paints}[0].startTime"))

    async def read_metrics(self) -> dict[str, float]:
        """Return Chromium's numbers of the page, after a garbage collection."""
        devtools = await self.context.new_cdp_session(self.page)
        await devtools.send("Performance.enable")
        await devtools.send("HeapProfiler.collectGarbage")
        answer: dict[str, Any] = await devtools.send("Performance.getMetrics")
        return {metric["name"]: metric["value"] for metric in answer["metrics"]}

    async def find_axe_faults(self) -> list[str]:
        """Return what axe-core finds that keeps people out."""
        if not await self.page.evaluate("'axe' in window"):
            # By the debugger: the page's policy lets no script in that is not ours.
            source = (ROOT / "node_modules/axe-core/axe.min.js").read_text()
            await self.page.evaluate(source + "; 0")
        result = await self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{fault['id']}: {json.dumps([node['html'][:200] for node in fault['nodes'][:3]])}"
            for fault in result["violations"]
            if fault["impact"] in ("serious", "critical")
        ]


class Visits:
    """Opens pages."""

    def __init__(self, browser: Browser, server: Server) -> None:
        self.browser = browser
        self.server = server

    @asynccontextmanager
    async def open(
        self,
        server: Server | None = None,
        *,
        locale: str = "en-GB",
        color_scheme: Literal["dark", "light"] = "light",
    ) -> AsyncIterator[Visit]:
        """Open a browser without a past."""
        context = await self.browser.new_context(
            viewport=DESKTOP,
            locale=locale,
            color_scheme=color_scheme,
            timezone_id="Asia/Karachi",
        )
        context.set_default_timeout(15_000)
        await context.add_init_script(_HOOKS)
        try:
            visit = Visit(server or self.server, context, await context.new_page())
            yield visit
            assert not visit.faults
            assert visit.hosts <= {"127.0.0.1"}
        finally:
            await context.close()


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def visits(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Visits]:
    """A browser, and a server that all tests share: each makes a channel of its own."""
    data_dir = tmp_path_factory.mktemp("panel") / "data"
    async with serving(data_dir) as server, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield Visits(browser, server)
        await browser.close()
