import gzip
import math
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from hls.channel import Channel
from hls.limits import Limits
from hls.recent_listeners import RecentListeners
from tests.hls.workbench import WALL, Bench, Crowd, Parsed, parse_playlist

LIMITS = Limits()


class Desk:
    """A channel and its clock."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self.bench = Bench(limits)
        self.channel: Channel = self.bench.channel()
        self.sessions = 0

    def open(self) -> None:
        self.sessions += 1
        self.channel.open(
            f"s{self.sessions}", RecentListeners(Crowd(), expiry_s=10, max_clients=10)
        )

    def add(self, count: int = 1, *, discontinuity: bool = False, size: int = 100) -> None:
        for _ in range(count):
            self.bench.advance(2)
            self.channel.add(
                bytes(size),
                duration_s=2.0,
                wall=self.bench.wall,
                discontinuity=discontinuity,
                now=self.bench.now,
            )

    def close(self) -> None:
        self.channel.close(self.bench.now)

    def end(self) -> None:
        self.channel.end(f"s{self.sessions}", self.bench.now)

    def wait(self, seconds: float) -> bool:
        self.bench.advance(seconds)
        return self.channel.advance(self.bench.now)

    @property
    def playlist(self) -> Parsed:
        return parse_playlist(self.channel.playlist(compressed=False))


def on_air(limits: Limits = LIMITS) -> Desk:
    desk = Desk(limits)
    desk.open()
    return desk


def test_there_is_no_playlist_before_the_first_segment() -> None:
    desk = on_air()
    assert desk.channel.playlist(compressed=False) is None
    desk.add()
    assert len(desk.playlist.segments) == 1


def test_the_window_slides_and_the_numbers_with_it() -> None:
    desk = on_air()
    first = desk.channel.next_sequence
    desk.add(10)
    playlist = desk.playlist
    assert [s.sequence for s in playlist.segments] == [first + n for n in range(4, 10)]
    assert playlist.uris == [f"demo-s1-{s.sequence}.ts" for s in playlist.segments]
    assert playlist.target_duration_s == 2
    assert [s.wall for s in playlist.segments] == [WALL + 2 * n for n in range(5, 11)]


def test_both_forms_of_the_playlist_are_made_once_until_it_changes() -> None:
    desk = on_air()
    desk.add()
    for compressed in (False, True):
        answer = desk.channel.playlist(compressed=compressed)
        assert desk.channel.playlist(compressed=compressed) is answer
        desk.add()
        assert desk.channel.playlist(compressed=compressed) is not answer
    plain, packed = (desk.channel.playlist(compressed=c) for c in (False, True))
    assert plain is not None
    assert packed is not None
    assert gzip.decompress(packed.body) == plain.body


def test_a_name_that_urls_cannot_carry_is_quoted() -> None:
    channel = Channel("a b/ü", LIMITS, media_sequence=5, discontinuity_sequence=0)
    channel.open("s1", RecentListeners(Crowd(), expiry_s=10, max_clients=10))
    channel.add(b"x", duration_s=2.0, wall=WALL, discontinuity=False, now=0.0)
    assert parse_playlist(channel.playlist(compressed=False)).uris == ["a%20b%2F%C3%BC-s1-5.ts"]


def test_a_removed_segment_is_fetchable_for_its_duration_and_that_of_its_longest_playlist() -> None:
    desk = on_air()
    desk.add(6)
    uri = desk.playlist.uris[0]
    desk.add()
    assert uri not in desk.playlist.uris
    desk.wait(2 + 12 - 0.1)
    assert desk.channel.find(uri) is not None
    desk.wait(0.1)
    assert desk.channel.find(uri) is None


def test_a_source_in_real_time_never_meets_the_limits_of_memory() -> None:
    desk = on_air()
    uris = []
    for _ in range(100):
        desk.add()
        desk.wait(0)
        uris.append(desk.playlist.uris[-1])
        for uri in uris[-13:]:
            assert desk.channel.find(uri) is not None
    assert desk.channel.kept_bytes <= 14 * 100


def test_kept_segments_are_bounded_by_number() -> None:
    limits = Limits(kept_segments=8)
    desk = on_air(limits)
    now = desk.bench.now
    for n in range(9):
        desk.add()
        desk.bench.now = now  # all at once: nothing has become too old
        assert desk.channel.kept_bytes == min(n + 1, 8) * 100


def test_kept_segments_are_bounded_by_bytes_and_the_listed_ones_stay() -> None:
    desk = on_air(Limits(kept_bytes=800))
    now = desk.bench.now
    for _ in range(8):
        desk.add()
        desk.bench.now = now
    assert desk.channel.kept_bytes == 800
    desk.add(size=101)
    assert desk.channel.kept_bytes == 701
    desk.add(6, size=500)
    assert len(desk.playlist.segments) == 6
    assert all(desk.channel.find(uri) for uri in desk.playlist.uris)
    assert desk.channel.kept_bytes == 6 * 500


def test_discontinuities_count_once_they_have_left_the_list() -> None:
    desk = on_air()
    before = desk.channel.discontinuity_sequence
    desk.add()
    desk.add(discontinuity=True)
    desk.add(4)
    assert [s.cc - before for s in desk.playlist.segments] == [0, 1, 1, 1, 1, 1]
    desk.add()
    assert desk.playlist.discontinuity_sequence == before
    desk.add()
    assert desk.playlist.discontinuity_sequence == before + 1
    assert {s.cc for s in desk.playlist.segments} == {before + 1}


def test_players_are_told_of_the_end_then_the_channel_is_off_air() -> None:
    desk = on_air()
    desk.add(8)
    desk.close()
    desk.end()
    assert desk.playlist.ended
    uri = desk.playlist.uris[0]
    desk.wait(LIMITS.ended_playlist_s - 0.1)
    assert desk.playlist.ended
    desk.wait(0.1)
    assert desk.channel.playlist(compressed=False) is None
    assert desk.channel.find(uri) is not None
    desk.wait(14)
    assert desk.channel.find(uri) is None
    assert desk.channel.kept_bytes == 0


def test_a_closed_broadcasts_last_segments_come_before_its_end() -> None:
    desk = on_air()
    desk.add()
    desk.close()
    assert not desk.playlist.ended
    desk.add()
    desk.end()
    assert (len(desk.playlist.segments), desk.playlist.ended) == (2, True)


def test_an_end_is_not_told_of_a_channel_that_is_on_air_nor_of_a_later_session() -> None:
    desk = on_air()
    desk.add()
    desk.end()
    assert not desk.playlist.ended
    desk.close()
    desk.open()
    desk.channel.end("s1", desk.bench.now)
    desk.close()
    desk.channel.end("s1", desk.bench.now)
    assert not desk.playlist.ended
    desk.end()
    assert desk.playlist.ended


def test_a_republish_after_the_end_goes_on_without_it() -> None:
    desk = on_air()
    desk.add(8)
    before = desk.playlist
    desk.close()
    desk.end()
    desk.open()
    assert not desk.playlist.ended
    desk.add(discontinuity=True)
    after = desk.playlist
    assert after.segments[-1].sequence == before.segments[-1].sequence + 1
    assert after.segments[-1].cc == before.segments[-1].cc + 1


def test_numbers_are_kept_long_after_the_end_and_then_forgotten() -> None:
    desk = on_air()
    desk.add(discontinuity=True)
    reached, cc = desk.playlist.media_sequence, desk.playlist.segments[-1].cc
    desk.close()
    desk.end()
    assert not desk.wait(LIMITS.remember_s - 1)
    desk.open()
    desk.add(discontinuity=True)
    assert desk.playlist.media_sequence == reached + 1
    assert desk.playlist.segments[-1].cc == cc + 1
    desk.close()
    desk.end()
    for _ in range(60):  # the server looks once a second
        desk.wait(1)
    assert desk.wait(LIMITS.remember_s - 60)


def test_a_channel_on_air_is_never_forgotten() -> None:
    desk = on_air()
    assert not desk.wait(10 * LIMITS.remember_s)


class Caller:
    def __init__(self, resumed: list[int], number: int) -> None:
        self._resume: Callable[[], None] = lambda: resumed.append(number)

    def resume(self) -> None:
        self._resume()


def test_waiting_requests_are_woken_in_their_order_a_few_at_once() -> None:
    desk = on_air()
    resumed: list[int] = []
    for n in range(5):
        desk.channel.waiters[Caller(resumed, n)] = None
    assert not desk.channel.wake(2)  # there is nothing for them yet
    assert resumed == []
    desk.add()
    assert desk.channel.wake(2)
    assert resumed == [0, 1]
    assert desk.channel.wake(2)
    assert not desk.channel.wake(2)
    assert resumed == [0, 1, 2, 3, 4]


STEPS = st.lists(
    st.one_of(
        st.just("open"),
        st.just("close"),
        st.just("end"),
        st.sampled_from([True, False]),
        st.floats(0.1, 60),
    ),
    max_size=60,
)


@given(STEPS)
def test_whatever_happens_numbers_never_go_down_and_names_never_change(
    steps: list[str | bool | float],
) -> None:
    desk = Desk()
    seen: dict[int, tuple[str, int]] = {}
    last = (0, 0)
    for step in steps:
        if step == "open" and not desk.channel.is_on_air:
            desk.open()
        elif step == "close" and desk.channel.is_on_air:
            desk.close()
        elif step == "end":
            desk.end()
        elif isinstance(step, bool) and desk.channel.is_on_air:
            desk.add(discontinuity=step)
        elif isinstance(step, float):
            desk.wait(step)
        answer = desk.channel.playlist(compressed=False)
        if answer is None:
            continue
        playlist = parse_playlist(answer)
        assert last <= (playlist.media_sequence, playlist.discontinuity_sequence)
        assert last[1] <= playlist.discontinuity_sequence
        last = (playlist.media_sequence, playlist.discontinuity_sequence)
        assert playlist.target_duration_s == 2
        assert not any(math.isnan(s.wall) for s in playlist.segments)
        assert not (playlist.ended and desk.channel.is_on_air)
        for segment in playlist.segments:
            assert round(segment.duration_s) <= playlist.target_duration_s
            assert seen.setdefault(segment.sequence, (segment.uri, segment.cc)) == (
                segment.uri,
                segment.cc,
            )
            assert desk.channel.find(segment.uri) is not None
