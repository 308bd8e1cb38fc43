from collections.abc import Callable, Sequence

import pytest

from awazpulse.audio import Frame, Track
from awazpulse.errors import MisuseError
from awazpulse.relay import End, Input, Station
from tests.awazpulse.relay.studio import AAC, LEFT, TRACK, FakeSource, make_frames

FRAMES = make_frames(2)


class FakeReceiver:
    def __init__(self) -> None:
        self.log: list[object] = []

    def take_station(self, station: Station) -> None:
        self.log.append(station)

    def take_track(self, track: Track) -> None:
        self.log.append(track)

    def take_frames(self, source_input: Input, frames: Sequence[Frame], now: float) -> None:
        self.log.append((source_input, frames, now))

    def lose_source(self, end: End, now: float) -> None:
        self.log.append((end, now))


def fail(_track: Track, _frames: Sequence[Frame]) -> None:
    raise ValueError("cannot measure")


@pytest.fixture
def receiver() -> FakeReceiver:
    return FakeReceiver()


@pytest.fixture
def source_input(receiver: FakeReceiver) -> Input:
    return Input(receiver, FakeSource(), Station())


def test_what_a_source_says_reaches_its_receiver_in_order(
    source_input: Input, receiver: FakeReceiver
) -> None:
    station = Station(name="x")
    source_input.set_station(station)
    source_input.set_track(TRACK)
    source_input.publish(FRAMES, 5.0)
    source_input.end(LEFT, 6.0)
    assert receiver.log == [station, TRACK, (source_input, FRAMES, 5.0), (LEFT, 6.0)]
    assert (source_input.station, source_input.track) == (station, TRACK)


def test_same_track_again_changes_nothing(source_input: Input, receiver: FakeReceiver) -> None:
    for track in (TRACK, TRACK, AAC, AAC, TRACK):
        source_input.set_track(track)
    assert receiver.log == [TRACK, AAC, TRACK]


def test_frames_before_their_track_are_our_own_fault(
    source_input: Input, receiver: FakeReceiver
) -> None:
    with pytest.raises(MisuseError, match="got frames before their track"):
        source_input.publish(FRAMES, 5.0)
    assert receiver.log == []


def test_second_end_changes_nothing(source_input: Input, receiver: FakeReceiver) -> None:
    source_input.end(LEFT, 5.0)
    source_input.end(LEFT, 6.0)
    assert receiver.log == [(LEFT, 5.0)]


@pytest.mark.parametrize("has_track", [True, False])
@pytest.mark.parametrize(
    "call",
    [
        lambda source_input: source_input.publish(FRAMES, 5.0),
        lambda source_input: source_input.set_track(AAC),
        lambda source_input: source_input.set_station(Station(name="x")),
    ],
)
def test_closed_input_leads_nowhere(
    source_input: Input, receiver: FakeReceiver, call: Callable[[Input], None], has_track: bool
) -> None:
    if has_track:
        source_input.set_track(TRACK)
    source_input.is_open = False
    told = len(receiver.log)
    with pytest.raises(MisuseError, match="this source is off air"):
        call(source_input)
    source_input.end(LEFT, 5.0)
    assert (len(receiver.log), source_input.station) == (told, Station())


def test_sampler_is_shown_what_the_source_sends_after_it_was_sent(
    source_input: Input, receiver: FakeReceiver
) -> None:
    source_input.set_track(TRACK)
    source_input.sampler = lambda track, frames: receiver.log.append(("sample", track, frames))
    source_input.publish(FRAMES, 5.0)
    assert receiver.log[1:] == [(source_input, FRAMES, 5.0), ("sample", TRACK, FRAMES)]


def test_sampler_that_fails_is_not_asked_again_and_costs_the_source_nothing(
    source_input: Input, receiver: FakeReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    source_input.set_track(TRACK)
    samplers: list[Callable[[Track, Sequence[Frame]], None] | None] = [fail]
    source_input.sampler = samplers[0]
    source_input.publish(FRAMES, 5.0)
    source_input.publish(FRAMES, 6.0)
    samplers.append(source_input.sampler)
    assert samplers == [fail, None]
    assert len(receiver.log) == 3
    assert caplog.text.count("a sampler has failed") == 1
