import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application, Request

from api.panel_files import FOLDER, PanelFiles
from api.panel_pages import PanelOptions, PanelPages
from awazpulse.channels.catalog import ChannelCatalog
from awazpulse.channels.public_urls import PublicUrls
from awazpulse.store import Database
from tests.awazpulse.channels.support import Radio, open_radio

PAGES = ("panel.html", "listen.html", "unknown.html", "panel.js", "listen.js", "boot.js")


class FakeServices:
    """The part of the services that the pages ask."""

    def __init__(self, channels: ChannelCatalog) -> None:
        self.channels = channels


Client = TestClient[Request, Application]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The pages beside packages' parts that are said to be there."""
    folder = tmp_path / "panel"
    (folder / "vendor").mkdir(parents=True)
    (folder / "vendor" / ".made").touch()
    for name in PAGES:
        (folder / name).write_text((FOLDER / name).read_text())
    return folder


@pytest.fixture
async def radio(sqlite_database: Database) -> AsyncIterator[Radio]:
    async with open_radio(sqlite_database) as radio:
        yield radio


@pytest.fixture
async def client(radio: Radio, folder: Path) -> AsyncIterator[Client]:
    options = PanelOptions(
        lambda: PublicUrls("radio.example"), lambda: ("https://station.example",)
    )
    services = FakeServices(radio.catalog)
    app = Application()
    app.add_routes(PanelPages(services, options, PanelFiles(folder)).list_routes())  # type: ignore[arg-type]
    async with TestClient(TestServer(app)) as client:
        yield client


def read_policy(headers: dict[str, str]) -> dict[str, str]:
    rules = headers["Content-Security-Policy"].split("; ")
    return dict(rule.split(" ", 1) for rule in rules)


async def test_the_panel_loads_from_its_own_server_and_nothing_is_inline(client: Client) -> None:
    response = await client.get("/")
    assert response.status == 200
    policy = read_policy(dict(response.headers))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["font-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert "http://radio.example:8088" in policy["connect-src"]
    assert "http://radio.example:8000" in policy["media-src"]
    assert "http://127.0.0.1:8088" in policy["connect-src"]  # the name that this page came by
    page = await response.text()
    assert not re.findall(r"<script(?![^>]* src=)|<style| style=| on\w+=", page)
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert addresses
    assert all(address.startswith("/panel/files/") for address in addresses)
    assert any(address.endswith("/api.js") for address in addresses)  # fetched before it is found


async def test_a_host_that_is_none_gets_no_place_in_the_policy(client: Client) -> None:
    response = await client.get("/", headers={"Host": "evil.example;script-src *"})
    assert "evil" not in response.headers["Content-Security-Policy"]


async def test_a_page_that_a_browser_has_is_not_sent_again(client: Client) -> None:
    first = await client.get("/")
    assert first.headers["Cache-Control"] == "no-cache"
    again = await client.get("/", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status == 304


async def test_without_the_packages_parts_the_page_says_what_to_run(
    client: Client, folder: Path
) -> None:
    (folder / "vendor" / ".made").unlink()
    for path in ("/", "/listen/demo"):
        response = await client.get(path)
        assert response.status == 503
        assert "make run" in await response.text()
    (folder / "vendor" / ".made").touch()
    assert (await client.get("/")).status == 200


async def test_the_listeners_page_bears_the_stations_name_and_nothing_of_its_markup(
    client: Client, radio: Radio
) -> None:
    await radio.catalog.set_within_limits("demo", {"name": '<b>"Ravi" & Sons'})
    page = await (await client.get("/listen/demo")).text()
    assert "&lt;b&gt;&quot;Ravi&quot; &amp; Sons" in page
    assert "<b>" not in page
    manifest = json.loads(await (await client.get("/listen/demo/manifest.webmanifest")).text())
    assert manifest["name"] == '<b>"Ravi" & Sons'
    assert manifest["start_url"] == "/listen/demo"
    assert {icon["sizes"] for icon in manifest["icons"]} == {"192x192", "512x512"}


async def test_only_the_embedded_page_may_stand_in_frames(client: Client) -> None:
    page = await client.get("/listen/demo")
    assert read_policy(dict(page.headers))["frame-ancestors"] == "'none'"
    embedded = await client.get("/listen/demo?embed=1")
    assert read_policy(dict(embedded.headers))["frame-ancestors"] == "https://station.example"


async def test_an_unknown_or_archived_channel_has_no_page(client: Client, radio: Radio) -> None:
    for path in ("/listen/nowhere", "/listen/a%20b", "/listen/%3Cb%3E"):
        response = await client.get(path)
        assert response.status == 404
        assert "no such station" in await response.text()
    await radio.catalog.archive("demo", is_archived=True)
    assert (await client.get("/listen/demo")).status == 404
    assert (await client.get("/listen/demo/manifest.webmanifest")).status == 404
