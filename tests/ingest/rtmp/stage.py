"""A server on loopback with a gate of the test's own, and an encoder that sends raw bytes."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from awazpulse.audio import Frame, Track
from awazpulse.refusals import Refusal, UnknownChannel, WrongSecret
from awazpulse.relay import Broadcast, End, EndReason, Input, Source, Station, Title
from awazpulse.relay.life import AirPolicy
from ingest.rtmp.limits import RtmpLimits
from ingest.rtmp.publication import Publication
from ingest.rtmp.server import RtmpServer

from . import wire

CHANNEL, KEY = "demo", "0PENSESAME"
STARTED = b"NetStream.Publish.Start\x00\x0bdescription"  # of onStatus, not of onFCPublish
PATIENCE_S = 5


class Recorder:
    """A subscriber that keeps all that it is told."""

    def __init__(self) -> None:
        self.tracks: list[Track] = []
        self.frames: list[Frame] = []
        self.closed = asyncio.Event()
        self.end: End | None = None

    def on_track(self, track: Track) -> None:
        self.tracks.append(track)

    def on_break(self) -> None:
        pass

    def on_frames(self, frames: Sequence[Frame]) -> None:
        self.frames += frames

    def on_title(self, title: Title) -> None:
        pass

    def on_close(self, end: End) -> None:
        self.end = end
        self.closed.set()


TAKEN_OVER = End(EndReason.TAKEN_OVER)
KICKED = End(EndReason.STOPPED, why="kicked")


def why_ended(broadcast: Broadcast) -> str:
    """Return why the encoder was lost, or cut off."""
    end = broadcast.end
    assert end is not None
    return str(broadcast.last_loss if end.reason is EndReason.GRACE_OVER else end)


class EncoderGone(Refusal):
    """What the gate of `awazpulse.channels` answers to a source that nobody waits for."""


class FakeGate:
    """Knows one key for every channel but `nobody`; the last encoder takes a channel over.

    Each encoder gets a broadcast of its own, which ends with it.
    """

    def __init__(self) -> None:
        self.asks_who_is_gone = False
        self.gone = 0
        self.broadcasts: list[Broadcast] = []
        self.recorders: list[Recorder] = []
        self.is_open = asyncio.Event()
        self.is_open.set()
        self.is_asked = asyncio.Event()
        self.failure: Exception | None = None

    async def connect(
        self, channel_id: str, secret: str, source: Source, station: Station
    ) -> Input:
        self.is_asked.set()
        await self.is_open.wait()
        if self.failure is not None:
            raise self.failure
        assert isinstance(source, Publication)
        if self.asks_who_is_gone and source.is_gone:
            self.gone += 1
            raise EncoderGone
        if channel_id == "nobody":
            raise UnknownChannel(channel_id)
        if secret != KEY:
            raise WrongSecret(channel_id, "stream key")
        for older in self.broadcasts:
            if older.channel_id == channel_id:
                older.close(TAKEN_OVER)
        return self._make(channel_id, source, station)

    def _make(self, channel_id: str, source: Source, station: Station) -> Input:
        now = asyncio.get_running_loop().time()
        policy = AirPolicy(grace_s=0)
        broadcast = Broadcast(channel_id, "hls", max_listeners=1, now=now, policy=policy)
        recorder = Recorder()
        broadcast.attach("hls", recorder)
        self.broadcasts.append(broadcast)
        self.recorders.append(recorder)
        return broadcast.connect(source, station, now)


class Encoder:
    """The client's side of a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.received = b""

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def read_until(self, mark: bytes) -> None:
        """Read up to a text of the server; fails when the server closes before."""
        while mark not in self.received:
            data = await asyncio.wait_for(self._reader.read(65536), PATIENCE_S)
            assert data, f"closed before {mark!r}"
            self.received += data

    async def wait_closed(self) -> None:
        """Wait until the server closes."""
        try:
            while data := await asyncio.wait_for(self._reader.read(65536), PATIENCE_S):
                self.received += data
        except ConnectionError:
            pass

    def pause_reading(self) -> None:
        """Let what the server sends pile up."""
        self._writer.transport.pause_reading()  # type: ignore[attr-defined]

    async def publish(self, name: str = f"{CHANNEL}?key={KEY}") -> None:
        """Go on air."""
        await self.send(wire.opening(name))
        await self.read_until(STARTED)

    def abort(self) -> None:
        """Vanish without a word."""
        self._writer.transport.abort()

    async def close(self) -> None:
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()


class Stage:
    """One server; encoders that join it leave with it."""

    def __init__(self, limits: RtmpLimits) -> None:
        self.gate = FakeGate()
        self.server = RtmpServer(self.gate, limits)
        self.port = 0
        self._encoders: list[Encoder] = []

    async def join(self, host: str = "127.0.0.1") -> Encoder:
        reader, writer = await asyncio.open_connection(host, self.port)
        encoder = Encoder(reader, writer)
        self._encoders.append(encoder)
        return encoder

    async def close_encoders(self) -> None:
        for encoder in self._encoders:
            await encoder.close()

    @property
    def recorder(self) -> Recorder:
        """Of the latest broadcast."""
        return self.gate.recorders[-1]

    async def wait_off_air(self) -> str:
        """Wait until the latest broadcast has ended, and return why."""
        await asyncio.wait_for(self.recorder.closed.wait(), PATIENCE_S)
        return why_ended(self.gate.broadcasts[-1])

    async def wait_for_frames(self, count: int) -> list[Frame]:
        """Wait until the latest broadcast has had so many frames."""
        frames = self.recorder.frames
        await eventually(lambda: len(frames) >= count)
        return frames


async def eventually(is_so: Callable[[], bool]) -> None:
    """Wait for what happens on the server's side of the loop."""
    async with asyncio.timeout(PATIENCE_S):
        while not is_so():  # noqa: ASYNC110 (it is not for the server to set a test's events)
            await asyncio.sleep(0.002)


@asynccontextmanager
async def on_stage(
    limits: RtmpLimits | None = None, bind: str = "127.0.0.1"
) -> AsyncIterator[Stage]:
    """A server that is listening, closed at the end."""
    stage = Stage(limits or RtmpLimits())
    stage.port = await stage.server.start(bind, 0)
    try:
        yield stage
    finally:
        await stage.server.close()
        await stage.close_encoders()
