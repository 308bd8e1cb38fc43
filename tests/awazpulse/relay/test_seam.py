import pytest

from awazpulse.audio import Frame, Track
from awazpulse.relay.seam import MAX_BURST_S, MAX_LEAD_S, MAX_MENDED_FRAMES, SETTLED_S, Seam
from tests.awazpulse.relay.studio import AAC, FRAME_S, HEAD, OTHER_RATE, TRACK, make_frames

NEEDS_100_BYTES = HEAD[:4] + b"\x32" + HEAD[5:] + bytes(84)  # of the frames before it


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
    seam.take(make_frames(1), 102.79)
    assert not seam.is_over(102.79)
    assert seam.is_over(102.81)


def test_seam_lasts_until_the_first_frame_behind_those_left_out_was_looked_at() -> None:
    seam = Seam(TRACK, 100.0, 100.0)
    seam.take(make_frames(100), 100.0)
    was_over = seam.is_over(110.0)
    seam.take(make_frames(1), 110.0)
    assert (was_over, seam.is_over(110.0)) == (False, True)


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


@pytest.mark.parametrize("track", [TRACK, AAC])
def test_source_without_a_backlog_may_begin_with_a_burst_of_a_limit(track: Track) -> None:
    seam = Seam(track, 100.0, 100.0, has_backlog=False)
    kept = seam.take(make_frames(1000, track=track), 100.0)
    assert len(kept) == int(MAX_BURST_S * track.sample_rate / track.frame_samples)
    assert not seam.is_over(100.0 + SETTLED_S - 0.01)
    seam.take(make_frames(1, track=track), 100.0 + SETTLED_S + 0.1)
    assert seam.is_over(100.0 + SETTLED_S + 0.1), "whatever was left out in it"


def test_first_frames_of_a_source_without_a_backlog_are_looked_at() -> None:
    assert not Seam(TRACK, 100.0, 100.0, has_backlog=False).is_over(200.0)


@pytest.mark.parametrize("has_backlog", [True, False])
def test_frames_that_refer_to_what_was_not_sent_are_muted_and_keep_their_place(
    has_backlog: bool,
) -> None:
    seam = Seam(TRACK, 100.0, 100.0, has_backlog=has_backlog)
    frames = [Frame(24 * n, 1152, NEEDS_100_BYTES) for n in range(4)]
    kept = seam.take(frames, 101.0)
    assert [frame.data == NEEDS_100_BYTES for frame in kept] == [False, False, True, True]
    assert [(frame.timestamp_ms, len(frame.data)) for frame in kept] == [
        (24 * n, len(NEEDS_100_BYTES)) for n in range(4)
    ]
    assert frames[0].data == NEEDS_100_BYTES, "what is shared is not changed"


def test_frames_behind_those_that_were_left_out_are_muted_too() -> None:
    seam = Seam(TRACK, 100.0, 100.0)
    seam.take(make_frames(100), 100.0)
    (kept,) = seam.take([Frame(0, 1152, NEEDS_100_BYTES)], 101.0)
    assert kept.data != NEEDS_100_BYTES


def test_frames_of_a_track_that_begins_within_the_seam_are_looked_at_anew() -> None:
    seam = Seam(AAC, 100.0, 100.0)
    aac = Frame(0, 1024, NEEDS_100_BYTES)
    assert seam.take([aac], 101.0) == [aac]
    seam.set_track(TRACK)
    (kept,) = seam.take([Frame(0, 1152, NEEDS_100_BYTES)], 101.0)
    assert kept.data != NEEDS_100_BYTES
    seam.set_track(AAC)
    assert seam.take([aac], 101.0) == [aac]


@pytest.mark.parametrize("count", [MAX_MENDED_FRAMES - 1, MAX_MENDED_FRAMES])
def test_odd_frames_are_looked_at_no_longer_than_the_limit(count: int) -> None:
    seam = Seam(TRACK, 100.0, 100.0, has_backlog=False)
    frames = [Frame(0, 1152, b"short")] * count
    assert seam.take(frames, 100.0) is frames
    assert seam.is_over(100.0 + SETTLED_S) is (count == MAX_MENDED_FRAMES)
