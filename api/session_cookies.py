"""The panel's session: tokens in cookies that no script can read, taken from the panel's own pages alone.

A browser adds cookies by itself, also to what another page asks of us. So a cookie counts only when the
request shows that one of our pages has made it (OWASP's cross-site request forgery cheat sheet):
- `SameSite=Strict` keeps other sites' requests without it. Pages on another port of the same host are of
  the same site, so that is not enough.
- The header `X-AwazPulse-Panel` cannot be added by a form, and by a script of another origin only after a
  preflight, whose answer does not allow it.
- `Sec-Fetch-Site`, or `Origin` where there is none of it, says whose page asks. Scripts can set neither,
  and add no header to a WebSocket's handshake, which is judged by these alone.
"""

from datetime import timedelta
from urllib.parse import urlsplit

from aiohttp import web

from awazpulse.channels.sign_ins import LIFETIME
from awazpulse.refusals import Forbidden

ACCESS_COOKIE = "awazpulse_access"
REFRESH_COOKIE = "awazpulse_refresh"
REFRESH_PATH = "/panel"  # no other request carries the refresh token
PANEL_HEADER = "X-AwazPulse-Panel"

_NOT_OURS = "this is for the panel's own pages; other clients sign in by POST /auth/login"


def require_own_page(request: web.Request) -> None:
    """Raise `Forbidden` unless one of our pages has made the request."""
    if not _is_of_own_page(request):
        raise Forbidden(_NOT_OURS)


def read_access_cookie(request: web.Request) -> str | None:
    """Return the session's access token. Raises `Forbidden` when another page's request carries it."""
    token = request.cookies.get(ACCESS_COOKIE)
    if token:
        require_own_page(request)
    return token or None


def set_cookies(
    response: web.StreamResponse, request: web.Request, access: str, lifetime_s: int, refresh: str
) -> None:
    """Have the browser keep a sign-in."""
    _set(response, request, ACCESS_COOKIE, access, timedelta(seconds=lifetime_s), "/")
    _set(response, request, REFRESH_COOKIE, refresh, LIFETIME, REFRESH_PATH)


def clear_cookies(response: web.StreamResponse) -> None:
    """Have the browser forget it."""
    response.del_cookie(ACCESS_COOKIE, path="/", httponly=True, samesite="Strict")
    response.del_cookie(REFRESH_COOKIE, path=REFRESH_PATH, httponly=True, samesite="Strict")


def _set(
    response: web.StreamResponse,
    request: web.Request,
    name: str,
    value: str,
    lifetime: timedelta,
    path: str,
) -> None:
    # A proxy that speaks HTTPS for us says so; who lies here spoils only their own cookie.
    is_secure = request.secure or request.headers.get("X-Forwarded-Proto") == "https"
    response.set_cookie(
        name,
        value,
        max_age=int(lifetime.total_seconds()),
        path=path,
        secure=is_secure,
        httponly=True,
        samesite="Strict",
    )


def _is_of_own_page(request: web.Request) -> bool:
    is_handshake = request.headers.get("Upgrade", "").lower() == "websocket"
    if not is_handshake and PANEL_HEADER not in request.headers:
        return False
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("Origin")
    if origin is None:
        return not is_handshake  # browsers send it with each handshake
    return _is_own_origin(request, origin)


def _is_own_origin(request: web.Request, origin: str) -> bool:
    try:
        host = urlsplit(origin).netloc
    except ValueError:
        return False
    return bool(host) and host.lower() == request.host.lower()
