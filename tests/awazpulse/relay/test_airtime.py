from awazpulse.relay.airtime import Airtime


def test_it_adds_up_what_lies_between_each_start_and_stop() -> None:
    airtime = Airtime()
    assert airtime.total_s(5) == 0
    airtime.start(10)
    assert airtime.total_s(12) == 2
    airtime.stop(13)
    assert airtime.total_s(20) == 3
    airtime.start(30)
    assert airtime.total_s(31) == 4


def test_a_second_start_or_stop_changes_nothing() -> None:
    airtime = Airtime()
    airtime.start(10)
    airtime.start(14)
    airtime.stop(15)
    airtime.stop(19)
    assert airtime.total_s(20) == 5


def test_a_stop_before_its_start_takes_nothing_away() -> None:
    airtime = Airtime()
    airtime.start(10)
    airtime.stop(9)
    assert airtime.total_s(20) == 0
