"""A real server in a process of its own, on ports that the kernel chose, and its command line."""

import asyncio
import json
import os
import signal
import sqlite3
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tests.mariadb import read_streams

AWAZPULSE = [sys.executable, "-m", "awazpulse"]
START_TIMEOUT_S = 20


def environment(data_dir: Path, **settings: object) -> dict[str, str]:
    """The environment of a server on free ports of this machine."""
    ours = {
        "DATA_DIR": data_dir,
        "BIND": "127.0.0.1",
        "RTMP_PORT": 0,
        "ICECAST_PORT": 0,
        "HLS_PORT": 0,
        "API_PORT": 0,
        **settings,
    }
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("AWAZPULSE_")}
    return inherited | {f"AWAZPULSE_{name}": str(value) for name, value in ours.items()}


async def run(
    *command: str, env: dict[str, str] | None = None, stdin: bytes = b"", timeout_s: float = 60
) -> tuple[int, str, str]:
    """Run a program to its end; return status, output and errors."""
    # No pipe for nothing: uvloop fails to write to one whose process has ended by then.
    process = await asyncio.create_subprocess_exec(
        *command, env=env, stdin=PIPE if stdin else DEVNULL, stdout=PIPE, stderr=PIPE
    )
    try:
        async with asyncio.timeout(timeout_s):
            out, err = await process.communicate(stdin or None)
    except TimeoutError:
        process.kill()
        await process.communicate()
        raise
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def until(
    condition: Callable[[], object], timeout_s: float = 10, interval_s: float = 0.05
) -> None:
    """Wait for something that another process does."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110  # it is not in this process
            await asyncio.sleep(interval_s)


class Server:
    """A running server; `card` is what `serve --json` printed."""

    def __init__(self, process: Process, card: dict[str, Any], env: dict[str, str]) -> None:
        self.process = process
        self.card = card
        self.env = env
        self.ports: dict[str, int] = card["ports"]
        self.data_dir = Path(env["AWAZPULSE_DATA_DIR"])
        self.log: list[str] = []

    async def cli(self, *arguments: str, stdin: bytes = b"") -> dict[str, Any]:
        """Run a command beside the server; return its JSON."""
        status, out, err = await run(*AWAZPULSE, *arguments, "--json", env=self.env, stdin=stdin)
        assert status == 0, err
        answer: dict[str, Any] = json.loads(out)
        return answer

    async def request(
        self, method: str, path: str, token: str = "", body: object = None
    ) -> tuple[int, Any]:
        """Call the API."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with (
            aiohttp.ClientSession(f"http://127.0.0.1:{self.ports['api']}") as session,
            session.request(method, path, json=body, headers=headers) as response,
        ):
            return response.status, await response.json()

    async def token(self) -> str:
        """The first owner's token, from the login that the first start printed."""
        status, answer = await self.request("POST", "/auth/login", body=self.card["owner"])
        assert status == 200, answer
        token: str = answer["accessToken"]
        return token

    async def switch(self, channel: str, stream_type: str, token: str = "") -> dict[str, Any]:
        """Switch a channel by the API."""
        path = f"/streams/channel/{channel}/switch-type"
        token = token or await self.token()
        status, row = await self.request("POST", path, token, {"streamType": stream_type})
        assert status in (200, 201), row
        answer: dict[str, Any] = row
        return answer

    async def end_with_encoder(self, channel: str = "demo") -> None:
        """Have a channel go off air when its encoder leaves."""
        await self.cli("channel", "set", channel, "graceTime=0")

    async def add_channel(self, channel: str, stream_type: str) -> dict[str, Any]:
        """Make a channel set to a type; return its credentials."""
        await self.cli(
            *("channel", "add", channel.title(), "--id", channel, "--owner", "owner@localhost")
        )
        if stream_type != "hls":
            await self.switch(channel, stream_type)
        return await self.cli("credentials", channel)

    def rows(self, channel: str = "demo") -> dict[str, dict[str, Any]]:
        """The channel's rows by type, as another program reads them."""
        url = self.env.get("AWAZPULSE_DATABASE_URL")
        if url:
            return {row["streamType"]: row for row in read_streams(url, channel)}
        database = sqlite3.connect(f"file:{self.data_dir}/awazpulse.db?mode=ro", uri=True)
        database.row_factory = sqlite3.Row
        try:
            found = database.execute("SELECT * FROM streams WHERE channelId = ?", (channel,))
            return {row["streamType"]: dict(row) for row in found}
        finally:
            database.close()

    def url(self, port: str, path: str, scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.ports[port]}{path}"

    def resident_kb(self) -> int:
        """The process's resident memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0])

    async def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send a signal; return the exit status."""
        self.process.send_signal(number)
        async with asyncio.timeout(15):
            return await self.process.wait()

    async def read_log(self) -> None:
        """Keep what the server logs, for as long as it runs."""
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.log.append(line.decode().rstrip())


@asynccontextmanager
async def serving(data_dir: Path, **settings: object) -> AsyncIterator[Server]:
    """Start a server, and end it."""
    env = environment(data_dir, **settings)
    process = await asyncio.create_subprocess_exec(
        *AWAZPULSE, "serve", "--json", env=env, stdin=DEVNULL, stdout=PIPE, stderr=PIPE
    )
    assert process.stdout is not None
    reader: asyncio.Task[None] | None = None
    try:
        async with asyncio.timeout(START_TIMEOUT_S):
            line = await process.stdout.readline()
        assert line, (await process.communicate())[1].decode()
        server = Server(process, json.loads(line), env)
        reader = asyncio.create_task(server.read_log())
        yield server
        assert not [line for line in server.log if "Traceback" in line], server.log
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(15):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
        if reader is not None:
            await reader
