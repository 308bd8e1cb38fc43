from collections.abc import Callable, Sequence

import pytest

from awazpulse.audio import Codec, Frame, Track
from awazpulse.errors import MisuseError
from awazpulse.relay import Broadcast, Station, Title

TRACK = Track(Codec.MP3, 44_100, 2, 1152)
FRAME = Frame(0, 1152, bytes(418))


class Recorder:
    """A source and a subscriber that write down, in one list, what they are told."""

    def __init__(self, name: str, log: list[str], fail: bool = False) -> None:
        self._name = name
        self._log = log
        self._fail = fail
        self.pulled = 0

    def close(self, reason: str) -> None:
        self._log.append(f"{self._name} closed: {reason}")

    def on_track(self, track: Track) -> None:
        self._log.append(f"{self._name} track {track.sample_rate}")

    def pull(self) -> None:
        self.pulled += 1

    def on_frames(self, frames: Sequence[Frame]) -> None:
        self._log.append(f"{self._name} frames {[frame.timestamp_ms for frame in frames]}")

    def on_title(self, title: Title) -> None:
        self._log.append(f"{self._name} title {title.text}")

    def on_close(self, reason: str) -> None:
        self._log.append(f"{self._name} ends: {reason}")
        if self._fail:
            raise RuntimeError(self._name)


@pytest.fixture
def log() -> list[str]:
    return []


@pytest.fixture
def broadcast(log: list[str]) -> Broadcast:
    return Broadcast(
        "demo", "hls", Recorder("source", log), station=Station(), max_listeners=2, now=1.0
    )


def test_frames_and_titles_reach_every_subscriber_in_order(
    broadcast: Broadcast, log: list[str]
) -> None:
    broadcast.subscribe(Recorder("a", log))
    broadcast.set_track(TRACK)
    broadcast.subscribe(Recorder("b", log))
    broadcast.publish([FRAME], 2.0)
    broadcast.set_title(Title.from_text("x"))
    assert log == [
        *(
            "a track 44100",
            "b track 44100",
            "a frames [0]",
            "b frames [0]",
            "a title x",
            "b title x",
        )
    ]
    assert broadcast.last_frame == 2.0


def test_a_late_subscriber_is_told_track_and_title(broadcast: Broadcast, log: list[str]) -> None:
    broadcast.set_track(TRACK)
    broadcast.set_title(Title.from_text("x"))
    broadcast.subscribe(Recorder("late", log))
    assert log == ["late track 44100", "late title x"]


def test_what_is_the_same_again_is_not_told(broadcast: Broadcast, log: list[str]) -> None:
    broadcast.subscribe(Recorder("a", log))
    for _ in range(2):
        broadcast.set_track(TRACK)
        broadcast.set_title(Title.from_text("x"))
    assert log == ["a track 44100", "a title x"]


def test_the_end_comes_once_source_first_then_listeners_then_the_rest(
    broadcast: Broadcast, log: list[str]
) -> None:
    broadcast.subscribe(Recorder("a", log))
    broadcast.subscribe(Recorder("b", log))
    broadcast.on_closed(lambda closed, reason: log.append(f"row of {closed.channel_id}: {reason}"))
    broadcast.close("switched")
    broadcast.close("again")
    assert log == [
        "source closed: switched",
        "a ends: switched",
        "b ends: switched",
        "row of demo: switched",
    ]
    assert broadcast.closed_reason == "switched"


