"""The fast lane answers as aiohttp would, and never in the middle of something else."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace

import pytest

from api import fast_lane
from api.app import create_app
from api.fast_lane import MAX_ANSWERS, MAX_HEADS, FastLane, is_whole_request
from api.server import ApiServer
from awazpulse.channels.public_view import PublicChannel
from awazpulse.kinds import StreamType
from tests.api.conftest import Panel

HEAD = b"GET /public/channels/demo HTTP/1.1\r\nHost: radio.example\r\nAccept: */*\r\n\r\n"
CHANNEL = PublicChannel(
    "demo",
    "Demo",
    "",
    is_live=True,
    stream_type=StreamType.HLS,
    playback_urls={StreamType.HLS: "http://x/hls/demo.m3u8", StreamType.ICECAST: None},
    title="گیت",
    artist="",
    track="گیت",
    listeners=None,
)


@dataclass
class Lane:
    """A lane on a clock of ours, with what it is told of channels."""

    now: float = 100.0
    channels: dict[str, PublicChannel] = field(default_factory=lambda: {"demo": CHANNEL})
    asked: int = 0

    def __post_init__(self) -> None:
        self.lane = FastLane(self.peek, lambda: self.now, lambda: 1_800_000_000.0)

    def peek(self, channel_id: str) -> PublicChannel | None:
        self.asked += 1
        return self.channels.get(channel_id)


def test_an_answer_is_made_anew_as_it_grows_old() -> None:
    it = Lane()
    first = it.lane.find(HEAD)
    assert first is not None
    head, _, body = first.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\nCache-Control: public, max-age=1\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    assert json.loads(body)["title"] == "گیت"
    it.channels["demo"] = replace(CHANNEL, title="next")
    it.now += fast_lane.LIFETIME_S - 0.01
    assert it.lane.find(HEAD) == first
    it.now += 0.02
    assert b'"next"' in (it.lane.find(HEAD) or b"")
    assert it.asked == 2
    it.now += 1
    del it.channels["demo"]
    assert it.lane.find(HEAD) is None


@pytest.mark.parametrize(
    "head",
    [
        HEAD.replace(b"demo", b"unknown"),
        HEAD.replace(b"demo", b"de%6Do"),
        HEAD.replace(b"demo", b"demo/events"),
        HEAD.replace(b"demo", b"demo?x=1"),
        HEAD.replace(b"GET", b"HEAD"),
        HEAD.replace(b"HTTP/1.1", b"HTTP/1.0"),
        HEAD.replace(b"Host: radio.example\r\n", b""),
        HEAD.replace(b"Accept", b"Connection: close\r\nAccept"),
        HEAD.replace(b"Accept", b"connection:Upgrade\r\nAccept"),
        HEAD.replace(b"Accept", b"Content-Length: 5\r\nAccept"),
        HEAD.replace(b"Accept", b"Transfer-Encoding: chunked\r\nAccept"),
        HEAD.replace(b"Accept", b"Upgrade: websocket\r\nAccept"),
        HEAD.replace(b"Accept", b"Expect: 100-continue\r\nAccept"),
        HEAD.replace(b"Accept", b" folded\r\nAccept"),
        HEAD.replace(b"Accept: */*", b"no colon"),
        HEAD.replace(b"*/*", b"\x00"),
        HEAD.replace(b"\r\n", b"\n"),
        HEAD[:-2],
        HEAD + HEAD,
        HEAD.replace(b"*/*", b"x" * fast_lane.MAX_HEAD_BYTES),
        b"",
    ],
)
def test_whatever_is_another_request_is_left_to_aiohttp(head: bytes) -> None:
    it = Lane()
    assert it.lane.find(HEAD)
    assert it.lane.find(head) is None


def test_keep_alive_may_be_said() -> None:
    assert Lane().lane.find(HEAD.replace(b"Accept", b"Connection: keep-alive\r\nAccept"))


def test_heads_and_answers_that_are_remembered_have_a_limit() -> None:
    it = Lane()
    for number in range(MAX_HEADS + 10):
        it.lane.find(HEAD.replace(b"*/*", str(number).encode()))
    assert len(it.lane._channels) <= MAX_HEADS
    for number in range(MAX_ANSWERS + 10):
        it.channels[str(number)] = CHANNEL
        it.lane.find(HEAD.replace(b"demo", str(number).encode()))
    assert len(it.lane._answers) <= MAX_ANSWERS


def test_what_is_one_whole_request() -> None:
    assert is_whole_request(HEAD)
    assert not is_whole_request(HEAD + HEAD)
    assert not is_whole_request(HEAD[:-1])
    assert not is_whole_request(b"POST / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert not is_whole_request(HEAD.replace(b"Accept", b"Content-Length: 4\r\nAccept"))
    assert not is_whole_request(b"X-Header: GET / HTTP/1.1\r\n\r\n")


@pytest.fixture
async def port(panel: Panel) -> AsyncIterator[int]:
    app = create_app(panel.services)
    server = ApiServer(app, fast_lane=FastLane(panel.services.public.peek), idle_timeout_s=30)
    yield await server.start("127.0.0.1", 0)
    await server.close()


class Connection:
    """Raw bytes in, whole answers out."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def answer(self) -> tuple[bytes, dict[str, str], bytes]:
        async with asyncio.timeout(5):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.rstrip().split("\r\n")
            headers = {name.lower(): value for name, value in (li.split(": ", 1) for li in lines)}
            body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return first.encode(), headers, body


