"""How the command line finds a server that is running on the same data folder.

The server leaves a small file there while it runs; a command that has changed a channel tells the
server so over its API, with a token made from the secret key that both know. No server, no file,
or one that is left over from a crash: then there is nobody to tell, which is no error.
"""

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

import aiohttp

FILE = "server.json"
TIMEOUT_S = 10.0


class RunningServer:
    """The file, and the server behind it."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / FILE

    def announce(self, bind: str, api_port: int) -> None:
        """Say that a server runs here. May raise OSError."""
        draft = self._path.with_suffix(".new")
        draft.write_text(json.dumps({"pid": os.getpid(), "bind": bind, "apiPort": api_port}))
        draft.replace(self._path)

    def withdraw(self) -> None:
        """Say that it runs no more."""
        with contextlib.suppress(OSError):
            self._path.unlink()

    async def post(
        self, path: str, token: str, body: Mapping[str, object] | None = None
    ) -> tuple[int, dict[str, object]] | None:
        """Return status and answer of a POST to the server's API, or None if no server runs."""
        base = self._base_url()
        if base is None:
            return None
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        headers = {"Authorization": f"Bearer {token}"}
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(base + path, headers=headers, json=dict(body or {})) as response,
            ):
                text = await response.text()
                return response.status, json.loads(text) if text else {}
        except (aiohttp.ClientConnectionError, TimeoutError):
            return None

    def _base_url(self) -> str | None:
        try:
            content = json.loads(self._path.read_text())
            bind, port = str(content["bind"]), int(content["apiPort"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}.get(bind, bind)  # noqa: S104
        return f"http://{f'[{host}]' if ':' in host and host[0] != '[' else host}:{port}"
