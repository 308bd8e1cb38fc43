"""The real stack behind the API: SQLite, StreamManager, and a client."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application, Request

from api import Services, create_app
from api.event_clients import EventClients
from awazpulse.audio import Track
from awazpulse.channels.diagnosis import Diagnosis
from awazpulse.channels.fallback_files import FallbackFiles
from awazpulse.channels.happenings import Happenings
from awazpulse.channels.levels import LevelMonitor
from awazpulse.channels.public_view import PublicView
from awazpulse.channels.quality import QualityMonitor
from awazpulse.channels.secrets import Vault
from awazpulse.channels.sign_ins import SignIns
from awazpulse.channels.tokens import Tokens
from awazpulse.events.hub import EventHub
from awazpulse.kinds import MetricsAccess
from awazpulse.ledger.book import Book
from awazpulse.ledger.reader import LedgerReader
from awazpulse.media.values import Levels
from awazpulse.metrics.gauges import Counted, DatabaseCounts, Gauges
from awazpulse.metrics.histogram import Histogram
from awazpulse.metrics.scrape import Scrape
from awazpulse.readiness import Readiness
from awazpulse.store import Database
from awazpulse.turns import Turns
from awazpulse.webhooks.catalog import WebhookCatalog
from tests.awazpulse.channels.probing import FakeProber
from tests.awazpulse.channels.support import (
    OWNER,
    OWNER_PASSWORD,
    SECRET_KEY,
    URLS,
    Radio,
    open_radio,
)

MAX_FALLBACK_BYTES = 300_000  # of these tests: more than a form may add, and than a chunk


@dataclass
class Panel:
    """A client of the API, and what is behind it."""

    radio: Radio
    tokens: Tokens
    client: TestClient[Request, Application]
    prober: FakeProber
    folder: Path
    services: Services
    readiness: Readiness
    metrics: Scrape

    async def log_in(self, email: str = OWNER, password: str = OWNER_PASSWORD) -> dict[str, str]:
        """Return the headers of one who has signed in."""
        response = await self.client.post(
            "/auth/login", json={"email": email, "password": password}
        )
        assert response.status == 200, await response.text()
        return {"Authorization": f"Bearer {(await response.json())['accessToken']}"}

    async def add_user(self, email: str, role: str = "station_owner") -> dict[str, str]:
        await self.radio.accounts.create(email, "a good password", role)
        return await self.log_in(email, "a good password")


async def read_error(response: ClientResponse, status: int) -> str:
    """Check that an answer is a problem detail with what NestJS's clients look for; return its detail."""
    assert response.content_type == "application/problem+json", await response.text()
    body: dict[str, Any] = await response.json(content_type=None)
    assert response.status == status, body
    assert body.keys() == {"type", "title", "status", "detail", "statusCode", "message", "error"}
    assert body["status"] == body["statusCode"] == status
    assert body["detail"] == body["message"]
    return str(body["detail"])


class LoudMeter:
    """Hears the same in whatever it is given."""

    async def measure(self, samples: Sequence[tuple[Track, bytes]]) -> list[Levels | None]:
        return [Levels((-1.0, -2.0), (-14.0, -15.5), is_clipped=False, is_mono=True)] * len(samples)


class FakeCounts:
    """What deliveries would have counted."""

    joins = 0
    sent_bytes = 0
    requeued = 0
    departures: ClassVar[dict[str, int]] = {"stalled": 3}
    interval_s = 0.1


def make_services(
    radio: Radio, tokens: Tokens, fallbacks: FallbackFiles, readiness: Readiness
) -> Services:
    happenings = Happenings()
    radio.manager.on_changed(happenings.note)
    public = PublicView(radio.sessions, radio.manager.live, lambda: URLS)
    turns = Turns(asyncio.get_running_loop().call_soon, time.monotonic, 0.002)
    hub = EventHub(turns.add, public.shows_listeners)
    radio.manager.on_changed(hub.note)
    quality = QualityMonitor(radio.manager.live_broadcasts, radio.manager.report_quality)
    counted = Counted(radio.manager, FakeCounts(), FakeCounts(), quality, Book(), lambda: False)
    gauges = Gauges(counted, DatabaseCounts(), Histogram((1.0,)), "1.2.3")
    return Services(
        radio.manager,
        radio.catalog,
        radio.accounts,
        SignIns(radio.sessions),
        tokens,
        radio.database,
        fallbacks,
        LevelMonitor(LoudMeter(), radio.manager.live_broadcasts, lambda _broadcast, _begun: None),
        Diagnosis(radio.manager.live, happenings, quality, radio.clock),
        LedgerReader(radio.database, Book().now_ms),
        public,
        hub,
        EventClients(),
        WebhookCatalog(radio.database, Vault(SECRET_KEY), lambda: None),
        readiness,
        Scrape(gauges, MetricsAccess.LOOPBACK, max_age_s=0),
    )


@pytest.fixture
async def panel(sqlite_database: Database, tmp_path: Path) -> AsyncIterator[Panel]:
    async with open_radio(sqlite_database) as radio:
        tokens = Tokens(SECRET_KEY)
        prober = FakeProber()
        fallbacks = FallbackFiles(radio.sessions, tmp_path, prober, max_bytes=MAX_FALLBACK_BYTES)
        readiness = Readiness()
        readiness.is_repaired = True
        services = make_services(radio, tokens, fallbacks, readiness)
        assert isinstance(services.metrics, Scrape)
        app = create_app(services)
        async with TestClient(TestServer(app)) as client:
            yield Panel(
                radio,
                tokens,
                client,
                prober,
                tmp_path / "fallback" / "demo",
                services,
                readiness,
                services.metrics,
            )
