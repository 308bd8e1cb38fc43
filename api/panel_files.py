"""The files that the panel's pages load, each read and compressed once.

They stand below `/panel/files/VERSION/`, where the version is a hash over all of them. So a browser may
keep them for ever, modules import each other by relative paths, and a page never gets a part of another
version from a cache. What a page of an older version asks for is answered with the present file.
"""

import asyncio
import gzip
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path, PurePosixPath
from posixpath import normpath

from aiohttp import hdrs, web

FOLDER = Path(__file__).parent / "panel"
FILES_PATH = "/panel/files"
STAMP = "vendor/.made"  # the packages' parts are there, all of them

_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".woff2": "font/woff2",
}
_COMPRESSED = (".css", ".html", ".js", ".svg", ".txt")
_PAGES = ".html"  # which are made by `panel_pages`
_FOR_EVER = "public, max-age=31536000, immutable"
_STATIC_IMPORT = re.compile(
    r"""(?:^|[;}\s])(?:import|export)\b(?:[^"'();]*\bfrom)?\s*["'](\.[^"']+)["']"""
)


@dataclass(frozen=True, slots=True)
class PanelFile:
    """A file as it goes out."""

    body: bytes
    content_type: str
    is_compressed: bool


class PanelFiles:
    """The files of a folder. Nothing is read before the first request."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder
        self._read: dict[str, PanelFile] = {}
        self._version: str | None = None

    def is_complete(self) -> bool:
        """Whether the packages' parts are there; asked anew until they are."""
        return (self._folder / STAMP).exists()

    async def get_version(self) -> str:
        """Return the hash over all files."""
        if self._version is None:
            self._version = await asyncio.to_thread(self._hash)
        return self._version

    async def get(self, name: str) -> PanelFile | None:
        """Return a file by its path in the folder."""
        known = self._read.get(name)
        if known is None and self._is_served(name):
            known = await asyncio.to_thread(self._load, name)
            if known is not None:
                self._read[name] = known
        return known

    async def read_page(self, name: str) -> str:
        """Return a page's template."""
        return await asyncio.to_thread((self._folder / name).read_text, "utf-8")

    async def list_imports(self, name: str) -> list[str]:
        """Return a module and all that it imports at its head, directly or not."""
        return await asyncio.to_thread(lambda: list(self._walk(name, set())))

    def _hash(self) -> str:
        digest = hashlib.sha256()
        for path in sorted(self._folder.rglob("*")):
            if path.is_file() and path.suffix in _TYPES:
                digest.update(str(path.relative_to(self._folder)).encode())
                digest.update(path.read_bytes())
        return digest.hexdigest()[:16]

    def _is_served(self, name: str) -> bool:
        path = PurePosixPath(name)
        is_inside = normpath(name) == name and not path.is_absolute() and ".." not in path.parts
        return is_inside and path.suffix in _TYPES and path.suffix != _PAGES

    def _load(self, name: str) -> PanelFile | None:
        try:
            body = (self._folder / name).read_bytes()
        except (OSError, ValueError):
            return None
        suffix = PurePosixPath(name).suffix
        if suffix in _COMPRESSED:
            return PanelFile(gzip.compress(body, mtime=0), _TYPES[suffix], is_compressed=True)
        return PanelFile(body, _TYPES[suffix], is_compressed=False)

    def _walk(self, name: str, seen: set[str]) -> Iterator[str]:
        if name in seen:
            return
        seen.add(name)
        yield name
        try:
            text = (self._folder / name).read_text("utf-8")
        except OSError:
            return
        for target in _STATIC_IMPORT.findall(text):
            yield from self._walk(normpath(str(PurePosixPath(name).parent / target)), seen)


async def answer_file(files: PanelFiles, request: web.Request) -> web.Response:
    """Answer a request for `/panel/files/{version}/{name}`."""
    file = await files.get(request.match_info["name"])
    if file is None:
        raise web.HTTPNotFound
    version = await files.get_version()
    is_present = request.match_info["version"] == version
    headers = {
        hdrs.CACHE_CONTROL: _FOR_EVER if is_present else "no-cache",
        hdrs.ETAG: f'"{version}"',
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    if request.headers.get(hdrs.IF_NONE_MATCH) == headers[hdrs.ETAG]:
        return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    body = file.body
    if file.is_compressed:
        headers[hdrs.VARY] = hdrs.ACCEPT_ENCODING
        if accepts_gzip(request):
            headers[hdrs.CONTENT_ENCODING] = "gzip"
        else:
            body = gzip.decompress(body)
    charset = "utf-8" if file.is_compressed else None
    return web.Response(body=body, content_type=file.content_type, charset=charset, headers=headers)


def accepts_gzip(request: web.Request) -> bool:
    """Whether the client takes gzip."""
    return "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, "").lower()
