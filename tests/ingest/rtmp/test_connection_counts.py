from ingest.rtmp.connection_counts import REPORT_S, ConnectionCounts
from ingest.rtmp.limits import RtmpLimits


def test_pending_connections_of_an_address_have_a_limit() -> None:
    counts = ConnectionCounts(RtmpLimits(pending_per_address=2))
    assert [counts.try_enter("a") for _ in range(3)] == [True, True, False]
    assert counts.try_enter("b")


def test_a_live_connection_makes_room_for_a_pending_one() -> None:
    counts = ConnectionCounts(RtmpLimits(pending_per_address=1))
    assert counts.try_enter("a")
    counts.count_live("a")
    assert counts.try_enter("a")
    assert counts.connections == 2


def test_a_publication_that_ends_is_pending_again() -> None:
    counts = ConnectionCounts(RtmpLimits(pending_per_address=1))
    assert counts.try_enter("a")
    counts.count_live("a")
    counts.count_pending("a")
    assert not counts.try_enter("a")


def test_all_connections_together_have_a_limit() -> None:
    counts = ConnectionCounts(RtmpLimits(connections=3))
    assert [counts.try_enter(str(number)) for number in range(4)] == [True, True, True, False]
    counts.count_live("0")
    assert not counts.try_enter("9")
    counts.leave("1")
    assert counts.try_enter("9")


def test_nothing_is_kept_of_an_address_that_has_left() -> None:
    counts = ConnectionCounts(RtmpLimits())
    for number in range(100):
        counts.try_enter(str(number))
        counts.leave(str(number))
    assert counts.connections == 0
    assert not counts._pending


def test_those_turned_away_are_reported_once_in_a_while() -> None:
    counts = ConnectionCounts(RtmpLimits(connections=0))
    counts.try_enter("a")
    assert counts.take_report(100.0) == 1
    counts.try_enter("a")
    counts.try_enter("a")
    assert counts.take_report(100.0 + REPORT_S - 0.1) == 0
    assert counts.take_report(100.0 + REPORT_S) == 2
