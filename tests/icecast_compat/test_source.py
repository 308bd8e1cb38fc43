"""A source's socket, from the far end: what is read when, and what becomes of it."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Sequence

import pytest

from awazpulse.audio import Frame, Track
from awazpulse.relay import Broadcast, End, EndReason, Station, Title
from awazpulse.relay.life import AirPolicy
from awazpulse.relay.pacing import Pacing
from icecast_compat import source
from icecast_compat.login import Login
from icecast_compat.responses import CONTINUE, SOURCE_ACCEPTED
from icecast_compat.source import MAX_CHECK_INTERVAL_S, UNREAD_BYTES, SourceConnection

STOPPED = End(EndReason.STOPPED)
FRAME = b"\xff\xfb\x90\x64" + bytes(413)  # 128 kbit/s, 44.1 kHz


class Recorder:
    """A subscriber that keeps what it is told."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.tracks = 0

    @property
    def frames(self) -> int:
        return sum(self.batches)

    def on_track(self, track: Track) -> None:
        self.tracks += 1

    def on_break(self) -> None:
        pass

    def on_frames(self, frames: Sequence[Frame]) -> None:
        self.batches.append(len(frames))

    def on_title(self, title: Title) -> None:
        pass

    def on_close(self, end: End) -> None:
        pass


