"""From an event to a receiver, over a real database and real HTTP."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from sqlalchemy import select, update

from awazpulse.channels.events import ChannelChange, ChannelEvent
from awazpulse.channels.secrets import Vault
from awazpulse.events.messages import make_message
from awazpulse.store import Database, WebhookDelivery
from awazpulse.webhooks import outbox as outbox_module
from awazpulse.webhooks import sender as sender_module
from awazpulse.webhooks.backoff import GIVE_UP_MS
from awazpulse.webhooks.catalog import NewWebhook, WebhookCatalog
from awazpulse.webhooks.outbox import MAX_PER_MINUTE, Outbox
from awazpulse.webhooks.sender import KEPT_MS, MAX_OF_CHANNEL, WebhookSender
from tests.awazpulse.channels.support import SECRET_KEY, FlakySessions, open_radio
from tests.awazpulse.relay.station import until

WALL = 1_800_000_000.0


class Receiver:
    """Another server, which answers with `status`."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.status = 204
        self.answer: Callable[[], Awaitable[None]] | None = None
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self.server = TestServer(app)

    async def _handle(self, request: web.Request) -> web.Response:
        self.requests.append((dict(request.headers), await request.read()))
        if self.answer is not None:
            await self.answer()
        return web.Response(status=self.status, headers={"Location": "/elsewhere"})

    @property
    def events(self) -> list[str]:
        return [json.loads(body)["data"]["title"] for _, body in self.requests]


class Desk:
    """All of webhooks on one database."""

    def __init__(self, database: Database, *, allows_private: bool = True) -> None:
        self.wall = WALL
        vault = Vault(SECRET_KEY)
        self.sessions = FlakySessions(database)
        self.outbox = Outbox(self.sessions, lambda: self.wall)
        self.sender = WebhookSender(
            self.sessions, vault, allows_private=allows_private, wall_clock=lambda: self.wall
        )
        self.catalog = WebhookCatalog(self.sessions, vault, self.outbox.reread)
        self.outbox.on_written = self.sender.wake

    async def start(self) -> None:
        await self.outbox.start()
        self.sender.start()

    async def close(self) -> None:
        await self.outbox.close(5)
        await self.sender.close()

    async def add(self, url: str, *kinds: ChannelChange) -> NewWebhook:
        made = await self.catalog.create("demo", url, kinds)
        await self.outbox._read()  # at once, instead of soon
        return made

    def tell(self, title: str, channel: str = "demo") -> None:
        event = ChannelEvent(ChannelChange.TITLE, channel, "hls", facts={"title": title})
        self.outbox.note(make_message(event, 1, "run-1", self.wall))

    async def first_answer(self) -> str:
        """What the first try of the first delivery met."""
        async with asyncio.timeout(10):
            while True:
                for delivery in await self.deliveries():
                    if delivery.last_answer is not None:
                        return delivery.last_answer
                await asyncio.sleep(0.02)

    async def deliveries(self) -> list[WebhookDelivery]:
        async with self.sessions.database.read() as session:
            ordered = select(WebhookDelivery).order_by(WebhookDelivery.created_ms)
            return list(await session.scalars(ordered))


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    await receiver.server.start_server()
    yield receiver
    await receiver.server.close()


