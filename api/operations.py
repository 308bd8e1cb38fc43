"""For operators and their tools: the health check, and the command line's word to the server."""

import asyncio
from http import HTTPStatus

from aiohttp import web

from awazpulse.channels.tokens import InternalAction
from awazpulse.store import DatabaseUnavailable

from .answers import describe_stream
from .authentication import read_bearer_token
from .bodies import SwitchTypeBody, read_body
from .services import Services

PING_TIMEOUT_S = 2.0  # health checks give up after a few seconds


class OperationRoutes:
    """/health and /internal."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def list_routes(self) -> list[web.RouteDef]:
        """Return the endpoints."""
        return [
            web.get("/health", self._get_health),
            web.post("/internal/channels/{id}/refresh", self._refresh),
            web.post("/internal/channels/{id}/switch-type", self._switch_type),
        ]

    async def _get_health(self, _request: web.Request) -> web.Response:
        # 200 without a database as well: what is on air stays so, and a restart would end it.
        try:
            async with asyncio.timeout(PING_TIMEOUT_S):
                await self._services.database.ping()
        except (DatabaseUnavailable, TimeoutError):
            database = "unavailable"
        else:
            database = "ok"
        body = {"status": "ok", "database": database}
        return web.json_response(body, headers={"Cache-Control": "no-store"})

    async def _refresh(self, request: web.Request) -> web.Response:
        channel_id = self._authorize(request, InternalAction.REFRESH)
        await self._services.streams.refresh(channel_id)
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def _switch_type(self, request: web.Request) -> web.Response:
        channel_id = self._authorize(request, InternalAction.SWITCH_TYPE)
        body = await read_body(request, SwitchTypeBody)
        stream = await self._services.streams.switch_stream_type(channel_id, body.stream_type)
        return web.json_response(describe_stream(stream))

    def _authorize(self, request: web.Request, action: InternalAction) -> str:
        """Return the channel's id. Raises `InvalidToken`."""
        channel_id = request.match_info["id"]
        self._services.tokens.verify_internal(read_bearer_token(request), channel_id, action)
        return channel_id
