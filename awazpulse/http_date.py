"""Dates as HTTP spells them. No I/O. RFC 9110 §5.6.7.

The standard library's `email.utils` does the same, and loads sockets; `time.strftime` would speak the
language of the machine.
"""

import time

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip


def format_http_date(wall: float) -> str:
    """Return a time in seconds since 1970 as an IMF-fixdate."""
    t = time.gmtime(wall)
    day, month = _DAYS[t.tm_wday], _MONTHS[t.tm_mon - 1]
    clock = f"{t.tm_hour:02}:{t.tm_min:02}:{t.tm_sec:02}"
    return f"{day}, {t.tm_mday:02} {month} {t.tm_year:04} {clock} GMT"
