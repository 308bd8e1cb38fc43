import pytest

from awazpulse.relay.listener_count import ListenerCount


def test_listeners_are_counted_against_the_limit() -> None:
    count = ListenerCount(2)
    room = []
    for _ in range(2):
        count.listener_joined()
        room.append(count.has_room)
    count.max_listeners = 3
    room.append(count.has_room)
    assert room == [True, False, True]
    count.listener_left()
    assert (count.listeners, count.peak_listeners) == (1, 2)


@pytest.mark.parametrize("limit", [0, -1])
def test_limit_of_none_has_room_for_none(limit: int) -> None:
    assert not ListenerCount(limit).has_room


def test_peak_stays_when_everyone_has_gone() -> None:
    count = ListenerCount(9)
    for _ in range(3):
        count.listener_joined()
    count.clear()
    count.listener_joined()
    assert (count.listeners, count.peak_listeners) == (1, 3)


def test_those_who_leave_after_they_were_counted_out_are_not_counted_again() -> None:
    count = ListenerCount(2)
    count.listener_joined()
    count.clear()
    count.listener_left()
    assert count.listeners == 0
