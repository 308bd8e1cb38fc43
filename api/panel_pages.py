"""The pages for people: the panel at `/`, and the listener's page of each channel.

Their Content-Security-Policy lets a page load from this server alone, and play from its two ports for
listeners. Nothing is inline. Only the listener's page may stand in a frame, as `?embed=1`, and only in
pages of the hosts that the operator names.
"""

import asyncio
import gzip
import hashlib
import html
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from string import Template
from urllib.parse import quote

from aiohttp import hdrs, web

from awazpulse.channels.public_urls import PublicUrls
from awazpulse.refusals import Refusal, UnknownChannel

from .panel_files import FILES_PATH, PanelFiles, accepts_gzip, answer_file
from .services import Services

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d+)?")
_INCOMPLETE = """\
<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light dark"><title>AwazPulse</title></head>
<body>
<h1>AwazPulse runs, but its panel is not complete</h1>
<p>The parts that come from npm's packages are missing. On the server, in the folder of AwazPulse and with
a connection to the network, run:</p>
<pre>make run</pre>
<p>Encoders, listeners and the API work meanwhile: <a href="/docs">the API's page</a>.</p>
</body>
</html>
"""


@dataclass(frozen=True, slots=True)
class PanelOptions:
    """What the pages ask of the server. `get_embed_hosts`: whose pages may show the player in a frame."""

    get_urls: Callable[[], PublicUrls] = lambda: PublicUrls("localhost")
    get_embed_hosts: Callable[[], Sequence[str]] = tuple


class PanelPages:
    """/, /listen/{id} and the files of both."""

    def __init__(self, services: Services, options: PanelOptions, files: PanelFiles) -> None:
        self._services = services
        self._options = options
        self._files = files

    def list_routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/", self._get_panel),
            web.get("/listen/{id}", self._get_player),
            web.get("/listen/{id}/manifest.webmanifest", self._get_manifest),
            web.get(FILES_PATH + "/{version}/{name:.+}", self._get_file),
            web.get("/favicon.ico", self._get_icon),
        ]

    async def _get_file(self, request: web.Request) -> web.Response:
        return await answer_file(self._files, request)

    async def _get_icon(self, _request: web.Request) -> web.Response:
        raise web.HTTPFound(f"{await self._find_base()}/icons/icon-192.png")

    async def _get_panel(self, request: web.Request) -> web.Response:
        return await self._render(request, "panel.html", "panel.js", {}, ("'none'",))

    async def _get_player(self, request: web.Request) -> web.Response:
        channel_id = request.match_info["id"]
        try:
            name = await self._find_name(channel_id)
        except UnknownChannel:
            return await self._render(request, "unknown.html", None, {}, ("'none'",))
        is_embedded = request.query.get("embed") == "1"
        ancestors = (is_embedded and self._options.get_embed_hosts()) or ("'none'",)
        values = {
            "name": name,
            "channel": channel_id,
            "manifest": f"/listen/{quote(channel_id)}/manifest.webmanifest",
            "variant": "embed" if is_embedded else "page",
        }
        return await self._render(request, "listen.html", "listen.js", values, ancestors)

    async def _get_manifest(self, request: web.Request) -> web.Response:
        channel_id = request.match_info["id"]
        try:
            name = await self._find_name(channel_id)
        except UnknownChannel:
            raise web.HTTPNotFound from None
        base, page = await self._find_base(), f"/listen/{quote(channel_id)}"
        manifest = {
            "id": page,
            "name": name,
            "short_name": name[:30],
            "start_url": page,
            "scope": page,
            "display": "standalone",
            "background_color": "#f6f5f1",
            "theme_color": "#0f5c57",
            "icons": [
                {"src": f"{base}/icons/icon-{size}.png", "sizes": f"{size}x{size}"}
                | {"type": "image/png", "purpose": purpose}
                for size in (192, 512)
                for purpose in ("any", "maskable")
            ],
        }
        return web.Response(
            text=json.dumps(manifest, ensure_ascii=False),
            content_type="application/manifest+json",
            headers={hdrs.CACHE_CONTROL: "no-cache"},
        )

    async def _find_name(self, channel_id: str) -> str:
        """Return what a channel is called. Raises `UnknownChannel`, also for one that was put away."""
        try:
            record = await self._services.channels.get(channel_id)
        except UnknownChannel:
            raise
        except Refusal:  # without the database the page can still play
            return channel_id
        if record.channel.archived_at is not None:
            raise UnknownChannel(channel_id)
        return record.channel.name

    async def _find_base(self) -> str:
        return f"{FILES_PATH}/{await self._files.get_version()}"

    async def _render(
        self,
        request: web.Request,
        page: str,
        script: str | None,
        values: dict[str, str],
        ancestors: Sequence[str],
    ) -> web.Response:
        if not self._files.is_complete():
            policy = "default-src 'none'; frame-ancestors 'none'"
            return _answer(request, _INCOMPLETE, policy, HTTPStatus.SERVICE_UNAVAILABLE)
        base = await self._find_base()
        modules = await self._files.list_imports(script) if script else []
        preloads = "".join(f'<link rel="modulepreload" href="{base}/{name}">' for name in modules)
        shown = {name: html.escape(value) for name, value in values.items()}
        text = Template(await self._files.read_page(page)).substitute(
            shown, base=base, preloads=preloads, version=base.rpartition("/")[2]
        )
        status = HTTPStatus.OK if script else HTTPStatus.NOT_FOUND
        return await asyncio.to_thread(
            _answer, request, text, self._make_policy(request, ancestors), status
        )

    def _make_policy(self, request: web.Request, ancestors: Sequence[str]) -> str:
        media = " ".join(self._list_media_origins(request))
        rules = {
            "default-src": "'none'",
            "script-src": "'self'",
            "style-src": "'self'",
            "font-src": "'self'",
            "img-src": "'self'",
            "manifest-src": "'self'",
            "connect-src": f"'self' {media}",
            "media-src": f"'self' blob: {media}",
            "base-uri": "'none'",
            "form-action": "'self'",
            "frame-ancestors": " ".join(ancestors),
        }
        return "; ".join(f"{name} {value}" for name, value in rules.items())

    def _list_media_origins(self, request: web.Request) -> list[str]:
        """Return where players get audio from: by the public name, and by the one this page came by."""
        urls = self._options.get_urls()
        if urls.origin:
            return [urls.origin]
        hosts = [urls.bracketed_host]
        match = _HOST.fullmatch(request.host)
        if match and match[1] not in hosts:
            hosts.append(match[1])
        ports = (urls.hls_port, urls.icecast_port)
        return [f"http://{host}:{port}" for host in hosts for port in ports]


def _answer(
    request: web.Request, text: str, policy: str, status: HTTPStatus = HTTPStatus.OK
) -> web.Response:
    body = text.encode()
    headers = {
        hdrs.CACHE_CONTROL: "no-cache",
        hdrs.ETAG: f'"{hashlib.sha256(body + policy.encode()).hexdigest()[:16]}"',
        hdrs.VARY: hdrs.ACCEPT_ENCODING,
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    }
    if status is HTTPStatus.OK and request.headers.get(hdrs.IF_NONE_MATCH) == headers[hdrs.ETAG]:
        return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    if accepts_gzip(request):
        body = gzip.compress(body, mtime=0)
        headers[hdrs.CONTENT_ENCODING] = "gzip"
    return web.Response(
        body=body, status=status, content_type="text/html", charset="utf-8", headers=headers
    )
