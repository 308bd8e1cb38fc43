"""A mount with its listeners, over real sockets."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable

import pytest

from awazpulse.audio import Codec, Frame, Track
from awazpulse.errors import MisuseError
from awazpulse.relay import Broadcast, End, EndReason, Input, Station, Title
from awazpulse.relay.fanout import FanOut
from awazpulse.relay.pacing import Pacing
from icecast_compat.icy import METAINT
from icecast_compat.mount import ListenerInfo, Mount
from tests.icecast_compat.workbench import FRAME, TRACK, IdleSource, open_broadcast

INFO = ListenerInfo("192.0.2.1", "VLC")
DATE = b"Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
SWITCHED = End(EndReason.SWITCHED)


class WrittenLog:
    """Writes down the sessions that a mount tells of."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, str, str, str]] = []
        self.first_bytes: list[int] = []
        self.sent: dict[int, int] = {}

    def begin_session(
        self, channel_id: str, stream_type: str, address: str, user_agent: str, first_byte: int = 0
    ) -> int:
        self.begun.append((channel_id, stream_type, address, user_agent))
        self.first_bytes.append(first_byte)
        return len(self.begun)

    def end_session(self, number: int, last_byte: int, ended_ago_s: float = 0.0) -> None:
        assert number not in self.sent
        assert ended_ago_s == 0.0
        self.sent[number] = last_byte - self.first_bytes[number - 1]


class OnAir:
    """A broadcast with its mount, and the far ends of its listeners."""

    def __init__(
        self, fanout: FanOut, station: Station | None = None, source: IdleSource | None = None
    ) -> None:
        self.fanout = fanout
        self.log = WrittenLog()
        self.broadcast: Broadcast
        self.input: Input
        self.broadcast, self.input = open_broadcast(station=station, source=source)
        self.closed: list[Mount] = []
        self.mount = Mount(self.broadcast, fanout, 0.0, self.closed.append, self.log)
        self.broadcast.attach("icecast", self.mount)
        self.far: list[socket.socket] = []

    def admit(self, *, icy: bool = False) -> socket.socket:
        ours, far = socket.socketpair()
        for end in (ours, far):
            end.setblocking(False)
        self.far.append(far)
        self.mount.admit(ours, INFO, 0.0, icy=icy)
        return far

    def publish(self, count: int, track: Track = TRACK, frame: Frame = FRAME) -> None:
        self.input.set_track(track)
        self.input.publish([frame] * count, 0.0)


@pytest.fixture
async def fanout() -> AsyncIterator[FanOut]:
    fanout = FanOut(asyncio.get_running_loop(), Pacing(min_interval_s=0.01))
    yield fanout
    fanout.close()


@pytest.fixture
async def on_air(fanout: FanOut) -> AsyncIterator[OnAir]:
    on_air = OnAir(fanout)
    yield on_air
    for far in on_air.far:
        far.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  # the loop serves sockets
            await asyncio.sleep(0.005)


async def read(far: socket.socket, count: int) -> bytes:
    data = b""
    async with asyncio.timeout(5):
        while len(data) < count:
            data += await asyncio.get_running_loop().sock_recv(far, count - len(data))
    return data


async def read_body(far: socket.socket, *, with_head: bool = True) -> int:
    """Take what comes within a tenth of a second; return how many bytes of body it is."""
    data = b""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.1):
            while part := await asyncio.get_running_loop().sock_recv(far, 65_536):
                data += part
    return len(data.partition(b"\r\n\r\n")[2] if with_head else data)


async def read_head(far: socket.socket) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += await read(far, 1)
    return head


async def test_a_listener_gets_the_head_the_burst_and_what_comes(on_air: OnAir) -> None:
    on_air.publish(3)
    far = on_air.admit()
    head = await read_head(far)
    assert DATE in head
    assert head.replace(DATE, b"") == on_air.mount.listener_head(icy=False)
    on_air.publish(2)
    assert await read(far, 5 * len(FRAME.data)) == FRAME.data * 5