class OnAir:
    """A source on air, and its encoder's end of the connection."""

    def __init__(
        self,
        timeout_s: float = 5.0,
        content_length: int | None = None,
        accepted: bytes = SOURCE_ACCEPTED,
        rest: bytes = b"",
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.encoder = socket.create_connection(listening.getsockname(), 5)
            self.ours, _ = listening.accept()
        self.ours.setblocking(False)
        station = Station()
        login = Login("demo", "right", station, False, content_length, None, accepted)
        self.source = SourceConnection(login, self.ours, rest, timeout_s)
        now = time.monotonic()
        # It ends with its source.
        policy = AirPolicy(grace_s=0)
        self.broadcast = Broadcast("demo", "icecast", max_listeners=9, now=now, policy=policy)
        self.recorder = Recorder()
        self.broadcast.attach("icecast", self.recorder)
        self.input = self.broadcast.connect(self.source, station, now)

    @property
    def reason(self) -> str:
        """Why the source was lost."""
        return str(self.broadcast.last_loss)

    def begin(self, rest: bytes = b"") -> None:
        self.source._rest += rest
        self.source.begin(self.input)

    async def send(self, frames: int) -> None:
        """Send, and let it arrive."""
        self.encoder.sendall(FRAME * frames)
        await asyncio.sleep(0.05)

    async def wait_closed(self) -> None:
        async with asyncio.timeout(5):
            while not self.broadcast.is_closed:  # noqa: ASYNC110  # the loop reads the socket
                await asyncio.sleep(0.01)


@pytest.fixture
async def on_air() -> AsyncIterator[OnAir]:
    on_air = OnAir()
    yield on_air
    on_air.broadcast.close(STOPPED)
    on_air.encoder.close()
    on_air.ours.close()


async def test_audio_waits_in_the_kernel_until_somebody_needs_it(on_air: OnAir) -> None:
    on_air.begin()
    await on_air.send(20)
    assert on_air.recorder.batches == []
    on_air.broadcast.pull()
    assert on_air.recorder.batches == [20]
    on_air.broadcast.pull()
    assert on_air.recorder.batches == [20]


async def test_what_nobody_needs_is_read_once_so_many_bytes_wait(on_air: OnAir) -> None:
    on_air.begin()
    on_air.encoder.sendall(FRAME * 100)
    whole = UNREAD_BYTES // len(FRAME)
    on_air.broadcast.pull()
    await asyncio.sleep(0.05)
    on_air.broadcast.pull()
    assert on_air.recorder.frames == 100
    on_air.encoder.sendall((FRAME * 100)[: UNREAD_BYTES - 1])
    await asyncio.sleep(0.1)
    assert on_air.recorder.frames == 100  # one byte short of the limit
    on_air.encoder.sendall((FRAME * 100)[UNREAD_BYTES - 1 : UNREAD_BYTES])
    async with asyncio.timeout(5):
        while on_air.recorder.frames < 100 + whole:  # noqa: ASYNC110  # the loop reads the socket
            await asyncio.sleep(0.01)


async def test_the_encoders_end_is_heard_at_once_and_nothing_before_it_is_lost(
    on_air: OnAir,
) -> None:
    on_air.begin()
    await on_air.send(20)
    on_air.encoder.close()
    await on_air.wait_closed()
    assert on_air.recorder.frames == 20
    assert on_air.reason == "the encoder disconnected"


async def test_a_connection_that_breaks_ends_the_broadcast(on_air: OnAir) -> None:
    on_air.begin()
    linger = b"\x01\0\0\0\0\0\0\0"  # reset on close
    on_air.encoder.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    on_air.encoder.close()
    await on_air.wait_closed()
    assert on_air.reason.startswith("the encoder's connection was lost")


async def test_a_connection_that_breaks_behind_unread_audio_ends_it_at_once(on_air: OnAir) -> None:
    on_air.begin()
    await on_air.send(20)
    linger = b"\x01\0\0\0\0\0\0\0"
    on_air.encoder.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    closed = time.monotonic()
    on_air.encoder.close()
    await on_air.wait_closed()
    assert time.monotonic() - closed < 0.5  # and not when silence is looked for
    assert on_air.recorder.frames == 20


async def test_slow_audio_that_nobody_needs_is_no_silence() -> None:
    on_air = OnAir(timeout_s=0.8)
    on_air.begin()
    for _ in range(8):
        await on_air.send(1)
        await asyncio.sleep(0.15)
    assert not on_air.broadcast.is_closed
    await on_air.wait_closed()
    assert on_air.reason == "the encoder fell silent: no audio for 0.8 s"
    assert on_air.recorder.frames == 8
    on_air.encoder.close()


async def test_what_came_behind_the_login_is_published_first(on_air: OnAir) -> None:
    await on_air.send(3)
    on_air.begin(rest=FRAME * 2)
    on_air.broadcast.pull()
    assert on_air.recorder.frames == 5
    assert on_air.recorder.tracks == 1


async def test_a_source_faster_than_real_time_is_read_by_the_loop(on_air: OnAir) -> None:
    on_air.begin()
    loop = asyncio.get_running_loop()
    on_air.encoder.setblocking(False)
    async with asyncio.timeout(10):
        await loop.sock_sendall(on_air.encoder, FRAME * 5000)  # two megabytes
        on_air.encoder.shutdown(socket.SHUT_WR)
        await on_air.wait_closed()
    assert on_air.recorder.frames == 5000


async def test_one_pull_reads_so_much_of_a_fast_source_and_no_more(on_air: OnAir) -> None:
    on_air.ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
    on_air.begin()
    asyncio.get_running_loop().remove_reader(on_air.ours)  # the test alone reads
    on_air.encoder.setblocking(False)
    async with asyncio.timeout(10):
        for _ in range(4):
            await asyncio.get_running_loop().sock_sendall(on_air.encoder, FRAME * 400)
    await asyncio.sleep(0.1)
    on_air.broadcast.pull()
    assert 0 < on_air.recorder.frames * len(FRAME) <= 4 * 65_536


async def test_audio_that_takes_long_to_split_is_read_in_more_turns(
    on_air: OnAir, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_air.begin()
    on_air.ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    monkeypatch.setattr(source, "_TURN_S", -1.0)
    on_air.encoder.sendall(FRAME * 400)
    on_air.broadcast.pull()
    assert on_air.recorder.frames == 65_536 // len(FRAME)
    on_air.broadcast.pull()
    assert on_air.recorder.frames > 65_536 // len(FRAME)


async def test_a_closed_source_hangs_up_and_reads_no_more(on_air: OnAir) -> None:
    on_air.begin()
    await on_air.send(5)
    on_air.broadcast.close(STOPPED)
    on_air.source.pull()
    assert on_air.recorder.frames == 0
    on_air.encoder.settimeout(2)
    with pytest.raises(ConnectionResetError):
        on_air.encoder.recv(1)


async def test_a_client_that_waits_for_the_decision_is_not_gone(on_air: OnAir) -> None:
    assert not on_air.source.is_gone
    await on_air.send(3)
    assert not on_air.source.is_gone
    on_air.begin()
    on_air.broadcast.pull()
    assert on_air.recorder.frames == 3  # to look has read nothing away


@pytest.mark.parametrize("frames", [0, 3])
async def test_a_client_that_has_hung_up_is_gone_whatever_lies_unread(
    on_air: OnAir, frames: int
) -> None:
    await on_air.send(frames)
    on_air.encoder.close()
    assert on_air.source.is_gone


@pytest.mark.parametrize("content_length", [None, 3 * len(FRAME)])
async def test_a_client_whose_connection_was_reset_is_gone(content_length: int | None) -> None:
    on_air = OnAir(content_length=content_length)
    await on_air.send(3)
    linger = b"\x01\0\0\0\0\0\0\0"  # reset on close
    on_air.encoder.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    on_air.encoder.close()
    assert on_air.source.is_gone
    on_air.ours.close()


async def test_a_client_whose_socket_we_have_closed_is_gone(on_air: OnAir) -> None:
    on_air.ours.close()
    assert on_air.source.is_gone


@pytest.mark.parametrize(("missing", "is_gone"), [(0, False), (1, True)])
@pytest.mark.parametrize("behind_the_head", [0, 100])
async def test_one_that_has_closed_its_side_behind_a_whole_body_still_waits_for_the_answer(
    missing: int, is_gone: bool, behind_the_head: int
) -> None:
    body = FRAME * 3
    rest, later = body[:behind_the_head], body[behind_the_head:]
    on_air = OnAir(content_length=len(body) + missing, rest=rest)
    on_air.encoder.sendall(later)
    assert not on_air.source.is_gone
    on_air.encoder.shutdown(socket.SHUT_WR)
    assert on_air.source.is_gone is is_gone
    on_air.encoder.close()
    on_air.ours.close()


async def test_closing_twice_changes_nothing(on_air: OnAir) -> None:
    on_air.begin()
    on_air.source.close(STOPPED)
    on_air.source.close(STOPPED)
    assert on_air.ours.fileno() == -1


@pytest.mark.parametrize("accepted", [SOURCE_ACCEPTED, CONTINUE])
async def test_a_body_that_is_whole_ends_it_and_a_client_that_waits_is_told(
    accepted: bytes,
) -> None:
    on_air = OnAir(content_length=2 * len(FRAME), accepted=accepted)
    on_air.begin()
    on_air.encoder.sendall(FRAME * 2)
    await asyncio.sleep(0.05)
    on_air.broadcast.pull()
    assert on_air.reason == "the encoder ended its stream"
    answer = on_air.encoder.recv(4096)
    assert answer.startswith(b"HTTP/1.0 200 OK\r\n") if accepted == CONTINUE else answer == b""
    on_air.encoder.close()


async def test_a_body_that_tells_its_end_is_read_without_being_asked() -> None:
    on_air = OnAir(content_length=2 * len(FRAME), accepted=CONTINUE)
    on_air.begin()
    on_air.encoder.sendall(FRAME * 2)
    await on_air.wait_closed()
    on_air.encoder.settimeout(2)
    assert on_air.encoder.recv(4096).startswith(b"HTTP/1.0 200 OK\r\n")
    on_air.encoder.close()


async def test_unread_audio_puts_the_end_of_a_silent_source_off_by_a_quarter_at_most() -> None:
    on_air = OnAir(timeout_s=1.2)
    on_air.begin()
    await asyncio.sleep(0.02)
    on_air.encoder.sendall(FRAME * 3)
    sent = time.monotonic()
    await on_air.wait_closed()
    assert on_air.recorder.frames == 3
    assert 1.2 <= time.monotonic() - sent < 2.2  # and not 2.4
    on_air.encoder.close()


async def test_silence_is_looked_for_without_a_read_while_listeners_have_it_read() -> None:
    on_air = OnAir(timeout_s=4.0)  # looked for every second
    on_air.begin(rest=FRAME * 2)
    for _ in range(12):
        await on_air.send(1)
        await asyncio.sleep(0.05)
        before = on_air.recorder.frames
        on_air.broadcast.pull()
        assert on_air.recorder.frames == before + 1  # it was still unread
    assert on_air.recorder.batches == [2] + [1] * 12
    on_air.broadcast.close(STOPPED)
    on_air.encoder.close()


def test_silence_is_looked_for_less_often_than_listeners_are_sent_to() -> None:
    assert Pacing().max_interval_s * 1.5 < MAX_CHECK_INTERVAL_S


@pytest.mark.parametrize("timeout_s", [0.001, 0.3, 1.7])
async def test_a_silent_source_is_not_looked_at_again_and_again(timeout_s: float) -> None:
    on_air = OnAir(timeout_s=timeout_s)
    looks = 0
    look = on_air.source._check_silence

    def count() -> None:
        nonlocal looks
        looks += 1
        look()

    on_air.source._check_silence = count  # type: ignore[method-assign]
    on_air.begin()
    await on_air.wait_closed()
    assert looks <= 7
    on_air.encoder.close()


async def test_frames_with_junk_between_are_handed_on_at_once(on_air: OnAir) -> None:
    on_air.begin(rest=FRAME * 3)
    on_air.source._take((bytes(9) + FRAME * 2) * 50 + FRAME)
    assert on_air.recorder.batches == [3, 101]


async def test_what_follows_a_subscribers_end_in_the_same_read_is_dropped(
    on_air: OnAir, caplog: pytest.LogCaptureFixture
) -> None:
    keep = on_air.recorder.on_frames

    def close_at_the_first(frames: Sequence[Frame]) -> None:
        keep(frames)
        on_air.broadcast.close(STOPPED)

    on_air.recorder.on_frames = close_at_the_first  # type: ignore[method-assign]
    other = b"\xff\xfb\x94\x64" + bytes(380)  # 48 kHz: another track
    on_air.begin(rest=FRAME * 5 + other * 8)
    assert on_air.recorder.frames == 5
    assert on_air.recorder.tracks == 1
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_tags_without_end_are_silence() -> None:
    on_air = OnAir(timeout_s=0.6)
    on_air.begin(rest=FRAME * 3)
    tag = b"ID3\x04\0\0\0\0\x08\0" + bytes(1024)
    begin = time.monotonic()
    while not on_air.broadcast.is_closed:
        on_air.encoder.sendall(tag * 8)
        on_air.broadcast.pull()
        await asyncio.sleep(0.02)
    assert on_air.reason == "the encoder fell silent: no audio for 0.6 s"
    assert time.monotonic() - begin < 2
    assert on_air.recorder.frames == 3
    on_air.encoder.close()


async def test_junk_ends_it_with_a_reason(on_air: OnAir) -> None:
    on_air.begin()
    on_air.encoder.sendall(b"no audio at all" * 5000)
    await on_air.wait_closed()
    assert "without a frame" in on_air.reason
