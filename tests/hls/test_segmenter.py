import itertools
import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awazpulse.audio import Codec, Frame, Track
from hls.segmenter import FIRST_PTS, LONGEST_SEGMENT_S, MAX_JUMP_MS, Cut, Segmenter
from tests.hls.workbench import AAC_TRACK, MP3_TRACK, make_frames

MIB = 1024 * 1024
MS_TRACK = Track(Codec.AAC, 1000, 2, 20)  # a frame is exactly 20 ms


def live(
    frames: list[Frame], track: Track = AAC_TRACK, *, begin: float = 0.0
) -> list[tuple[Frame, float]]:
    """Frames with the time at which a source in real time has finished each."""
    ends = itertools.accumulate(frame.samples / track.sample_rate for frame in frames)
    return [(frame, begin + end) for frame, end in zip(frames, ends, strict=True)]


def segment(
    arrivals: list[tuple[Frame, float]], track: Track = AAC_TRACK, *, max_segment_bytes: int = MIB
) -> list[Cut]:
    segmenter = Segmenter(max_segment_bytes=max_segment_bytes)
    assert segmenter.set_track(track) is None
    cuts = push(segmenter, arrivals)
    last = segmenter.flush()
    return cuts if last is None else [*cuts, last]


def push(segmenter: Segmenter, arrivals: list[tuple[Frame, float]]) -> list[Cut]:
    return [cut for frame, now in arrivals for cut in segmenter.push([frame], now)]


def discontinuities(cuts: list[Cut]) -> int:
    return sum(cut.discontinuity for cut in cuts)


def test_segments_of_aac_at_44100_hz_have_86_or_87_frames_by_the_formula() -> None:
    cuts = segment(live(make_frames(86 * 400)))
    ends = [0]
    for cut in cuts[:-1]:
        ends.append(ends[-1] + len(cut.frames))
    assert ends == [round(k * 2 * 44_100 / 1024) for k in range(len(ends))]
    assert {len(cut.frames) for cut in cuts[:-1]} == {86, 87}


def test_a_segment_is_complete_with_its_last_frame_not_with_the_next_one() -> None:
    assert [len(cut.frames) for cut in segment(live(make_frames(86)))] == [86]


