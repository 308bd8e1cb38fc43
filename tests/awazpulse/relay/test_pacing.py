import pytest

from awazpulse.relay.pacing import AUDIENCE_SENDS, Pacing, Phases


@pytest.mark.parametrize(
    ("listeners", "interval"),
    [(0, 0.1), (1, 0.1), (600, 0.1), (1200, 0.2), (3000, 0.5), (6000, 1.0), (19_000, 1.0)],
)
def test_the_interval_grows_with_the_listeners_between_its_bounds(
    listeners: int, interval: float
) -> None:
    assert Pacing().interval_s(listeners) == pytest.approx(interval)


def test_each_audience_but_the_first_counts_as_some_listeners_more() -> None:
    pacing = Pacing()
    assert pacing.interval_s(3000, 1) == pytest.approx(0.5)
    assert pacing.interval_s(3000, 21) == pytest.approx(0.5 + 20 * AUDIENCE_SENDS / 6000)
    assert pacing.interval_s(4000, 200) == 1.0
    assert pacing.interval_s(0, 0) == pytest.approx(0.1)


@pytest.mark.parametrize("count", [2, 5, 16, 76])
def test_phases_leave_no_large_hole_at_any_count(count: int) -> None:
    phases = Phases()
    taken = sorted(phases.next() for _ in range(count))
    gaps = [b - a for a, b in zip(taken, [*taken[1:], taken[0] + 1], strict=True)]
    assert max(gaps) <= 2.7 / count
