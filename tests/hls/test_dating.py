"""Simulated sources: what was recorded when is known here, so each date can be held against it."""

import itertools
import math
import random
from collections.abc import Callable, Iterator

import pytest

from awazpulse.audio import Codec, Frame, Track
from hls.dating import Dating
from hls.segmenter import Cut, Segmenter

TRACK = Track(Codec.AAC, 44_100, 2, 1024)
DRIFTS = [0.0, 100e-6, -100e-6, 0.02, -0.02]
Delay = Callable[[float], float]  # from when a frame is complete to when it arrives


def at_once(at: float) -> float:
    return at


def jittery(seconds: float) -> Delay:
    return lambda at: at + random.Random(at).uniform(0, seconds)


def bunched(seconds: float) -> Delay:
    return lambda at: (math.floor(at / seconds) + 1) * seconds


def stalling(seconds: float) -> Delay:
    """Every 47 s nothing comes for so long, then everything at once."""

    def arrive(at: float) -> float:
        begin = at - at % 47 + 20
        return max(at, begin + seconds) if begin <= at else at

    return arrive


def both(first: Delay, second: Delay) -> Delay:
    return lambda at: second(first(at))


def record(seconds: float, drift: float, arrive: Delay) -> Iterator[tuple[Cut, float]]:
    """Cuts, each with the time at which its first sample was recorded."""
    segmenter = Segmenter(max_segment_bytes=1024 * 1024)
    segmenter.set_track(TRACK)
    sample_s = (1 + drift) / TRACK.sample_rate
    count = int(seconds / sample_s / 1024)
    frames = (Frame(n * 1024 * 1000 // TRACK.sample_rate, 1024, b"") for n in range(count))
    ends = ((n + 1) * 1024 * sample_s for n in range(count))
    arrivals = itertools.accumulate(map(arrive, ends), max)  # nothing overtakes
    for now, group in itertools.groupby(
        zip(arrivals, frames, strict=True), key=lambda pair: pair[0]
    ):
        for cut in segmenter.push([frame for _, frame in group], now):
            yield cut, cut.first_sample * sample_s


@pytest.mark.parametrize("drift", DRIFTS)
@pytest.mark.parametrize("arrive", [
    at_once,
    jittery(0.08),
    bunched(0.25),
    bunched(2.0),
    stalling(2.0),
    stalling(5.0),
    stalling(12.0),
    both(jittery(0.05), stalling(5.0)),
    both(stalling(5.0), bunched(0.25)),
], ids=[
    "at once", "jitter", "bunches of 250 ms", "bunches of 2 s", "stalls of 2 s", "stalls of 5 s",
    "stalls of 12 s", "jitter and stalls", "stalls and bunches",
])  # fmt: skip
def test_dates_stay_within_100_ms_of_the_wall_clock_without_a_discontinuity(
    drift: float, arrive: Delay
) -> None:
    for cut, true in record(300, drift, arrive):
        assert abs(cut.recorded - true) < 0.1
        assert len(cut.frames) in (86, 87)
        assert not cut.discontinuity


@pytest.mark.parametrize("drift", [44_100 / 48_000 - 1, 48_000 / 44_100 - 1, 0.08])
def test_a_wrong_sample_rate_is_followed_too(drift: float) -> None:
    for n, (cut, true) in enumerate(record(300, drift, at_once)):
        # The first segment of a fast one is dated by its end.
        assert abs(cut.recorded - true) < (0.1 if n > 5 or drift > 0 else 0.18)


def test_dates_follow_each_other_at_the_pace_of_the_audio() -> None:
    for arrive, limit_ms in ((at_once, 1), (jittery(0.08), 20), (bunched(2.0), 25)):
        cuts = [cut for cut, _ in record(300, 0.0, arrive)]
        for cut, following in itertools.pairwise(cuts):
            step_s = following.recorded - cut.recorded
            assert abs(step_s - cut.duration_s) * 1000 <= limit_ms


@pytest.mark.parametrize("drift", DRIFTS)
def test_dates_are_true_after_days(drift: float) -> None:
    dating, chance = Dating(), random.Random(2)
    media_s = now = 0.0
    for n in range(3 * 86_400 // 2):
        lag_s = dating.follow(
            min(drift * media_s, drift * (media_s + 2)) + chance.uniform(0, 0.01),
            duration_s=2.0,
            waited_s=2 * (1 + drift),
        )
        assert abs(media_s + lag_s - now) < (0.05 if n else 0.1)
        media_s += 2
        now += 2 * (1 + drift)


def test_audio_that_is_missing_without_a_word_is_believed_after_three_segments() -> None:
    dating = Dating()
    lags = [dating.follow(lag, duration_s=2.0, waited_s=2.0) for lag in (0, 0, 0, *[30] * 5)]
    assert lags[:3] == [0, 0, 0]
    assert lags[3] < lags[4] < 0.5
    assert lags[5:] == pytest.approx([30, 30, 30], abs=0.05)


def test_a_source_that_began_late_is_believed_as_soon_as_it_is_on_time() -> None:
    dating = Dating()
    assert dating.follow(5.0, duration_s=2.0, waited_s=2.0) == 5.0
    assert dating.follow(0.0, duration_s=2.0, waited_s=0.0) == 0.0


def test_a_segment_that_comes_faster_than_real_time_is_not_late_but_catches_up() -> None:
    dating = Dating()
    dating.follow(0.0, duration_s=2.0, waited_s=2.0)
    for lag_s in (8.0, 6.0, 4.0, 2.0, 0.0):
        assert dating.follow(lag_s, duration_s=2.0, waited_s=0.0) == 0.0


def test_a_restart_forgets_what_was_late() -> None:
    dating = Dating()
    for _ in range(3):
        dating.follow(9.0, duration_s=2.0, waited_s=2.0)
    dating.restart(1.0)
    assert dating.lag_s == 1.0
    assert dating.follow(1.0, duration_s=2.0, waited_s=2.0) == 1.0
    assert dating.follow(9.0, duration_s=2.0, waited_s=2.0) < 1.1
