import pytest

from awazpulse.relay.pacing import Pacing, Phases


@pytest.mark.parametrize(
    ("listeners", "interval"),
    [(0, 0.1), (1, 0.1), (600, 0.1), (1200, 0.2), (3000, 0.5), (6000, 1.0), (19_000, 1.0)],
)
def test_the_interval_grows_with_the_listeners_between_its_bounds(
    listeners: int, interval: float
) -> None:
    assert Pacing().interval_s(listeners) == pytest.approx(interval)


@pytest.mark.parametrize("count", [2, 5, 16, 76])
def test_phases_leave_no_large_hole_at_any_count(count: int) -> None:
    phases = Phases()
    taken = sorted(phases.next() for _ in range(count))
    gaps = [b - a for a, b in zip(taken, [*taken[1:], taken[0] + 1], strict=True)]
    assert max(gaps) <= 2.7 / count
