"""Delivers what the outbox has written, until the receiver takes it or a day has gone by.

One delivery of a webhook is under way at a time, and of all webhooks `MAX_AT_ONCE`. A receiver that fails
gets nothing else before its next try is due.
"""

import asyncio
import logging
import socket
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from sqlalchemy import delete, select, update

from awazpulse.channels.secrets import SecretKind, Vault
from awazpulse.refusals import InvalidValue, UnreadableSecrets
from awazpulse.store import DatabaseUnavailable, Sessions, Webhook, WebhookDelivery
from awazpulse.waiting import wait_at_most

from .backoff import find_next_try
from .destinations import check_url, find_literal, is_public
from .signing import SIGNATURE_HEADER, sign

logger = logging.getLogger(__name__)

POLL_INTERVAL_S = 1.0
REQUEST_TIMEOUT_S = 10.0
MAX_AT_ONCE = 8
MAX_OF_CHANNEL = 2
RESOLVER_THREADS = 4
BATCH_ROWS = 50
KEPT_MS = 3 * 24 * 3600 * 1000  # how long a delivery that is over is shown
PURGE_INTERVAL_S = 600.0
PURGE_ROWS = 500
_USER_AGENT = "AwazPulse"


class ForbiddenDestination(OSError):
    """A name or an address that leads to this machine or its network."""


