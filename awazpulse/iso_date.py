"""Dates as JSON and the log spell them. No I/O. ISO 8601."""

from datetime import UTC, datetime


def format_iso_date(wall: float) -> str:
    """Return a time in seconds since 1970, in UTC and with milliseconds."""
    moment = datetime.fromtimestamp(wall, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
