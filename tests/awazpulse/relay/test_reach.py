from awazpulse.relay.reach import MAX_LEAD_S, Reach

RATE = 1000  # samples a second


def test_what_was_published_since_moves_it_on() -> None:
    reach = Reach(100)
    assert reach.find(0, RATE, 100) == 100
    assert reach.find(1500, RATE, 101) == 101.5
    reach.note(101.5, 1500)
    assert reach.find(2000, RATE, 101.6) == 102


def test_it_reaches_at_least_up_to_the_last_frame() -> None:
    assert Reach(100).find(1000, RATE, 104) == 104


def test_a_source_whose_clock_is_fast_is_believed_for_so_much_only() -> None:
    assert Reach(100).find(60_000, RATE, 110) == 110 + MAX_LEAD_S


def test_it_never_goes_back_behind_what_is_known() -> None:
    reach = Reach(100)
    reach.note(130, 0)
    assert reach.find(0, RATE, 105) == 130