async def test_one_who_asked_for_metadata_gets_the_title_between_the_audio(on_air: OnAir) -> None:
    far = on_air.admit(icy=True)
    await read_head(far)
    on_air.broadcast.set_title(Title.from_text("A - B"))
    on_air.publish(METAINT // len(FRAME.data) + 1)
    data = await read(far, METAINT + 1 + 32)
    assert data[METAINT] == 2
    assert data[METAINT + 1 :].rstrip(b"\0") == b"StreamTitle='A - B';"


async def test_the_head_says_what_the_source_said_and_nothing_empty(fanout: FanOut) -> None:
    station = Station(name="نور", genre="talk", public=True, bitrate_kbps=96)
    head = OnAir(fanout, station).mount.listener_head(icy=False).decode()
    assert head.startswith("HTTP/1.0 200 OK\r\nServer: AwazPulse\r\nConnection: Close\r\n")
    for line in ("icy-name:نور", "icy-genre:talk", "icy-pub:1", "icy-br:96"):
        assert f"\r\n{line}\r\n" in head
    for absent in ("icy-url", "icy-metaint", "Content-Length", "Transfer-Encoding"):
        assert f"\r\n{absent}:" not in head
    assert head.endswith("\r\n\r\n")
    assert head.count("\r\n\r\n") == 1


async def test_the_place_of_metadata_is_told_to_those_who_get_it(on_air: OnAir) -> None:
    head = on_air.mount.listener_head(icy=True)
    assert b"\r\nicy-metaint:16000\r\n" in head  # old players look for it to the letter
    assert b"\r\nicy-metadata:1\r\n" in head


async def test_listeners_are_counted_in_and_out(on_air: OnAir) -> None:
    far = [on_air.admit(icy=bool(number % 2)) for number in range(4)]
    count = on_air.mount.count
    assert (count.listeners, count.peak_listeners) == (4, 4)
    far[0].close()
    far[1].close()
    await until(lambda: count.listeners == 2)
    assert count.peak_listeners == 4


@pytest.mark.parametrize("icy", [False, True])
async def test_a_session_counts_the_bytes_that_its_listener_was_sent(
    on_air: OnAir, icy: bool
) -> None:
    on_air.publish(150)
    early = on_air.admit(icy=icy)
    on_air.publish(50)
    early_body = await read_body(early)
    late = on_air.admit(icy=icy)
    on_air.publish(100)
    for far, had in ((early, early_body), (late, 0)):
        body = had + await read_body(far, with_head=not had)
        far.close()
        number = 1 if far is early else 2
        await until(lambda number=number: number in on_air.log.sent)  # type: ignore[misc]
        assert on_air.log.sent[number] == body
    assert on_air.log.begun == [("demo", "icecast", INFO.address, INFO.user_agent)] * 2


async def test_the_mounts_end_ends_every_session(on_air: OnAir) -> None:
    on_air.publish(10)
    far = [on_air.admit() for _ in range(3)]
    on_air.publish(10)
    on_air.broadcast.close(SWITCHED)
    await until(lambda: len(on_air.log.sent) == 3)
    assert [on_air.log.sent[n + 1] for n in range(3)] == [await read_body(end) for end in far]


async def test_a_listener_who_cannot_be_admitted_has_no_session(on_air: OnAir) -> None:
    on_air.publish(10)
    ours, far = socket.socketpair()
    on_air.far.append(far)
    ours.close()
    with pytest.raises(ValueError, match="file descriptor"):
        on_air.mount.admit(ours, INFO, 0.0, icy=False)
    assert on_air.log.sent == {1: 0}
    assert on_air.mount.count.listeners == 0


async def test_there_is_room_up_to_the_channels_limit(on_air: OnAir) -> None:
    on_air.mount.count.max_listeners = 1
    assert on_air.mount.has_room
    on_air.admit()
    assert not on_air.mount.has_room


async def test_one_who_has_left_before_it_is_admitted_is_counted_out_again(on_air: OnAir) -> None:
    ours, far = socket.socketpair()
    ours.setblocking(False)
    far.close()
    on_air.mount.admit(ours, INFO, 0.0, icy=False)
    assert on_air.mount.count.listeners == on_air.fanout.listeners == 0


async def test_a_listener_that_cannot_be_admitted_is_not_counted_and_hung_up_on(
    on_air: OnAir, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("no memory for one more socket in the selector")

    monkeypatch.setattr(on_air.fanout, "join", fail)
    with pytest.raises(OSError, match="no memory"):
        on_air.admit()
    assert on_air.mount.count.listeners == 0
    assert on_air.far[0].recv(1) == b""


async def test_the_end_of_the_broadcast_is_the_end_of_its_listeners_after_the_last_frame(
    on_air: OnAir,
) -> None:
    far = [on_air.admit(), on_air.admit(icy=True)]
    on_air.publish(1)
    assert on_air.closed == []
    on_air.broadcast.close(SWITCHED)
    assert on_air.closed == [on_air.mount]
    await until(lambda: on_air.fanout.listeners == 0)
    for one in far:
        assert one.recv(65_536).endswith(b"\r\n\r\n" + FRAME.data)
        assert one.recv(1) == b""
    with pytest.raises(MisuseError):
        on_air.admit()


async def test_the_end_of_this_delivery_alone_ends_the_mount(on_air: OnAir) -> None:
    on_air.broadcast.attach("hls", OnAir(on_air.fanout).mount)
    far = on_air.admit()
    on_air.broadcast.detach("icecast", End(EndReason.DELIVERY_OFF))
    assert on_air.mount.is_closed
    assert not on_air.broadcast.is_closed
    await until(lambda: on_air.fanout.listeners == 0)
    await read_head(far)
    assert far.recv(1) == b""


async def test_a_mount_is_named_by_its_channel(on_air: OnAir) -> None:
    assert on_air.mount.path == "/demo.mp3"


AAC = Track(Codec.AAC, 44_100, 2, 1024)


@pytest.mark.parametrize(
    ("declared", "track", "told"),
    [
        ("", None, "audio/mpeg"),
        ("audio/aacp", None, "audio/aacp"),
        ("audio/aacp", AAC, "audio/aacp"),
        ("", AAC, "audio/aac"),
        ("audio/mpeg", AAC, "audio/aac"),
        ("audio/aac", TRACK, "audio/mpeg"),
    ],
)
async def test_the_content_type_is_that_of_the_audio_and_before_it_comes_the_declared_one(
    fanout: FanOut, declared: str, track: Track | None, told: str
) -> None:
    on_air = OnAir(fanout, Station(content_type=declared))
    if track is not None:
        on_air.publish(1, track)
    assert on_air.mount.content_type == told


async def test_audio_of_another_kind_ends_those_who_were_promised_the_former(
    on_air: OnAir,
) -> None:
    far = on_air.admit()
    on_air.publish(1)
    on_air.publish(1, AAC)
    await until(lambda: on_air.fanout.listeners == 0)
    assert on_air.mount.count.listeners == 0
    assert b"Content-Type: audio/mpeg\r\n" in await read_head(far)
    assert far.recv(65_536) == FRAME.data
    assert b"Content-Type: audio/aac\r\n" in await read_head(on_air.admit())
    assert on_air.mount.count.listeners == 1


@pytest.mark.parametrize(("ends", "stay"), [(False, 1), (True, 0)])
async def test_another_sample_rate_ends_listeners_where_the_channel_says_so(
    on_air: OnAir, ends: bool, stay: int
) -> None:
    on_air.broadcast.ends_on_format_change = ends
    on_air.admit()
    on_air.publish(1)
    on_air.publish(1, Track(Codec.MP3, 48_000, 2, 1152))
    assert on_air.mount.count.listeners == stay


async def test_what_has_come_is_fetched_before_the_first_bytes_are_told(fanout: FanOut) -> None:
    class Waiting(IdleSource):
        def pull(self) -> None:
            super().pull()
            if self.pulls == 1:
                fed.publish(2)

    fed = OnAir(fanout, source=Waiting())
    assert fed.mount.first_bytes(2) == FRAME.data[:2]
    whole = 2 * len(FRAME.data)
    assert fed.mount.first_bytes(whole + 3) == FRAME.data * 2 + bytes(3)
    assert fed.mount.count.peak_listeners == 0


async def test_fetching_may_show_that_the_source_has_ended(fanout: FanOut) -> None:
    class Ending(IdleSource):
        def pull(self) -> None:
            fed.input.end(End(EndReason.DISCONNECTED), 0.0)

    fed = OnAir(fanout, source=Ending())
    was_closed = fed.mount.is_closed  # to ask fetches nothing
    fed.mount.pull()
    assert (was_closed, fed.mount.is_closed) == (False, True)
    assert fed.closed == [fed.mount]
