"""For operators and their tools: health and readiness, and the command line's word to the server."""

import asyncio
from http import HTTPStatus
from typing import Literal

from aiohttp import web

from awazpulse.channels.tokens import InternalAction
from awazpulse.refusals import NotReady
from awazpulse.store import DatabaseUnavailable

from .authentication import read_bearer_token
from .bodies import SwitchTypeBody, read_body
from .endpoints import Access, Call, Endpoint
from .models import Answer
from .rows import StreamRow, describe_stream
from .services import Services

PING_TIMEOUT_S = 2.0  # health checks give up after a few seconds
_TAG = "operation"


class HealthAnswer(Answer):
    """How the server is."""

    status: Literal["ok"]
    database: Literal["ok", "unavailable"]


class AliveAnswer(Answer):
    """The process is alive, and its loop turns."""

    status: Literal["ok"]


class ReadyAnswer(Answer):
    """The server can do all of its work."""

    status: Literal["ready"]


class OperationRoutes:
    """/health, /healthz, /readyz and /internal."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def list_endpoints(self) -> list[Endpoint]:
        """Return the endpoints."""
        return [
            Endpoint(
                method="GET",
                path="/health",
                handler=self._get_health,
                access=Access.ANYONE,
                tag=_TAG,
                summary="How the server and its database are",
                answer=HealthAnswer,
                is_secret=True,
            ),
            Endpoint(
                method="GET",
                path="/healthz",
                handler=self._get_alive,
                access=Access.ANYONE,
                tag=_TAG,
                summary="Whether the process is alive; asks nothing of the database",
                answer=AliveAnswer,
                is_secret=True,
            ),
            Endpoint(
                method="GET",
                path="/readyz",
                handler=self._get_ready,
                access=Access.ANYONE,
                tag=_TAG,
                summary="Whether the server can do all of its work",
                description="All ports listen, the rows are repaired, the database answers, and the"
                " server is not about to stop. Otherwise 503, with what is missing.",
                answer=ReadyAnswer,
                refusals=(NotReady,),
                is_secret=True,
            ),
            Endpoint(
                method="POST",
                path="/internal/channels/{id}/refresh",
                handler=self._refresh,
                access=Access.COMMAND_LINE,
                tag=_TAG,
                summary="Take up what has been changed in the channel's rows",
                status=HTTPStatus.NO_CONTENT,
            ),
            Endpoint(
                method="POST",
                path="/internal/channels/{id}/switch-type",
                handler=self._switch_type,
                access=Access.COMMAND_LINE,
                tag=_TAG,
                summary="Set the channel to the other type",
                answer=StreamRow,
            ),
        ]

    async def _get_health(self, _call: Call) -> HealthAnswer:
        # 200 without a database as well: what is on air stays so, and a restart would end it.
        answers = await self._does_database_answer()
        return HealthAnswer(status="ok", database="ok" if answers else "unavailable")

    async def _does_database_answer(self) -> bool:
        try:
            async with asyncio.timeout(PING_TIMEOUT_S):
                await self._services.database.ping()
        except (DatabaseUnavailable, TimeoutError):
            return False
        return True

    async def _get_ready(self, _call: Call) -> ReadyAnswer:
        answers = await self._does_database_answer()
        missing = self._services.readiness.list_missing()
        if not answers:
            missing.append("the database does not answer")
        if missing:
            raise NotReady(missing)
        return ReadyAnswer(status="ready")

    async def _get_alive(self, _call: Call) -> AliveAnswer:
        return AliveAnswer(status="ok")

    async def _refresh(self, call: Call) -> None:
        self._authorize(call.request, InternalAction.REFRESH)
        self._services.public.forget(call.path_id)
        await self._services.streams.refresh(call.path_id)

    async def _switch_type(self, call: Call) -> StreamRow:
        self._authorize(call.request, InternalAction.SWITCH_TYPE)
        body = await read_body(call.request, SwitchTypeBody)
        return describe_stream(
            (await self._services.streams.switch(call.path_id, body.stream_type)).stream
        )

    def _authorize(self, request: web.Request, action: InternalAction) -> None:
        """Raise `InvalidToken` unless the request may do this to its channel."""
        channel_id = request.match_info["id"]
        self._services.tokens.verify_internal(read_bearer_token(request), channel_id, action)
