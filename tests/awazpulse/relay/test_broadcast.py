from collections.abc import Callable, Iterator, Sequence

import pytest

from awazpulse.audio import Frame, Track
from awazpulse.errors import MisuseError
from awazpulse.relay import Broadcast, End, EndReason, Input, Station, Title
from awazpulse.relay.broadcast import FALLBACK_RETRY_S
from awazpulse.relay.life import AirChange, AirPolicy, AirState
from awazpulse.relay.seam import MAX_BURST_S, MAX_LEAD_S
from awazpulse.relay.stand_in import MAX_BEHIND_S, Sound
from tests.awazpulse.relay.studio import (
    AAC,
    FRAME_S,
    HEAD,
    LEFT,
    NO_STAND_INS,
    OTHER_RATE,
    STOPPED,
    TRACK,
    Ear,
    FakeSource,
    Studio,
    make_frames,
)

WITH_FALLBACK = AirPolicy(has_fallback=True)
ALWAYS_ON = AirPolicy(has_fallback=True, is_always_on=True)
TITLE = Title.from_text("x")


@pytest.fixture
def studio() -> Iterator[Studio]:
    studio = Studio()
    yield studio
    studio.check()


@pytest.fixture
def with_fallback() -> Iterator[Studio]:
    studio = Studio(WITH_FALLBACK)
    yield studio
    studio.check()


def on_fallback(studio: Studio, wait_s: float = 6.0) -> None:
    """Let a source come, be heard, and go, until the fallback plays."""
    source_input = studio.connect()
    studio.play(source_input, 2.4)
    source_input.end(LEFT, studio.now)
    studio.wait(wait_s)
    assert studio.state() is AirState.ON_FALLBACK


# -- frames, tracks and titles


def test_frames_and_titles_reach_every_delivery_in_order(studio: Studio) -> None:
    source_input = studio.connect(track=None)
    source_input.set_track(TRACK)
    late = Ear()
    studio.broadcast.attach("hls", late)
    studio.now += 1
    source_input.publish(make_frames(1), studio.now)
    studio.broadcast.set_title(TITLE)
    assert studio.ear.log == late.log == ["track mp3 48000", "source", "title x"]
    assert studio.broadcast.last_frame == studio.now


def test_late_delivery_is_told_track_and_title(studio: Studio) -> None:
    studio.send(studio.connect(), 0.24)
    studio.broadcast.set_title(TITLE)
    late = Ear()
    studio.broadcast.attach("hls", late)
    assert late.log == ["track mp3 48000", "title x"]
    assert studio.broadcast.deliveries == {"icecast", "hls"}


def test_what_is_the_same_again_is_not_told(studio: Studio) -> None:
    source_input = studio.connect()
    studio.send(source_input, FRAME_S)
    for _ in range(2):
        source_input.set_track(TRACK)
        studio.broadcast.set_title(TITLE)
    assert studio.ear.log == ["track mp3 48000", "source", "title x"]


def test_track_that_changes_while_the_source_is_heard_comes_before_its_frames(
    studio: Studio,
) -> None:
    source_input = studio.connect()
    studio.send(source_input, FRAME_S)
    source_input.set_track(AAC)
    studio.send(source_input, FRAME_S, "aac")
    assert studio.ear.log == ["track mp3 48000", "source", "track aac 48000", "aac"]
    assert studio.stand_ins.prepared == [TRACK, AAC]
    assert studio.broadcast.track == AAC


def test_delivery_that_fails_when_it_is_attached_is_not(studio: Studio) -> None:
    studio.send(studio.connect(), 0.24)

    def fail(_what: str) -> None:
        raise ValueError("no room")

    with pytest.raises(ValueError, match="no room"):
        studio.broadcast.attach("hls", Ear(fail))
    assert studio.broadcast.deliveries == {"icecast"}


def test_delivery_that_is_detached_is_told_and_the_others_go_on(studio: Studio) -> None:
    source_input = studio.connect()
    other = Ear()
    studio.broadcast.attach("hls", other)
    studio.send(source_input, FRAME_S)
    studio.broadcast.detach("icecast", STOPPED)
    studio.send(source_input, FRAME_S)
    assert studio.ear.log == ["track mp3 48000", "source", "end stopped"]
    assert other.log == ["track mp3 48000", "source", "source"]


def test_bitrate_is_the_declared_one_else_the_measured_one(studio: Studio) -> None:
    told = [studio.broadcast.bitrate_kbps]
    source_input = studio.connect()
    for _ in range(3):
        source_input.publish([Frame(0, 1152, bytes(384))], studio.now)
    told.append(studio.broadcast.bitrate_kbps)
    source_input.set_station(Station(bitrate_kbps=160))
    told.append(studio.broadcast.bitrate_kbps)
    assert told == [None, 128, 160]
    assert studio.broadcast.published_bytes == 3 * 384, "the first frames too"


def test_listeners_are_counted_for_each_delivery(studio: Studio) -> None:
    count = studio.broadcast.listeners_of("icecast")
    count.listener_joined()
    count.listener_joined()
    had_room = count.has_room
    studio.broadcast.max_listeners = 3
    assert (had_room, count.has_room, studio.broadcast.max_listeners) == (False, True, 3)
    assert studio.broadcast.listeners == 2
    studio.broadcast.close(STOPPED)
    count.listener_left()
    assert studio.broadcast.listeners == 0


# -- pulling


def test_pull_asks_the_source_and_so_does_a_new_title_but_not_after_the_end(
    studio: Studio,
) -> None:
    source = FakeSource()
    studio.broadcast.pull()
    studio.connect(source)
    studio.broadcast.pull()
    studio.broadcast.set_title(TITLE)
    assert source.pulls == 2
    studio.broadcast.close(STOPPED)
    studio.broadcast.pull()
    assert source.pulls == 2


def test_frames_that_wait_when_the_title_changes_come_before_it(studio: Studio) -> None:
    source = FakeSource()
    source_input = studio.connect(source)
    source.on_pull = lambda: studio.send(source_input, 2 * FRAME_S)
    studio.broadcast.set_title(TITLE)
    assert studio.ear.log == ["track mp3 48000", "source", "source", "title x"]


def test_broadcast_that_ends_when_its_source_is_pulled_gets_no_title(studio: Studio) -> None:
    studio.connect(FakeSource(lambda: studio.broadcast.close(LEFT)))
    studio.broadcast.set_title(TITLE)
    assert studio.ear.log == ["end disconnected"]


def test_pull_inside_a_pull_does_nothing(studio: Studio) -> None:
    source = FakeSource(studio.broadcast.pull)
    studio.connect(source)
    studio.broadcast.pull()
    assert source.pulls == 1
    studio.broadcast.pull()
    assert source.pulls == 2