def test_one_that_fails_at_the_end_does_not_keep_it_from_the_others(
    broadcast: Broadcast, log: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    broadcast.subscribe(Recorder("bad", log, fail=True))
    broadcast.subscribe(Recorder("good", log))
    broadcast.on_closed(lambda closed, _reason: log.append(str(1 / closed.listeners)))
    broadcast.on_closed(lambda _closed, _reason: log.append("row"))
    broadcast.close("x")
    assert log[-2:] == ["good ends: x", "row"]
    assert "channel=demo closing failed" in caplog.text


@pytest.mark.parametrize(
    "call",
    [
        lambda b: b.publish([FRAME], 2.0),
        lambda b: b.set_track(TRACK),
        lambda b: b.set_title(Title.from_text("x")),
        lambda b: b.on_closed(lambda _b, _r: None),
    ],
)
def test_nothing_can_be_done_after_the_end(
    broadcast: Broadcast, call: Callable[[Broadcast], None]
) -> None:
    broadcast.close("over")
    with pytest.raises(MisuseError):
        call(broadcast)


def test_a_frame_before_its_track_is_our_own_fault(broadcast: Broadcast) -> None:
    with pytest.raises(MisuseError, match="no track yet"):
        broadcast.publish([FRAME], 2.0)


def test_a_pull_asks_the_source_and_so_does_a_new_title_but_not_after_the_end() -> None:
    log: list[str] = []
    source = Recorder("source", log)
    broadcast = Broadcast("demo", "icecast", source, station=Station(), max_listeners=2, now=1.0)
    broadcast.subscribe(Recorder("a", log))
    broadcast.pull()
    broadcast.set_title(Title.from_text("x"))
    assert source.pulled == 2
    broadcast.close("over")
    broadcast.pull()
    assert source.pulled == 2


def test_frames_that_wait_when_the_title_changes_come_before_it(log: list[str]) -> None:
    class Waiting(Recorder):
        def pull(self) -> None:
            own.publish([FRAME, FRAME], 2.0)

    source = Waiting("source", log)
    own = Broadcast("demo", "icecast", source, station=Station(), max_listeners=2, now=1.0)
    own.set_track(TRACK)
    own.subscribe(Recorder("a", log))
    own.set_title(Title.from_text("x"))
    assert log == ["a track 44100", "a frames [0, 0]", "a title x"]


def test_a_source_that_ends_when_it_is_pulled_gets_no_title(log: list[str]) -> None:
    class Gone(Recorder):
        def pull(self) -> None:
            own.close("the encoder disconnected")

    source = Gone("source", log)
    own = Broadcast("demo", "icecast", source, station=Station(), max_listeners=2, now=1.0)
    own.subscribe(Recorder("a", log))
    own.set_title(Title.from_text("x"))
    assert "a title x" not in log


def test_no_frames_follow_the_end_that_another_subscriber_has_made(log: list[str]) -> None:
    class Ends(Recorder):
        def on_frames(self, frames: Sequence[Frame]) -> None:
            own.close("kicked")

    source = Recorder("source", log)
    own = Broadcast("demo", "icecast", source, station=Station(), max_listeners=2, now=1.0)
    own.set_track(TRACK)
    own.subscribe(Ends("first", log))
    own.subscribe(Recorder("second", log))
    own.publish([FRAME], 2.0)
    assert log[-1] == "second ends: kicked"


def test_listeners_are_counted_against_the_limit(broadcast: Broadcast) -> None:
    broadcast.listener_joined()
    broadcast.listener_joined()
    had_room, broadcast.max_listeners = broadcast.has_room, 3
    assert (had_room, broadcast.has_room) == (False, True)
    broadcast.listener_left()
    assert (broadcast.listeners, broadcast.peak_listeners) == (1, 2)
    broadcast.close("over")
    broadcast.listener_left()
    assert broadcast.listeners == 0


def test_the_bitrate_is_the_declared_one_else_the_measured_one(broadcast: Broadcast) -> None:
    told = [broadcast.bitrate_kbps]
    broadcast.set_track(TRACK)
    for _ in range(100):
        broadcast.publish([FRAME], 2.0)
    told.append(broadcast.bitrate_kbps)
    broadcast.set_station(Station(bitrate_kbps=160))
    told.append(broadcast.bitrate_kbps)
    assert told == [None, 128, 160]
