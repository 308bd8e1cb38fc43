from awazpulse.channels.throttle import MAX_KEYS, FailureThrottle


def test_first_five_in_a_minute_are_free_then_the_delay_doubles_to_its_bound() -> None:
    throttle = FailureThrottle()
    delays = [throttle.count_failure("192.0.2.1", "demo", float(n)) for n in range(20)]
    assert delays[:9] == [0, 0, 0, 0, 0, 0.25, 0.5, 1, 2]
    assert set(delays[9:]) == {2}


def test_failures_are_forgotten_after_a_minute() -> None:
    throttle = FailureThrottle()
    for second in range(6):
        throttle.count_failure("192.0.2.1", "demo", float(second))
    assert throttle.count_failure("192.0.2.1", "demo", 60.5) == 0.25 * 2 ** (6 - 5 - 1)
    assert throttle.count_failure("192.0.2.1", "demo", 1000.0) == 0


def test_other_addresses_and_channels_do_not_suffer() -> None:
    throttle = FailureThrottle()
    for _ in range(10):
        throttle.count_failure("192.0.2.1", "demo", 0.0)
    assert throttle.count_failure("192.0.2.2", "demo", 0.0) == 0
    assert throttle.count_failure("192.0.2.1", "other", 0.0) == 0


def test_memory_is_bounded_and_the_longest_quiet_is_forgotten() -> None:
    throttle = FailureThrottle(max_keys=3)
    for _ in range(10):
        for address in ("192.0.2.1", "192.0.2.2"):
            throttle.count_failure(address, "demo", 0.0)
    throttle.count_failure("192.0.2.3", "demo", 0.0)
    assert len(throttle) == 3
    throttle.count_failure("192.0.2.4", "demo", 0.0)
    assert len(throttle) == 3
    assert throttle.count_failure("192.0.2.2", "demo", 0.0) == 2
    assert throttle.count_failure("192.0.2.1", "demo", 0.0) == 0


def test_memory_is_bounded_by_default_too() -> None:
    throttle = FailureThrottle()
    for number in range(MAX_KEYS):
        throttle.count_failure("192.0.2.1", str(number), 0.0)
    assert len(throttle) == MAX_KEYS
    throttle.count_failure("192.0.2.1", "one more", 0.0)
    assert len(throttle) == MAX_KEYS
