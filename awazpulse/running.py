"""How the command line finds a server that is running on the same data folder.

The server leaves a small file there while it runs: its process and its ports, which the kernel may
have chosen. A command that has changed a channel tells the server so over its API, with a token
that is good for this channel, this action and a minute, and made from the secret key that both
know. No file, or one that a crash has left behind: then there is nobody to tell, which is no error.
After a crash its process id and its ports may be another program's; the process's start time tells
the two apart.
"""

import contextlib
import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from awazpulse.addresses import bracket_host
from awazpulse.channels.public_urls import PublicUrls
from awazpulse.errors import AwazPulseError

FILE = "server.json"
TIMEOUT_S = 10.0
MAX_ANSWER_BYTES = 64 * 1024  # ours are under 2 KiB; bounds what a stranger on the port can send

_ENDED = -1  # what a process that nobody has waited for yet (a zombie) started at


class ServerFailed(AwazPulseError):
    """A server runs here and has not done what it was asked, or has not said so."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

    def __str__(self) -> str:
        return f"the running server did not take it: {self.detail}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server's API answered; a body that is empty is an empty object."""

    status: int
    body: Mapping[str, object]

    def fail(self) -> ServerFailed:
        """Return the error that this answer is when another one was expected."""
        return ServerFailed(f"{self.body.get('message', 'an unexpected answer')} ({self.status})")


@dataclass(frozen=True, slots=True)
class _Announcement:
    pid: int
    start_ticks: int | None
    bind: str
    urls: PublicUrls

    def is_true(self) -> bool:
        """Whether the process that wrote this still runs."""
        if not _is_alive(self.pid):
            return False
        now = _read_start_ticks(self.pid)
        return now is None or (now != _ENDED and self.start_ticks in (None, now))


class RunningServer:
    """The file, and the server behind it."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / FILE

    def announce(self, bind: str, urls: PublicUrls) -> None:
        """Say that a server runs here. May raise OSError."""
        pid = os.getpid()
        content = _Announcement(pid, _read_start_ticks(pid), bind, urls)
        draft = self._path.with_suffix(".new")
        draft.write_text(json.dumps(dataclasses.asdict(content)))
        draft.replace(self._path)

    def withdraw(self) -> None:
        """Say that it runs no more; another server's file stays."""
        content = self._read()
        if content is not None and content.pid == os.getpid():
            with contextlib.suppress(OSError):
                self._path.unlink()

    @property
    def urls(self) -> PublicUrls | None:
        """The addresses of the server, if one runs."""
        content = self._read()
        return content.urls if content else None

    async def post(
        self, path: str, token: str, body: Mapping[str, object] | None = None
    ) -> Answer | None:
        """Return the answer to a POST to the server's API, None if no server runs.

        Raises `ServerFailed` for one that runs and does not answer with JSON in time.
        """
        headers = {"Authorization": f"Bearer {token}"}
        return await self._ask("POST", path, headers=headers, json=dict(body or {}))

    async def get(self, path: str) -> Answer | None:
        """Return the answer to a GET that needs no token; else as `post`."""
        return await self._ask("GET", path)

    async def _ask(self, method: str, path: str, **options: Any) -> Answer | None:  # noqa: ANN401  # aiohttp's own
        content = self._read()
        if content is None:
            return None
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        base = _base_url(content.bind, content.urls.api_port)
        try:
            async with (
                aiohttp.ClientSession(base, timeout=timeout) as session,
                session.request(method, path, allow_redirects=False, **options) as response,
            ):
                return Answer(response.status, _parse_object(await _read_body(response)))
        except TimeoutError:
            reason = f"no answer in {TIMEOUT_S:g} s"
        except (aiohttp.ClientError, ValueError, RecursionError) as error:
            reason = f"no answer of an AwazPulse server ({error})"
        raise ServerFailed(
            f"{reason}; process {content.pid}, {base}; if no server runs, remove {self._path}"
        )

    def _read(self) -> _Announcement | None:
        try:
            content = json.loads(self._path.read_text())
            ticks, urls = content["start_ticks"], content["urls"]
            announcement = _Announcement(
                int(content["pid"]),
                None if ticks is None else int(ticks),
                str(content["bind"]),
                PublicUrls(
                    str(urls["host"]),
                    int(urls["rtmp_port"]),
                    int(urls["icecast_port"]),
                    int(urls["hls_port"]),
                    int(urls["api_port"]),
                    str(urls.get("origin", "")),
                ),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return announcement if announcement.is_true() else None


async def _read_body(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise ValueError(f"more than {MAX_ANSWER_BYTES} bytes")
    return bytes(body)


def _parse_object(body: bytes) -> dict[str, object]:
    parsed = json.loads(body) if body else {}
    if not isinstance(parsed, dict):
        raise ValueError("no JSON object")  # noqa: TRY004  # it is about the text, not our types
    return parsed


def _is_alive(pid: int) -> bool:
    if pid <= 0:  # would mean process groups
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:  # another user's
        return True
    except (OSError, OverflowError):
        return False
    return True


def _read_start_ticks(pid: int) -> int | None:
    """Return when a process started, in clock ticks since boot; None where nothing tells.

    Fields 3 and 22 of /proc/PID/stat (proc_pid_stat(5)); field 2 may hold blanks and brackets.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return _ENDED if fields[0] in ("Z", "X") else int(fields[19])
    except (OSError, ValueError, IndexError):
        return None


def _base_url(bind: str, port: int) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(bind, bind)  # noqa: S104
    return f"http://{bracket_host(host)}:{port}"
