"""/metrics, for Prometheus, and who may read it."""

import ipaddress

from aiohttp import web

from awazpulse.addresses import normalize_address
from awazpulse.kinds import MetricsAccess, Role
from awazpulse.refusals import Forbidden, InvalidToken

from .authentication import identify
from .endpoints import Access, Call, Endpoint
from .services import Services

_TEXT = {"schema": {"type": "string"}}
_CONTENT = {"text/plain": _TEXT, "application/openmetrics-text": _TEXT}

# A proxy on this machine comes from loopback, too; these say that somebody else has asked it.
_FORWARDED = ("Forwarded", "Via", "X-Real-IP")
_FORWARDED_PREFIX = "x-forwarded-"


class MetricsRoutes:
    """/metrics."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def list_endpoints(self) -> list[Endpoint]:
        """Return the endpoints."""
        return [
            Endpoint(
                method="GET",
                path="/metrics",
                handler=self._get,
                access=Access.ANYONE,
                tag="operation",
                summary="The server's figures, as Prometheus reads them",
                description="The setting `metrics_access` says who may: this machine alone, without a proxy"
                " (`loopback`), `anybody`, or an administrator with a token (`admin`).",
                content=_CONTENT,
                refusals=(InvalidToken, Forbidden),
                is_secret=True,
            )
        ]

    async def _get(self, call: Call) -> web.Response:
        await self._check(call.request)
        metrics = self._services.metrics
        body, content_type = await metrics.render(call.request.headers.get("Accept", ""))
        headers = {"Content-Type": content_type, "Cache-Control": "no-store"}
        return web.Response(body=body, headers=headers)

    async def _check(self, request: web.Request) -> None:
        match self._services.metrics.access:
            case MetricsAccess.ADMIN:
                identity = await identify(request, self._services)
                if identity.role is not Role.ADMIN:
                    raise Forbidden("this is for administrators only")
            case MetricsAccess.LOOPBACK:
                _require_loopback(request)


def _require_loopback(request: web.Request) -> None:
    """Raise `Forbidden` unless the request has come from this machine and straight to this port.

    It asks the socket: what a proxy says of the client has no say here.
    """
    headers = request.headers
    is_forwarded = any(name in headers for name in _FORWARDED) or any(
        name.lower().startswith(_FORWARDED_PREFIX) for name in headers
    )
    peer = request.transport.get_extra_info("peername") if request.transport else None
    if is_forwarded or not peer or not _is_loopback(peer[0]):
        raise Forbidden(
            "this is for programs on this machine only, without a proxy;"
            " the setting metrics_access (anybody, admin) changes that"
        )


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(normalize_address(address)).is_loopback
    except ValueError:
        return False
