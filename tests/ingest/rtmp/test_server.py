import asyncio

import pytest

from ingest.rtmp import RtmpServer

from . import wire
from .stage import KEY, FakeGate, on_stage


async def test_the_kernel_chooses_the_port_when_none_is_named() -> None:
    async with on_stage() as stage:
        assert 0 < stage.port < 65536


async def test_a_port_in_use_is_an_os_error() -> None:
    async with on_stage() as stage:
        other = RtmpServer(FakeGate())
        with pytest.raises(OSError, match="in use"):
            await other.start("127.0.0.1", stage.port)
        await other.close()


async def test_a_stopping_server_gives_up_on_a_decision_that_never_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ingest.rtmp.server.CLOSE_SECONDS", 0.05)
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
        assert stage.gate.recorders[0].reason == "the server is stopping"
        assert all(broadcast.is_closed for broadcast in stage.gate.broadcasts)
        with pytest.raises(ConnectionRefusedError):
            await stage.join()


async def test_a_server_that_never_started_can_be_closed() -> None:
    async with on_stage() as stage:
        await stage.server.close()
        await stage.server.close()
