"""The shell on a transport that only writes down what it is told."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from awazpulse.proxies import TrustedProxies, parse_trusted_proxies
from hls.channel import Channel
from hls.connection import Connection
from hls.limits import Limits
from hls.recent_listeners import RecentListeners
from hls.router import Router
from tests.hls.workbench import WALL, Crowd

GET = b"GET /hls/demo.m3u8 HTTP/1.1\r\nHost: a\r\n\r\n"
CLOSE = b"GET /hls/demo.m3u8 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
LIMITS = Limits()


class Wire(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.events: list[str] = []
        self.high = 0

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 -- asyncio's
        return ("10.0.0.1", 4242) if name == "peername" else default

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.high = high or 0

    def write(self, data: bytes | bytearray | memoryview) -> None:  # type: ignore[override,unused-ignore]
        self.sent += data

    def is_closing(self) -> bool:
        return "close" in self.events or "abort" in self.events

    def write_eof(self) -> None:
        self.events.append("eof")

    def close(self) -> None:
        self.events.append("close")

    def abort(self) -> None:
        self.events.append("abort")

    def pause_reading(self) -> None:
        self.events.append("pause")

    def resume_reading(self) -> None:
        self.events.append("resume")


class Port:
    """A server with one channel `demo`, and one connection to it."""

    def __init__(self, *, limits: Limits = LIMITS, segments: int = 1, room: bool = True) -> None:
        self.limits = limits
        self.router = Router()
        self.sent_bytes = 0
        self.proxies = parse_trusted_proxies("10.0.0.0/8")
        self.time = 1000.0
        self.room = room
        self.connections: list[Connection] = []
        self.channel = Channel("demo", limits, media_sequence=7, discontinuity_sequence=0)
        self.channel.open("5e55", RecentListeners(Crowd(), expiry_s=10, max_clients=100))
        self.router.channels["demo"] = self.channel
        if segments:
            self.add_segment()
        self.wire = Wire()
        self.connection = Connection(self)
        self.connection.connection_made(self.wire)

    def add_segment(self) -> None:
        self.channel.add(bytes(40_000), duration_s=2.0, wall=WALL, discontinuity=False, now=0.0)

    def now(self) -> float:
        return self.time

    def date(self) -> bytes:
        return b"Date: today\r\n"

    def opened(self, connection: Connection) -> bool:
        self.connections.append(connection)
        return self.room

    def closed(self, connection: Connection) -> None:
        self.connections.remove(connection)

    def pass_time(self, seconds: float) -> None:
        self.time += seconds
        self.connection.check_deadline(self.time)

    @property
    def statuses(self) -> list[int]:
        heads = self.wire.sent.split(b"HTTP/1.1 ")[1:]
        return [int(head[:3]) for head in heads]


async def test_an_answer_is_its_head_the_date_and_its_body() -> None:
    port = Port()
    port.connection.data_received(GET)
    head, _, body = port.wire.sent.partition(b"\r\n\r\n")
    assert head.endswith(b"\r\nDate: today\r\nConnection: keep-alive")
    assert body.startswith(b"#EXTM3U\n")
    assert f"Content-Length: {len(body)}\r\n".encode() in head
    assert port.wire.events == []


async def test_head_gets_the_same_head_and_no_body() -> None:
    port = Port()
    for target in (b"/hls/demo.m3u8", b"/hls/demo-5e55-7.ts", b"/hls/none.m3u8"):
        port.wire.sent = b""
        port.connection.data_received(GET.replace(b"/hls/demo.m3u8", target))
        whole, port.wire.sent = port.wire.sent, b""
        port.connection.data_received(
            GET.replace(b"GET", b"HEAD").replace(b"/hls/demo.m3u8", target)
        )
        assert port.wire.sent == whole.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"


async def test_requests_without_waiting_are_answered_in_their_order() -> None:
    port = Port()
    segment = GET.replace(b"/hls/demo.m3u8", b"/hls/demo-5e55-7.ts")
    missing = GET.replace(b"demo", b"none")
    for byte in GET + segment + missing + GET:
        port.connection.data_received(bytes([byte]))
    assert port.statuses == [200, 200, 404, 200]


async def test_no_more_requests_are_answered_in_one_turn_than_the_limit() -> None:
    port = Port()
    count = LIMITS.turn_requests
    port.connection.data_received(GET * (2 * count + 1))
    assert len(port.statuses) == count
    assert port.wire.events == ["pause"]
    await asyncio.sleep(0)
    assert len(port.statuses) == 2 * count
    await asyncio.sleep(0)
    assert len(port.statuses) == 2 * count + 1
    assert port.wire.events == ["pause", "resume"]


async def test_data_that_comes_between_two_turns_waits_for_its_own() -> None:
    port = Port()
    port.connection.data_received(GET * (LIMITS.turn_requests + 1))
    port.connection.data_received(GET)
    assert len(port.statuses) == LIMITS.turn_requests
    await asyncio.sleep(0)
    assert len(port.statuses) == LIMITS.turn_requests + 2


async def test_a_client_that_wants_to_close_is_answered_once_and_its_rest_is_thrown_away() -> None:
    port = Port()
    port.connection.data_received(CLOSE + GET)
    port.connection.data_received(GET)
    assert port.statuses == [200]
    assert b"Connection: close\r\n" in port.wire.sent
    assert port.wire.events == ["eof"]
    assert not port.connection.eof_received()
    port.pass_time(LIMITS.idle_s)
    assert port.wire.events == ["eof", "abort"]


async def test_what_is_refused_is_told_why_and_then_closed() -> None:
    port = Port()
    port.connection.data_received(b"\x16\x03\x01")
    assert port.statuses == [400]
    assert port.wire.sent.endswith(b"This is not an HTTP request.\n")
    assert b"Access-Control-Allow-Origin: *" in port.wire.sent
    assert port.wire.events == ["eof"]


async def test_a_silent_client_is_closed_at_the_heads_deadline() -> None:
    port = Port()
    port.pass_time(LIMITS.head_deadline_s - 0.1)
    assert port.wire.events == []
    port.pass_time(0.1)
    assert port.wire.events == ["close"]
    assert port.wire.sent == b""


async def test_a_head_that_trickles_meets_the_deadline_of_its_first_byte() -> None:
    port = Port()
    port.connection.data_received(GET)
    port.time += 20
    port.connection.data_received(GET[:1])
    for n in range(1, 10):
        port.pass_time(1)
        port.connection.data_received(GET[n : n + 1])
    assert port.statuses == [200]
    port.pass_time(LIMITS.head_deadline_s - 9)
    assert port.statuses == [200, 408]
    assert port.wire.events == ["eof"]


async def test_an_idle_client_is_closed_at_its_deadline_which_each_request_moves() -> None:
    port = Port()
    for _ in range(3):
        port.connection.data_received(GET)
        port.pass_time(LIMITS.idle_s - 0.1)
        assert port.wire.events == []
    port.pass_time(0.1)
    assert port.wire.events == ["close"]


async def test_a_client_that_does_not_read_is_asked_nothing_more_and_dropped() -> None:
    port = Port()
    assert port.wire.high == LIMITS.write_buffer_bytes
    port.connection.data_received(GET)
    port.connection.pause_writing()
    port.connection.data_received(GET * 3)
    assert port.statuses == [200]
    assert port.wire.events == ["pause"]
    port.pass_time(LIMITS.write_deadline_s - 0.1)
    assert port.wire.events == ["pause"]
    port.pass_time(0.1)
    assert port.wire.events == ["pause", "abort"]


async def test_a_client_that_reads_again_is_answered_on() -> None:
    port = Port()
    port.connection.pause_writing()
    port.connection.data_received(GET * 2)
    port.connection.resume_writing()
    await asyncio.sleep(0)
    assert port.statuses == [200, 200]
    assert port.wire.events == ["pause", "resume"]
    port.pass_time(LIMITS.idle_s - 0.1)
    assert port.wire.events == ["pause", "resume"]


async def test_a_request_before_the_first_segment_waits_for_it() -> None:
    port = Port(segments=0)
    port.connection.data_received(GET + GET)
    assert port.statuses == []
    port.pass_time(LIMITS.hold_s - 0.1)
    port.add_segment()
    port.channel.wake(10)
    await asyncio.sleep(0)
    assert port.statuses == [200, 200]
    assert not port.channel.waiters


async def test_a_request_that_has_waited_long_enough_is_told_to_come_again() -> None:
    port = Port(segments=0)
    port.connection.data_received(GET)
    port.pass_time(LIMITS.hold_s)
    assert port.statuses == [503]
    assert b"Retry-After: 2\r\n" in port.wire.sent
    assert not port.channel.waiters
    port.add_segment()
    await asyncio.sleep(0)
    port.connection.data_received(GET)
    assert port.statuses == [503, 200]


async def test_a_request_whose_broadcast_ends_first_is_told_that_it_is_off_air() -> None:
    port = Port(segments=0)
    port.connection.data_received(GET)
    port.channel.close(port.time)
    port.channel.wake(10)
    assert port.statuses == [404]


async def test_a_client_that_leaves_waits_no_longer() -> None:
    port = Port(segments=0)
    port.connection.data_received(GET)
    assert port.connection.eof_received()  # it may have closed its sending half only
    port.connection.connection_lost(None)
    assert not port.channel.waiters
    assert not port.connections
    port.connection.resume()
    assert port.wire.sent == b""


async def test_one_connection_too_many_is_told_and_closed() -> None:
    port = Port(room=False)
    assert port.statuses == [503]
    assert port.wire.events == ["eof", "close"]
    port.connection.data_received(GET)
    assert port.statuses == [503]


PIECES = st.sampled_from([GET, CLOSE, GET[:20], b"\r\n", b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"])


@settings(deadline=None)
@given(st.lists(PIECES | st.binary(max_size=40), max_size=12), st.data())
def test_any_bytes_get_documented_answers_only(pieces: list[bytes], data: st.DataObject) -> None:
    async def drive() -> None:
        port = Port(segments=data.draw(st.integers(0, 1)))
        for piece in pieces:
            port.connection.data_received(piece)
            await asyncio.sleep(0)
            port.pass_time(data.draw(st.sampled_from([0.0, 1.0, 10.0])))
            if data.draw(st.booleans()):
                port.channel.wake(10)
        await asyncio.sleep(0)
        assert set(port.statuses) <= {200, 204, 400, 404, 405, 408, 431, 503}
        assert port.wire.events.count("eof") <= 1
        if "eof" in port.wire.events:
            assert port.wire.sent.count(b"Connection: close\r\n") == 1

    asyncio.run(drive())


@pytest.mark.parametrize("size", [LIMITS.head_bytes, LIMITS.head_bytes + 1])
async def test_the_limit_of_a_head(size: int) -> None:
    port = Port()
    head = GET[:-2] + b"X: " + b"x" * (size - len(GET) - 5) + b"\r\n\r\n"
    assert len(head) == size
    port.connection.data_received(head)
    assert port.statuses == [200 if size == LIMITS.head_bytes else 431]


def ask_for(address: str) -> bytes:
    return GET.removesuffix(b"\r\n") + f"X-Forwarded-For: {address}\r\n\r\n".encode()


def count_listeners(port: Port) -> int:
    assert port.channel.listeners is not None
    return len(port.channel.listeners)


def test_listeners_behind_one_proxy_are_as_many_as_it_says() -> None:
    port = Port()
    for address in ("203.0.113.1", "203.0.113.2", "203.0.113.1"):
        port.connection.data_received(ask_for(address))
    assert port.statuses == [200] * 3
    assert count_listeners(port) == 2
    port.connection.data_received(GET)  # the proxy itself
    assert count_listeners(port) == 3


def test_listeners_who_say_that_they_are_others_are_one_without_a_proxy() -> None:
    port = Port()
    port.proxies = TrustedProxies()
    connection = Connection(port)
    connection.connection_made(port.wire)
    for address in ("203.0.113.1", "203.0.113.2"):
        connection.data_received(ask_for(address))
    assert count_listeners(port) == 1


async def test_a_listener_who_has_waited_is_the_one_that_the_proxy_said() -> None:
    port = Port(segments=0)
    port.connection.data_received(ask_for("203.0.113.1"))
    assert port.statuses == []
    port.add_segment()
    port.channel.wake(1)
    assert port.statuses == [200]
    assert count_listeners(port) == 1
