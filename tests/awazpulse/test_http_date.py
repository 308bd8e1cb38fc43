import calendar
import locale
from email.utils import formatdate

from hypothesis import given
from hypothesis import strategies as st

from awazpulse.http_date import format_http_date

EXAMPLE = calendar.timegm((1994, 11, 6, 8, 49, 37))  # RFC 9110 §5.6.7


def test_the_standards_own_example_and_a_part_of_its_second() -> None:
    assert format_http_date(EXAMPLE) == "Sun, 06 Nov 1994 08:49:37 GMT"
    assert format_http_date(EXAMPLE + 0.9) == "Sun, 06 Nov 1994 08:49:37 GMT"


@given(st.integers(0, 253_402_300_799))  # until the end of 9999
def test_an_http_date_is_what_the_standard_library_writes(seconds: int) -> None:
    assert format_http_date(seconds) == formatdate(seconds, usegmt=True)


def test_the_locale_changes_nothing() -> None:
    before = locale.setlocale(locale.LC_TIME)
    for name in ("de_DE.UTF-8", "ur_PK.UTF-8", "C"):  # those that this machine has
        try:
            locale.setlocale(locale.LC_TIME, name)
        except locale.Error:
            continue
        assert format_http_date(EXAMPLE) == "Sun, 06 Nov 1994 08:49:37 GMT"
    locale.setlocale(locale.LC_TIME, before)