class _PublicResolver(AbstractResolver):
    """Finds the public addresses of a name; the connection is then made to these and to no others."""

    def __init__(self) -> None:
        # Threads of their own: a name server that does not answer holds one for a while.
        self._threads = ThreadPoolExecutor(RESOLVER_THREADS, "webhook names")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return addresses. Raises `OSError`."""
        loop = asyncio.get_running_loop()
        infos = await loop.run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
        wanted = (socket.AF_INET, socket.AF_INET6) if family == socket.AF_UNSPEC else (family,)
        allowed = [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=port,
                family=kind,
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, _, _, _, address in infos
            if kind in wanted and is_public(str(address[0]))
        ]
        if not allowed:
            raise ForbiddenDestination(f"{host} is an address of this machine or its network")
        return allowed

    async def close(self) -> None:
        """Let go of the threads."""
        self._threads.shutdown(wait=False)


class WebhookSender:
    """`start`, then `close`. `allows_private`: webhooks may lead to this machine and its network."""

    def __init__(
        self,
        sessions: Sessions,
        vault: Vault,
        *,
        allows_private: bool = False,
        has_work: Callable[[], bool] = lambda: True,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._sessions = sessions
        self._vault = vault
        self._allows_private = allows_private
        self._has_work = has_work
        self._wall_clock = wall_clock
        self._wake = asyncio.Event()
        self._busy: set[str] = set()  # webhooks with a delivery under way
        self._busy_channels: Counter[str] = Counter()
        self._not_before: dict[str, int] = {}  # of webhooks that have failed
        self._tasks: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="webhooks")

    def wake(self) -> None:
        """Look for something to deliver at once."""
        self._wake.set()

    async def close(self) -> None:
        """Stop. What is under way is delivered again after the next start."""
        task, self._task = self._task, None
        tasks = [*self._tasks, *([task] if task else [])]
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _run(self) -> None:
        purge_at = 0.0
        while True:
            await wait_at_most(self._wake, POLL_INTERVAL_S)
            self._wake.clear()
            try:
                if self._has_work():
                    await self._begin_due()
                if time.monotonic() >= purge_at:
                    purge_at = time.monotonic() + PURGE_INTERVAL_S
                    await self._purge()
            except DatabaseUnavailable:
                await asyncio.sleep(POLL_INTERVAL_S)
            except Exception:
                logger.exception("webhooks cannot be delivered")
                await asyncio.sleep(POLL_INTERVAL_S)

    async def _begin_due(self) -> None:
        now_ms = self._now_ms()
        self._not_before = {id_: due for id_, due in self._not_before.items() if due > now_ms}
        if len(self._busy) >= MAX_AT_ONCE:
            return
        query = (
            select(WebhookDelivery, Webhook)
            .join(Webhook, Webhook.id == WebhookDelivery.webhook_id)
            .where(
                WebhookDelivery.due_ms <= now_ms,
                Webhook.is_active,
                Webhook.id.not_in([*self._busy, *self._not_before]),
            )
            .order_by(WebhookDelivery.created_ms)
            .limit(BATCH_ROWS)
        )
        async with self._sessions.read() as session:
            rows = (await session.execute(query)).all()
        for delivery, webhook in rows:
            is_full = self._busy_channels[webhook.channel_id] >= MAX_OF_CHANNEL
            if is_full or webhook.id in self._busy or len(self._busy) >= MAX_AT_ONCE:
                continue
            self._busy.add(webhook.id)
            self._busy_channels[webhook.channel_id] += 1
            task = asyncio.get_running_loop().create_task(self._deliver(delivery, webhook))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _deliver(self, delivery: WebhookDelivery, webhook: Webhook) -> None:
        try:
            is_taken, answer = await self._send(delivery, webhook)
            await self._note_result(delivery, webhook, answer, is_taken=is_taken)
        except DatabaseUnavailable:
            logger.warning("webhook %s: what came of a delivery cannot be noted", webhook.id)
            self._not_before[webhook.id] = self._now_ms() + 10_000
        except Exception:
            logger.exception("webhook %s cannot be called", webhook.id)
            self._not_before[webhook.id] = self._now_ms() + 60_000
        finally:
            self._busy.discard(webhook.id)
            self._busy_channels[webhook.channel_id] -= 1
            self._busy_channels += Counter()  # forget those at zero
            self.wake()

    async def _send(self, delivery: WebhookDelivery, webhook: Webhook) -> tuple[bool, str]:
        """Send one; return whether it was taken, and what the receiver answered."""
        try:
            check_url(webhook.url)  # other programs write the table too
        except InvalidValue as error:
            return False, str(error)[:255]
        literal = find_literal(webhook.url)
        if literal is not None and not self._allows_private and not is_public(literal):
            return False, f"{literal} is an address of this machine or its network"
        body = delivery.body.encode()
        try:
            secret = self._vault.decrypt(
                webhook.channel_id, SecretKind.WEBHOOK, webhook.encrypted_secret
            )
        except UnreadableSecrets:
            return False, "the secret cannot be read; make the webhook anew"
        headers = {
            "Content-Type": "application/json",
            "User-Agent": _USER_AGENT,
            "AwazPulse-Event": delivery.event,
            "AwazPulse-Delivery": delivery.id,
            SIGNATURE_HEADER: sign(secret, int(self._wall_clock()), body),
        }
        try:
            async with self._client().post(
                webhook.url, data=body, headers=headers, allow_redirects=False
            ) as response:
                phrase = f"{response.status} {response.reason or ''}".strip()
                is_taken = HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES
                return is_taken, phrase[:255]
        except TimeoutError:
            return False, f"no answer in {REQUEST_TIMEOUT_S:g} s"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # aiohttp says only that it cannot connect; the reason is inside.
            reason = getattr(error, "os_error", None)
            shown = reason if isinstance(reason, ForbiddenDestination) else error
            return False, (str(shown) or type(error).__name__)[:255]

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            resolver = None if self._allows_private else _PublicResolver()
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=MAX_AT_ONCE, force_close=True, resolver=resolver, use_dns_cache=False
                ),
                timeout=aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_S),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,  # nobody reads the answer's body
                trust_env=False,
            )
        return self._session

    async def _note_result(
        self, delivery: WebhookDelivery, webhook: Webhook, answer: str, *, is_taken: bool
    ) -> None:
        now_ms = self._now_ms()
        attempts = delivery.attempts + 1
        due_ms = None if is_taken else find_next_try(attempts, delivery.created_ms, now_ms)
        if due_ms is not None:
            self._not_before[webhook.id] = due_ms
        values: dict[str, Any] = {"attempts": attempts, "due_ms": due_ms, "last_answer": answer}
        if is_taken:
            values["delivered_ms"] = now_ms
        async with self._sessions.write() as session:
            chosen = WebhookDelivery.id == delivery.id
            await session.execute(update(WebhookDelivery).where(chosen).values(**values))
        if due_ms is None and not is_taken:
            logger.warning(
                "channel=%s webhook %s did not take an event in %d tries: %s",
                webhook.channel_id,
                webhook.id,
                attempts,
                answer,
            )

    async def _purge(self) -> None:
        """Delete what is over for long, and what waits for a webhook that is switched off for long."""
        limit_ms = self._now_ms() - KEPT_MS
        while True:
            async with self._sessions.write() as session:
                old = select(WebhookDelivery.id).where(WebhookDelivery.created_ms < limit_ms)
                ids = list(await session.scalars(old.limit(PURGE_ROWS)))
                if ids:
                    chosen = WebhookDelivery.id.in_(ids)
                    await session.execute(delete(WebhookDelivery).where(chosen))
            if len(ids) < PURGE_ROWS:
                return

    def _now_ms(self) -> int:
        return int(self._wall_clock() * 1000)
