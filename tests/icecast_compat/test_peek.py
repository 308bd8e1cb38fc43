import socket
from collections.abc import Callable, Iterator

import pytest

from icecast_compat import peek
from icecast_compat.peek import FarEnd, count_unread, look_at_far_end

Pair = tuple[socket.socket, socket.socket]
RESET_ON_CLOSE = b"\x01\0\0\0\0\0\0\0"

each_way = pytest.mark.parametrize("look", [look_at_far_end, peek._peek])


@pytest.fixture
def tcp() -> Iterator[Pair]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        far = socket.create_connection(listening.getsockname())
        ours, _ = listening.accept()
    ours.setblocking(False)
    yield ours, far
    ours.close()
    far.close()


@each_way
def test_an_open_connection_is_open_whether_or_not_data_has_come(
    tcp: Pair, look: Callable[[socket.socket], FarEnd]
) -> None:
    ours, far = tcp
    assert look(ours) is FarEnd.OPEN
    far.send(b"audio")
    assert look(ours) is FarEnd.OPEN
    assert ours.recv(100) == b"audio"  # nothing was read away


@each_way
@pytest.mark.parametrize("leave", [lambda s: s.close(), lambda s: s.shutdown(socket.SHUT_WR)])
def test_a_side_that_was_closed_has_ended(
    tcp: Pair, look: Callable[[socket.socket], FarEnd], leave: Callable[[socket.socket], None]
) -> None:
    ours, far = tcp
    leave(far)
    assert look(ours) is FarEnd.ENDED


@pytest.mark.skipif(not peek._POLLRDHUP, reason="Linux's own")
def test_an_end_behind_unread_data_is_seen(tcp: Pair) -> None:
    ours, far = tcp
    far.send(b"audio")
    far.close()
    assert look_at_far_end(ours) is FarEnd.ENDED
    assert ours.recv(100) == b"audio"


@each_way
def test_a_reset_connection_is_broken(tcp: Pair, look: Callable[[socket.socket], FarEnd]) -> None:
    ours, far = tcp
    far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    far.close()
    assert look(ours) is FarEnd.BROKEN


def test_our_own_closed_socket_is_broken(tcp: Pair) -> None:
    ours, _ = tcp
    ours.close()
    assert look_at_far_end(ours) is FarEnd.BROKEN


def test_without_linuxs_poll_the_end_is_looked_for_by_peeking(
    tcp: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peek, "_POLLRDHUP", 0)
    ours, far = tcp
    far.send(b"x")
    far.close()
    assert look_at_far_end(ours) is FarEnd.OPEN  # the documented limit
    ours.recv(1)
    assert look_at_far_end(ours) is FarEnd.ENDED


@pytest.mark.parametrize("is_closed", [False, True])
def test_unread_bytes_are_counted_without_the_end(tcp: Pair, is_closed: bool) -> None:
    ours, far = tcp
    assert count_unread(ours) == 0
    far.send(bytes(1000))
    if is_closed:
        far.close()
    assert count_unread(ours) == 1000
