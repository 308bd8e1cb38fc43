"""Around every handler: who asks, CORS for browser panels, and errors in one shape, each logged once."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Middleware

from awazpulse.addresses import normalize_address
from awazpulse.proxies import HEADERS, TrustedProxies
from awazpulse.refusals import Refusal

from .endpoints import ADDRESS
from .problems import answer_error, answer_refusal

logger = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
BEGUN: web.RequestKey[web.StreamResponse] = web.RequestKey("begun", web.StreamResponse)
OnPrepare = Callable[[web.Request, web.StreamResponse], Awaitable[None]]

PREFLIGHT_MAX_AGE_S = 7200  # what Chromium keeps one for at most

ANY_ORIGIN = "*"
_EXPOSED = "Retry-After, WWW-Authenticate"
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type",
    "Access-Control-Max-Age": str(PREFLIGHT_MAX_AGE_S),
}


def make_identifier(proxies: TrustedProxies) -> Middleware:
    """Return what finds the address of each request's client, which a proxy may tell."""

    def find_address(request: web.Request) -> str:
        peer = normalize_address(request.remote or "")
        if not proxies.trusts(peer):
            return peer
        lines = {name: request.headers.getall(name, ()) for name in HEADERS}
        return proxies.find_address(
            peer, {name: ",".join(some) for name, some in lines.items() if some}
        )

    @web.middleware
    async def identify_client(request: web.Request, handler: Handler) -> web.StreamResponse:
        request[ADDRESS] = find_address(request)
        return await handler(request)

    return identify_client


def make_cors(origins: Sequence[str]) -> tuple[Middleware, OnPrepare]:
    """Return what answers preflights, and what lets pages of these origins read answers (Fetch §3.3).

    Never with credentials: who asks is known by the bearer token, which a browser does not add by
    itself. So `*` is safe.

    `origins` may be changed at any time.
    """

    def allow(request: web.Request) -> dict[str, str]:
        if ANY_ORIGIN in origins:
            return {"Access-Control-Allow-Origin": ANY_ORIGIN}
        origin = request.headers.get("Origin", "")
        return {"Vary": "Origin"} | (
            {"Access-Control-Allow-Origin": origin} if origin in origins else {}
        )

    @web.middleware
    async def allow_browsers(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            headers = {**allow(request), **_PREFLIGHT}
            return web.Response(status=HTTPStatus.NO_CONTENT, headers=headers)
        return await handler(request)

    async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
        """Add them to an answer, unless it says itself who may read it."""
        for name, value in {"Access-Control-Expose-Headers": _EXPOSED, **allow(request)}.items():
            response.headers.setdefault(name, value)

    return allow_browsers, add_headers


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever a handler raises into an answer; what is unexpected shows nothing of itself."""
    try:
        return await handler(request)
    except Refusal as refusal:
        return answer_refusal(refusal)
    except web.HTTPException as error:
        if error.status < HTTPStatus.BAD_REQUEST:
            raise
        headers = {name: error.headers[name] for name in ("Allow",) if name in error.headers}
        return answer_error(error.status, _describe(error, request), headers)
    except (web.RequestPayloadError, ConnectionError):
        # Who leaves in the middle of a body reads no answer; raised, aiohttp would log a traceback.
        return answer_error(HTTPStatus.BAD_REQUEST, "the body is not what its headers say")
    except Exception:
        logger.exception("%s %s failed", request.method, request.path)
        return answer_error(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal server error")


@web.middleware
async def cut_off_failures(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Reset the connection of an answer that fails after it has begun.

    A second answer would be read as a part of the first, and a regular end as the end of a whole one.
    """
    try:
        return await handler(request)
    except Exception as error:
        begun: web.StreamResponse | None = request.get(BEGUN)
        if begun is None:
            raise
        logger.warning("%s %s was cut off: %s", request.method, request.path, error)
        if request.transport is not None:
            request.transport.abort()
        return begun


async def note_beginning(request: web.Request, response: web.StreamResponse) -> None:
    """Take note of an answer whose head is about to be sent."""
    request[BEGUN] = response


def _describe(error: web.HTTPException, request: web.Request) -> str:
    if error.status == HTTPStatus.NOT_FOUND:
        return f"Cannot {request.method} {request.path}"
    return error.text or error.reason
