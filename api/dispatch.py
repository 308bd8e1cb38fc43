"""From a request to its endpoint's handler and back.

The order of the checks is the same everywhere: who asks (401), does the channel exist (404), may they
(403), and only then what they ask (400).
"""

from dataclasses import replace
from http import HTTPStatus
from urllib.parse import parse_qsl

from aiohttp import web
from pydantic import ValidationError

from awazpulse.channels.access import Identity, manages, owns
from awazpulse.channels.records import ChannelRecord
from awazpulse.kinds import Role
from awazpulse.refusals import Forbidden, InvalidValue

from .authentication import identify
from .bodies import describe_error, read_body
from .endpoints import Access, Call, Endpoint, Reply, Result
from .models import Body
from .services import Services
from .session_cookies import require_own_page

MAX_QUERY_FIELDS = 32
_OF_USERS = ("/auth/", "/users", "/panel/")  # where sign-ins end and users change


def make_route(endpoint: Endpoint, services: Services) -> web.RouteDef:
    """Return the route of an endpoint."""

    async def handle(request: web.Request) -> web.StreamResponse:
        call = await _check(endpoint, request, services)
        try:
            return _answer(endpoint, await endpoint.handler(call))
        finally:
            if endpoint.method != "GET":
                services.users.forget_identities()
                if endpoint.path.startswith(_OF_USERS):
                    services.event_clients.recheck()

    if endpoint.method == "GET":
        return web.get(endpoint.path, handle, allow_head=not endpoint.lasts)
    return web.route(endpoint.method, endpoint.path, handle)


async def _check(endpoint: Endpoint, request: web.Request, services: Services) -> Call:
    access = endpoint.access
    if access is Access.PANEL:
        require_own_page(request)
    identity = await identify(request, services) if access.needs_user else None
    if access is Access.ADMIN and identity is not None and identity.role is not Role.ADMIN:
        raise Forbidden(f"this is for {access.value} only")
    channel = None
    if access.needs_channel and identity is not None:
        channel = await services.channels.get(request.match_info["id"])
        _require(access, identity, channel)
    query = _read_query(request, endpoint.query) if endpoint.query else None
    body = await read_body(request, endpoint.body) if endpoint.body else None
    return Call(request, identity, channel, body, query)


def _require(access: Access, identity: Identity, channel: ChannelRecord) -> None:
    is_allowed = owns if access is Access.OWNER else manages
    if not is_allowed(identity, channel.channel.owner_id):
        raise Forbidden(f"this is for {access.value} only")


def _read_query(request: web.Request, model: type[Body]) -> Body:
    """Return the query. Raises `InvalidValue` for a field that is unknown, wrong or there twice."""
    try:
        pairs = parse_qsl(
            request.rel_url.raw_query_string,
            keep_blank_values=True,
            max_num_fields=MAX_QUERY_FIELDS,
            errors="strict",
        )
    except ValueError:
        raise InvalidValue("the query is malformed") from None
    given = dict(pairs)
    if len(given) < len(pairs):
        raise InvalidValue("a field of the query is there twice")
    try:
        return model.model_validate_strings(given)
    except ValidationError as error:
        raise InvalidValue(describe_error(error)) from None


def _answer(endpoint: Endpoint, result: Result) -> web.StreamResponse:
    if isinstance(result, Reply):
        return _answer(replace(endpoint, status=result.status), result.answer)
    if isinstance(result, web.StreamResponse):
        return result
    headers = {"Cache-Control": "no-store"} if endpoint.is_secret else {}
    if result is None:
        return web.Response(status=HTTPStatus.NO_CONTENT, headers=headers)
    return web.Response(
        text=result.to_json(),
        status=endpoint.status,
        content_type="application/json",
        headers=headers,
    )
