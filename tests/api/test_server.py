"""The port itself, over real sockets: whoever holds a connection is let go by a deadline."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager

import pytest
import uvloop
from aiohttp import ClientSession, web

import api.bodies
from api.bodies import LoginBody, read_body
from api.middlewares import answer_errors
from api.server import ApiServer

DEADLINE_S = 5.0  # of the test: what it waits for takes a fraction of a second


async def echo(request: web.Request) -> web.Response:
    body = await read_body(request, LoginBody)
    return web.json_response({"email": body.email})


@asynccontextmanager
async def serving(*, idle_timeout_s: float = 60, max_connections: int = 100) -> AsyncIterator[int]:
    app = web.Application(middlewares=[answer_errors])
    app.add_routes([web.post("/echo", echo)])
    server = ApiServer(app, idle_timeout_s=idle_timeout_s, max_connections=max_connections)
    port = await server.start("127.0.0.1", 0)
    try:
        yield port
    finally:
        await server.close()


async def read_until_closed(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(DEADLINE_S):
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""


async def test_start_returns_the_port_that_the_kernel_chose() -> None:
    async with serving() as port, ClientSession() as client:
        body = {"email": "a@b", "password": "c"}
        response = await client.post(f"http://127.0.0.1:{port}/echo", json=body)
        assert await response.json() == {"email": "a@b"}


async def test_port_in_use_is_an_error_and_leaves_nothing_open() -> None:
    async with serving() as port:
        with pytest.raises(OSError, match=str(port)):
            await ApiServer(web.Application()).start("127.0.0.1", port)


@pytest.mark.parametrize("host", ["::", "localhost"])
async def test_address_of_both_families_is_reached_by_either(host: str) -> None:
    app = web.Application()
    server = ApiServer(app)
    port = await server.start(host, 0)
    reached = []
    for address in ("127.0.0.1", "::1"):
        try:
            _, writer = await asyncio.open_connection(address, port)
        except OSError:
            continue
        reached.append(address)
        writer.close()
    await server.close()
    assert reached == (["127.0.0.1", "::1"] if host == "::" else reached)
    assert reached


async def test_closing_twice_or_before_the_start_does_nothing() -> None:
    server = ApiServer(web.Application())
    await server.close()
    await server.start("127.0.0.1", 0)
    await server.close()
    await server.close()


async def test_silent_connection_is_closed() -> None:
    async with serving(idle_timeout_s=0.05) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await read_until_closed(reader) == b""
        writer.close()


async def test_head_that_trickles_in_is_closed() -> None:
    async with serving(idle_timeout_s=0.05) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)

        async def trickle() -> None:
            writer.write(b"POST /echo HTTP/1.1\r\n")
            while True:
                writer.write(b"X-A: b\r\n")
                await asyncio.sleep(0.005)

        task = asyncio.create_task(trickle())
        assert await read_until_closed(reader) == b""
        task.cancel()
        writer.close()


async def test_body_that_trickles_in_is_answered_with_a_timeout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(api.bodies, "BODY_TIMEOUT_S", 0.05)
    async with serving() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        answer = await read_until_closed(reader)
        assert answer.startswith(b"HTTP/1.1 408 ")
        writer.close()


async def test_connection_past_the_limit_is_closed_at_once() -> None:
    async with serving(max_connections=2) as port:
        kept = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await read_until_closed(reader) == b""
        assert not any(other.at_eof() for other, _ in kept)
        for _, other in (*kept, (reader, writer)):
            other.close()


async def test_body_that_is_not_what_its_head_says_is_a_bad_request(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serving() as port:
        for head, body in ((b"Transfer-Encoding: chunked", b"ZZ"), (b"Content-Length: 9", b"{")):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"POST /echo HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n\r\n" + body)
            writer.write_eof()
            answer = await read_until_closed(reader)
            assert not answer or answer.startswith((b"HTTP/1.0 400 ", b"HTTP/1.1 400 "))
            writer.close()
    assert not caplog.records


@pytest.mark.parametrize(
    "bytes_sent",
    [
        b"\x03" + bytes(1536),
        b"GET " + b"/" * 20_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"y" * 20_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 1000 + b"\r\n",
    ],
    ids=["rtmp", "long line", "long header", "many headers"],
)
async def test_what_is_no_request_of_ours_is_answered_or_closed(bytes_sent: bytes) -> None:
    async with serving() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(bytes_sent)
        writer.write_eof()
        answer = await read_until_closed(reader)
        assert not answer or answer.startswith((b"HTTP/1.0 400", b"HTTP/1.1 400"))
        writer.close()


@pytest.mark.parametrize(
    "story",
    [
        test_start_returns_the_port_that_the_kernel_chose,
        test_port_in_use_is_an_error_and_leaves_nothing_open,
        test_silent_connection_is_closed,
        test_head_that_trickles_in_is_closed,
        test_connection_past_the_limit_is_closed_at_once,
    ],
)
def test_same_holds_on_the_loop_of_production(
    story: Callable[[], Coroutine[None, None, None]],
) -> None:
    uvloop.run(story())


async def test_it_listens_from_its_start_to_its_end() -> None:
    server = ApiServer(web.Application())
    states = [server.is_listening]
    await server.start("127.0.0.1", 0)
    states.append(server.is_listening)
    await server.close()
    states.append(server.is_listening)
    assert states == [False, True, False]
