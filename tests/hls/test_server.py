"""The whole of port 8088 on loopback, with clients of our own."""

import asyncio
import contextlib
import gzip
import itertools
import socket
import time
from collections.abc import AsyncIterator

import pytest

from awazpulse.audio import Frame
from awazpulse.errors import MisuseError
from awazpulse.network import open_listening
from awazpulse.relay import Broadcast, End
from hls.limits import Limits
from hls.server import HlsServer
from tests.hls.workbench import LEFT, eventually, input_of, make_broadcast, parse_playlist, tone

QUICK = Limits(tick_s=0.02)


@contextlib.asynccontextmanager
async def serving(
    limits: Limits = QUICK, bind: str = "127.0.0.1"
) -> AsyncIterator[tuple[HlsServer, int]]:
    server = HlsServer(limits)
    port = await server.start(bind, 0)
    try:
        yield server, port
    finally:
        await server.close()


async def ask(
    port: int, target: str, *headers: str, host: str = "127.0.0.1"
) -> tuple[int, dict[str, str], bytes]:
    reader, writer = await asyncio.open_connection(host, port)
    lines = [f"GET {target} HTTP/1.1", "Host: radio", "Connection: close", *headers, "", ""]
    writer.write("\r\n".join(lines).encode())
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    await writer.wait_closed()
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *pairs = head.decode().split("\r\n")
    return int(status.split()[1]), dict(pair.split(": ", 1) for pair in pairs), body


def publish(broadcast: Broadcast, frames: list[Frame]) -> None:
    for frame in frames:
        input_of(broadcast).publish([frame], 0.0)


async def turn_loop(turns: int = 50) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)


async def test_from_the_broadcast_to_the_playlist_and_every_segment() -> None:
    track, frames = tone("aac", 9)
    async with serving() as (server, port):
        broadcast = make_broadcast()
        server.attach(broadcast)
        input_of(broadcast).set_track(track)
        publish(broadcast, frames)
        await turn_loop()
        status, headers, body = await ask(port, "/hls/demo.m3u8?t=1")
        assert (status, headers["Content-Type"]) == (200, "application/vnd.apple.mpegurl")
        assert headers["Date"].endswith("GMT")
        playlist = parse_playlist(body)
        assert len(playlist.segments) == 4
        for uri in playlist.uris:
            status, headers, body = await ask(port, f"/hls/{uri}")
            assert (status, headers["Content-Type"]) == (200, "video/mp2t")
            assert len(body) == int(headers["Content-Length"]) > 30_000
        status, headers, packed = await ask(port, "/hls/demo.m3u8", "Accept-Encoding: gzip")
        assert parse_playlist(gzip.decompress(packed)) == playlist
        assert broadcast.listeners == 1
        broadcast.close(LEFT)


async def test_a_channel_that_is_not_on_air_is_404() -> None:
    async with serving() as (_, port):
        status, headers, body = await ask(port, "/hls/demo.m3u8")
        assert (status, body) == (404, b"This channel is not on air.\n")
        assert headers["Access-Control-Allow-Origin"] == "*"


async def test_a_playlist_asked_for_too_early_comes_with_the_first_segment() -> None:
    track, frames = tone("mp3", 3)
    async with serving() as (server, port):
        broadcast = make_broadcast()
        server.attach(broadcast)
        asked = [asyncio.create_task(ask(port, "/hls/demo.m3u8")) for _ in range(150)]
        waiters = server.router.channels["demo"].waiters
        await eventually(lambda: len(waiters) == len(asked))
        input_of(broadcast).set_track(track)
        publish(broadcast, frames[:77])
        answers = await asyncio.gather(*asked)
        assert {status for status, _, _ in answers} == {200}
        assert len(parse_playlist(answers[0][2]).segments) == 1
        broadcast.close(LEFT)


async def test_it_waits_no_longer_than_the_limit() -> None:
    async with serving(Limits(tick_s=0.02, hold_s=0.1)) as (server, port):
        server.attach(make_broadcast())
        status, headers, _ = await ask(port, "/hls/demo.m3u8")
        assert (status, headers["Retry-After"]) == (503, "2")


