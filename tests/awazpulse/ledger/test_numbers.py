from awazpulse.ledger.numbers import Numbers, find_start_ms, first_number_at

from .clock import START_MS, Clock


def test_a_number_tells_when_it_was_given() -> None:
    clock = Clock()
    numbers = Numbers(clock, clock.wall)
    assert find_start_ms(numbers.next()) == START_MS
    clock.now += 1.5
    assert find_start_ms(numbers.next()) == START_MS + 1500


def test_each_number_is_given_once_and_they_grow() -> None:
    clock = Clock()
    numbers = Numbers(clock, clock.wall)
    given = [numbers.next() for _ in range(1000)]
    assert given == sorted(set(given))
    assert {find_start_ms(number) for number in given} == {START_MS}


def test_the_time_goes_on_when_the_wall_clock_is_set_back() -> None:
    clock = Clock()
    numbers = Numbers(clock, clock.wall)
    before = numbers.next()
    clock.shift_s = -3600.0
    clock.now += 1
    assert numbers.now_ms() == START_MS + 1000
    assert numbers.next() > before


def test_the_first_number_of_a_time_parts_the_earlier_from_the_later() -> None:
    clock = Clock()
    numbers = Numbers(clock, clock.wall)
    early = numbers.next()
    clock.now += 1
    limit = first_number_at(numbers.now_ms())
    assert early < limit <= numbers.next()