@pytest.fixture
async def connection(port: int) -> AsyncIterator[Connection]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    yield Connection(reader, writer)
    writer.close()


async def test_both_answer_alike(connection: Connection) -> None:
    answers = []
    for _ in range(3):  # the first one asks the database
        connection.writer.write(HEAD)
        answers.append(await connection.answer())
    (first, headers, body), *fast = answers
    assert "server" in headers  # aiohttp's
    for fast_first, fast_headers, fast_body in fast:
        assert "server" not in fast_headers
        assert (fast_first, fast_body) == (first, body)
        expected = {
            name: value for name, value in headers.items() if name not in ("server", "date")
        }
        expected.pop("access-control-expose-headers")
        del fast_headers["date"]
        assert fast_headers == expected


async def test_the_connection_goes_on_after_a_while_of_fast_answers(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fast_lane, "SLOW_INTERVAL_S", 0.05)
    kinds = []
    for _ in range(20):
        connection.writer.write(HEAD)
        _, headers, _ = await connection.answer()
        kinds.append("server" in headers)
        await asyncio.sleep(0.01)
    assert kinds[0]
    assert 2 <= sum(kinds) < 20


REQUESTS = (
    (HEAD, 200),
    (HEAD.replace(b"demo", b"nowhere"), 404),
    (b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 200),
    (b"POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}", 400),
    (
        b"POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        + f"Content-Length: {len(HEAD)}\r\n\r\n".encode()
        + HEAD,  # a body that looks like a request
        400,
    ),
)


def split(data: bytes, chance: random.Random) -> Iterator[bytes]:
    while data:
        size = chance.choice((1, 5, 30, len(HEAD), 1000))
        yield data[:size]
        data = data[size:]


@pytest.mark.parametrize("seed", range(12))
async def test_however_the_bytes_come_each_request_gets_its_answer(port: int, seed: int) -> None:
    chance = random.Random(seed)
    sent = [chance.choice(REQUESTS) for _ in range(15)]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    connection = Connection(reader, writer)
    data = b"".join(request for request, _ in sent)

    async def send() -> None:
        for piece in split(data, chance) if seed % 2 else (request for request, _ in sent):
            writer.write(piece)
            await asyncio.sleep(chance.choice((0, 0, 0.002)))

    sending = asyncio.create_task(send())
    statuses = [int((await connection.answer())[0].split()[1]) for _ in sent]
    await sending
    assert statuses == [status for _, status in sent]
    writer.close()


async def test_half_a_head_is_not_answered_by_what_follows(connection: Connection) -> None:
    connection.writer.write(HEAD)
    await connection.answer()
    connection.writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Half: ")
    await asyncio.sleep(0.05)
    connection.writer.write(HEAD)  # the value of a header, and then one that is none
    first, _, body = await connection.answer()
    assert b"demo" not in body
    assert first.split()[1] in (b"200", b"400")