@pytest.fixture
async def desk(database: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    monkeypatch.setattr(outbox_module, "WRITE_INTERVAL_S", 0.01)
    monkeypatch.setattr(outbox_module, "RETRY_S", 0.05)
    monkeypatch.setattr(sender_module, "POLL_INTERVAL_S", 0.05)
    async with open_radio(database):
        desk = Desk(database)
        await desk.start()
        yield desk
        await desk.close()


async def test_an_event_is_told_once_and_signed(desk: Desk, receiver: Receiver) -> None:
    made = await desk.add(str(receiver.server.make_url("/hook")))
    desk.tell("گیت")
    desk.tell("someone else's", "other")
    await until(lambda: bool(receiver.requests))
    headers, body = receiver.requests[0]
    assert json.loads(body)["data"] == {"title": "گیت"}
    assert headers["Content-Type"] == "application/json"
    assert headers["AwazPulse-Event"] == "title"
    stamp, _, digest = headers["AwazPulse-Signature"].partition(",")
    signed = stamp.removeprefix("t=").encode() + b"." + body
    expected = hmac.new(made.secret.encode(), signed, hashlib.sha256).hexdigest()
    assert (stamp, digest) == (f"t={int(WALL)}", f"v1={expected}")
    await asyncio.sleep(0.2)
    assert len(receiver.requests) == 1
    (delivery,) = await desk.deliveries()
    assert headers["AwazPulse-Delivery"] == delivery.id
    assert (delivery.attempts, delivery.due_ms) == (1, None)
    assert delivery.delivered_ms == int(WALL * 1000)
    assert delivery.last_answer == "204 No Content"


async def test_a_receiver_that_fails_is_tried_again_later_and_gets_all_in_order(
    desk: Desk, receiver: Receiver
) -> None:
    receiver.status = 500
    await desk.add(str(receiver.server.make_url("/hook")))
    desk.tell("a")
    await until(lambda: bool(receiver.requests))
    desk.wall += 1
    desk.tell("b")
    await asyncio.sleep(0.2)
    assert receiver.events == ["a"]  # nothing else before its next try
    receiver.status = 200
    desk.wall += 10
    await until(lambda: len(receiver.requests) == 3)
    assert receiver.events == ["a", "a", "b"]
    assert len({headers["AwazPulse-Delivery"] for headers, _ in receiver.requests}) == 2
    await until(lambda: not desk.sender._busy)
    assert all(delivery.delivered_ms for delivery in await desk.deliveries())


async def test_after_a_day_it_is_given_up(
    desk: Desk, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.status = 404
    await desk.add(str(receiver.server.make_url("/hook")))
    desk.tell("a")
    await until(lambda: bool(receiver.requests))
    desk.wall += GIVE_UP_MS / 1000
    await until(lambda: "did not take an event in 2 tries: 404 Not Found" in caplog.text)
    (delivery,) = await desk.deliveries()
    assert (delivery.due_ms, delivery.delivered_ms, delivery.attempts) == (None, None, 2)
    desk.wall += KEPT_MS / 1000
    await desk.sender._purge()
    assert await desk.deliveries() == []


async def test_what_waits_is_delivered_after_a_restart(
    desk: Desk, receiver: Receiver, database: Database
) -> None:
    receiver.status = 503
    await desk.add(str(receiver.server.make_url("/hook")))
    desk.tell("a")
    await until(lambda: bool(receiver.requests))
    await desk.close()
    receiver.status = 200
    again = Desk(database)
    again.wall = WALL + 60
    await again.start()
    await until(lambda: len(receiver.requests) == 2)
    await again.close()
    assert receiver.events == ["a", "a"]


async def test_a_redirect_is_not_followed(desk: Desk, receiver: Receiver) -> None:
    receiver.status = 302
    await desk.add(str(receiver.server.make_url("/hook")))
    desk.tell("a")
    await until(lambda: bool(receiver.requests))
    await asyncio.sleep(0.2)
    assert len(receiver.requests) == 1
    (delivery,) = await desk.deliveries()
    assert delivery.last_answer == "302 Found"
    assert delivery.delivered_ms is None


async def test_a_receiver_that_does_not_answer_has_a_deadline(
    desk: Desk, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender_module, "REQUEST_TIMEOUT_S", 0.1)

    async def never() -> None:
        await asyncio.Event().wait()

    receiver.answer = never
    await desk.add(str(receiver.server.make_url("/hook")))
    desk.tell("a")
    await until(lambda: bool(receiver.requests))
    await until(lambda: not desk.sender._busy)
    (delivery,) = await desk.deliveries()
    assert delivery.last_answer == "no answer in 0.1 s"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
async def test_this_machine_is_not_called(
    database: Database, receiver: Receiver, host: str
) -> None:
    async with open_radio(database):
        desk = Desk(database, allows_private=False)
        await desk.start()
        await desk.add(f"http://{host}:{receiver.server.port}/hook")
        desk.tell("a")
        answer = await desk.first_answer()
        await desk.close()
    assert receiver.requests == []
    assert answer.endswith("is an address of this machine or its network")


async def test_only_chosen_kinds_are_told(desk: Desk, receiver: Receiver) -> None:
    await desk.add(str(receiver.server.make_url("/hook")), ChannelChange.ON_AIR)
    desk.tell("a")
    event = ChannelEvent(ChannelChange.ON_AIR, "demo", "hls", facts={"title": "on air"})
    desk.outbox.note(make_message(event, 2, "run-2", WALL))
    await until(lambda: bool(receiver.requests))
    assert receiver.events == ["on air"]


async def test_an_absent_database_delays_and_loses_nothing(desk: Desk, receiver: Receiver) -> None:
    await desk.add(str(receiver.server.make_url("/hook")))
    desk.sessions.is_away = True
    for title in ("a", "b"):
        desk.tell(title)
    await asyncio.sleep(0.1)
    assert receiver.requests == []
    desk.sessions.is_away = False
    await until(lambda: len(receiver.requests) == 2)
    assert sorted(receiver.events) == ["a", "b"]


async def test_a_webhook_that_is_switched_off_or_deleted_is_told_nothing(
    desk: Desk, receiver: Receiver
) -> None:
    url = str(receiver.server.make_url("/hook"))
    off, gone = await desk.add(url), await desk.add(url)
    await desk.catalog.change("demo", off.webhook.id, is_active=False)
    desk.tell("a")
    await desk.catalog.delete("demo", gone.webhook.id)
    await asyncio.sleep(0.3)
    assert receiver.requests == []


async def test_a_flood_of_events_is_cut_off(desk: Desk, receiver: Receiver) -> None:
    await desk.add(str(receiver.server.make_url("/hook")))
    desk.sessions.is_away = True
    for number in range(MAX_PER_MINUTE + 5):
        desk.tell(str(number))
    assert desk.outbox.lost == 5
    desk.wall += 60
    desk.tell("next minute's")
    assert desk.outbox.lost == 5
    desk.sessions.is_away = False


async def test_a_secret_of_another_key_is_told_of(desk: Desk, receiver: Receiver) -> None:
    made = await desk.add(str(receiver.server.make_url("/hook")))
    async with desk.sessions.database.write() as session:
        table = type(made.webhook)
        await session.execute(update(table).values(encrypted_secret="v1.AAAA"))
    desk.tell("a")
    assert await desk.first_answer() == "the secret cannot be read; make the webhook anew"
    assert receiver.requests == []


async def test_a_shape_that_some_take_for_an_address_is_not_called(
    desk: Desk, receiver: Receiver
) -> None:
    made = await desk.add(str(receiver.server.make_url("/hook")))
    async with desk.sessions.database.write() as session:
        table = type(made.webhook)
        await session.execute(update(table).values(url=f"http://127.1:{receiver.server.port}/"))
    desk.tell("a")
    assert "expected an IPv4 address" in await desk.first_answer()
    assert receiver.requests == []


async def test_a_channel_has_two_deliveries_under_way_at_most(
    desk: Desk, receiver: Receiver
) -> None:
    release = asyncio.Event()

    async def wait() -> None:
        await release.wait()

    receiver.answer = wait
    for _ in range(4):
        await desk.add(str(receiver.server.make_url("/hook")))
    desk.tell("a")
    await until(lambda: len(receiver.requests) == MAX_OF_CHANNEL)
    await asyncio.sleep(0.2)
    assert len(receiver.requests) == MAX_OF_CHANNEL
    release.set()
    await until(lambda: len(receiver.requests) == 4)
    await until(lambda: not desk.sender._busy)
    assert not desk.sender._busy_channels
