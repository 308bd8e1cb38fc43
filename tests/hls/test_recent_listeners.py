from hypothesis import given
from hypothesis import strategies as st

from hls.recent_listeners import RecentListeners
from tests.hls.workbench import Crowd

A, B, C = ((name, b"player") for name in "abc")


def test_a_client_counts_once_however_often_it_asks() -> None:
    crowd = Crowd()
    listeners = RecentListeners(crowd, expiry_s=10, max_clients=100)
    assert all(listeners.admit(("10.0.0.1", b"VLC"), now) for now in range(5))
    assert listeners.admit(("10.0.0.1", b"mpv"), 5)
    assert crowd.listeners == len(listeners) == 2


def test_a_client_is_a_listener_for_as_long_as_the_expiry_and_no_longer() -> None:
    crowd = Crowd()
    listeners = RecentListeners(crowd, expiry_s=10, max_clients=100)
    listeners.admit(A, 0.0)
    listeners.expire(10.0)
    assert crowd.listeners == 1
    listeners.expire(10.1)
    assert crowd.listeners == 0


def test_asking_again_keeps_a_listener() -> None:
    crowd = Crowd()
    listeners = RecentListeners(crowd, expiry_s=10, max_clients=100)
    listeners.admit(A, 0.0)
    listeners.admit(B, 1.0)
    listeners.admit(A, 9.0)
    listeners.expire(12.0)
    assert crowd.listeners == 1
    assert listeners.admit(A, 12.0)


def test_a_full_broadcast_refuses_the_new_and_keeps_the_old() -> None:
    crowd = Crowd(room=2)
    listeners = RecentListeners(crowd, expiry_s=10, max_clients=100)
    assert listeners.admit(A, 0.0)
    assert listeners.admit(B, 0.0)
    assert not listeners.admit(C, 1.0)
    assert listeners.admit(A, 1.0)
    assert listeners.admit(C, 10.5)  # b has left by then
    assert crowd.listeners == 2


def test_no_more_clients_are_counted_than_the_limit() -> None:
    crowd = Crowd(room=10**9)
    listeners = RecentListeners(crowd, expiry_s=10, max_clients=3)
    assert [listeners.admit((str(n), b""), 0.0) for n in range(4)] == [True, True, True, False]


@given(st.lists(st.tuples(st.integers(0, 6), st.floats(0, 8)), max_size=60), st.integers(0, 5))
def test_the_broadcast_counts_what_the_audience_holds(
    asks: list[tuple[int, float]], room: int
) -> None:
    crowd = Crowd(room)
    listeners = RecentListeners(crowd, expiry_s=10, max_clients=4)
    now, seen = 0.0, dict[int, float]()
    for client, wait in asks:
        now += wait
        present = {c for c, at in seen.items() if now - at <= 10}
        admitted = listeners.admit((str(client), b""), now)
        assert admitted == (client in present or len(present) < min(room, 4))
        if admitted:
            seen[client] = now
        listeners.expire(now)
        assert crowd.listeners == len(listeners) == sum(now - at <= 10 for at in seen.values())


class WrittenLog:
    """Writes down what is told of sessions."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, bytes]] = []
        self.ended: list[tuple[int, int, float]] = []

    def begin(self, address: str, user_agent: bytes) -> int:
        self.begun.append((address, user_agent))
        return len(self.begun)

    def end(self, number: int, sent_bytes: int, ended_ago_s: float) -> None:
        self.ended.append((number, sent_bytes, ended_ago_s))


def test_a_session_begins_with_the_first_segment_and_ends_with_the_last() -> None:
    log = WrittenLog()
    listeners = RecentListeners(Crowd(), expiry_s=10, max_clients=100, log=log)
    listeners.admit(A, 0.0)
    assert log.begun == []
    for now in (1.0, 3.0):
        listeners.admit(A, now, segment_bytes=40_000)
    listeners.admit(B, 4.0)  # only ever asks for the playlist
    listeners.expire(12.0)
    assert log.begun == [A]
    assert log.ended == []
    listeners.expire(13.5)
    assert log.ended == [(1, 80_000, 10.5)]
    listeners.expire(20.0)
    assert len(log.ended) == 1


def test_a_broadcasts_end_ends_all_sessions() -> None:
    log = WrittenLog()
    crowd = Crowd()
    listeners = RecentListeners(crowd, expiry_s=10, max_clients=100, log=log)
    listeners.admit(A, 0.0, segment_bytes=1)
    listeners.admit(B, 1.0, segment_bytes=2)
    listeners.admit(C, 1.0)
    listeners.close(3.0)
    assert log.ended == [(1, 1, 3.0), (2, 2, 2.0)]
    assert len(listeners) == 0
