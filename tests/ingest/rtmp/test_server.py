import asyncio
import logging
import socket

import pytest

from awazpulse.network import open_listening
from ingest.rtmp.connection import VIDEO_READ_BYTES
from ingest.rtmp.server import RtmpServer

from . import wire
from .stage import KEY, FakeGate, eventually, on_stage, why_ended


async def test_the_kernel_chooses_the_port_when_none_is_named() -> None:
    async with on_stage() as stage:
        assert 0 < stage.port < 65536


async def test_a_port_in_use_is_an_os_error() -> None:
    async with on_stage() as stage:
        other = RtmpServer(FakeGate())
        with pytest.raises(OSError, match="in use"):
            await other.start("127.0.0.1", stage.port)
        await other.close()


async def _open_two(_host: str, _port: int, backlog: int) -> list[socket.socket]:
    """As for a name with two addresses."""
    [first] = await open_listening("127.0.0.1", 0, backlog)
    return [first, *await open_listening("::1", first.getsockname()[1], backlog)]


@pytest.mark.parametrize("bind", ["::", "two addresses"])
async def test_one_port_is_open_on_ipv4_and_ipv6_and_an_address_has_one_spelling(
    bind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if bind != "::":
        monkeypatch.setattr("ingest.rtmp.server.open_listening", _open_two)
    async with on_stage(bind=bind) as stage:
        for number, host in enumerate(("127.0.0.1", "::1")):
            encoder = await stage.join(host)
            await encoder.publish(f"channel{number}?key={KEY}")
            assert stage.gate.broadcasts[-1].station.address == host


async def test_one_connection_that_cannot_read_on_does_not_leave_the_others_paused(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.rtmp.server.REST_S", 0.2)  # for all three to rest together
    async with on_stage() as stage:
        encoders = [await stage.join() for _ in range(3)]
        for number, encoder in enumerate(encoders):
            await encoder.publish(f"channel{number}?key={KEY}")
            await encoder.send(wire.message(wire.VIDEO, bytes(VIDEO_READ_BYTES)))
        await eventually(lambda: len(stage.server._resting) == 3)

        def fail() -> None:
            raise RuntimeError("no")

        stage.server._resting[0].resume = fail  # type: ignore[method-assign]
        await eventually(lambda: not stage.server._resting)
        broken = [b for b in stage.gate.broadcasts if b.is_closed]
        assert [why_ended(b) for b in broken] == ["an error of this server"]
        pairs = zip(encoders, stage.gate.recorders, strict=True)
        others = [pair for pair in pairs if not pair[1].closed.is_set()]
        for encoder, _ in others:
            await encoder.send(wire.aac_config() + wire.aac_frame(b"still here"))
        await eventually(lambda: all(recorder.frames for _, recorder in others))
        assert len(others) == 2
        assert len([r for r in caplog.records if r.levelno >= logging.ERROR]) == 1


async def test_a_stopping_server_gives_up_on_a_decision_that_never_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ingest.rtmp.server.CLOSE_S", 0.05)
    async with on_stage() as stage:
        stage.gate.is_open.clear()
        encoder = await stage.join()
        await encoder.send(wire.opening())
        await stage.gate.is_asked.wait()
        await stage.server.close()
        await asyncio.sleep(0.01)
        assert not stage.server._tasks


async def test_the_server_closes_encoders_and_broadcasts() -> None:
    async with on_stage() as stage:
        live, idle, pending = [await stage.join() for _ in range(3)]
        await live.publish()
        await idle.send(wire.handshake())
        await idle.read_until(b"\x03")
        stage.gate.is_open.clear()
        stage.gate.is_asked.clear()
        await pending.send(wire.opening("other?key=" + KEY))
        await stage.gate.is_asked.wait()
        stage.gate.is_open.set()
        await stage.server.close()
        for encoder in (live, idle, pending):
            await encoder.wait_closed()
        assert why_ended(stage.gate.broadcasts[0]) == "the server stops"
        assert all(broadcast.is_closed for broadcast in stage.gate.broadcasts)
        with pytest.raises(ConnectionRefusedError):
            await stage.join()


async def test_a_server_that_never_started_can_be_closed() -> None:
    async with on_stage() as stage:
        await stage.server.close()
        await stage.server.close()


async def test_it_listens_from_its_start_to_its_end() -> None:
    server = RtmpServer(FakeGate())
    states = [server.is_listening]
    await server.start("127.0.0.1", 0)
    states.append(server.is_listening)
    await server.close()
    states.append(server.is_listening)
    assert states == [False, True, False]
