"""Takes events and writes each into the database, once for every webhook that wants it.

`note` never waits. While the database is away, events wait in memory, `MAX_PENDING` of them at most.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import insert, select

from awazpulse.channels.events import ChannelChange
from awazpulse.events.messages import Message
from awazpulse.store import DatabaseUnavailable, Sessions, Webhook, WebhookDelivery
from awazpulse.store.models import new_id
from awazpulse.waiting import wait_at_most

from .catalog import KINDS

logger = logging.getLogger(__name__)

WRITE_INTERVAL_S = 0.25
REREAD_INTERVAL_S = 60.0  # another program may have changed the table
RETRY_S = 2.0
MAX_PENDING = 10_000
BATCH_ROWS = 200
MAX_PER_MINUTE = 120  # of one webhook: whoever tries passwords makes an event of each


@dataclass(slots=True)
class _Known:
    """A webhook, and how many events it has had in the present minute."""

    id: str
    kinds: frozenset[ChannelChange]
    minute: int = 0
    count: int = 0


class Outbox:
    """`start`, then `close`. `on_written` is called when there is something new to deliver."""

    def __init__(self, sessions: Sessions, wall_clock: Callable[[], float] = time.time) -> None:
        self.on_written: Callable[[], None] = lambda: None
        self.lost = 0
        self._sessions = sessions
        self._wall_clock = wall_clock
        self._by_channel: dict[str, list[_Known]] = {}
        self._pending: deque[dict[str, object]] = deque()
        self._wake = asyncio.Event()
        self._is_closing = asyncio.Event()
        self._is_stale = True
        self._task: asyncio.Task[None] | None = None

    @property
    def has_webhooks(self) -> bool:
        """Whether there are any."""
        return bool(self._by_channel)

    def reread(self) -> None:
        """Read the webhooks anew soon: they have changed."""
        self._is_stale = True
        self._wake.set()

    def note(self, message: Message) -> None:
        """Take an event."""
        for webhook in self._by_channel.get(message.channel_id, ()):
            if message.kind in webhook.kinds:
                self._add(webhook, message)

    def _add(self, webhook: _Known, message: Message) -> None:
        now = self._wall_clock()
        if webhook.minute != int(now / 60):
            webhook.minute, webhook.count = int(now / 60), 0
        webhook.count += 1
        if webhook.count > MAX_PER_MINUTE or len(self._pending) >= MAX_PENDING:
            if not self.lost or webhook.count == MAX_PER_MINUTE + 1:
                logger.warning(
                    "channel=%s webhook %s loses events: too many come",
                    message.channel_id,
                    webhook.id,
                )
            self.lost += 1
            return
        now_ms = int(now * 1000)
        self._pending.append(
            {
                "id": new_id(),
                "webhook_id": webhook.id,
                "event": message.kind.value,
                "body": message.whole,
                "created_ms": now_ms,
                "due_ms": now_ms,
                "attempts": 0,
            }
        )
        self._wake.set()

    async def start(self) -> None:
        """Read the webhooks and begin. Raises `DatabaseUnavailable`."""
        await self._read()
        self._task = asyncio.get_running_loop().create_task(self._run(), name="webhook outbox")

    async def close(self, timeout_s: float) -> None:
        """Write what waits, as far as that goes in `timeout_s`, and stop."""
        self._is_closing.set()
        self._wake.set()
        task, self._task = self._task, None
        try:
            async with asyncio.timeout(timeout_s):
                if task is not None:
                    await task
                await self._write()
        except (TimeoutError, DatabaseUnavailable):
            if self._pending:
                logger.warning("%d events for webhooks are lost", len(self._pending))

    async def _run(self) -> None:
        reread_at = time.monotonic() + REREAD_INTERVAL_S
        while not self._is_closing.is_set():
            await wait_at_most(self._wake, REREAD_INTERVAL_S)
            self._wake.clear()
            try:
                if self._is_stale or time.monotonic() >= reread_at:
                    reread_at = time.monotonic() + REREAD_INTERVAL_S
                    await self._read()
                await self._write()
            except DatabaseUnavailable:
                self._wake.set()
                await wait_at_most(self._is_closing, RETRY_S)
            except Exception:
                logger.exception("events for webhooks cannot be written")
                await wait_at_most(self._is_closing, RETRY_S)
            else:
                await wait_at_most(self._is_closing, WRITE_INTERVAL_S)

    async def _read(self) -> None:
        self._is_stale = False
        query = select(Webhook.id, Webhook.channel_id, Webhook.events).where(Webhook.is_active)
        try:
            async with self._sessions.read() as session:
                rows = (await session.execute(query)).all()
        except DatabaseUnavailable:
            self._is_stale = True
            raise
        known = {one.id: one for some in self._by_channel.values() for one in some}
        by_channel: dict[str, list[_Known]] = {}
        for id_, channel_id, events in rows:
            wanted = frozenset(ChannelChange(name) for name in events.split() if name in KINDS)
            webhook = known.get(id_) or _Known(id_, wanted)
            webhook.kinds = wanted or frozenset(KINDS)
            by_channel.setdefault(channel_id, []).append(webhook)
        self._by_channel = by_channel

    async def _write(self) -> None:
        while self._pending:
            some = [self._pending[at] for at in range(min(BATCH_ROWS, len(self._pending)))]
            async with self._sessions.write() as session:
                # Of a webhook that has just been deleted nobody wants to hear.
                wanted = {str(row["webhook_id"]) for row in some}
                query = select(Webhook.id).where(Webhook.id.in_(wanted))
                there = set(await session.scalars(query))
                rows = [row for row in some if row["webhook_id"] in there]
                if rows:
                    await session.execute(insert(WebhookDelivery), rows)
            for _ in some:
                self._pending.popleft()
            self.on_written()
