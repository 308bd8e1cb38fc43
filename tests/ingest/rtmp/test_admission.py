from ingest.rtmp.admission import REPORT_S, Admission
from ingest.rtmp.limits import RtmpLimits


def test_pending_connections_of_an_address_have_a_limit() -> None:
    admission = Admission(RtmpLimits(pending_per_address=2))
    assert [admission.try_admit("a") for _ in range(3)] == [True, True, False]
    assert admission.try_admit("b")


def test_a_live_connection_makes_room_for_a_pending_one() -> None:
    admission = Admission(RtmpLimits(pending_per_address=1))
    assert admission.try_admit("a")
    admission.go_live("a")
    assert admission.try_admit("a")
    assert admission.connections == 2


def test_a_publication_that_ends_is_pending_again() -> None:
    admission = Admission(RtmpLimits(pending_per_address=1))
    assert admission.try_admit("a")
    admission.go_live("a")
    admission.end_live("a")
    assert not admission.try_admit("a")


def test_all_connections_together_have_a_limit() -> None:
    admission = Admission(RtmpLimits(connections=3))
    assert [admission.try_admit(str(number)) for number in range(4)] == [True, True, True, False]
    admission.go_live("0")
    assert not admission.try_admit("9")
    admission.leave("1")
    assert admission.try_admit("9")


def test_nothing_is_kept_of_an_address_that_has_left() -> None:
    admission = Admission(RtmpLimits())
    for number in range(100):
        admission.try_admit(str(number))
        admission.leave(str(number))
    assert admission.connections == 0
    assert not admission._pending


def test_those_turned_away_are_reported_once_in_a_while() -> None:
    admission = Admission(RtmpLimits(connections=0))
    admission.try_admit("a")
    assert admission.take_report(100.0) == 1
    admission.try_admit("a")
    admission.try_admit("a")
    assert admission.take_report(100.0 + REPORT_S - 0.1) == 0
    assert admission.take_report(100.0 + REPORT_S) == 2
