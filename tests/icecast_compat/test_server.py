"""Port 8000 over real sockets, with the broadcasts of a fake gate."""

import asyncio
import base64
import contextlib
import dataclasses
import json
import logging
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from awazpulse.network import open_listening
from awazpulse.proxies import parse_trusted_proxies
from awazpulse.refusals import ChannelBusy, EncoderGone, Refusal, WrongSecret
from awazpulse.relay import Broadcast, End, EndReason, Input, Source, Station
from awazpulse.relay.fanout import FanOut
from awazpulse.relay.life import AirPolicy
from icecast_compat import responses
from icecast_compat.connection import MAX_REQUESTS, Connection
from icecast_compat.responses import Reply
from icecast_compat.server import IcecastLimits, IcecastServer
from icecast_compat.state import State
from tests.audio import encode_tone, split_frames

STOPPED = End(EndReason.STOPPED)
LOGIN = b"PUT /demo.mp3 HTTP/1.1\r\nContent-Type: audio/mpeg\r\nAuthorization: Basic %s\r\n\r\n"
RIGHT = base64.b64encode(b"source:right")
WRONG = base64.b64encode(b"source:wrong")
MAX_CHECKS = 10
FAST = IcecastLimits(
    head_timeout_s=0.4,
    source_timeout_s=0.5,
    max_waiting=20,
    max_checks=MAX_CHECKS,
    max_checks_per_address=MAX_CHECKS,
)


class Gate:
    """Knows one channel and its password."""

    def __init__(self) -> None:
        self.server: IcecastServer | None = None
        self.live: Broadcast | None = None
        self.ends: list[str] = []
        self.reported: list[tuple[str, str, str]] = []
        self.max_listeners = 100

    async def connect(
        self, channel_id: str, secret: str, source: Source, station: Station
    ) -> Input:
        await self.authorize(channel_id, secret, station.address)
        if self.live is not None and not self.live.is_closed:
            raise ChannelBusy(channel_id)
        now = time.monotonic()
        policy = AirPolicy(grace_s=0)  # it ends with its source
        self.live = Broadcast(
            channel_id, "icecast", max_listeners=self.max_listeners, now=now, policy=policy
        )
        assert self.server is not None
        self.server.attach(self.live)
        self.live.on_closed(self._note_end)
        return self.live.connect(source, station, now)

    def _note_end(self, broadcast: Broadcast, end: End) -> None:
        self.ends.append(str(broadcast.last_loss or end))

    async def authorize(self, channel_id: str, secret: str, address: str) -> None:
        await asyncio.sleep(0)
        if secret != "right":
            raise WrongSecret(channel_id, "source password")

    def report_refusal(self, channel_id: str, refusal: Refusal, station: Station) -> None:
        self.reported.append((channel_id, str(refusal), station.address))

    def title_charset(self, channel_id: str) -> str:
        return "cp1251"


class World:
    """A server with its gate, and sockets to it."""

    def __init__(self, server: IcecastServer, gate: Gate, fanout: FanOut) -> None:
        self.server = server
        self.gate = gate
        self.fanout = fanout

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        try:
            yield reader, writer
        finally:
            writer.close()

    async def ask(self, data: bytes) -> bytes:
        """Send a request; return what comes before the end."""
        async with self.connect() as (reader, writer), asyncio.timeout(5):
            writer.write(data)
            return await reader.read()

    @asynccontextmanager
    async def on_air(self, data: bytes = b"") -> AsyncIterator[asyncio.StreamWriter]:
        async with self.connect() as (reader, writer):
            writer.write(LOGIN % RIGHT + data)
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.0 200 OK\r\n\r\n"
            yield writer
        async with asyncio.timeout(2):
            while self.gate.live is None or not self.gate.live.is_closed:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    loop = asyncio.get_running_loop()
    fanout, gate = FanOut(loop), Gate()
    server = gate.server = IcecastServer(gate, fanout, "radio.example", FAST)
    await server.start("127.0.0.1", 0)
    yield World(server, gate, fanout)
    if gate.live is not None:
        gate.live.close(STOPPED)
    await server.close()
    fanout.close()