def test_pts_counts_samples_and_never_the_sources_milliseconds() -> None:
    cuts = segment(live(make_frames(1000)))
    pts, n = [], 0
    for cut in cuts:
        sample = 0
        for frame in cut.frames:
            pts.append(cut.pts_of(sample))
            sample += frame.samples
            n += 1
    assert pts == [FIRST_PTS + n * 1024 * 90_000 // 44_100 for n in range(1000)]


@pytest.mark.parametrize(("late_ms", "jump_ms", "expected"), [
    (MAX_JUMP_MS + 0.1, MAX_JUMP_MS + 1, 1),
    (MAX_JUMP_MS + 0.1, MAX_JUMP_MS, 0),
    (MAX_JUMP_MS - 0.1, MAX_JUMP_MS + 1, 0),
    (60_000, 60_000, 1),
    (60_000, 0, 0),  # a stall, or a pause without a word
    (0, 60_000, 0),  # a clock that was set
    (60_000, -60_000, 0),
])  # fmt: skip
def test_audio_is_missing_where_timestamps_jump_and_the_frame_is_late_by_more_than_500_ms(
    late_ms: float, jump_ms: int, expected: int
) -> None:
    frames = make_frames(300, track=MS_TRACK)
    for frame in frames[100:]:
        frame.timestamp_ms += jump_ms
    before, after = live(frames, MS_TRACK)[:100], live(frames, MS_TRACK)[100:]
    cuts = segment([*before, *((f, now + late_ms / 1000) for f, now in after)], MS_TRACK)
    assert discontinuities(cuts) == expected


def test_missing_audio_cuts_at_the_frame_and_begins_a_new_count_without_a_jump_of_pts() -> None:
    gap_s = (5000 - 100) * 1024 / 44_100
    later = live(make_frames(86, first=5000), begin=100 * 1024 / 44_100 + gap_s)
    cuts = segment([*live(make_frames(100)), *later])
    assert [len(cut.frames) for cut in cuts] == [86, 14, 86]
    assert [cut.discontinuity for cut in cuts] == [False, False, True]
    assert cuts[2].pts_of(0) == FIRST_PTS + 100 * 1024 * 90_000 // 44_100
    assert [cut.recorded for cut in cuts] == pytest.approx(
        [0.0, 86 * 1024 / 44_100, 5000 * 1024 / 44_100], abs=0.001
    )


def test_audio_that_is_missing_and_held_up_besides_is_dated_by_the_gap() -> None:
    frames = make_frames(86 * 3)
    for frame in frames[86:]:
        frame.timestamp_ms += 2000
    on_time = live(frames)
    burst_at = on_time[86][1] + 5
    arrivals = [*on_time[:86], *((f, max(now + 2, burst_at)) for f, now in on_time[86:])]
    cuts = segment(arrivals)
    assert [cut.discontinuity for cut in cuts[:2]] == [False, True]
    assert cuts[1].recorded == pytest.approx(86 * 1024 / 44_100 + 2, abs=0.03)


def test_a_clock_that_was_wrong_once_is_not_looked_at_again_until_a_break() -> None:
    frames = make_frames(600)
    for frame in frames[100:]:
        frame.timestamp_ms += 3_600_000
    for frame in frames[200:]:
        frame.timestamp_ms += 2000
    on_time = live(frames)
    late = [(frame, now + 2) for frame, now in on_time[200:]]
    assert discontinuities(segment([*on_time[:200], *late])) == 0
    segmenter = Segmenter(max_segment_bytes=MIB)
    segmenter.set_track(AAC_TRACK)
    cuts = push(segmenter, on_time[:150])
    segmenter.mark_break()
    cuts += push(segmenter, [*on_time[150:200], *late])
    assert discontinuities(cuts) == 1


@pytest.mark.parametrize("stamp", [
    lambda _: 0,
    lambda ms: ms * 92 // 100,
    lambda ms: ms * 109 // 100,
    lambda ms: ms * 1000,  # microseconds
    lambda ms: ms // 10_000 * 10_000,
    lambda ms: -ms,
    lambda ms: ms * 7919 % 100_000,
], ids=["zero", "8 % slow", "9 % fast", "us", "steps of 10 s", "backwards", "random"])  # fmt: skip
def test_timestamps_that_are_wrong_change_neither_segments_nor_dates(
    stamp: Callable[[int], int],
) -> None:
    frames = make_frames(86 * 50)
    expected = segment(live(frames))
    wrong = [Frame(stamp(f.timestamp_ms), f.samples, f.data) for f in frames]
    cuts = segment(live(wrong))
    assert discontinuities(cuts) == 0
    assert {len(cut.frames) for cut in cuts[:-1]} == {86, 87}
    assert [cut.recorded for cut in cuts] == [cut.recorded for cut in expected]


def test_a_stalled_network_costs_no_discontinuity_and_no_date() -> None:
    on_time = live(make_frames(86 * 20))
    held_until = 15.0
    cuts = segment([(f, held_until if 4 < now < held_until else now) for f, now in on_time])
    assert discontinuities(cuts) == 0
    assert [cut.recorded for cut in cuts] == pytest.approx(
        [cut.first_sample / 44_100 for cut in cuts], abs=0.03
    )


def broken(late_s: float, *, burst: int = 1) -> list[Cut]:
    """A source for 3 s; after a break another one, `late_s` later, its first frames together."""
    segmenter = Segmenter(max_segment_bytes=MIB)
    segmenter.set_track(MS_TRACK)
    cuts = push(segmenter, live(make_frames(150, track=MS_TRACK), MS_TRACK))
    segmenter.mark_break()
    after = live(make_frames(350, track=MS_TRACK), MS_TRACK, begin=3.0 + late_s)
    caught_up = (burst - 1) * 0.02
    cuts += segmenter.push([frame for frame, _ in after[:burst]], after[0][1])
    cuts += push(segmenter, [(frame, now - caught_up) for frame, now in after[burst:]])
    return cuts


def test_a_break_without_missing_audio_goes_on_with_the_count() -> None:
    for late_s in (-0.1, 0.0, 0.09):
        cuts = broken(late_s)
        assert discontinuities(cuts) == 0
        assert [cut.samples for cut in cuts] == [2000] * 5
        assert [cut.recorded for cut in cuts] == pytest.approx([0, 2, 4, 6, 8], abs=0.1)


def test_a_break_with_missing_audio_is_a_discontinuity_with_the_true_date() -> None:
    for late_s in (0.11, 0.4, 60.0):
        cuts = broken(late_s)
        assert [cut.discontinuity for cut in cuts] == [False, False, True, False, False]
        assert [cut.samples for cut in cuts] == [2000, 1000, 2000, 2000, 2000]
        assert [cut.recorded for cut in cuts] == pytest.approx(
            [0, 2, *(late_s + s for s in (3, 5, 7))]
        )


@pytest.mark.parametrize("burst", [10, 25, 50, 100])
def test_what_catches_up_in_one_call_after_a_break_shifts_no_date(burst: int) -> None:
    seconds = burst * 0.02
    cuts = broken(seconds - 0.02, burst=burst)
    assert discontinuities(cuts) == 0
    assert [cut.samples for cut in cuts] == [2000] * 5
    assert [cut.recorded for cut in cuts] == pytest.approx([0, 2, 4, 6, 8])


def test_another_track_is_a_discontinuity_on_the_same_time_line() -> None:
    segmenter = Segmenter(max_segment_bytes=MIB)
    segmenter.set_track(AAC_TRACK)
    push(segmenter, live(make_frames(10)))
    last = segmenter.set_track(MP3_TRACK)
    assert last is not None
    assert (last.track, len(last.frames), last.discontinuity) == (AAC_TRACK, 10, False)
    push(segmenter, live(make_frames(5, track=MP3_TRACK)))
    cut = segmenter.flush()
    assert cut is not None
    assert (cut.track, cut.discontinuity) == (MP3_TRACK, True)
    assert cut.pts_of(0) == FIRST_PTS + 10 * 1024 * 90_000 // 44_100
    assert segmenter.next_pts == cut.pts_of(5 * 1152)


def test_a_track_that_changes_before_any_frame_still_counts_as_a_discontinuity_once() -> None:
    segmenter = Segmenter(max_segment_bytes=MIB)
    assert segmenter.set_track(AAC_TRACK) is None
    assert segmenter.set_track(MP3_TRACK) is None
    cuts = push(segmenter, live(make_frames(200, track=MP3_TRACK)))
    assert [cut.discontinuity for cut in cuts] == [True, False]


def test_a_resumed_time_line_begins_with_a_discontinuity_at_the_given_pts() -> None:
    segmenter = Segmenter(first_pts=777, resumed=True, max_segment_bytes=MIB)
    assert segmenter.next_pts == 777
    segmenter.set_track(AAC_TRACK)
    segmenter.push(make_frames(1), 0.0)
    cut = segmenter.flush()
    assert cut is not None
    assert (cut.discontinuity, cut.pts_of(0)) == (True, 777)


def test_a_segment_holds_its_limit_of_bytes_and_not_one_more() -> None:
    assert [len(cut.frames) for cut in segment(live(make_frames(10)), max_segment_bytes=1000)] == [
        10
    ]
    cuts = segment(live(make_frames(10)), max_segment_bytes=999)
    assert [len(cut.frames) for cut in cuts] == [9, 1]
    assert not any(cut.discontinuity for cut in cuts)


def test_flush_returns_nothing_twice() -> None:
    segmenter = Segmenter(max_segment_bytes=MIB)
    assert segmenter.flush() is None
    segmenter.set_track(AAC_TRACK)
    segmenter.push(make_frames(1), 0.0)
    assert segmenter.flush() is not None
    assert segmenter.flush() is None


@given(
    rate=st.sampled_from([7350, 8000, 11_025, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000]),
    frame_samples=st.sampled_from([576, 1024, 1152]),
    blocks=st.lists(st.integers(1, 4), max_size=400),
    jumps=st.lists(st.integers(-3000, 3000), max_size=400),
    waits=st.lists(st.floats(0, 3), max_size=400),
    together=st.integers(1, 120),
    max_segment_bytes=st.sampled_from([20, MIB]),
)
def test_every_frame_is_in_one_cut_and_none_is_too_long(
    rate: int,
    frame_samples: int,
    blocks: list[int],
    jumps: list[int],
    waits: list[float],
    together: int,
    max_segment_bytes: int,
) -> None:
    clock_ms, frames = 0, []
    for n, count in enumerate(blocks):
        clock_ms += jumps[n] if n < len(jumps) and n % 9 == 0 else 0
        frames.append(Frame(clock_ms, count * frame_samples, bytes(1 + n % 7)))
        clock_ms += count * frame_samples * 1000 // rate
    segmenter = Segmenter(max_segment_bytes=max_segment_bytes)
    segmenter.set_track(Track(Codec.AAC, rate, 2, frame_samples))
    now, cuts = 0.0, list[Cut]()
    for n, at in enumerate(range(0, len(frames), together)):
        now += waits[n] if n < len(waits) else 0
        if n % 5 == 4:
            segmenter.mark_break()
        cuts += segmenter.push(frames[at : at + together], now)
    last = segmenter.flush()
    cuts += [] if last is None else [last]
    assert [frame for cut in cuts for frame in cut.frames] == frames
    pts = FIRST_PTS
    for cut in cuts:
        assert cut.samples == sum(frame.samples for frame in cut.frames)
        assert cut.size_bytes == sum(len(frame.data) for frame in cut.frames)
        assert cut.size_bytes <= max_segment_bytes
        assert 0 < cut.duration_s <= LONGEST_SEGMENT_S
        assert math.isfinite(cut.recorded)
        assert 0 <= cut.pts_of(0) - pts <= 1
        pts = cut.pts_of(cut.samples)
