from awazpulse.channels.takeovers import (
    ALIVE_S,
    KEEP_S,
    MAX_CHANNELS,
    MAX_COMEBACKS,
    WINDOW_S,
    TakeoverWatch,
    Verdict,
)

ALIVE = 0.1


def fight(watch: TakeoverWatch, channel_id: str = "demo", now: float = 0.0) -> float:
    """Let two encoders take over from each other once a second until one is refused; return when."""
    for step in range(MAX_COMEBACKS + 1):
        assert watch.judge(channel_id, ALIVE, now + step) is Verdict.TAKE_OVER
    now += MAX_COMEBACKS + 1
    assert watch.judge(channel_id, ALIVE, now) is Verdict.FIGHT_BEGINS
    return now


def test_an_encoder_that_comes_back_more_than_twice_in_the_window_is_refused() -> None:
    fight(TakeoverWatch())


def test_the_encoder_on_air_keeps_its_place_for_thirty_seconds_and_one_fight_is_told_once() -> None:
    watch = TakeoverWatch()
    began = fight(watch)
    assert watch.kept_for_s("demo", began) == KEEP_S
    assert watch.judge("demo", ALIVE, began + 1) is Verdict.FIGHT_GOES_ON
    assert watch.judge("demo", ALIVE, began + KEEP_S - 0.1) is Verdict.FIGHT_GOES_ON
    assert watch.judge("demo", ALIVE, began + KEEP_S) is Verdict.TAKE_OVER
    assert watch.kept_for_s("demo", began + KEEP_S) == 0


def test_in_a_fight_too_an_encoder_that_has_gone_silent_is_taken_over() -> None:
    watch = TakeoverWatch()
    began = fight(watch)
    assert watch.judge("demo", ALIVE_S + 0.1, began + 1) is Verdict.TAKE_OVER


def test_an_encoder_that_reconnects_behind_a_dead_network_never_fights_itself() -> None:
    watch = TakeoverWatch()
    for step in range(20):
        assert watch.judge("demo", 2.0, step * 0.5) is Verdict.TAKE_OVER


def test_takeovers_that_are_rare_are_no_fight() -> None:
    watch = TakeoverWatch()
    for step in range(20):
        now = step * WINDOW_S / MAX_COMEBACKS
        assert watch.judge("demo", ALIVE, now) is Verdict.TAKE_OVER


def test_channels_do_not_count_for_each_other() -> None:
    watch = TakeoverWatch()
    fight(watch, "one")
    assert watch.judge("two", ALIVE, 4.0) is Verdict.TAKE_OVER


def test_the_number_of_channels_kept_is_bounded() -> None:
    watch = TakeoverWatch()
    fight(watch, "first")
    for number in range(MAX_CHANNELS - 1):
        watch.judge(str(number), ALIVE, 5.0)
    assert len(watch) == MAX_CHANNELS
    watch.judge("one more", ALIVE, 5.0)
    assert len(watch) == MAX_CHANNELS
    assert watch.kept_for_s("first", 5.0) == 0, "the one that was quiet the longest is forgotten"


def test_fight_is_over_when_the_encoder_that_has_won_has_left() -> None:
    watch = TakeoverWatch()
    fight(watch, "demo")
    assert watch.kept_for_s("demo", 4.0) > 0
    watch.end_fight("demo")
    assert watch.judge("demo", ALIVE, 4.0) is Verdict.TAKE_OVER
    fight(watch, "other")
    assert watch.judge("other", 5.0, 4.0) is Verdict.TAKE_OVER, "what is on air has gone silent"
    assert watch.kept_for_s("other", 4.0) == 0
