"""The country of an address, by a MaxMind database file that the operator names."""

from collections.abc import Callable
from pathlib import Path

from awazpulse.errors import AwazPulseError

_COUNTRY_LETTERS = 2


class UnusableCountryDatabase(AwazPulseError):
    """The file cannot be read, or is no MaxMind database."""


def open_countries(path: Path) -> Callable[[str], str | None]:
    """Return what finds the two letters of an address's country (ISO 3166-1), None if unknown.

    Raises `UnusableCountryDatabase`.
    """
    import maxminddb  # noqa: PLC0415  # only where an operator names a file

    try:
        reader = maxminddb.open_database(path, maxminddb.MODE_AUTO)
    except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
        raise UnusableCountryDatabase(f"{path}: {error}") from None

    def find(address: str) -> str | None:
        try:
            record = reader.get(address)
        except (ValueError, maxminddb.InvalidDatabaseError):
            return None
        country = record.get("country") if isinstance(record, dict) else None
        code = country.get("iso_code") if isinstance(country, dict) else None
        return code if isinstance(code, str) and len(code) == _COUNTRY_LETTERS else None

    return find