@pytest.mark.parametrize("is_direct", [True, False])
def test_pull_while_deliveries_are_told_does_nothing(studio: Studio, is_direct: bool) -> None:
    source = FakeSource()
    source_input = studio.connect(source)
    studio.send(source_input, FRAME_S, "first")
    waiting = ["second", "third"]

    def send_next() -> None:
        if waiting:
            studio.send(source_input, FRAME_S, waiting.pop(0))

    source.on_pull = send_next
    studio.ear.on_told = lambda _what: studio.broadcast.pull()
    late = Ear()
    studio.broadcast.attach("hls", late)
    if is_direct:
        send_next()
    else:
        studio.broadcast.pull()
    assert studio.ear.log == ["track mp3 48000", "first", "second"]
    assert late.log == ["track mp3 48000", "second"]


def test_source_that_ends_when_it_is_pulled_leaves_the_broadcast_waiting(studio: Studio) -> None:
    source = FakeSource()
    source_input = studio.connect(source)
    source.on_pull = lambda: source_input.end(LEFT, studio.now)
    studio.broadcast.pull()
    assert studio.state() is AirState.WAITING
    assert (source.closed, studio.broadcast.last_loss) == ([], LEFT)


def test_source_that_raises_when_it_is_pulled_is_cut_off(
    studio: Studio, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise OSError("no descriptor")

    source = FakeSource(fail)
    studio.play(studio.connect(source), 2.4)
    studio.broadcast.pull()
    assert str(source.closed[0]) == "an error of this server: OSError"
    assert studio.state() is AirState.WAITING
    assert "no descriptor" in caplog.text


def test_source_that_is_taken_over_while_it_is_pulled_is_not_cut_off_twice(studio: Studio) -> None:
    def take_over_and_fail() -> None:
        studio.connect(FakeSource())
        raise OSError("closed")

    source = FakeSource(take_over_and_fail)
    studio.connect(source)
    studio.broadcast.pull()
    assert [end.reason for end in source.closed] == [EndReason.TAKEN_OVER]
    assert studio.broadcast.input is not None
    assert studio.broadcast.input.is_open


# -- sources that come and go


def test_takeover_cuts_the_former_off_after_what_it_has_sent(studio: Studio) -> None:
    first = FakeSource()
    former = studio.connect(first)
    studio.send(former, FRAME_S, "a")
    first.on_pull = lambda: studio.send(former, FRAME_S, "last of a")
    second = studio.connect(FakeSource(), address="192.0.2.9:1")
    studio.send(second, FRAME_S, "b")
    assert studio.ear.log == ["track mp3 48000", "a", "last of a", "break .", "b"]
    assert first.closed == [End(EndReason.TAKEN_OVER, "192.0.2.9:1")]
    assert not former.is_open
    assert studio.broadcast.input is second
    with pytest.raises(MisuseError):
        former.publish(make_frames(1), studio.now)
    former.end(LEFT, studio.now)
    assert studio.state() is AirState.ON_AIR


def test_former_source_is_not_heard_once_another_is_connected_even_before_its_frames(
    studio: Studio,
) -> None:
    former = studio.connect()
    studio.send(former, FRAME_S)
    studio.connect(track=None)
    assert studio.sound() is Sound.NOTHING
    assert not former.is_open


@pytest.mark.parametrize(
    "on_pull",
    [
        lambda studio, former: former.end(LEFT, studio.now),
        lambda studio, former: studio.broadcast.cut_off(LEFT, studio.now),
        lambda studio, former: studio.connect(FakeSource()),
        lambda studio, former: studio.send(former, 0.24),
    ],
    ids=["ends", "is cut off", "is taken over", "publishes"],
)
def test_whatever_the_former_does_when_it_is_pulled_the_new_source_is_on_air(
    studio: Studio, on_pull: Callable[[Studio, Input], None]
) -> None:
    first = FakeSource()
    former = studio.connect(first)
    studio.send(former, FRAME_S)
    first.on_pull = lambda: on_pull(studio, former)
    second = studio.connect()
    assert studio.broadcast.input is second
    assert second.is_open
    assert not former.is_open
    assert len(first.closed) <= 1
    studio.send(second, FRAME_S, "b")
    assert studio.ear.log[-1] == "b"
    assert studio.state() is AirState.ON_AIR


def test_former_that_ends_the_broadcast_when_it_is_pulled_leaves_nothing_to_connect_to(
    studio: Studio,
) -> None:
    studio.connect(FakeSource(lambda: studio.broadcast.close(STOPPED)))
    late = FakeSource()
    with pytest.raises(MisuseError):
        studio.connect(late)
    assert late.closed == []


@pytest.mark.parametrize("does", ["ends", "closes", "fails"])
def test_source_that_calls_back_when_it_is_closed_is_closed_once(
    studio: Studio, does: str, caplog: pytest.LogCaptureFixture
) -> None:
    def call_back() -> None:
        if does == "ends":
            source_input.end(LEFT, studio.now)
        elif does == "closes":
            studio.broadcast.close(STOPPED)
        else:
            raise OSError("closed already")

    source = FakeSource(on_close=call_back)
    source_input = studio.connect(source)
    studio.broadcast.cut_off(LEFT, studio.now)
    assert len(source.closed) == 1
    assert studio.broadcast.is_closed is (does == "closes")
    assert ("closed already" in caplog.text) is (does == "fails")


def test_cut_off_without_a_source_changes_nothing(studio: Studio) -> None:
    studio.broadcast.cut_off(LEFT, studio.now)
    assert (studio.state(), studio.changes) == (AirState.OFF, [])


def test_changes_are_told_in_order_and_a_callback_that_fails_stops_nothing(
    studio: Studio, caplog: pytest.LogCaptureFixture
) -> None:
    studio.broadcast.on_changed(lambda _broadcast, _change: [].pop())
    told: list[AirChange] = []
    studio.broadcast.on_changed(lambda _broadcast, change: told.append(change))
    source_input = studio.connect()
    studio.send(source_input, 0.24)
    source_input.end(LEFT, studio.now)
    studio.wait(3)
    studio.send(studio.connect(), 0.24)
    came, heard = AirChange.SOURCE_CAME, AirChange.SOURCE_HEARD
    lost, silent = AirChange.SOURCE_LOST, AirChange.SILENCE_BEGAN
    assert told == [came, heard, lost, silent, came, heard]
    assert told == studio.changes
    assert "a change was not taken" in caplog.text


def test_no_change_is_told_after_the_end_that_the_first_told_has_made(studio: Studio) -> None:
    told: list[str] = []
    studio.broadcast.on_closed(lambda _broadcast, _end: told.append("end"))
    studio.broadcast.on_changed(lambda broadcast, _change: broadcast.close(STOPPED))
    studio.broadcast.on_changed(lambda _broadcast, change: told.append(change.value))
    source_input = studio.connect(track=None)
    assert told == ["end"]
    assert not source_input.is_open


def test_source_is_heard_when_it_is_told_so_and_may_be_ended_by_it(studio: Studio) -> None:
    def cut_off(broadcast: Broadcast, change: AirChange) -> None:
        if change is AirChange.SOURCE_HEARD:
            assert broadcast.sound is Sound.SOURCE
            broadcast.cut_off(LEFT, studio.now)

    studio.broadcast.on_changed(cut_off)
    studio.send(studio.connect(), 0.24)
    assert (studio.sound(), studio.state()) == (Sound.NOTHING, AirState.WAITING)
    assert studio.heard("source") == 0.24


@pytest.mark.parametrize("when", ["track mp3 24000", "break .", "silence", "title own"])
@pytest.mark.parametrize("does", ["lose", "close", "take over"])
def test_source_that_ends_while_its_seam_is_made_is_not_heard(
    studio: Studio, when: str, does: str
) -> None:
    studio.send(studio.connect(), 0.24)
    studio.wait(0.5)
    source_input = studio.connect(track=OTHER_RATE)
    studio.broadcast._source_title = Title.from_text("own")  # a title that is still to be shown
    studio.wait(0.5)
    others: list[Input] = []

    def meddle(what: str) -> None:
        if what != when or not source_input.is_open:
            return
        if does == "lose":
            source_input.end(LEFT, studio.now)
        elif does == "close":
            studio.broadcast.close(STOPPED)
        else:
            others.append(studio.connect(FakeSource(), track=OTHER_RATE))

    studio.ear.on_told = meddle
    studio.send(source_input, 0.24, "never")
    studio.ear.on_told = lambda _what: None
    assert "never" not in studio.ear.log
    assert studio.sound() is Sound.NOTHING
    assert studio.broadcast.input is (others[0] if others else None)
    expected = {"lose": AirState.WAITING, "close": AirState.OFF, "take over": AirState.ON_AIR}
    assert studio.state() is expected[does]
    if others:
        studio.send(others[0], 0.24, "other")
        assert studio.ear.log[-1] == "other"
        assert studio.sound() is Sound.SOURCE


# -- silence


def test_short_gap_is_left_alone_until_the_source_is_back_and_is_then_filled(
    studio: Studio,
) -> None:
    source_input = studio.connect()
    studio.play(source_input, 2.4)
    source_input.end(LEFT, studio.now)
    studio.wait(1.5)
    assert (studio.heard("silence"), studio.sound()) == (0, Sound.NOTHING)
    again = studio.connect()
    studio.wait(0.24)
    studio.send(again, 0.24, "again")
    assert 1.5 - FRAME_S <= studio.heard("silence") <= 1.5
    marks = [what for what in studio.ear.story if " " in what]
    assert marks == ["track mp3 48000", "break .", "break ."]
    assert [reel.closed for reel in studio.stand_ins.reels] == [1]


def test_jitter_between_two_sources_is_no_gap(studio: Studio) -> None:
    studio.play(studio.connect(), 2.4)
    again = studio.connect()
    studio.wait(0.3)
    studio.send(again, 0.24, "again")
    assert studio.heard("silence") == 0
    assert studio.ear.story[-2:] == ["break .", "again"]


def test_long_gap_is_filled_with_silence_at_the_pace_of_the_clock(studio: Studio) -> None:
    source_input = studio.connect()
    studio.play(source_input, 2.4)
    lost_at = studio.now
    source_input.end(LEFT, lost_at)
    studio.wait(1.95)
    needed_pace = studio.broadcast.needs_pace
    while studio.now < lost_at + 20:
        studio.wait(0.05)
        assert studio.now - lost_at - studio.heard("silence") >= -1e-3, "never ahead"
        if studio.now >= lost_at + 2.06:
            assert studio.now - lost_at - studio.heard("silence") <= FRAME_S + 1e-3
    assert (needed_pace, studio.broadcast.needs_pace) == (False, True)
    assert studio.sound() is Sound.SILENCE
    assert studio.state() is AirState.WAITING
    assert studio.broadcast.stand_in_s[Sound.SILENCE] == pytest.approx(studio.heard("silence"))


def test_source_that_sends_nothing_is_replaced_but_keeps_its_place(studio: Studio) -> None:
    source_input = studio.connect()
    studio.play(source_input, 2.4)
    studio.wait(100)
    assert studio.state() is AirState.ON_AIR
    assert studio.sound() is Sound.SILENCE
    assert source_input.is_open
    studio.send(source_input, 0.24, "again")
    assert studio.ear.story[-2:] == ["break .", "again"]
    assert studio.sound() is Sound.SOURCE


def test_source_that_waits_to_be_asked_is_asked_before_silence_begins(studio: Studio) -> None:
    source = FakeSource()
    source_input = studio.connect(source)
    studio.send(source_input, 0.24)
    source.on_pull = lambda: studio.send(source_input, 2.04)
    studio.wait(6.5)
    assert studio.heard("silence") == 0
    assert source.pulls == 3


def test_backlog_of_a_source_that_stalled_is_left_out(studio: Studio) -> None:
    source_input = studio.connect()
    studio.play(source_input, 2.4)
    studio.wait(10)
    studio.send(source_input, 9.6, "backlog")
    assert studio.heard("backlog") <= MAX_LEAD_S + FRAME_S
    assert studio.sound() is Sound.SOURCE
    studio.play(source_input, 4.8, "fresh")
    assert studio.heard("fresh") > 4.8 - 0.3
    assert studio.broadcast.published_bytes == sum(
        len(HEAD + what.encode())
        for what in studio.ear.log
        if what in ("source", "backlog", "fresh")
    )


def test_backlog_of_a_source_that_stalled_before_its_first_frame_is_left_out_too(
    studio: Studio,
) -> None:
    source_input = studio.connect()
    studio.play(source_input, 2.4)
    late = studio.connect()
    studio.wait(10)
    studio.send(late, 9.6, "backlog")
    assert studio.heard("backlog") <= MAX_LEAD_S + FRAME_S


def test_stalls_do_not_add_up(studio: Studio) -> None:
    source_input = studio.connect()
    begun = studio.now
    studio.play(source_input, 2.4)
    for _ in range(10):
        studio.wait(4.8)
        studio.send(source_input, 4.8)
        studio.play(source_input, 2.4)
        ahead_s = sum(studio.ear.seconds.values()) - (studio.now - begun)
        assert ahead_s <= MAX_LEAD_S + FRAME_S


def test_reconnects_do_not_add_up(studio: Studio) -> None:
    begun = studio.now
    for _ in range(10):
        source_input = studio.connect()
        studio.wait(1.92)
        studio.send(source_input, 1.92)
        studio.play(source_input, 2.4)
        source_input.end(LEFT, studio.now)
        studio.wait(6)
    assert sum(studio.ear.seconds.values()) - (studio.now - begun) <= 2.0


def test_stall_that_nothing_stood_in_for_loses_nothing(studio: Studio) -> None:
    studio.stand_ins.has_silence = False
    source_input = studio.connect()
    studio.play(source_input, 2.4)
    studio.wait(6)
    assert studio.sound() is Sound.NOTHING
    studio.send(source_input, 6.0, "backlog")
    assert studio.heard("backlog") == 6.0
    assert studio.sound() is Sound.SOURCE


@pytest.mark.parametrize("track", [AAC, OTHER_RATE])
def test_silence_is_of_the_track_before_and_the_new_track_comes_behind_it(
    studio: Studio, track: Track
) -> None:
    source_input = studio.connect()
    studio.play(source_input, 2.4)
    source_input.end(LEFT, studio.now)
    studio.wait(3)
    other = studio.connect(track=track)
    studio.wait(0.5)
    assert studio.sound() is Sound.SILENCE
    assert studio.broadcast.track == TRACK
    studio.send(other, 0.24, "other")
    new = f"track {track.codec} {track.sample_rate}"
    marks = [what for i, what in enumerate(studio.ear.log) if what != studio.ear.log[i - 1]]
    assert marks == ["track mp3 48000", "source", "break .", "silence", new, "break .", "other"]


def test_track_that_changes_within_a_seam_comes_before_its_frames(studio: Studio) -> None:
    source_input = studio.connect()
    studio.play(source_input, 2.4)
    studio.wait(3)
    studio.send(source_input, 0.24, "a")
    source_input.set_track(AAC)
    studio.now += 0.2
    studio.send(source_input, 0.2, "b")
    assert studio.broadcast.track == AAC
    marks = [what for i, what in enumerate(studio.ear.log) if what != studio.ear.log[i - 1]]
    assert marks[-5:] == ["silence", "break .", "a", "track aac 48000", "b"]


def test_track_that_is_announced_while_something_stands_in_is_told_with_its_frames(
    studio: Studio,
) -> None:
    source_input = studio.connect()
    studio.play(source_input, 2.4)
    studio.wait(3)
    source_input.set_track(AAC)
    studio.wait(1)
    assert studio.broadcast.track == TRACK
    studio.send(source_input, 0.2, "b")
    assert studio.broadcast.track == AAC


def test_silence_that_is_not_ready_begins_when_it_is_and_only_fills_the_players_up(
    studio: Studio,
) -> None:
    studio.stand_ins.has_silence = False
    studio.broadcast.policy = AirPolicy(grace_s=600)
    source_input = studio.connect()
    studio.play(source_input, 2.4)
    source_input.end(LEFT, studio.now)
    studio.wait(120)
    assert (studio.sound(), studio.aired_s()) == (Sound.NOTHING, 2.4)
    studio.stand_ins.has_silence = True
    studio.wait(0.05)
    assert studio.heard("silence") <= MAX_BEHIND_S
    studio.wait(10)
    assert studio.heard("silence") == pytest.approx(MAX_BEHIND_S + 10, abs=0.2)


def test_loop_that_was_held_up_for_minutes_sends_no_minutes_of_silence(studio: Studio) -> None:
    source_input = studio.connect()
    studio.play(source_input, 2.4)
    studio.wait(4)
    before, breaks = studio.heard("silence"), studio.ear.log.count("break .")
    studio.now += 300
    studio.broadcast.advance(studio.now)
    assert studio.heard("silence") - before <= MAX_BEHIND_S
    assert studio.ear.log.count("break .") == breaks + 1


def test_clock_that_goes_back_sends_nothing_and_ends_nothing(with_fallback: Studio) -> None:
    on_fallback(with_fallback)
    told = len(with_fallback.ear.log)
    now = with_fallback.now
    for back in (1, 100, 900):
        with_fallback.broadcast.advance(now - back)
    assert len(with_fallback.ear.log) == told
    with_fallback.wait(1)
    assert with_fallback.ear.log[-1] == "fallback"


def test_broadcast_without_stand_ins_waits_in_silence_of_its_own() -> None:
    studio = Studio(stand_ins=NO_STAND_INS)
    source_input = studio.connect()
    studio.play(source_input, 2.4)
    source_input.end(LEFT, studio.now)
    studio.wait(29)
    assert studio.ear.seconds.keys() == {"source"}
    assert not studio.broadcast.needs_pace
    studio.send(studio.connect(), 0.24, "again")
    assert studio.ear.log[-1] == "again"


# -- the grace time


def test_grace_time_ends_the_broadcast_and_says_why(studio: Studio) -> None:
    studio.broadcast.policy = AirPolicy(grace_s=10)
    source_input = studio.connect()
    studio.play(source_input, 2.4)
    source_input.end(LEFT, studio.now)
    studio.wait(9.9)
    assert studio.state() is AirState.WAITING
    studio.wait(0.15)
    assert (
        str(studio.broadcast.end)
        == "no encoder came back in time: 10 s after the encoder disconnected"
    )
    assert studio.ear.log[-1] == "end grace_over"
    assert studio.state() is AirState.OFF


def test_source_that_comes_within_it_goes_on(studio: Studio) -> None:
    source_input = studio.connect()
    studio.play(source_input, 2.4)
    source_input.end(LEFT, studio.now)
    studio.wait(29.9)
    again = studio.connect()
    studio.wait(100)
    studio.send(again, 0.24, "again")
    assert studio.ear.log[-1] == "again"
    assert studio.state() is AirState.ON_AIR


def test_source_that_comes_before_a_late_clock_ends_the_grace_time_goes_on(studio: Studio) -> None:
    source_input = studio.connect()
    studio.play(source_input, 2.4)
    source_input.end(LEFT, studio.now)
    studio.now += 300
    studio.send(studio.connect(), 0.24, "again")
    studio.wait(1)
    assert studio.state() is AirState.ON_AIR
    assert studio.heard("silence") <= MAX_BEHIND_S


def test_late_clock_ends_the_grace_time_at_once(studio: Studio) -> None:
    source_input = studio.connect()
    studio.play(source_input, 2.4)
    source_input.end(LEFT, studio.now)
    studio.broadcast.advance(studio.now + 300)
    assert studio.ear.log[-1] == "end grace_over"
    assert studio.heard("silence") == 0


@pytest.mark.parametrize("is_cut_off", [True, False])
def test_no_grace_time_ends_the_broadcast_with_its_source(studio: Studio, is_cut_off: bool) -> None:
    studio.broadcast.policy = AirPolicy(grace_s=0)
    source = FakeSource()
    source_input = studio.connect(source)
    studio.send(source_input, FRAME_S)
    if is_cut_off:
        studio.broadcast.cut_off(LEFT, studio.now)
    else:
        source_input.end(LEFT, studio.now)
    assert studio.ear.log == ["track mp3 48000", "source", "end grace_over"]
    assert source.closed == ([LEFT] if is_cut_off else [])
    assert studio.changes[-1] is AirChange.SOURCE_LOST


def test_takeover_needs_no_grace_time(studio: Studio) -> None:
    studio.broadcast.policy = AirPolicy(grace_s=0)
    studio.send(studio.connect(), FRAME_S)
    studio.send(studio.connect(), FRAME_S)
    assert studio.state() is AirState.ON_AIR


@pytest.mark.parametrize(("grace_s", "is_closed"), [(5, True), (11, False), (0, True)])
def test_grace_time_that_changes_while_it_runs_counts_from_the_loss(
    studio: Studio, grace_s: float, is_closed: bool
) -> None:
    source_input = studio.connect()
    studio.play(source_input, 2.4)
    source_input.end(LEFT, studio.now)
    studio.wait(10)
    studio.broadcast.policy = AirPolicy(grace_s=grace_s)
    studio.wait(0.05)
    assert studio.broadcast.is_closed is is_closed


# -- the fallback


def test_fallback_follows_the_silence_and_the_source_follows_it_at_once(
    with_fallback: Studio,
) -> None:
    studio = with_fallback
    on_fallback(studio, 8)
    assert studio.sound() is Sound.FALLBACK
    assert studio.heard("silence") == pytest.approx(5, abs=0.06)
    assert studio.heard("fallback") == pytest.approx(3, abs=0.06)
    again = studio.connect()
    studio.wait(1)
    assert studio.state() is AirState.ON_FALLBACK, "until the source is heard"
    studio.send(again, 0.24, "again")
    assert (studio.sound(), studio.state()) == (Sound.SOURCE, AirState.ON_AIR)
    marks = [what for i, what in enumerate(studio.ear.log) if what != studio.ear.log[i - 1]]
    assert marks[2:] == [
        *("break .", "silence", "break .", "title the song", "fallback"),
        *("break .", "title ", "again"),
    ]
    assert [reel.closed for reel in studio.stand_ins.reels] == [1, 1]
    assert sum(studio.ear.seconds.values()) == pytest.approx(2.4 + 9 + 0.24, abs=0.06)


def test_source_that_comes_while_the_fallback_plays_and_leaves_unheard_starts_the_wait_anew(
    with_fallback: Studio,
) -> None:
    on_fallback(with_fallback)
    with_fallback.wait(20)
    silent = with_fallback.connect()
    with_fallback.wait(40)
    silent.end(LEFT, with_fallback.now)
    with_fallback.wait(29.9)
    assert with_fallback.state() is AirState.ON_FALLBACK
    with_fallback.wait(0.15)
    assert with_fallback.broadcast.is_closed


def test_fallback_that_is_ready_later_takes_over_from_silence(with_fallback: Studio) -> None:
    studio = with_fallback
    studio.stand_ins.has_fallback = False
    source_input = studio.connect()
    studio.play(source_input, 2.4)
    source_input.end(LEFT, studio.now)
    studio.wait(10)
    assert (studio.sound(), studio.state()) == (Sound.SILENCE, AirState.WAITING)
    studio.stand_ins.has_fallback = True
    studio.wait(5)
    assert studio.sound() is Sound.FALLBACK
    assert studio.heard("fallback") == pytest.approx(5, abs=0.1)
    assert studio.changes.count(AirChange.SILENCE_BEGAN) == 1


def test_fallback_that_is_ready_after_minutes_of_nothing_does_not_play_them(
    with_fallback: Studio,
) -> None:
    studio = with_fallback
    studio.broadcast.policy = AirPolicy(grace_s=600, has_fallback=True)
    studio.stand_ins.has_fallback = studio.stand_ins.has_silence = False
    source_input = studio.connect()
    studio.play(source_input, 2.4)
    source_input.end(LEFT, studio.now)
    studio.wait(120)
    studio.stand_ins.has_fallback = True
    studio.wait(0.05)
    assert studio.sound() is Sound.FALLBACK
    assert studio.heard("fallback") <= MAX_BEHIND_S


def test_impatient_fallback_begins_with_the_loss_and_not_between_two_frames() -> None:
    studio = Studio(AirPolicy(fallback_after_s=0, has_fallback=True))
    source_input = studio.connect()
    studio.play(source_input, 9.6, batch_s=1.2)
    assert studio.ear.seconds.keys() == {"source"}
    source_input.end(LEFT, studio.now)
    assert studio.sound() is Sound.FALLBACK


def test_source_that_is_connected_and_silent_is_replaced_by_the_fallback(
    with_fallback: Studio,
) -> None:
    source_input = with_fallback.connect()
    with_fallback.play(source_input, 2.4)
    with_fallback.wait(100)
    assert with_fallback.state() is AirState.ON_FALLBACK
    with_fallback.send(source_input, 9.6, "backlog")
    assert with_fallback.state() is AirState.ON_AIR
    assert with_fallback.heard("backlog") <= MAX_LEAD_S + FRAME_S


def test_fallback_ends_with_the_grace_time_unless_it_is_always_on(with_fallback: Studio) -> None:
    on_fallback(with_fallback)
    with_fallback.wait(30)
    assert with_fallback.ear.log[-1] == "end grace_over"
    always_on = Studio(ALWAYS_ON)
    on_fallback(always_on)
    always_on.wait(100)
    assert always_on.state() is AirState.ON_FALLBACK


@pytest.mark.parametrize("has_been_live", [True, False])
def test_channel_that_is_always_on_no_longer_ends_when_its_grace_time_is_over(
    has_been_live: bool,
) -> None:
    studio = Studio(ALWAYS_ON)
    if has_been_live:
        on_fallback(studio)
    else:
        assert studio.broadcast.begin_on_fallback(studio.now)
    studio.wait(20)
    studio.broadcast.policy = WITH_FALLBACK
    studio.wait(1)
    assert not studio.broadcast.is_closed
    studio.wait(10)
    assert studio.ear.log[-1] == "end grace_over"


def test_fallback_that_is_removed_while_it_plays_gives_way_to_silence(
    with_fallback: Studio,
) -> None:
    studio = with_fallback
    on_fallback(studio)
    aired_s = studio.aired_s()
    studio.broadcast.policy = AirPolicy()
    studio.wait(10)
    assert (studio.sound(), studio.state()) == (Sound.SILENCE, AirState.WAITING)
    assert studio.ear.story.count("title ") == 1
    assert studio.aired_s() == pytest.approx(aired_s, abs=0.06)
    assert sum(studio.ear.seconds.values()) == pytest.approx(2.4 + 16, abs=0.06)
    studio.wait(15)
    assert studio.ear.log[-1] == "end grace_over"


@pytest.mark.parametrize("failure", [OSError("gone"), ValueError("closed"), KeyError("odd")])
def test_fallback_that_cannot_be_read_gives_way_to_silence_and_is_tried_again_later(
    failure: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    studio = Studio(ALWAYS_ON)
    on_fallback(studio)
    studio.wait(20)
    heard = sum(studio.ear.seconds.values())
    studio.stand_ins.reels[-1].failure = failure
    studio.wait(FALLBACK_RETRY_S)
    assert (studio.sound(), studio.state()) == (Sound.SILENCE, AirState.WAITING)
    assert sum(studio.ear.seconds.values()) - heard == pytest.approx(FALLBACK_RETRY_S, abs=0.06)
    assert len(caplog.records) == 1
    studio.wait(0.2)
    assert studio.state() is AirState.ON_FALLBACK


def test_fallback_that_cannot_be_read_under_a_silent_source_leaves_it_on_air(
    with_fallback: Studio,
) -> None:
    studio = with_fallback
    source_input = studio.connect()
    studio.play(source_input, 2.4)
    studio.wait(6)
    studio.stand_ins.reels[-1].failure = OSError("gone")
    studio.wait(1)
    assert (studio.sound(), studio.state()) == (Sound.SILENCE, AirState.ON_AIR)
    studio.send(source_input, 0.24, "again")
    source_input.end(LEFT, studio.now)
    assert studio.state() is AirState.WAITING


def test_fallback_that_cannot_be_read_when_the_source_is_back_makes_room_for_it(
    with_fallback: Studio,
) -> None:
    on_fallback(with_fallback)
    again = with_fallback.connect()
    with_fallback.stand_ins.reels[-1].failure = OSError("gone")
    with_fallback.now += 1
    with_fallback.send(again, 0.24, "again")
    assert with_fallback.ear.log[-1] == "again"
    assert with_fallback.state() is AirState.ON_AIR


def test_fallback_that_is_replaced_while_it_plays_goes_over_to_the_new_one(
    with_fallback: Studio,
) -> None:
    studio = with_fallback
    source = studio.connect()
    studio.play(source, 2.4)
    source.end(LEFT, studio.now)
    studio.wait(10)
    old = studio.stand_ins.reels[-1]
    heard = studio.heard("fallback")
    old.is_outdated = True
    studio.wait(5)
    new = studio.stand_ins.reels[-1]
    assert (old.closed, new.closed) == (1, 0)
    assert old is not new
    assert studio.heard("fallback") == pytest.approx(heard + 5, abs=0.1)
    assert studio.sound() is Sound.FALLBACK
    studio.check()


def test_fallback_that_is_outdated_plays_on_while_no_other_is_ready(with_fallback: Studio) -> None:
    studio = with_fallback
    studio.play(studio.connect(), 2.4)
    studio.broadcast.cut_off(LEFT, studio.now)
    studio.wait(10)
    studio.stand_ins.reels[-1].is_outdated = True
    studio.stand_ins.has_fallback = False
    heard = studio.heard("fallback")
    studio.wait(5)
    assert studio.heard("fallback") == pytest.approx(heard + 5, abs=0.1)
    studio.check()


def test_another_title_of_the_fallback_is_shown_while_it_plays(with_fallback: Studio) -> None:
    studio = with_fallback
    studio.play(studio.connect(), 2.4)
    studio.broadcast.cut_off(LEFT, studio.now)
    studio.wait(10)
    studio.stand_ins.reels[-1].title = Title.from_text("another")
    studio.wait(1)
    assert studio.ear.log.count("title another") == 1


def test_bursts_of_sources_that_come_again_and_again_do_not_add_up(studio: Studio) -> None:
    for _ in range(30):
        source = studio.connect()
        studio.send(source, 2.88)
        studio.play(source, 1.2)
    ahead_s = studio.heard("source") - (studio.now - 1000.0)
    assert ahead_s < 2.88 + MAX_BURST_S, "the first one, and what all others may add"
    studio.check()


def test_reel_that_cannot_be_closed_keeps_nobody_from_the_end(with_fallback: Studio) -> None:
    on_fallback(with_fallback)

    def fail() -> None:
        raise OSError("busy")

    setattr(with_fallback.stand_ins.reels[-1], "close", fail)  # noqa: B010  # a method
    with_fallback.broadcast.close(STOPPED)
    assert with_fallback.ear.log[-1] == "end stopped"


@pytest.mark.parametrize("does", ["close", "lose"])
def test_stand_in_stops_when_somebody_who_is_told_ends_it(
    with_fallback: Studio, does: str, caplog: pytest.LogCaptureFixture
) -> None:
    studio = with_fallback
    studio.stand_ins.at_most = 1  # a frame, so that there are more to come
    source_input = studio.connect()
    studio.play(source_input, 2.4)

    def meddle(what: str) -> None:
        if what == "silence" and source_input.is_open:
            if does == "close":
                studio.broadcast.close(STOPPED)
            else:
                source_input.end(LEFT, studio.now)

    studio.ear.on_told = meddle
    studio.wait(10)
    assert not caplog.records
    assert studio.sound() is (Sound.NOTHING if does == "close" else Sound.FALLBACK)


@pytest.mark.parametrize("when", ["break .", "title the song", "fallback"])
def test_broadcast_that_is_closed_while_its_fallback_begins_gives_the_reel_back(
    with_fallback: Studio, when: str
) -> None:
    def close(what: str) -> None:
        if what == when and len(with_fallback.stand_ins.reels) == 2:
            with_fallback.broadcast.close(STOPPED)

    source_input = with_fallback.connect()
    with_fallback.play(source_input, 2.4)
    with_fallback.ear.on_told = close
    with_fallback.wait(8)
    assert with_fallback.ear.log[-1] == "end stopped"
    assert [reel.closed for reel in with_fallback.stand_ins.reels] == [1, 1]
    assert with_fallback.state() is AirState.OFF


# -- on air by the fallback alone


def test_channel_goes_on_air_by_its_fallback_alone() -> None:
    studio = Studio(ALWAYS_ON)
    assert studio.broadcast.begin_on_fallback(studio.now)
    studio.wait(10)
    assert studio.ear.story[:2] == ["track mp3 48000", "title the song"]
    assert studio.heard("fallback") == pytest.approx(10, abs=0.06)
    assert studio.aired_s() == 10
    source_input = studio.connect(track=AAC)
    studio.send(source_input, 0.2)
    assert studio.state() is AirState.ON_AIR
    marks = [what for i, what in enumerate(studio.ear.log) if what != studio.ear.log[i - 1]]
    assert marks[-4:] == ["track aac 48000", "break .", "title ", "source"]


def test_channel_that_its_fallback_alone_puts_on_air_is_of_the_track_that_is_asked_for() -> None:
    studio = Studio(ALWAYS_ON)
    assert studio.broadcast.begin_on_fallback(studio.now, AAC)
    assert studio.broadcast.track == AAC


@pytest.mark.parametrize("policy", [ALWAYS_ON, AirPolicy(is_always_on=True)])
def test_fallback_that_is_not_ready_changes_nothing(policy: AirPolicy) -> None:
    studio = Studio(policy)
    studio.stand_ins.has_fallback = not policy.has_fallback
    before = studio.broadcast.last_frame
    assert not studio.broadcast.begin_on_fallback(studio.now + 5)
    assert studio.state() is AirState.OFF
    assert (studio.broadcast.last_frame, studio.ear.log, studio.changes) == (before, [], [])


def test_channel_that_is_on_air_cannot_begin_by_its_fallback() -> None:
    studio = Studio(ALWAYS_ON)
    studio.connect()
    with pytest.raises(MisuseError, match="channel demo is on air already"):
        studio.broadcast.begin_on_fallback(studio.now)


# -- dead air


def test_dead_air_starts_the_fallback_and_its_end_lets_the_source_be_heard(
    with_fallback: Studio,
) -> None:
    studio = with_fallback
    source_input = studio.connect()
    studio.play(source_input, 2.4)
    studio.broadcast.begin_dead_air(studio.now)
    studio.play(source_input, 9.6, "dead")
    assert (studio.sound(), studio.state()) == (Sound.FALLBACK, AirState.ON_FALLBACK)
    assert studio.heard("dead") == 0
    assert studio.heard("fallback") == pytest.approx(9.6, abs=0.06)
    studio.broadcast.end_dead_air()
    studio.play(source_input, 4.8, "alive")
    assert studio.heard("alive") == pytest.approx(4.8, abs=0.3)
    assert studio.state() is AirState.ON_AIR
    assert studio.aired_s() == pytest.approx(2.4 + 9.6 + 4.8)


def test_dead_air_without_a_fallback_changes_nothing(studio: Studio) -> None:
    source_input = studio.connect()
    studio.play(source_input, 2.4)
    studio.broadcast.begin_dead_air(studio.now)
    studio.play(source_input, 2.4)
    assert studio.heard("source") == 4.8


def test_dead_air_of_a_source_that_is_not_heard_changes_nothing(with_fallback: Studio) -> None:
    with_fallback.broadcast.begin_dead_air(with_fallback.now)
    with_fallback.connect()
    with_fallback.broadcast.begin_dead_air(with_fallback.now)
    assert with_fallback.sound() is Sound.NOTHING


def test_dead_air_within_a_seam_starts_the_fallback_too(with_fallback: Studio) -> None:
    source_input = with_fallback.connect()
    with_fallback.play(source_input, 2.4)
    with_fallback.wait(3)
    with_fallback.send(source_input, 0.24)
    with_fallback.broadcast.begin_dead_air(with_fallback.now)
    assert with_fallback.sound() is Sound.FALLBACK


def test_source_that_leaves_in_dead_air_starts_the_grace_time(with_fallback: Studio) -> None:
    studio = with_fallback
    source_input = studio.connect()
    studio.play(source_input, 2.4)
    studio.broadcast.begin_dead_air(studio.now)
    studio.play(source_input, 24.0)
    source_input.end(LEFT, studio.now)
    studio.wait(29.9)
    assert (studio.sound(), studio.state()) == (Sound.FALLBACK, AirState.ON_FALLBACK)
    studio.broadcast.end_dead_air()
    again = studio.connect()
    studio.send(again, 0.24, "again")
    assert studio.ear.log[-1] == "again"


def test_source_that_takes_over_in_dead_air_is_heard(with_fallback: Studio) -> None:
    studio = with_fallback
    studio.play(studio.connect(), 2.4)
    studio.broadcast.begin_dead_air(studio.now)
    studio.wait(3)
    studio.send(studio.connect(), 0.24, "other")
    assert studio.ear.log[-1] == "other"


def test_fallback_that_cannot_be_read_in_dead_air_lets_the_source_be_heard(
    with_fallback: Studio,
) -> None:
    studio = with_fallback
    source_input = studio.connect()
    studio.play(source_input, 2.4)
    studio.broadcast.begin_dead_air(studio.now)
    studio.stand_ins.reels[-1].failure = OSError("gone")
    studio.play(source_input, 2.4, "dead")
    assert studio.heard("dead") >= 1.9
    assert (studio.sound(), studio.state()) == (Sound.SOURCE, AirState.ON_AIR)
    source_input.end(LEFT, studio.now)
    assert studio.state() is AirState.WAITING


# -- titles and the fallback


def test_title_of_the_source_is_kept_while_the_fallback_plays_and_shown_when_it_is_back(
    with_fallback: Studio,
) -> None:
    studio = with_fallback
    studio.broadcast.set_title(Title.from_text("before"))
    on_fallback(studio)
    assert studio.broadcast.title.text == "the song"
    studio.broadcast.set_title(Title.from_text("after"))
    assert studio.broadcast.title.text == "the song"
    again = studio.connect()
    assert studio.broadcast.title.text == "the song"
    studio.send(again, 0.24)
    titles = [what for what in studio.ear.log if what.startswith("title")]
    assert titles == ["title before", "title the song", "title after"]


def test_title_that_comes_while_silence_stands_in_is_shown(studio: Studio) -> None:
    source_input = studio.connect()
    studio.play(source_input, 2.4)
    studio.wait(3)
    studio.broadcast.set_title(TITLE)
    assert studio.ear.log[-1] == "title x"


# -- what is counted


def test_silence_in_front_of_an_encoder_that_sends_nothing_is_not_aired() -> None:
    studio = Studio(AirPolicy(grace_s=600))
    source_input = studio.connect()
    studio.play(source_input, 2.4)
    source_input.end(LEFT, studio.now)
    studio.wait(5)
    studio.connect()
    studio.wait(300)
    assert studio.aired_s() == 2.4


def test_only_audio_of_a_source_and_of_the_fallback_counts_as_aired() -> None:
    studio = Studio(WITH_FALLBACK)
    assert studio.aired_s() == 0
    source_input = studio.connect()
    studio.play(source_input, 2.4)
    source_input.end(LEFT, studio.now)
    studio.wait(4.9)
    assert studio.aired_s() == 2.4
    studio.wait(5.1)
    assert studio.aired_s() == pytest.approx(2.4 + 5, abs=0.06)
    studio.play(studio.connect(), 2.4)
    assert studio.aired_s() == pytest.approx(2.4 + 5 + 2.4, abs=0.06)
    stood_in = studio.broadcast.stand_in_s
    assert stood_in[Sound.FALLBACK] == pytest.approx(studio.heard("fallback"))
    assert stood_in[Sound.SILENCE] == pytest.approx(5, abs=0.06)


@pytest.mark.parametrize("has_silence", [True, False])
def test_silence_of_a_connected_source_is_not_aired_ready_or_not(has_silence: bool) -> None:
    studio = Studio()
    studio.stand_ins.has_silence = has_silence
    source_input = studio.connect()
    studio.play(source_input, 2.4)
    studio.wait(10)
    assert studio.aired_s() == 2.4
    studio.play(source_input, 2.4)
    assert studio.aired_s() == pytest.approx(4.8, abs=0.25)


def test_source_that_never_sends_anything_has_not_aired(studio: Studio) -> None:
    source_input = studio.connect()
    studio.wait(10)
    assert studio.aired_s() == 0
    source_input.end(LEFT, studio.now)
    assert studio.aired_s() == 0


# -- the end


def test_end_comes_once_source_first_then_listeners_then_the_rest(studio: Studio) -> None:
    log = studio.ear.log
    second = Ear(lambda what: log.append(f"hls {what}"))
    studio.broadcast.attach("hls", second)
    studio.broadcast.on_closed(lambda closed, end: log.append(f"row of {closed.channel_id}: {end}"))
    source = FakeSource(on_close=lambda: log.append("source closed"))
    source_input = studio.connect(source, track=None)
    studio.broadcast.close(STOPPED)
    studio.broadcast.close(LEFT)
    assert log == ["source closed", "end stopped", "hls end stopped", "row of demo: stopped"]
    assert (studio.broadcast.end, studio.state()) == (STOPPED, AirState.OFF)
    assert (source.closed, source_input.is_open) == ([STOPPED], False)
    assert (studio.broadcast.input, studio.sound()) == (None, Sound.NOTHING)


def test_one_that_fails_at_the_end_does_not_keep_it_from_the_others(
    studio: Studio, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_what: object = None, _end: object = None) -> None:
        raise ValueError("cannot")

    studio.ear.on_told = fail
    good, told = Ear(), []
    studio.broadcast.attach("good", good)
    studio.broadcast.on_closed(fail)
    studio.broadcast.on_closed(lambda _closed, _end: told.append("row"))
    studio.connect(FakeSource(on_close=fail), track=None)
    studio.broadcast.close(STOPPED)
    assert (good.log, told) == (["end stopped"], ["row"])
    assert caplog.text.count("channel=demo closing failed in one place") == 3


@pytest.mark.parametrize(
    "call",
    [
        lambda studio, _input: studio.connect(),
        lambda studio, _input: studio.broadcast.attach("hls", Ear()),
        lambda studio, _input: studio.broadcast.set_title(TITLE),
        lambda studio, _input: studio.broadcast.on_closed(lambda _broadcast, _end: None),
        lambda studio, _input: studio.broadcast.begin_on_fallback(studio.now),
        lambda studio, source_input: source_input.publish(make_frames(1), studio.now),
        lambda studio, source_input: source_input.set_track(AAC),
        lambda studio, source_input: source_input.set_station(Station()),
    ],
)
@pytest.mark.parametrize("is_ending", [True, False])
def test_nothing_can_be_done_after_the_end_nor_while_it_comes(
    studio: Studio, call: Callable[[Studio, Input], None], is_ending: bool
) -> None:
    source_input = studio.connect()
    raised: list[MisuseError] = []

    def try_it(_what: str = "") -> None:
        with pytest.raises(MisuseError) as caught:
            call(studio, source_input)
        raised.append(caught.value)

    if is_ending:
        studio.ear.on_told = try_it
    studio.broadcast.close(STOPPED)
    if not is_ending:
        try_it()
    assert len(raised) == 1
    assert studio.ear.log == ["end stopped"]


@pytest.mark.parametrize("is_ending", [True, False])
def test_what_may_come_late_changes_nothing_after_the_end(studio: Studio, is_ending: bool) -> None:
    broadcast, source_input = studio.broadcast, studio.connect()
    studio.send(source_input, 0.24)

    def come_late(what: str = "end") -> None:
        if what.startswith("end"):
            source_input.end(LEFT, studio.now)
            broadcast.pull()
            broadcast.advance(studio.now + 100)
            broadcast.cut_off(LEFT, studio.now)
            broadcast.begin_dead_air(studio.now)
            broadcast.end_dead_air()
            broadcast.detach("icecast", LEFT)
            broadcast.close(LEFT)

    if is_ending:
        studio.ear.on_told = come_late
    broadcast.close(STOPPED)
    come_late()
    assert (broadcast.state, broadcast.end) == (AirState.OFF, STOPPED)
    assert studio.ear.log[-1] == "end stopped"
    assert studio.changes == [AirChange.SOURCE_CAME, AirChange.SOURCE_HEARD]


def test_no_frames_follow_the_end_that_another_delivery_has_made(studio: Studio) -> None:
    class Ends(Ear):
        def on_frames(self, frames: Sequence[Frame]) -> None:
            studio.broadcast.close(STOPPED)

    own = Studio()
    source_input = studio.connect()
    studio.broadcast.detach("icecast", LEFT)
    studio.broadcast.attach("first", Ends())
    studio.broadcast.attach("second", own.ear)
    studio.send(source_input, 0.24)
    assert own.ear.log == ["track mp3 48000", "end stopped"]
