import random

import pytest

from awazpulse.audio import Codec, Track
from awazpulse.relay import Title
from awazpulse.relay.stand_in import (
    MAX_BEHIND_S,
    MAX_FRAMES_AT_ONCE,
    NoStandIns,
    SilentReel,
    Sound,
    StandIn,
)
from tests.awazpulse.relay.studio import AAC, OTHER_RATE, TRACK, FakeReel

START = 123_456.789
TRACKS = [
    TRACK,
    OTHER_RATE,
    AAC,
    Track(Codec.MP3, 44_100, 2, 1152),
    Track(Codec.AAC, 22_050, 1, 1024),
]


def count_due(stand_in: StandIn, now: float) -> int:
    return sum(len(frames) for frames in stand_in.take_due(now))


@pytest.mark.parametrize("track", TRACKS)
def test_frames_keep_within_one_frame_of_the_clock_and_never_run_ahead(track: Track) -> None:
    jitter = random.Random(7)
    stand_in = StandIn(Sound.SILENCE, FakeReel("silence", track), START)
    frame_s = track.frame_samples / track.sample_rate
    now, frames = START, 0
    while now < START + 600:
        now += jitter.choice((0.001, 0.02, 0.05, 0.05, 0.07, 0.4, 2.5)) * jitter.uniform(0.5, 1.5)
        frames += count_due(stand_in, now)
        assert -1e-6 <= now - START - frames * frame_s < frame_s + 1e-6
        assert now - frame_s - 1e-6 < stand_in.covered_until <= now + 1e-6
    assert frames * frame_s == pytest.approx(now - START, abs=frame_s)


def test_nothing_is_due_before_a_frame_has_passed_nor_when_the_clock_goes_back() -> None:
    stand_in = StandIn(Sound.SILENCE, FakeReel("silence", TRACK), START)
    assert count_due(stand_in, START + 0.023) == 0
    assert count_due(stand_in, START + 0.025) == 1
    assert count_due(stand_in, START + 0.025) == 0
    assert count_due(stand_in, START - 100) == 0
    assert count_due(stand_in, START + 0.049) == 1


def test_loop_that_was_held_up_catches_up_in_runs_of_a_limit() -> None:
    stand_in = StandIn(Sound.SILENCE, FakeReel("silence", TRACK), START)
    runs = [len(frames) for frames in stand_in.take_due(START + 30.001)]
    assert runs == [MAX_FRAMES_AT_ONCE, MAX_FRAMES_AT_ONCE, 1250 - 2 * MAX_FRAMES_AT_ONCE]


def test_reel_that_gives_less_is_asked_again_and_its_frames_come_together() -> None:
    class Short(FakeReel):
        def take(self, count: int) -> list:  # type: ignore[type-arg]
            return super().take(min(count, 3))

    reel = Short("fallback", TRACK)
    stand_in = StandIn(Sound.FALLBACK, reel, START)
    assert [len(frames) for frames in stand_in.take_due(START + 10 * 0.024 + 0.001)] == [10]
    assert reel.taken == 10


def test_reel_that_gives_nothing_is_an_error_and_no_endless_loop() -> None:
    class Empty(FakeReel):
        def take(self, count: int) -> list:  # type: ignore[type-arg]
            return []

    stand_in = StandIn(Sound.FALLBACK, Empty("fallback", TRACK), START)
    with pytest.raises(ValueError, match="no more frames"):
        list(stand_in.take_due(START + 1))


def test_what_is_too_late_is_left_out_and_the_rest_is_sent() -> None:
    stand_in = StandIn(Sound.SILENCE, FakeReel("silence", TRACK), START)
    assert not stand_in.skip_to(START + MAX_BEHIND_S), "at the limit"
    assert not stand_in.skip_to(START + 100), "nothing was sent that it would part from"
    assert count_due(stand_in, START + 100) == int(MAX_BEHIND_S / 0.024)
    assert stand_in.skip_to(START + 200)
    assert not stand_in.skip_to(START + 200)
    assert stand_in.covered_until == pytest.approx(START + 200 - MAX_BEHIND_S)
    count_due(stand_in, START + 200)
    assert START + 200 - 0.024 < stand_in.covered_until <= START + 200


def test_silence_is_one_frame_again_and_again_whose_time_goes_on() -> None:
    reel = SilentReel(AAC, b"headersilence", 6)
    frames = [*reel.take(2), *reel.take(1), *reel.take(600)]
    assert {(frame.data, frame.samples, frame.header_bytes) for frame in frames} == {
        (b"headersilence", 1024, 6)
    }
    assert [frame.timestamp_ms for frame in frames] == [n * 1024 // 48 for n in range(603)]
    assert (reel.track, reel.title) == (AAC, Title())
    reel.close()


def test_runs_of_silence_are_one_piece_of_memory() -> None:
    run = SilentReel(TRACK, bytes(10), 0).take(3)
    assert (run.data, list(run.sizes)) == (bytes(30), [10, 10, 10])


def test_broadcast_without_stand_ins_gets_none() -> None:
    none = NoStandIns()
    none.prepare("demo", TRACK, None)
    assert none.open_silence(TRACK) is none.open_fallback("demo", None) is None
