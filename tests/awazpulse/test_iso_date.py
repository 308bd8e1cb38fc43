import pytest

from awazpulse.iso_date import format_iso_date


@pytest.mark.parametrize(
    ("wall", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_800_000_000.25, "2027-01-15T08:00:00.250Z"),
        (1_800_000_000.9999, "2027-01-15T08:00:00.999Z"),
    ],
)
def test_a_time_is_in_utc_and_has_milliseconds(wall: float, text: str) -> None:
    assert format_iso_date(wall) == text
