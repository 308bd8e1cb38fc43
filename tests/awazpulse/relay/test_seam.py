import pytest

from awazpulse.relay.seam import MAX_LEAD_S, SETTLED_S, Seam
from tests.awazpulse.relay.studio import FRAME_S, OTHER_RATE, TRACK, make_frames


def test_source_in_time_is_let_through_whole_and_without_a_copy() -> None:
    seam, now = Seam(TRACK, 100.0, 100.0), 100.0
    while not seam.is_over(now):
        now += 0.24
        frames = make_frames(10)
        assert seam.take(frames, now) is frames
    assert now == pytest.approx(100 + SETTLED_S, abs=0.25)
    assert seam.dropped == 0


def test_backlog_is_left_out_but_for_the_lead_that_is_allowed() -> None:
    seam = Seam(TRACK, 100.0, 100.0)
    kept = seam.take(make_frames(1000), 100.0)
    assert len(kept) == int(MAX_LEAD_S / FRAME_S)
    assert seam.dropped == 1000 - len(kept)
    assert seam.take(make_frames(10), 100.0) == []
    assert seam.reach <= 100.0 + MAX_LEAD_S


@pytest.mark.parametrize(("count", "dropped"), [(20, 0), (21, 1)])
def test_frame_at_the_limit_is_kept_and_the_next_is_not(count: int, dropped: int) -> None:
    seam = Seam(TRACK, 100.0 + MAX_LEAD_S - 20.01 * FRAME_S, 100.0)
    assert len(seam.take(make_frames(count), 100.0)) == 20
    assert seam.dropped == dropped


def test_seam_lasts_until_nothing_was_left_out_for_a_while() -> None:
    seam = Seam(TRACK, 100.0, 100.0)
    for now in (100.0, 100.9, 101.8):
        seam.take(make_frames(100), now)
        assert not seam.is_over(now + 0.99)
    assert not seam.is_over(102.79)
    assert seam.is_over(102.81)


def test_what_is_sent_never_runs_ahead_of_the_clock_by_more_than_the_lead() -> None:
    seam, now = Seam(TRACK, 100.0, 100.0), 100.0
    sent = 0
    for _ in range(100):
        sent += len(seam.take(make_frames(13), now))
        assert 100 + sent * FRAME_S <= now + MAX_LEAD_S + 1e-9
        now += 0.24  # for 13 frames, which are 0.31 s


def test_another_track_counts_at_its_own_rate() -> None:
    seam = Seam(TRACK, 100.0, 100.0)
    seam.set_track(OTHER_RATE)
    assert len(seam.take(make_frames(100, track=OTHER_RATE), 100.0)) == int(MAX_LEAD_S / FRAME_S)
