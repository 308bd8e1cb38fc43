import logging

import pytest

from awazpulse.audio import Frame
from awazpulse.relay import Title
from hls.channel import Channel
from hls.limits import Limits
from hls.mpegts import TsMuxer
from hls.packager import Packager
from hls.recent_listeners import RecentListeners
from hls.segmenter import FIRST_PTS, Cut
from tests.hls.workbench import (
    AAC_TRACK,
    LEFT,
    MP3_TRACK,
    Bench,
    Crowd,
    make_frames,
    parse_playlist,
)


def attach(bench: Bench, channel: Channel) -> Packager:
    return Packager(channel, RecentListeners(Crowd(), expiry_s=10, max_clients=10), bench.workshop)


def publish(packager: Packager, frames: list[Frame]) -> None:
    for frame in frames:
        packager.on_frames([frame])


def test_nothing_is_packaged_in_the_call_that_publishes(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    channel = bench.channel()
    publishing = False

    def mux(_self: TsMuxer, cut: Cut) -> bytes:
        assert not publishing
        return bytes(cut.size_bytes)

    monkeypatch.setattr(TsMuxer, "mux", mux)
    packager = attach(bench, channel)
    packager.on_track(AAC_TRACK)
    publishing = True
    publish(packager, make_frames(172))
    publishing = False
    assert channel.playlist(compressed=False) is None
    bench.run_turns()
    assert len(parse_playlist(channel.playlist(compressed=False)).segments) == 2
    assert packager.pending_bytes == 0


def test_a_close_lists_what_is_left_and_ends_once() -> None:
    bench = Bench()
    channel = bench.channel()
    packager = attach(bench, channel)
    packager.on_track(AAC_TRACK)
    packager.on_title(Title.from_text("A - B"))
    publish(packager, make_frames(100))
    packager.on_close(LEFT)
    packager.on_close(LEFT)
    bench.run_turns()
    segments = parse_playlist(channel.playlist(compressed=False)).segments
    assert [s.duration_s for s in segments] == [1.99692, 0.32508]
    assert not channel.is_on_air


def publish_live(bench: Bench, packager: Packager, frames: list[Frame]) -> None:
    """Publish in real time."""
    for frame in frames:
        bench.advance(frame.samples / AAC_TRACK.sample_rate)
        packager.on_frames([frame])
    bench.run_turns()


def test_the_end_is_told_behind_the_last_segment_but_not_to_those_who_hear_the_next_broadcast() -> (
    None
):
    bench = Bench()
    channel = bench.channel()
    first = attach(bench, channel)
    first.on_track(AAC_TRACK)
    publish(first, make_frames(100))
    first.on_close(LEFT)
    second = attach(bench, channel)
    second.on_track(AAC_TRACK)
    publish(second, make_frames(100))
    bench.scheduled.pop(0)()
    assert len(parse_playlist(channel.playlist(compressed=False)).segments) == 3
    assert not parse_playlist(channel.playlist(compressed=False)).ended
    second.on_close(LEFT)
    assert not parse_playlist(channel.playlist(compressed=False)).ended
    bench.run_turns()
    playlist = parse_playlist(channel.playlist(compressed=False))
    assert (len(playlist.segments), playlist.ended) == (4, True)


@pytest.mark.parametrize("step_s", [3600.0, -3600.0])
def test_a_wall_clock_that_is_set_moves_the_next_date_without_a_discontinuity(
    step_s: float,
) -> None:
    bench = Bench()
    channel = bench.channel()
    packager = attach(bench, channel)
    packager.on_track(AAC_TRACK)
    begin = bench.wall
    publish_live(bench, packager, make_frames(86 + 87))
    bench.wall += step_s
    publish_live(bench, packager, make_frames(86 * 2, first=86 + 87))
    segments = parse_playlist(channel.playlist(compressed=False)).segments
    assert [s.wall - begin for s in segments] == pytest.approx(
        [0, 2, step_s + 4, step_s + 6], abs=0.03
    )
    assert len({s.cc for s in segments}) == 1


def test_a_break_that_silence_fills_is_seen_nowhere_and_missing_audio_is_a_discontinuity() -> None:
    bench = Bench()
    channel = bench.channel()
    packager = attach(bench, channel)
    packager.on_track(AAC_TRACK)
    begin = bench.wall
    publish_live(bench, packager, make_frames(100))
    bench.advance(70 * 1024 / 44_100)
    packager.on_break()
    packager.on_frames(make_frames(70))  # the silence that catches up with the clock
    packager.on_break()
    publish_live(bench, packager, make_frames(88, first=7000))
    bench.advance(3)
    packager.on_break()
    publish_live(bench, packager, make_frames(86))
    segments = parse_playlist(channel.playlist(compressed=False)).segments
    cc = channel.discontinuity_sequence
    assert [s.cc - cc for s in segments] == [0, 0, 0, 1]
    assert [s.wall - begin for s in segments] == pytest.approx([0, 2, 4, 9], abs=0.03)


def test_a_broadcast_without_a_frame_leaves_no_trace() -> None:
    bench = Bench()
    channel = bench.channel()
    attach(bench, channel).on_close(LEFT)
    packager = attach(bench, channel)
    packager.on_track(AAC_TRACK)
    publish(packager, make_frames(86))
    bench.run_turns()
    (segment,) = parse_playlist(channel.playlist(compressed=False)).segments
    assert segment.cc == channel.discontinuity_sequence


def test_a_republish_goes_on_in_numbers_time_and_counters() -> None:
    bench = Bench()
    channel = bench.channel()
    first = attach(bench, channel)
    first.on_track(AAC_TRACK)
    publish(first, make_frames(90))
    first.on_close(LEFT)
    assert channel.next_pts == FIRST_PTS + 90 * 1024 * 90_000 // 44_100
    second = attach(bench, channel)  # before the loop has turned, as at a takeover
    second.on_track(MP3_TRACK)
    publish(second, make_frames(77, track=MP3_TRACK))
    bench.run_turns()
    segments = parse_playlist(channel.playlist(compressed=False)).segments
    cc = channel.discontinuity_sequence
    assert [s.cc for s in segments] == [cc, cc, cc + 1]
    assert len({s.uri for s in segments}) == 3


def test_pending_audio_is_bounded_and_what_is_lost_is_a_discontinuity(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench(Limits(pending_bytes=86 * 100 * 3))
    channel = bench.channel()
    packager = attach(bench, channel)
    packager.on_track(AAC_TRACK)
    with caplog.at_level(logging.WARNING):
        publish(packager, make_frames(86 * 3))
        assert packager.pending_bytes == 86 * 100 * 3  # at the limit
        assert packager.lost_segments == 0
        publish(packager, make_frames(87 * 2, first=86 * 3))
    assert packager.lost_segments == 2
    assert packager.pending_bytes == 86 * 100 * 3
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    bench.run_turns()
    publish(packager, make_frames(86, first=86 * 3 + 87 * 2))
    bench.run_turns()
    cc = channel.discontinuity_sequence
    segments = parse_playlist(channel.playlist(compressed=False)).segments
    assert [s.cc - cc for s in segments] == [0, 0, 0, 1]


def test_a_source_ahead_of_real_time_is_held_back_at_the_limit_until_time_has_passed() -> None:
    bench = Bench(Limits(lead_segments=5))
    channel = bench.channel()
    start = channel.next_sequence
    packager = attach(bench, channel)
    packager.on_track(AAC_TRACK)
    frames = make_frames(689)  # eight segments
    publish(packager, frames[:431])
    bench.run_turns()
    assert (channel.next_sequence - start, packager.lost_segments) == (5, 0)
    publish(packager, frames[431:603])
    bench.run_turns()
    assert (channel.next_sequence - start, packager.lost_segments) == (5, 2)
    bench.advance(1)
    publish(packager, frames[603:])
    bench.run_turns()
    assert channel.next_sequence - start == 6
    assert parse_playlist(channel.playlist(compressed=False)).segments[-1].cc == (
        channel.discontinuity_sequence + 1
    )


def test_a_segment_that_libav_refuses_is_logged_once_and_costs_itself_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench()
    channel, other = bench.channel(), bench.channel("other")
    packager, healthy = attach(bench, channel), attach(bench, other)
    for each in (packager, healthy):
        each.on_track(AAC_TRACK)
    broken = make_frames(86 * 2)
    for n in (20, 120):
        broken[n].samples = -broken[n].samples  # time runs backwards in each segment
    with caplog.at_level(logging.WARNING):
        publish(packager, broken)
        publish(healthy, make_frames(86 * 2))
        packager.on_close(LEFT)
        bench.run_turns()
    assert packager.lost_segments >= 1
    assert len([r for r in caplog.records if r.levelno == logging.WARNING]) == 1
    assert len(parse_playlist(other.playlist(compressed=False)).segments) == 2
    good = attach(bench, channel)
    good.on_track(AAC_TRACK)
    publish(good, make_frames(86))
    bench.run_turns()
    assert channel.is_ready


class Caller:
    def __init__(self) -> None:
        self.resumed = 0

    def resume(self) -> None:
        self.resumed += 1


def test_requests_that_wait_are_woken_by_the_first_segment() -> None:
    bench = Bench()
    channel = bench.channel()
    packager = attach(bench, channel)
    packager.on_track(AAC_TRACK)
    callers = [Caller() for _ in range(250)]
    channel.waiters.update(dict.fromkeys(callers))
    publish(packager, make_frames(85))
    bench.run_turns()
    assert sum(caller.resumed for caller in callers) == 0
    publish(packager, make_frames(1, first=85))
    bench.run_turns()
    assert [caller.resumed for caller in callers] == [1] * 250
    assert not channel.waiters


@pytest.mark.parametrize(("count", "turns"), [(100, 1), (101, 2)])
def test_a_hundred_requests_are_woken_in_one_turn_and_one_more_in_the_next(
    count: int, turns: int
) -> None:
    bench = Bench(Limits(turn_budget_s=0))  # one job a turn
    channel = bench.channel()
    packager = attach(bench, channel)
    channel.waiters.update(dict.fromkeys(Caller() for _ in range(count)))
    packager.on_close(LEFT)
    ran = 0
    while bench.scheduled:
        bench.scheduled.pop(0)()
        ran += 1
    assert (ran, len(channel.waiters)) == (turns, 0)


def test_requests_that_wait_are_woken_when_the_broadcast_ends_without_audio() -> None:
    bench = Bench()
    channel = bench.channel()
    packager = attach(bench, channel)
    caller = Caller()
    channel.waiters[caller] = None
    packager.on_close(LEFT)
    bench.run_turns()
    assert caller.resumed == 1
