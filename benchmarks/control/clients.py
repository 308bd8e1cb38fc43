"""Clients of the API: `python -m benchmarks.control.clients PORT`.

Each line of standard input is a command, a JSON object with `do`; each is answered with one line.

    follow   opens streams of events, and goes on reading them
    events   lets time pass, tells a title meanwhile, and tells what the streams brought
    logins   signs in with a wrong password, some at a time, for a while
"""

import asyncio
import json
import os
import sys
import time
from typing import Any

import aiohttp

from benchmarks.fanout.listeners import summarise

NICENESS = 10  # the listeners and the source, on the same core, go first
_OPEN_AT_ONCE = 50
_OF_ADDRESS = 100
_TITLE = b"event: title"


class Clients:
    """All of them."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"
        self._port = port
        self._tasks: list[asyncio.Task[None]] = []
        self._told_at = 0.0
        self._delays_s: list[float] = []
        self._broken = 0

    async def follow(self, count: int, paths: list[str], token: str) -> dict[str, Any]:
        began = time.monotonic()
        slots = asyncio.Semaphore(_OPEN_AT_ONCE)
        opened = [asyncio.get_running_loop().create_future() for _ in range(count)]
        self._tasks += [
            asyncio.create_task(self._read(number, paths, token, slots, future))
            for number, future in enumerate(opened)
        ]
        await asyncio.gather(*opened)
        return {"per second": round(count / (time.monotonic() - began))}

    async def _read(
        self,
        number: int,
        paths: list[str],
        token: str,
        slots: asyncio.Semaphore,
        opened: "asyncio.Future[None]",
    ) -> None:
        path = paths[number % len(paths)]
        home = (f"127.0.1.{1 + number // _OF_ADDRESS}", 0)  # one address may have so many
        async with slots:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port, local_addr=home)
            writer.write(
                f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
            )
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                opened.set_exception(SystemExit(head.decode()))
                return
            opened.set_result(None)
        while data := await reader.read(65_536):
            if _TITLE in data:
                self._delays_s.append(time.monotonic() - self._told_at)
        self._broken += 1

    async def events(self, seconds: float, token: str, channel: str) -> dict[str, Any]:
        self._delays_s.clear()
        told = 0
        headers = {"Authorization": f"Bearer {token}"}
        path = f"/streams/channel/{channel}/metadata"
        async with aiohttp.ClientSession(self._url, headers=headers) as session:
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                self._told_at = time.monotonic()
                async with session.put(path, json={"title": f"Title {told}"}) as response:
                    response.raise_for_status()
                told += 1
                await asyncio.sleep(1.0)
        return {
            "told": told,
            "per second": round(len(self._delays_s) / seconds),
            "received": len(self._delays_s),
            "broken": self._broken,
            "p99 ms": summarise(self._delays_s)["p99"],
            "max ms": summarise(self._delays_s)["max"],
        }

    async def logins(self, seconds: float, at_once: int) -> dict[str, Any]:
        end = time.monotonic() + seconds
        statuses: list[int] = []

        async def storm(session: aiohttp.ClientSession, number: int) -> None:
            while time.monotonic() < end:
                body = {"email": f"nobody{number}@localhost", "password": "wrong password"}
                async with session.post("/auth/login", json=body) as response:
                    statuses.append(response.status)

        async with aiohttp.ClientSession(self._url) as session:
            await asyncio.gather(*(storm(session, number) for number in range(at_once)))
        return {"per second": round(len(statuses) / seconds), "statuses": sorted(set(statuses))}


async def main() -> None:
    clients = Clients(int(sys.argv[1]))
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        command = json.loads(line)
        answer = await getattr(clients, command.pop("do"))(**command)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    os.nice(NICENESS)
    asyncio.run(main())
