from hypothesis import given
from hypothesis import strategies as st

from awazpulse.audio import Codec, Frame, Track
from hls.segmenter import FIRST_PTS, LONGEST_SEGMENT_S, MAX_DRIFT_MS, Cut, Segmenter
from tests.hls.workbench import AAC_TRACK, MP3_TRACK, make_frames

MIB = 1024 * 1024


def segment(
    frames: list[Frame], track: Track = AAC_TRACK, *, max_segment_bytes: int = MIB
) -> list[Cut]:
    segmenter = Segmenter(max_segment_bytes=max_segment_bytes)
    assert segmenter.set_track(track) is None
    cuts = [segmenter.push(frame, 0.0) for frame in frames]
    return [cut for cut in (*cuts, segmenter.flush()) if cut is not None]


def test_segments_of_aac_at_44100_hz_have_86_or_87_frames_by_the_formula() -> None:
    cuts = segment(make_frames(86 * 400))
    ends = [0]
    for cut in cuts[:-1]:
        ends.append(ends[-1] + len(cut.frames))
    assert ends == [round(k * 2 * 44_100 / 1024) for k in range(len(ends))]
    assert {len(cut.frames) for cut in cuts[:-1]} == {86, 87}


def test_a_segment_is_complete_with_its_last_frame_not_with_the_next_one() -> None:
    assert [len(cut.frames) for cut in segment(make_frames(86))] == [86]


def test_pts_counts_samples_and_never_the_sources_milliseconds() -> None:
    cuts = segment(make_frames(1000))
    pts, n = [], 0
    for cut in cuts:
        sample = 0
        for frame in cut.frames:
            pts.append(cut.pts_of(sample))
            sample += frame.samples
            n += 1
    assert pts == [FIRST_PTS + n * 1024 * 90_000 // 44_100 for n in range(1000)]


def test_a_drift_of_500_ms_is_let_pass_and_one_more_is_a_discontinuity() -> None:
    for drift_ms, discontinuities in ((MAX_DRIFT_MS, 0), (MAX_DRIFT_MS + 1, 1)):
        for sign in (1, -1):
            frames = make_frames(300)
            for frame in frames[100:]:
                frame.timestamp_ms += sign * drift_ms
            # The 100th frame stands at 2321.99 ms: cut to whole ones, as the count is.
            assert sum(cut.discontinuity for cut in segment(frames)) == discontinuities


def test_a_jump_cuts_at_the_frame_and_begins_a_new_count_without_a_jump_of_pts() -> None:
    frames = make_frames(100) + make_frames(86, first=5000)
    cuts = segment(frames)
    assert [len(cut.frames) for cut in cuts] == [86, 14, 86]
    assert [cut.discontinuity for cut in cuts] == [False, False, True]
    assert cuts[2].pts_of(0) == FIRST_PTS + 100 * 1024 * 90_000 // 44_100


def test_program_date_follows_the_samples_from_the_anchors_arrival() -> None:
    segmenter = Segmenter(max_segment_bytes=MIB)
    segmenter.set_track(AAC_TRACK)
    frames = make_frames(172) + make_frames(86, first=5000)
    cuts = [segmenter.push(frame, 1000.0 + n) for n, frame in enumerate(frames)]
    walls = [cut.wall for cut in cuts if cut]
    assert walls == [1000.0, 1000.0 + 86 * 1024 / 44_100, 1172.0]


def test_another_track_is_a_discontinuity_on_the_same_time_line() -> None:
    segmenter = Segmenter(max_segment_bytes=MIB)
    segmenter.set_track(AAC_TRACK)
    for frame in make_frames(10):
        segmenter.push(frame, 0.0)
    last = segmenter.set_track(MP3_TRACK)
    assert last is not None
    assert (last.track, len(last.frames), last.discontinuity) == (AAC_TRACK, 10, False)
    for frame in make_frames(5, track=MP3_TRACK):
        segmenter.push(frame, 0.0)
    cut = segmenter.flush()
    assert cut is not None
    assert (cut.track, cut.discontinuity) == (MP3_TRACK, True)
    assert cut.pts_of(0) == FIRST_PTS + 10 * 1024 * 90_000 // 44_100
    assert segmenter.next_pts == cut.pts_of(5 * 1152)


def test_a_track_that_changes_before_any_frame_still_counts_as_a_discontinuity_once() -> None:
    segmenter = Segmenter(max_segment_bytes=MIB)
    assert segmenter.set_track(AAC_TRACK) is None
    assert segmenter.set_track(MP3_TRACK) is None
    cuts = [segmenter.push(frame, 0.0) for frame in make_frames(200, track=MP3_TRACK)]
    assert [cut.discontinuity for cut in cuts if cut] == [True, False]


def test_a_resumed_time_line_begins_with_a_discontinuity_at_the_given_pts() -> None:
    segmenter = Segmenter(first_pts=777, resumed=True, max_segment_bytes=MIB)
    assert segmenter.next_pts == 777
    segmenter.set_track(AAC_TRACK)
    segmenter.push(make_frames(1)[0], 0.0)
    cut = segmenter.flush()
    assert cut is not None
    assert (cut.discontinuity, cut.pts_of(0)) == (True, 777)


def test_a_segment_holds_its_limit_of_bytes_and_not_one_more() -> None:
    assert [len(cut.frames) for cut in segment(make_frames(10), max_segment_bytes=1000)] == [10]
    cuts = segment(make_frames(10), max_segment_bytes=999)
    assert [len(cut.frames) for cut in cuts] == [9, 1]
    assert not any(cut.discontinuity for cut in cuts)


def test_flush_returns_nothing_twice() -> None:
    segmenter = Segmenter(max_segment_bytes=MIB)
    assert segmenter.flush() is None
    segmenter.set_track(AAC_TRACK)
    segmenter.push(make_frames(1)[0], 0.0)
    assert segmenter.flush() is not None
    assert segmenter.flush() is None


@given(
    rate=st.sampled_from([7350, 8000, 11_025, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000]),
    frame_samples=st.sampled_from([576, 1024, 1152]),
    blocks=st.lists(st.integers(1, 4), max_size=400),
    jumps=st.lists(st.integers(-3000, 3000), max_size=400),
)
def test_every_frame_is_in_one_cut_and_none_is_too_long(
    rate: int, frame_samples: int, blocks: list[int], jumps: list[int]
) -> None:
    clock_ms, frames = 0, []
    for n, count in enumerate(blocks):
        clock_ms += jumps[n] if n < len(jumps) and n % 9 == 0 else 0
        frames.append(Frame(clock_ms, count * frame_samples, bytes(1 + n % 7)))
        clock_ms += count * frame_samples * 1000 // rate
    cuts = segment(frames, Track(Codec.AAC, rate, 2, frame_samples))
    assert [frame for cut in cuts for frame in cut.frames] == frames
    pts = FIRST_PTS
    for cut in cuts:
        assert cut.samples == sum(frame.samples for frame in cut.frames)
        assert cut.size_bytes == sum(len(frame.data) for frame in cut.frames)
        assert 0 < cut.duration_s <= LONGEST_SEGMENT_S
        assert 0 <= cut.pts_of(0) - pts <= 1
        pts = cut.pts_of(cut.samples)
