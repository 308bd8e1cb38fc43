"""Webhooks as their owners see them: made, listed, changed, deleted."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from sqlalchemy import func, select

from awazpulse.channels.availability import refusing_when_away
from awazpulse.channels.events import ChannelChange
from awazpulse.channels.secrets import SecretKind, Vault, generate_secret
from awazpulse.refusals import LimitReached, UnknownWebhook
from awazpulse.store import Sessions, Webhook, WebhookDelivery

from .destinations import check_url

MAX_WEBHOOKS = 10  # of one channel
KINDS = tuple(  # measurements come every second
    change
    for change in ChannelChange
    if change not in (ChannelChange.LISTENERS, ChannelChange.LEVELS, ChannelChange.QUALITY)
)


@dataclass(frozen=True, slots=True)
class NewWebhook:
    """A webhook that has just been made, with its secret, which is not shown again."""

    webhook: Webhook
    secret: str = field(repr=False)


class WebhookCatalog:
    """`on_changed` is called after each change."""

    def __init__(self, sessions: Sessions, vault: Vault, on_changed: Callable[[], None]) -> None:
        self._sessions = sessions
        self._vault = vault
        self._on_changed = on_changed

    async def list(self, channel_id: str) -> list[Webhook]:
        """Return a channel's webhooks, oldest first."""
        query = select(Webhook).where(Webhook.channel_id == channel_id)
        with refusing_when_away("list the webhooks"):
            async with self._sessions.read() as session:
                ordered = query.order_by(Webhook.created_at, Webhook.id)
                return list(await session.scalars(ordered))

    async def create(
        self, channel_id: str, url: str, kinds: Collection[ChannelChange]
    ) -> NewWebhook:
        """Make a webhook for events of these kinds; of all kinds, if there are none.

        Raises `InvalidValue`, `LimitReached`.
        """
        secret = generate_secret()
        webhook = Webhook(
            channel_id=channel_id,
            url=check_url(url),
            encrypted_secret=self._vault.encrypt(channel_id, SecretKind.WEBHOOK, secret),
            events=_join(kinds),
        )
        with refusing_when_away("make the webhook"):
            async with self._sessions.write() as session:
                query = select(func.count()).where(Webhook.channel_id == channel_id)
                if (await session.scalar(query) or 0) >= MAX_WEBHOOKS:
                    raise LimitReached(f"a channel may have {MAX_WEBHOOKS} webhooks")
                session.add(webhook)
        self._on_changed()
        return NewWebhook(webhook, secret)

    async def change(
        self,
        channel_id: str,
        webhook_id: str,
        *,
        url: str | None = None,
        kinds: Collection[ChannelChange] | None = None,
        is_active: bool | None = None,
    ) -> Webhook:
        """Change what is given. Raises `InvalidValue`, `UnknownWebhook`."""
        with refusing_when_away("change the webhook"):
            async with self._sessions.write() as session:
                webhook = await session.get(Webhook, webhook_id)
                if webhook is None or webhook.channel_id != channel_id:
                    raise UnknownWebhook(webhook_id)
                if url is not None:
                    webhook.url = check_url(url)
                if kinds is not None:
                    webhook.events = _join(kinds)
                if is_active is not None:
                    webhook.is_active = is_active
        self._on_changed()
        return webhook

    async def delete(self, channel_id: str, webhook_id: str) -> None:
        """Delete a webhook, with what waits for it. Raises `UnknownWebhook`."""
        with refusing_when_away("delete the webhook"):
            async with self._sessions.write() as session:
                webhook = await session.get(Webhook, webhook_id)
                if webhook is None or webhook.channel_id != channel_id:
                    raise UnknownWebhook(webhook_id)
                await session.delete(webhook)
        self._on_changed()

    async def list_deliveries(
        self, channel_id: str, webhook_id: str, limit: int
    ) -> Sequence[WebhookDelivery]:
        """Return the newest deliveries, the newest first. Raises `UnknownWebhook`."""
        query = select(WebhookDelivery).where(WebhookDelivery.webhook_id == webhook_id)
        with refusing_when_away("list the deliveries"):
            async with self._sessions.read() as session:
                webhook = await session.get(Webhook, webhook_id)
                if webhook is None or webhook.channel_id != channel_id:
                    raise UnknownWebhook(webhook_id)
                newest = query.order_by(WebhookDelivery.created_ms.desc(), WebhookDelivery.id)
                return list(await session.scalars(newest.limit(limit)))


def _join(kinds: Collection[ChannelChange]) -> str:
    return " ".join(kind for kind in KINDS if kind in kinds)
