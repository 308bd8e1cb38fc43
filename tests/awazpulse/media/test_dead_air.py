from awazpulse.media.dead_air import DeadAir, DeadAirWatch
from awazpulse.media.values import SILENCE_DBFS


def test_quiet_begins_after_the_time_and_is_told_once() -> None:
    watch = DeadAirWatch(level_dbfs=-50, after_s=20)
    assert watch.take(SILENCE_DBFS, 100.0) is None
    assert watch.take(SILENCE_DBFS, 119.9) is None
    assert watch.take(SILENCE_DBFS, 120.0) is DeadAir.BEGAN
    assert watch.is_dead
    assert watch.take(SILENCE_DBFS, 121.0) is None


def test_a_level_at_the_limit_is_heard_and_one_below_is_not() -> None:
    watch = DeadAirWatch(level_dbfs=-50, after_s=1)
    for now in range(10):
        assert watch.take(-50.0, now) is None
    assert watch.take(-50.1, 10) is None
    assert watch.take(-50.1, 11) is DeadAir.BEGAN


def test_what_is_heard_ends_it_and_is_told_once() -> None:
    watch = DeadAirWatch(after_s=0)
    assert watch.take(-60, 1) is DeadAir.BEGAN
    assert watch.take(-20, 2) is DeadAir.ENDED
    assert not watch.is_dead
    assert watch.take(-20, 3) is None
    assert watch.take(-60, 4) is DeadAir.BEGAN


def test_a_sound_between_starts_the_time_anew() -> None:
    watch = DeadAirWatch(after_s=20)
    for now, level in ((0, -70), (19, -10), (20, -70), (39, -70)):
        assert watch.take(level, now) is None
    assert watch.take(-70, 40) is DeadAir.BEGAN


def test_a_channel_that_is_heard_says_nothing() -> None:
    watch = DeadAirWatch()
    assert not any(watch.take(-14, now) for now in range(100))