async def test_listeners_leave_when_they_ask_no_longer() -> None:
    track, frames = tone("aac", 3)
    async with serving(Limits(tick_s=0.02, listener_expiry_s=0.1)) as (server, port):
        broadcast = make_broadcast(max_listeners=1)
        server.attach(broadcast)
        input_of(broadcast).set_track(track)
        publish(broadcast, frames)
        await turn_loop()
        assert (await ask(port, "/hls/demo.m3u8", "User-Agent: one"))[0] == 200
        status, _, body = await ask(port, "/hls/demo.m3u8", "User-Agent: two")
        assert (status, body) == (503, b"max listeners reached\n")
        assert broadcast.listeners == 1
        await eventually(lambda: broadcast.listeners == 0)
        assert (await ask(port, "/hls/demo.m3u8", "User-Agent: two"))[0] == 200
        assert broadcast.listeners_of("hls").peak_listeners == 1


class WaitingSource:
    """A source whose frames wait until somebody pulls them; each pull takes a moment."""

    is_gone = False

    def __init__(self) -> None:
        self.broadcast: Broadcast | None = None
        self.frames: list[Frame] = []
        self.pulls = 0

    def close(self, end: End) -> None:
        pass

    def pull(self) -> None:
        self.pulls += 1
        if self.broadcast is not None and self.frames:
            frames, self.frames = self.frames, []
            input_of(self.broadcast).publish(frames, 0.0)


def open_waiting(channel_id: str = "demo") -> tuple[Broadcast, WaitingSource]:
    source = WaitingSource()
    broadcast = make_broadcast(channel_id, max_listeners=10, source=source)
    source.broadcast = broadcast
    return broadcast, source


async def test_audio_that_waits_to_be_pulled_is_listed_without_a_listener() -> None:
    track, frames = tone("mp3", 3)
    async with serving(Limits(tick_s=0.02, pull_interval_s=0.02)) as (server, _):
        broadcast, source = open_waiting()
        input_of(broadcast).set_track(track)
        server.attach(broadcast)
        source.frames = frames
        channel = server.router.channels["demo"]
        await eventually(lambda: channel.is_ready)
        await eventually(lambda: source.pulls > 5)
        broadcast.close(LEFT)
        pulls = source.pulls
        await asyncio.sleep(0.1)
        assert source.pulls == pulls
        assert not server._broadcasts


async def test_pulls_are_spread_over_turns_and_a_round_begins_when_the_one_before_is_over() -> None:
    # No time at all in one turn: one broadcast each.
    limits = Limits(tick_s=0.02, pull_interval_s=0.005, turn_budget_s=0)
    async with serving(limits) as (server, _):
        opened = [open_waiting(f"channel-{n}") for n in range(40)]
        for broadcast, _source in opened:
            server.attach(broadcast)
        for _ in range(300):
            pulls = [source.pulls for _, source in opened]
            assert max(pulls) - min(pulls) <= 1
            assert pulls == sorted(pulls, reverse=True)
            before = sum(pulls)
            await asyncio.sleep(0)
            assert sum(source.pulls for _, source in opened) - before <= 1
        await eventually(lambda: min(source.pulls for _, source in opened) > 2)
        for broadcast, _source in opened:
            broadcast.close(LEFT)


async def test_an_end_is_told_behind_the_last_segment() -> None:
    track, frames = tone("aac", 9)
    async with serving(Limits(tick_s=0.02, turn_budget_s=0)) as (server, _):  # one job a turn
        broadcast = make_broadcast()
        server.attach(broadcast)
        input_of(broadcast).set_track(track)
        publish(broadcast, frames)
        broadcast.close(LEFT)
        channel = server.router.channels["demo"]
        seen = []
        for _ in range(20):
            answer = channel.playlist(compressed=False)
            if answer is not None:
                playlist = parse_playlist(answer)
                seen.append((len(playlist.segments), playlist.ended))
            await asyncio.sleep(0)
        assert sorted(set(seen)) == [
            (1, False),
            (2, False),
            (3, False),
            (4, False),
            (5, False),
            (5, True),
        ]
        assert seen == sorted(seen)


async def open_two(_host: str, _port: int, backlog: int) -> list[socket.socket]:
    """As for a name with two addresses."""
    [first] = await open_listening("127.0.0.1", 0, backlog)
    return [first, *await open_listening("::1", first.getsockname()[1], backlog)]


