"""All that tells what happens to channels: events for API clients, webhooks, and what everybody may know."""

import asyncio
import time
from typing import Protocol

from api.event_clients import EventClients
from awazpulse.channels.levels import LevelMonitor
from awazpulse.channels.public_urls import PublicUrls
from awazpulse.channels.public_view import PublicView
from awazpulse.channels.secrets import Vault
from awazpulse.channels.stream_manager import StreamManager
from awazpulse.events.hub import EventHub
from awazpulse.events.ticker import Ticker
from awazpulse.store import Database, Share
from awazpulse.turns import Turns
from awazpulse.webhooks.catalog import WebhookCatalog
from awazpulse.webhooks.outbox import Outbox
from awazpulse.webhooks.sender import WebhookSender

TURN_S = 0.002  # of one turn of the loop, for those who read events
CLOSE_S = 5.0  # how long the end waits for the last events to be written


class Core(Protocol):
    """What this stands on."""

    database: Database
    for_api: Share
    vault: Vault
    manager: StreamManager

    @property
    def urls(self) -> PublicUrls:
        """The server's addresses."""


class Announcements:
    """`start` once the tables are there; `end_events`, then `close`."""

    def __init__(self, core: Core, levels: LevelMonitor, *, private_webhooks: bool) -> None:
        """Call it inside the running event loop."""
        manager = core.manager
        self.public = PublicView(core.for_api, manager.live, lambda: core.urls)
        self.clients = EventClients()
        turns = Turns(asyncio.get_running_loop().call_soon, time.monotonic, TURN_S)
        self.hub = EventHub(turns.add, self.public.shows_listeners)
        manager.on_changed(self.hub.note)
        self._ticker = Ticker(self.hub, manager.live_broadcasts, levels.report, self.clients.sweep)
        self._outbox = Outbox(core.database)
        self.hub.on_message = self._outbox.note
        self._sender = WebhookSender(
            core.database,
            core.vault,
            allows_private=private_webhooks,
            has_work=lambda: self._outbox.has_webhooks,
        )
        self._outbox.on_written = self._sender.wake
        self.webhooks = WebhookCatalog(core.for_api, core.vault, self._outbox.reread)

    async def start(self) -> None:
        """Begin. Raises `DatabaseUnavailable`."""
        await self._outbox.start()
        self._sender.start()
        self._ticker.start()

    async def end_events(self) -> None:
        """Tell the readers of events that no more will come."""
        await self._ticker.close()
        self.hub.close()

    async def close(self) -> None:
        """Write what webhooks are still to be told, and stop."""
        await self._outbox.close(CLOSE_S)
        await self._sender.close()
