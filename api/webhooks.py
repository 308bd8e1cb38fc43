"""The endpoints of a channel's webhooks."""

from http import HTTPStatus
from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema

from awazpulse.channels.events import ChannelChange
from awazpulse.refusals import InvalidValue, LimitReached, UnknownWebhook
from awazpulse.store import Webhook, WebhookDelivery
from awazpulse.webhooks.catalog import KINDS, NewWebhook
from awazpulse.webhooks.destinations import MAX_URL_CHARACTERS

from .endpoints import Access, Call, Endpoint
from .ledger import to_time
from .models import Answer, Body, UtcTime
from .services import Services

_TAG = "webhooks"
_PATH = "/streams/channel/{id}/webhooks"
MAX_DELIVERIES = 100

_PORT = "[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]"
_BYTE = "25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9]"
_HOST = rf"([A-Za-z0-9-]+\.)*[A-Za-z][A-Za-z0-9-]*|({_BYTE})(\.({_BYTE})){{3}}"
Url = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_URL_CHARACTERS,
        pattern=rf"^https?://({_HOST})(:({_PORT}))?([/?][!-~]*)?$",
    ),
]


def _require_told(kind: ChannelChange) -> ChannelChange:
    if kind not in KINDS:
        raise ValueError(f"webhooks are not told of {kind.value!r}")
    return kind


Kind = Annotated[
    ChannelChange,
    AfterValidator(_require_told),
    WithJsonSchema({"type": "string", "enum": [kind.value for kind in KINDS]}),
]
Kinds = Annotated[list[Kind], Field(max_length=len(KINDS))]


class NewWebhookBody(Body):
    """A webhook to be."""

    url: Url = Field(description="what is called by POST; an address of the Internet")
    events: Kinds = Field([], description="kinds of events; none: all of them")


class WebhookBody(Body):
    """What is to change."""

    url: Url | None = None
    events: Kinds | None = None
    is_active: bool | None = Field(None, alias="isActive")


class WebhookAnswer(Answer):
    """A webhook."""

    id: str
    url: str
    events: list[ChannelChange]
    is_active: bool
    created_at: UtcTime


class WebhooksAnswer(Answer):
    """All of a channel's."""

    items: list[WebhookAnswer]


class NewWebhookAnswer(WebhookAnswer):
    """A webhook that has just been made."""

    secret: str = Field(description="what its requests are signed with; shown this once")


class DeliveryAnswer(Answer):
    """An event on its way, or there."""

    id: str
    event: str
    created_at: UtcTime
    attempts: int
    delivered_at: UtcTime | None
    next_try_at: UtcTime | None = Field(description="null once it is delivered or given up")
    last_answer: str | None = Field(description="what the last try met")


class DeliveriesAnswer(Answer):
    """The newest deliveries, the newest first."""

    items: list[DeliveryAnswer]


class WebhookRoutes:
    """/streams/channel/{id}/webhooks."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def list_endpoints(self) -> list[Endpoint]:
        """Return the endpoints."""
        return [
            Endpoint(
                method="GET",
                path=_PATH,
                handler=self._list,
                access=Access.OWNER_OR_ADMIN,
                tag=_TAG,
                summary="The channel's webhooks",
                answer=WebhooksAnswer,
                is_secret=True,
            ),
            Endpoint(
                method="POST",
                path=_PATH,
                handler=self._create,
                access=Access.OWNER,
                tag=_TAG,
                summary="Have a server told what happens to the channel",
                description="Each event is one POST with the JSON that `/events` has. Its header"
                " `AwazPulse-Signature: t=TIME,v1=HEX` holds the HMAC-SHA256 of `TIME.BODY` by the secret, and"
                " `AwazPulse-Delivery` the same id at each try. An answer of 2xx within ten seconds takes it;"
                " else it is tried again, after ten seconds at first, for a day.",
                body=NewWebhookBody,
                answer=NewWebhookAnswer,
                status=HTTPStatus.CREATED,
                refusals=(InvalidValue, LimitReached),
                is_secret=True,
            ),
            Endpoint(
                method="PATCH",
                path=_PATH + "/{webhook}",
                handler=self._change,
                access=Access.OWNER,
                tag=_TAG,
                summary="Change where a webhook leads, what it tells, and whether it does",
                body=WebhookBody,
                answer=WebhookAnswer,
                refusals=(InvalidValue, UnknownWebhook),
                is_secret=True,
            ),
            Endpoint(
                method="DELETE",
                path=_PATH + "/{webhook}",
                handler=self._delete,
                access=Access.OWNER_OR_ADMIN,
                tag=_TAG,
                summary="Delete a webhook, with what waits for it",
                status=HTTPStatus.NO_CONTENT,
                refusals=(UnknownWebhook,),
            ),
            Endpoint(
                method="GET",
                path=_PATH + "/{webhook}/deliveries",
                handler=self._list_deliveries,
                access=Access.OWNER_OR_ADMIN,
                tag=_TAG,
                summary=f"What a webhook was told: the newest {MAX_DELIVERIES} of three days",
                answer=DeliveriesAnswer,
                refusals=(UnknownWebhook,),
                is_secret=True,
            ),
        ]

    async def _list(self, call: Call) -> WebhooksAnswer:
        webhooks = await self._services.webhooks.list(call.record.channel.id)
        return WebhooksAnswer(items=[_describe(webhook) for webhook in webhooks])

    async def _create(self, call: Call) -> NewWebhookAnswer:
        body = call.body_as(NewWebhookBody)
        channel_id = call.record.channel.id
        made = await self._services.webhooks.create(channel_id, body.url, body.events)
        return _describe_new(made)

    async def _change(self, call: Call) -> WebhookAnswer:
        body = call.body_as(WebhookBody)
        webhook = await self._services.webhooks.change(
            call.record.channel.id,
            call.request.match_info["webhook"],
            url=body.url,
            kinds=body.events,
            is_active=body.is_active,
        )
        return _describe(webhook)

    async def _delete(self, call: Call) -> None:
        webhook_id = call.request.match_info["webhook"]
        await self._services.webhooks.delete(call.record.channel.id, webhook_id)

    async def _list_deliveries(self, call: Call) -> DeliveriesAnswer:
        found = await self._services.webhooks.list_deliveries(
            call.record.channel.id, call.request.match_info["webhook"], MAX_DELIVERIES
        )
        return DeliveriesAnswer(items=[_describe_delivery(delivery) for delivery in found])


def _describe(webhook: Webhook) -> WebhookAnswer:
    return WebhookAnswer(
        id=webhook.id,
        url=webhook.url,
        events=[ChannelChange(name) for name in webhook.events.split()],
        is_active=webhook.is_active,
        created_at=webhook.created_at,
    )


def _describe_new(made: NewWebhook) -> NewWebhookAnswer:
    return NewWebhookAnswer(**dict(_describe(made.webhook)), secret=made.secret)


def _describe_delivery(delivery: WebhookDelivery) -> DeliveryAnswer:
    return DeliveryAnswer(
        id=delivery.id,
        event=delivery.event,
        created_at=to_time(delivery.created_ms),
        attempts=delivery.attempts,
        delivered_at=to_time(delivery.delivered_ms) if delivery.delivered_ms else None,
        next_try_at=to_time(delivery.due_ms) if delivery.due_ms else None,
        last_answer=delivery.last_answer,
    )