async def test_what_a_source_sends_behind_its_head_is_audio_already(world: World) -> None:
    tone = encode_tone("mp3")
    async with world.on_air(tone[:50_000]) as writer, world.connect() as (reader, listener):
        listener.write(b"GET /demo.mp3 HTTP/1.0\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(tone[50_000:])
        frames = split_frames(tone, "mp3")
        audio = await reader.readexactly(sum(len(frame) for frame in frames))
    assert audio == tone
    assert head.startswith(b"HTTP/1.0 200 OK\r\n")
    assert b"Content-Type: audio/mpeg\r\n" in head
    assert b"Content-Length" not in head
    assert b"Transfer-Encoding" not in head


@pytest.mark.parametrize(
    ("label", "codec", "told"),
    [
        (b"audio/mpeg", "mp2", b"audio/mpeg"),
        (b"audio/mpeg", "aac", b"audio/aac"),
        (b"audio/aac", "mp3", b"audio/mpeg"),
        (b"audio/aacp", "aac", b"audio/aacp"),
        (b"audio/x-aac", "aac", b"audio/aac"),
        (b"audio/x-mp3", "mp3", b"audio/mpeg"),
    ],
)
async def test_what_the_audio_is_decides_and_not_its_label(
    world: World, label: bytes, codec: str, told: bytes
) -> None:
    tone = encode_tone(codec, 1)
    head = (LOGIN % RIGHT).replace(b"audio/mpeg", label)
    async with world.connect() as (reader, writer), asyncio.timeout(5):
        writer.write(head)
        await reader.readuntil(b"\r\n\r\n")
        assert world.server.mounts["demo"].content_type.encode() in (label, told)  # no audio yet
        writer.write(tone)
        async with world.connect() as (heard, listener):
            while not world.server.mounts["demo"].broadcast.published_bytes:
                await asyncio.sleep(0.01)
                world.server.mounts["demo"].broadcast.pull()
            listener.write(b"GET /demo.mp3 HTTP/1.0\r\n\r\n")
            answer = await heard.readuntil(b"\r\n\r\n")
            writer.close()
            assert await heard.read() == tone
    assert b"\r\nContent-Type: %s\r\n" % told in answer


async def test_a_chunked_put_is_unchunked(world: World) -> None:
    tone = encode_tone("mp3")
    chunks = [tone[at : at + 999] for at in range(0, len(tone), 999)]
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    head = (LOGIN % RIGHT)[:-2] + b"Transfer-Encoding: chunked\r\n\r\n"
    async with world.connect() as (reader, writer):
        writer.write(head + body)
        await reader.readuntil(b"\r\n\r\n")
        async with world.connect() as (heard, listener):
            listener.write(b"GET /demo.mp3 HTTP/1.0\r\n\r\n")
            await heard.readuntil(b"\r\n\r\n")
            writer.write(b"0\r\n\r\n")
            async with asyncio.timeout(5):
                assert await heard.read() == tone
    assert world.gate.ends == ["the encoder ended its stream"]


@pytest.mark.parametrize("expects", [True, False])
async def test_a_body_that_ends_is_answered(world: World, expects: bool) -> None:
    tone = encode_tone("mp3")
    extra = b"Expect: 100-continue\r\n" if expects else b""
    head = (LOGIN % RIGHT)[:-2] + extra + b"Content-Length: %d\r\n\r\n" % len(tone)
    async with world.connect() as (reader, writer), asyncio.timeout(5):
        writer.write(head)
        first = await reader.readuntil(b"\r\n\r\n")
        writer.write(tone)
        rest = await reader.read()
    assert first.startswith(b"HTTP/1.1 100 " if expects else b"HTTP/1.0 200 ")
    assert rest.startswith(b"HTTP/1.0 200 ") if expects else rest == b""
    whole = await world.ask(head.replace(extra, b"") + tone)  # all in one go
    assert whole == b"HTTP/1.0 200 OK\r\n\r\n"
    assert world.gate.ends == ["the encoder ended its stream"] * 2


async def test_an_encoder_of_another_format_is_refused_with_a_reason_in_log_and_report(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    login = LOGIN.replace(b"audio/mpeg", b"audio/opus") % RIGHT
    assert b"audio/opus" in login
    answer = await world.ask(login)
    assert answer.startswith(b"HTTP/1.0 403 Content-type not supported\r\n")
    reason = "got Content-Type 'audio/opus', expected MP3 or AAC"
    assert world.gate.reported == [("demo", reason, "127.0.0.1")]
    assert [r.getMessage() for r in caplog.records if reason in r.getMessage()]


async def test_a_source_with_a_wrong_password_can_read_why_though_it_has_sent_audio(
    world: World,
) -> None:
    answer = await world.ask(LOGIN % WRONG + bytes(300_000))
    assert answer.startswith(b"HTTP/1.0 401 ")
    assert answer.endswith(b"You need to authenticate\r\n")


async def test_a_busy_mount_is_403_and_the_first_source_stays(world: World) -> None:
    async with world.on_air():
        answer = await world.ask(LOGIN % RIGHT)
        assert answer.startswith(b"HTTP/1.0 403 Mountpoint in use\r\n")
        assert world.gate.live is not None
        assert not world.gate.live.is_closed


async def test_libshouts_three_requests_over_one_connection(world: World) -> None:
    async with world.connect() as (reader, writer):
        writer.write(b"OPTIONS * HTTP/1.1\r\nUpgrade: TLS/1.0, HTTP/1.1\r\n\r\n")
        assert b"Allow: GET, HEAD, OPTIONS, SOURCE, PUT, STATS" in await reader.readuntil(
            b"\r\n\r\n"
        )
        writer.write(b"SOURCE /demo.mp3 HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
        assert b" 401 " in await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(26) == b"You need to authenticate\r\n"
        writer.write(LOGIN % RIGHT)
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.0 200 OK\r\n\r\n"
        assert world.gate.live is not None


async def test_a_poke_is_checked_and_starts_nothing(world: World) -> None:
    poke = b"SOURCE /demo.mp3 HTTP/1.1\r\nContent-Length: 0\r\nAuthorization: Basic %s\r\n\r\n"
    assert (await world.ask(poke % RIGHT)).startswith(b"HTTP/1.0 200 ")
    assert (await world.ask(poke % WRONG)).startswith(b"HTTP/1.0 401 ")
    assert world.gate.live is None


async def test_one_connection_has_so_many_requests_and_no_more(world: World) -> None:
    async with world.connect() as (reader, writer), asyncio.timeout(5):
        answers = 0
        for _ in range(MAX_REQUESTS + 3):
            writer.write(b"OPTIONS * HTTP/1.1\r\n\r\n")
        answers = (await reader.read()).count(b"HTTP/1.1 200 OK")
    assert answers == MAX_REQUESTS


@pytest.mark.parametrize(
    ("path", "status"), [("/nobody.mp3", b"404"), ("/", b"404"), ("/demo.mp3.m3u", b"404")]
)
async def test_off_air_there_is_nothing_to_hear(world: World, path: str, status: bytes) -> None:
    answer = await world.ask(f"GET {path} HTTP/1.1\r\n\r\n".encode())
    assert answer.split()[1] == status
    assert answer.endswith(b"The file you requested could not be found\r\n")


async def test_the_listener_limit_holds_and_a_place_is_free_again(world: World) -> None:
    world.gate.max_listeners = 1
    get = b"GET /demo.mp3 HTTP/1.0\r\n\r\n"
    async with world.on_air():
        async with world.connect() as (reader, first):
            first.write(get)
            await reader.readuntil(b"\r\n\r\n")
            answer = await world.ask(get)
            assert answer.startswith(b"HTTP/1.0 403 max listeners reached\r\n")
        async with asyncio.timeout(2):
            while world.fanout.listeners:  # noqa: ASYNC110  # a socket tells of the end
                await asyncio.sleep(0.01)
        async with world.connect() as (reader, second):
            second.write(get)
            assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")


async def test_head_options_and_playlist(world: World) -> None:
    async with world.on_air():
        head = await world.ask(b"HEAD /demo.mp3 HTTP/1.0\r\nIcy-MetaData: 1\r\n\r\n")
        assert head.startswith(b"HTTP/1.0 200 OK\r\n")
        assert b"icy-metaint:16000\r\n" in head
        assert head.endswith(b"\r\n\r\n")
        assert b"Access-Control-Allow-Headers: " in await world.ask(
            b"OPTIONS /demo.mp3 HTTP/1.0\r\n\r\n"
        )
        playlist = await world.ask(b"GET /demo.mp3.m3u HTTP/1.0\r\n\r\n")
        url = f"http://radio.example:{world.server.port}/demo.mp3\r\n"
        assert playlist.endswith(b"\r\n\r\n" + url.encode())
        assert b"audio/x-mpegurl" in playlist
    assert world.fanout.listeners == 0


TITLE = b"/admin/metadata?mode=updinfo&mount=/demo.mp3&song="


async def test_a_probe_gets_the_bytes_it_asks_for_and_is_no_listener(world: World) -> None:
    get = b"GET /demo.mp3 HTTP/1.0\r\nRange: bytes=%s\r\n%s\r\n"
    tone = encode_tone("mp3")
    async with world.on_air(tone):
        answer = await world.ask(get % (b"0-1", b""))
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.0 206 Partial Content\r\n")
        assert b"Content-Range: bytes 0-1/*\r\n" in answer
        assert b"Content-Length: 2\r\n" in answer
        assert body == b"\xff\xfb"
        assert len((await world.ask(get % (b"0-99", b""))).partition(b"\r\n\r\n")[2]) == 100
        assert world.gate.live is not None
        assert world.gate.live.listeners_of("icecast").peak_listeners == 0
        for wanted, header in ((b"0-100", b""), (b"0-", b""), (b"0-1", b"Icy-MetaData: 1\r\n")):
            async with world.connect() as (reader, writer):
                writer.write(get % (wanted, header))
                assert (await reader.readline()).startswith(b"HTTP/1.0 200 ")
        assert world.gate.live.listeners_of("icecast").peak_listeners >= 1


async def test_a_source_that_inserts_metadata_is_heard_without_it(world: World) -> None:
    tone = encode_tone("mp3")
    block = b"\x02" + b"StreamTitle='x';".ljust(32, b"\0")
    data = b"".join(tone[at : at + 1000] + block for at in range(0, len(tone), 1000))
    head = (LOGIN % RIGHT)[:-2] + b"icy-metaint: 1000\r\n\r\n"
    async with world.connect() as (reader, writer):
        writer.write(head + data[:40_000])
        await reader.readuntil(b"\r\n\r\n")
        async with world.connect() as (heard, listener), asyncio.timeout(5):
            listener.write(b"GET /demo.mp3 HTTP/1.0\r\n\r\n")
            await heard.readuntil(b"\r\n\r\n")
            writer.write(data[40_000:])
            assert await heard.readexactly(len(tone) - 2000) == tone[:-2000]


async def test_an_answer_larger_than_the_socket_takes_arrives_whole_and_costs_no_busy_loop(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = "x" * 3_000_000
    monkeypatch.setattr(
        world.server.router, "route", lambda *_: Reply(responses.respond(200, body), True)
    )
    calls = 0
    send = Connection._send

    def count(connection: Connection) -> None:
        nonlocal calls
        calls += 1
        send(connection)

    monkeypatch.setattr(Connection, "_send", count)
    async with world.connect() as (reader, writer), asyncio.timeout(5):
        writer.write(b"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n")  # two, pipelined
        await asyncio.sleep(0.3)
        assert calls < 200
        for _ in range(2):
            await reader.readuntil(b"\r\n\r\n")
            assert await reader.readexactly(len(body)) == body.encode()


async def test_one_who_does_not_read_the_answer_is_cut_off(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("icecast_compat.connection.REPLY_TIMEOUT_S", 0.2)
    big = responses.respond(200, "x" * 9_000_000)
    monkeypatch.setattr(world.server.router, "route", lambda *_: Reply(big))
    async with world.connect() as (reader, writer), asyncio.timeout(5):
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        await asyncio.sleep(0.8)
        with contextlib.suppress(ConnectionResetError):
            assert len(await reader.read()) < len(big)


async def test_a_refused_client_may_send_on_for_so_many_bytes_and_so_long(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("icecast_compat.connection.MAX_LINGER_BYTES", 10_000)
    for more, survives in ((10_000, True), (10_001, False)):
        async with world.connect() as (reader, writer), asyncio.timeout(5):
            writer.write(b"GET /nobody HTTP/1.0\r\n\r\n")
            assert b"404" in await reader.readline()
            await reader.read()
            writer.write(bytes(more))
            await asyncio.sleep(0.1)
            assert bool(world.server._waiting) is survives
    monkeypatch.setattr("icecast_compat.connection.LINGER_TIMEOUT_S", 0.2)
    async with world.connect() as (reader, writer), asyncio.timeout(5):
        writer.write(b"GET /nobody HTTP/1.0\r\n\r\n")
        await reader.read()
        await asyncio.sleep(0.6)
        assert not world.server._waiting


@pytest.mark.parametrize("limit", ["max_checks", "max_checks_per_address"])
async def test_so_many_logins_wait_for_the_database_and_no_more(
    world: World, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    other = {"max_checks", "max_checks_per_address"} - {limit}
    world.server.limits = dataclasses.replace(FAST, **{other.pop(): 1000})
    go_on = asyncio.Event()

    async def wait(channel_id: str, secret: str, address: str) -> None:
        await go_on.wait()

    monkeypatch.setattr(world.gate, "authorize", wait)
    waiting = [asyncio.create_task(world.ask(LOGIN % WRONG)) for _ in range(MAX_CHECKS)]
    async with asyncio.timeout(5):
        while len(world.server._checks) < MAX_CHECKS:  # noqa: ASYNC110  # clients are arriving
            await asyncio.sleep(0.01)
    answer = await world.ask(LOGIN % WRONG)
    assert answer.startswith(b"HTTP/1.0 403 Icecast connection limit reached\r\n")
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    go_on.set()
    async with asyncio.timeout(5):
        while world.server._checks:  # noqa: ASYNC110  # tasks are ending
            await asyncio.sleep(0.01)
    assert not world.server._checks._of_peer


async def test_titles_by_get_and_by_form_in_any_charset(world: World) -> None:
    async with world.on_air():
        assert world.gate.live is not None
        broadcast = world.gate.live
        get = b"GET " + TITLE + b"%s HTTP/1.0\r\nAuthorization: Basic " + RIGHT + b"\r\n\r\n"
        answer = await world.ask(get % b"N%C5%ABr%20-%20Rang")
        assert answer.endswith(
            b'<?xml version="1.0"?>\n<iceresponse><message>Metadata update successful</message>'
            b"<return>1</return></iceresponse>\n"
        )
        assert (broadcast.title.artist, broadcast.title.track) == ("Nūr", "Rang")
        await world.ask(get % b"%CF%F0%E8")
        assert broadcast.title.text == "При"  # the channel's own charset
        form = b"mode=updinfo&mount=%2Fdemo.mp3&artist=A&title=B"
        await world.ask(
            b"POST /admin/metadata HTTP/1.1\r\nContent-Length: %d\r\nAuthorization: Basic %s\r\n\r\n"
            % (len(form), RIGHT)
            + form
        )
        assert broadcast.title.text == "A - B"


@pytest.mark.parametrize(
    ("request_line", "password", "status"),
    [
        (b"GET " + TITLE + b"x", WRONG, b"401"),
        (b"GET " + TITLE + b"x", base64.b64encode(b"admin:right"), b"401"),
        (b"GET /admin/metadata?mode=updinfo&mount=/nobody.mp3&song=x", RIGHT, b"400"),
        (b"GET /admin/metadata?mode=updinfo&song=x", RIGHT, b"400"),
        (b"GET /admin/metadata?mode=updinfo&mount=/demo.mp3", RIGHT, b"400"),
        (b"GET /admin/metadata?mode=other&mount=/demo.mp3&song=x", RIGHT, b"400"),
        (b"POST " + TITLE + b"x", RIGHT, b"200"),
        (b"HEAD " + TITLE + b"x", RIGHT, b"405"),
    ],
)
async def test_title_updates_that_are_wrong(
    world: World, request_line: bytes, password: bytes, status: bytes
) -> None:
    async with world.on_air():
        data = request_line + b" HTTP/1.0\r\nAuthorization: Basic " + password + b"\r\n\r\n"
        assert (await world.ask(data)).split()[1] == status
        assert world.gate.live is not None
        assert world.gate.live.title.text == ("x" if status == b"200" else "")


async def test_status_json_has_no_one_or_many_sources_in_icecasts_shape(world: World) -> None:
    async def status() -> dict[str, object]:
        answer = await world.ask(b"GET /status-json.xsl HTTP/1.0\r\n\r\n")
        content: dict[str, dict[str, object]] = json.loads(answer.partition(b"\r\n\r\n")[2])
        return content["icestats"]

    assert "source" not in await status()
    async with world.on_air(encode_tone("mp3")):
        source = (await status())["source"]
        assert isinstance(source, dict)
        assert source["listenurl"] == f"http://radio.example:{world.server.port}/demo.mp3"
        assert (source["listeners"], source["bitrate"]) == (0, 128)
        assert source["server_type"] == "audio/mpeg"
        assert world.gate.live is not None
        other = Broadcast("b", "icecast", max_listeners=1, now=0)
        world.server.attach(other)
        many = (await status())["source"]
        assert isinstance(many, list)
        assert len(many) == 2
        other.close(STOPPED)
        assert isinstance((await status())["source"], dict)


async def test_deadlines_of_a_head_a_reply_and_a_source(world: World) -> None:
    begun = time.monotonic()
    assert await world.ask(b"") == b""
    answer = await world.ask(b"GET / HTTP/1.1\r\nHost:")
    assert answer.startswith(b"HTTP/1.0 408 ")
    assert time.monotonic() - begun < 2
    async with world.on_air(), asyncio.timeout(3):
        while not world.gate.ends:  # noqa: ASYNC110  # a timer ends it
            await asyncio.sleep(0.05)
    assert world.gate.ends == ["the encoder fell silent: no audio for 0.5 s"]


async def test_a_slow_head_does_not_put_the_deadline_off(world: World) -> None:
    async with world.connect() as (reader, writer), asyncio.timeout(3):
        with contextlib.suppress(ConnectionError):
            while not reader.at_eof():
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.02)


async def test_when_too_many_wait_at_the_door_the_oldest_goes(world: World) -> None:
    opened = [await asyncio.open_connection("127.0.0.1", world.server.port) for _ in range(20)]
    await asyncio.sleep(0.05)
    async with world.connect() as (reader, writer), asyncio.timeout(2):
        writer.write(b"GET /nobody.mp3 HTTP/1.0\r\n\r\n")
        assert b"404" in await reader.readline()
        assert await opened[0][0].read() == b""
    assert not opened[1][0].at_eof()
    for _, writer in opened:
        writer.close()


async def test_without_descriptors_listeners_are_refused_and_a_source_still_comes_in(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        def has_room_for_client(self) -> bool:
            return False

        def has_room_for_listener(self) -> bool:
            return False

    monkeypatch.setattr(world.server, "_room", Full())
    async with world.connect() as (idle, _), asyncio.timeout(5):
        await asyncio.sleep(0.05)
        async with world.on_air():
            assert await idle.read() == b""  # it has made room
            answer = await world.ask(b"GET /demo.mp3 HTTP/1.0\r\n\r\n")
            assert answer.startswith(b"HTTP/1.0 403 Icecast connection limit reached\r\n")


async def test_one_who_comes_when_the_source_has_just_ended_is_told_that_nothing_is_on_air(
    world: World,
) -> None:
    class Ended:
        is_gone = False

        def close(self, end: End) -> None:
            pass

        def pull(self) -> None:
            broadcast.close(STOPPED)

    now = time.monotonic()
    broadcast = Broadcast("other", "icecast", max_listeners=9, now=now)
    broadcast.connect(Ended(), Station(), now)
    world.server.attach(broadcast)
    answer = await world.ask(b"GET /other.mp3 HTTP/1.0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.0 404 ")
    assert world.fanout.listeners == 0


async def test_a_closed_broadcast_cuts_its_source_off(world: World) -> None:
    async with world.connect() as (reader, writer), asyncio.timeout(2):
        writer.write(LOGIN % RIGHT)
        await reader.readuntil(b"\r\n\r\n")
        assert world.gate.live is not None
        world.gate.live.close(STOPPED)
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
    assert world.server.mounts == {}


async def test_a_source_that_sends_no_audio_is_told_in_the_log(world: World) -> None:
    async with world.on_air(bytes(70_000)):
        pass
    assert "bytes without a frame, expected MP3" in world.gate.ends[0]


class Held:
    """Checks of passwords that wait until they may go on; then those that are gone are refused."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self._world = world
        self._connect = world.gate.connect
        self._authorize = world.gate.authorize
        self.go_on = asyncio.Event()
        self.gone = 0
        monkeypatch.setattr(world.gate, "connect", self.connect)
        monkeypatch.setattr(world.gate, "authorize", self.authorize)

    async def connect(
        self, channel_id: str, secret: str, source: Source, station: Station
    ) -> Input:
        await self.go_on.wait()
        if source.is_gone:
            self.gone += 1
            raise EncoderGone(channel_id)
        return await self._connect(channel_id, secret, source, station)

    async def authorize(self, channel_id: str, secret: str, address: str) -> None:
        await self.go_on.wait()
        await self._authorize(channel_id, secret, address)

    async def wait_for(self, checks: int) -> None:
        async with asyncio.timeout(5):
            while len(self._world.server._checks) != checks:  # noqa: ASYNC110  # sockets and tasks
                await asyncio.sleep(0.01)


@pytest.fixture
def held(world: World, monkeypatch: pytest.MonkeyPatch) -> Held:
    return Held(world, monkeypatch)


async def test_a_source_that_leaves_while_its_login_is_checked_does_not_go_on_air(
    world: World, held: Held
) -> None:
    async with world.connect() as (_, writer):
        writer.write(LOGIN % RIGHT + encode_tone("mp3")[:5000])
        await held.wait_for(1)
    await asyncio.sleep(0.05)
    held.go_on.set()
    await held.wait_for(0)
    assert (held.gone, world.gate.live) == (1, None)
    async with asyncio.timeout(2):
        while world.server.waiting:  # noqa: ASYNC110  # the answer meets a closed connection
            await asyncio.sleep(0.01)


async def test_a_source_that_waits_for_its_check_goes_on_air_with_what_it_has_sent(
    world: World, held: Held
) -> None:
    tone = encode_tone("mp3")
    async with world.connect() as (reader, writer), asyncio.timeout(5):
        writer.write(LOGIN % RIGHT + tone[:5000])
        await held.wait_for(1)
        writer.write(tone[5000:50_000])
        await asyncio.sleep(0.05)
        held.go_on.set()
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.0 200 OK\r\n\r\n"
        assert world.gate.live is not None
        world.gate.live.pull()
        assert world.gate.live.published_bytes > 48_000


async def test_a_title_counts_though_its_encoder_has_left_before_the_answer(
    world: World, held: Held
) -> None:
    held.go_on.set()
    async with world.on_air():
        held.go_on.clear()
        async with world.connect() as (_, writer):
            head = b" HTTP/1.0\r\nAuthorization: Basic " + RIGHT + b"\r\n\r\n"
            writer.write(b"GET " + TITLE + b"Rang" + head)
            await held.wait_for(1)
        await asyncio.sleep(0.05)
        held.go_on.set()
        await held.wait_for(0)
        assert world.gate.live is not None
        assert world.gate.live.title.text == "Rang"
    async with asyncio.timeout(2):
        while world.server.waiting:  # noqa: ASYNC110  # the answer meets a closed connection
            await asyncio.sleep(0.01)


async def test_a_title_whose_broadcast_ends_during_the_check_is_refused(
    world: World, held: Held
) -> None:
    held.go_on.set()
    async with world.on_air():
        held.go_on.clear()
        head = b" HTTP/1.0\r\nAuthorization: Basic " + RIGHT + b"\r\n\r\n"
        asking = asyncio.create_task(world.ask(b"GET " + TITLE + b"Rang" + head))
        await held.wait_for(1)
        assert world.gate.live is not None
        world.gate.live.close(STOPPED)
        held.go_on.set()
        assert (await asking).startswith(b"HTTP/1.0 400 Source does not exist\r\n")


async def test_closing_twice_changes_nothing(world: World) -> None:
    await world.server.close()
    await world.server.close()
    with pytest.raises(ConnectionRefusedError):
        await world.ask(b"")


async def test_a_server_that_was_never_started_can_be_closed() -> None:
    fanout = FanOut(asyncio.get_running_loop())
    server = IcecastServer(Gate(), fanout, "radio.example")
    await server.close()
    await server.close()
    fanout.close()


class Stubborn(socket.socket):
    """A socket whose options cannot be set."""

    def setsockopt(self, *_: object) -> None:
        raise OSError("no such option")


async def test_a_start_that_fails_half_way_leaves_nothing_open_after_the_close(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop = asyncio.get_running_loop()
    fanout = FanOut(loop)
    server = IcecastServer(Gate(), fanout, "radio.example")
    opened = await open_listening("127.0.0.1", 0, 1)
    opened.append(Stubborn())

    async def open_both(host: str, port: int, backlog: int) -> list[socket.socket]:
        return opened

    monkeypatch.setattr("icecast_compat.server.open_listening", open_both)
    with pytest.raises(OSError, match="no such option"):
        await server.start("127.0.0.1", 0)
    await server.close()
    await server.close()
    assert [listening.fileno() for listening in opened] == [-1, -1]
    fanout.close()


async def test_a_login_that_has_just_begun_is_hung_up_on_when_the_server_closes(
    world: World,
) -> None:
    ours, far = socket.socketpair()
    ours.setblocking(False)
    connection = Connection(ours, "192.0.2.1", world.server)
    world.server._admit(connection)
    far.send(LOGIN % RIGHT)
    connection.on_ready()
    await world.server.close()  # its task has not had a turn yet
    assert connection.state is State.CLOSED
    assert far.recv(1) == b""
    assert len(world.server._checks) == 0
    far.close()


async def test_it_listens_from_its_start_to_its_end() -> None:
    fanout = FanOut(asyncio.get_running_loop())
    server = IcecastServer(Gate(), fanout, "localhost", FAST)
    states = [server.is_listening]
    await server.start("127.0.0.1", 0)
    states.append(server.is_listening)
    await server.close()
    states.append(server.is_listening)
    fanout.close()
    assert states == [False, True, False]


async def test_other_timeouts_are_for_those_who_come_later(world: World) -> None:
    server = world.server
    server.set_timeouts(7.0, 9.0)
    assert (server.head_timeout_s, server.limits.head_timeout_s) == (7.0, 7.0)
    assert server.limits.source_timeout_s == 9.0
    assert server.limits.max_waiting == FAST.max_waiting


async def test_a_source_behind_a_proxy_is_refused_and_counted_by_its_own_address() -> None:
    fanout, gate = FanOut(asyncio.get_running_loop()), Gate()
    limits = IcecastLimits(max_checks_per_address=1)
    proxies = parse_trusted_proxies("127.0.0.1")
    server = gate.server = IcecastServer(gate, fanout, "radio.example", limits, proxies=proxies)
    await server.start("127.0.0.1", 0)
    world = World(server, gate, fanout)
    try:
        said = b"\r\nX-Forwarded-For: 203.0.113.7\r\n\r\n"
        bad_type = (LOGIN % RIGHT).replace(b"audio/mpeg", b"text/plain").removesuffix(b"\r\n\r\n")
        assert b" 403 " in await world.ask(bad_type + said)
        assert [address for _, _, address in gate.reported] == ["203.0.113.7"]
        async with world.connect() as (reader, writer):
            writer.write((LOGIN % RIGHT).removesuffix(b"\r\n\r\n") + said)
            await reader.readuntil(b"\r\n\r\n")
            assert gate.live is not None
            assert gate.live.station.address == "203.0.113.7"
    finally:
        if gate.live is not None:
            gate.live.close(STOPPED)
        await server.close()
        fanout.close()