@pytest.mark.parametrize("bind", ["::", "two addresses"])
async def test_one_port_is_open_on_ipv4_and_ipv6_and_an_address_has_one_spelling(
    bind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if bind != "::":
        monkeypatch.setattr("hls.server.open_listening", open_two)
    async with serving(bind=bind) as (server, port):
        for host in ("127.0.0.1", "::1"):
            assert (await ask(port, "/", host=host))[0] == 404
            _, writer = await asyncio.open_connection(host, port)
            await eventually(lambda: len(server._connections) == 1)
            [connection] = server._connections
            assert connection._address == host
            writer.close()
            await eventually(lambda: not server._connections)


async def test_a_takeover_goes_on_with_a_discontinuity_and_the_old_one_is_heard_no_more() -> None:
    track, frames = tone("aac", 3)
    async with serving() as (server, port):
        old, new = make_broadcast(), make_broadcast()
        server.attach(old)
        input_of(old).set_track(track)
        publish(old, frames)
        server.attach(new)
        old.close(LEFT)
        input_of(new).set_track(track)
        publish(new, frames)
        await turn_loop()
        playlist = parse_playlist((await ask(port, "/hls/demo.m3u8"))[2])
        assert [s.cc - playlist.discontinuity_sequence for s in playlist.segments] == [0, 0, 1]
        assert (old.listeners, new.listeners) == (0, 1)
        assert server.router.channels["demo"].is_on_air
        new.close(LEFT)


async def test_a_channel_long_off_air_is_forgotten_and_its_numbers_do_not_go_down() -> None:
    track, frames = tone("aac", 3)
    limits = Limits(tick_s=0.01, ended_playlist_s=0, remember_s=0.05)
    async with serving(limits) as (server, port):
        first = make_broadcast()
        server.attach(first)
        input_of(first).set_track(track)
        publish(first, frames)
        await turn_loop()
        reached = parse_playlist((await ask(port, "/hls/demo.m3u8"))[2]).segments[-1].sequence
        channel = server.router.channels["demo"]
        first.close(LEFT)
        # An hour a tick: its segments stay fetchable for seconds, which nobody waits for here.
        hours = itertools.count()
        server.now = lambda: time.monotonic() + 3600 * next(hours)
        await eventually(lambda: "demo" not in server.router.channels)
        assert channel.kept_bytes == 0
        second = make_broadcast()
        server.attach(second)
        assert server.router.channels["demo"].next_sequence > reached
        second.close(LEFT)


async def test_a_client_that_never_reads_is_dropped() -> None:
    track, frames = tone("mp3", 3, bitrate_kbps=320)
    async with serving(Limits(tick_s=0.02, write_deadline_s=0.2)) as (server, port):
        broadcast = make_broadcast()
        server.attach(broadcast)
        input_of(broadcast).set_track(track)
        publish(broadcast, frames)
        await turn_loop()
        uri = parse_playlist((await ask(port, "/hls/demo.m3u8"))[2]).uris[0]
        request = f"GET /hls/{uri} HTTP/1.1\r\nHost: radio\r\n\r\n".encode()
        await eventually(lambda: not server._connections)
        with socket.create_connection(("127.0.0.1", port)) as deaf:
            deaf.sendall(request * 400)  # 30 MB of answers, more than any kernel buffers
            await eventually(lambda: len(server._connections) == 1)
            assert (await ask(port, "/hls/demo.m3u8"))[0] == 200
            await eventually(lambda: not server._connections)
        broadcast.close(LEFT)


async def test_unread_answers_at_the_limit_stop_no_request_and_one_byte_more_stops_all() -> None:
    limit = QUICK.write_buffer_bytes
    async with serving() as (server, port):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await eventually(lambda: len(server._connections) == 1)
        [connection] = server._connections
        transport = connection._transport
        quiet = 0
        while quiet < 5:  # the kernel's own buffers are full once what is written stays with us
            if not transport.get_write_buffer_size():
                transport.write(bytes(limit // 4))
                quiet = 0
            await asyncio.sleep(0.01)
            quiet += 1
        transport.write(bytes(limit - transport.get_write_buffer_size()))
        await asyncio.sleep(0.01)
        assert transport.get_write_buffer_size() == limit
        paused = [connection._is_writing_paused]
        transport.write(b"x")
        paused.append(connection._is_writing_paused)
        assert paused == [False, True]
        writer.close()


async def test_one_connection_past_the_limit_is_refused_and_the_others_are_served() -> None:
    async with serving(Limits(tick_s=0.02, connections=2)) as (server, port):
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert b"503 Service Unavailable" in await asyncio.wait_for(reader.read(), 5)
        writer.close()
        idle[0][1].close()
        await eventually(lambda: len(server._connections) == 1)
        assert (await ask(port, "/"))[0] == 404
        idle[1][1].close()


async def test_random_bytes_and_silence_leave_what_is_on_air_alone() -> None:
    track, frames = tone("aac", 3)
    async with serving(Limits(tick_s=0.02, head_deadline_s=0.1)) as (server, port):
        broadcast = make_broadcast()
        server.attach(broadcast)
        input_of(broadcast).set_track(track)
        publish(broadcast, frames)
        for junk in (b"\x03" + bytes(1536), b"\x16\x03\x01\x00\x00", b"", b"GET /hls/dem"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(junk)
            answer = await asyncio.wait_for(reader.read(), 5)
            assert answer[9:12] in (b"400", b"408", b"")
            writer.close()
        assert (await ask(port, "/hls/demo.m3u8"))[0] == 200
        broadcast.close(LEFT)


async def test_a_closed_broadcast_puts_no_channel_on_air() -> None:
    async with serving() as (server, port):
        broadcast = make_broadcast()
        broadcast.close(LEFT)
        with pytest.raises(MisuseError):
            server.attach(broadcast)
        assert (await ask(port, "/hls/demo.m3u8"))[0] == 404


async def test_requests_sent_before_the_client_closes_its_half_are_all_answered() -> None:
    async with serving() as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * (2 * QUICK.turn_requests))
        writer.write_eof()
        answers = b""
        while answers.count(b"404 Not Found") < 2 * QUICK.turn_requests:
            received = await asyncio.wait_for(reader.read(65536), 5)
            assert received, "closed before everything was answered"
            answers += received
        writer.close()


async def test_closing_twice_and_a_taken_port() -> None:
    async with serving() as (server, port):
        other = HlsServer()
        with pytest.raises(OSError, match="in use"):
            await other.start("127.0.0.1", port)
        await other.close()
        await server.close()


async def test_a_process_without_room_answers_503() -> None:
    held = 0
    server = HlsServer(QUICK, has_room=lambda: held < 1)
    port = await server.start("127.0.0.1", 0)
    try:
        assert (await ask(port, "/hls/demo.m3u8"))[0] == 404
        held = 1
        status, headers, _ = await ask(port, "/hls/demo.m3u8")
        assert (status, headers["Retry-After"]) == (503, "10")
    finally:
        await server.close()


async def test_it_listens_from_its_start_to_its_end() -> None:
    server = HlsServer(QUICK)
    states = [server.is_listening]
    await server.start("127.0.0.1", 0)
    states.append(server.is_listening)
    await server.close()
    states.append(server.is_listening)
    assert states == [False, True, False]


async def test_joins_and_bytes_are_counted() -> None:
    track, frames = tone("aac", 9)
    async with serving() as (server, port):
        broadcast = make_broadcast()
        server.attach(broadcast)
        input_of(broadcast).set_track(track)
        publish(broadcast, frames)
        await turn_loop()
        _, _, body = await ask(port, "/hls/demo.m3u8")
        before = server.sent_bytes
        assert before > len(body)
        _, _, segment = await ask(port, f"/hls/{parse_playlist(body).uris[0]}")
        assert len(segment) < server.sent_bytes - before < len(segment) + 1000
        assert (server.joins, broadcast.listeners) == (1, 1)
        await ask(port, "/hls/demo.m3u8", "User-Agent: another")
        assert (server.joins, broadcast.listeners) == (2, 2)
        broadcast.close(LEFT)
        assert server.joins == 2


async def test_while_it_drains_who_listens_goes_on_and_nobody_new_is_taken() -> None:
    track, frames = tone("aac", 9)
    async with serving() as (server, port):
        broadcast = make_broadcast()
        server.attach(broadcast)
        input_of(broadcast).set_track(track)
        publish(broadcast, frames)
        await turn_loop()
        _, _, body = await ask(port, "/hls/demo.m3u8")
        segment = f"/hls/{parse_playlist(body).uris[0]}"
        server.router.is_draining = True
        for target in ("/hls/demo.m3u8", segment):
            assert (await ask(port, target))[0] == 200
            status, headers, reason = await ask(port, target, "User-Agent: another")
            assert (status, reason) == (503, b"The server is about to stop.\n")
            assert headers["Retry-After"]
        assert broadcast.listeners == 1
        broadcast.close(LEFT)
