"""How the command line finds a server that is running on the same data folder.

The server leaves a small file there while it runs: its ports, which the kernel may have chosen. A
command that has changed a channel tells the server so over its API, with a token made from the
secret key that both know. No server, no file, or one that is left over from a crash: then there is
nobody to tell, which is no error.
"""

import contextlib
import dataclasses
import json
import os
from collections.abc import Mapping
from pathlib import Path

import aiohttp

from awazpulse.channels import PublicUrls

FILE = "server.json"
TIMEOUT_S = 10.0


class RunningServer:
    """The file, and the server behind it."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / FILE

    def announce(self, bind: str, urls: PublicUrls) -> None:
        """Say that a server runs here. May raise OSError."""
        content = {"pid": os.getpid(), "bind": bind, "urls": dataclasses.asdict(urls)}
        draft = self._path.with_suffix(".new")
        draft.write_text(json.dumps(content))
        draft.replace(self._path)

    def withdraw(self) -> None:
        """Say that it runs no more; another server's file stays."""
        content = self._read()
        if content is not None and content[0] == os.getpid():
            with contextlib.suppress(OSError):
                self._path.unlink()

    @property
    def urls(self) -> PublicUrls | None:
        """The addresses of the server, if one has announced itself."""
        content = self._read()
        return content[2] if content else None

    async def post(
        self, path: str, token: str, body: Mapping[str, object] | None = None
    ) -> tuple[int, dict[str, object]] | None:
        """Return status and answer of a POST to the server's API, or None if no server runs."""
        content = self._read()
        if content is None:
            return None
        _, bind, urls = content
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        headers = {"Authorization": f"Bearer {token}"}
        try:
            async with (
                aiohttp.ClientSession(_base_url(bind, urls.api_port), timeout=timeout) as session,
                session.post(path, headers=headers, json=dict(body or {})) as response,
            ):
                text = await response.text()
                return response.status, json.loads(text) if text else {}
        except (aiohttp.ClientConnectionError, TimeoutError):
            return None

    def _read(self) -> tuple[int, str, PublicUrls] | None:
        try:
            content = json.loads(self._path.read_text())
            return int(content["pid"]), str(content["bind"]), PublicUrls(**content["urls"])
        except (OSError, ValueError, KeyError, TypeError):
            return None


def _base_url(bind: str, port: int) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(bind, bind)  # noqa: S104
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
