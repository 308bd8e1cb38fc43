"""Database URLs as operators write them, made into what SQLAlchemy's async drivers want. No I/O."""

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from .errors import InvalidDatabaseUrl

_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "sqlite+aiosqlite": "sqlite+aiosqlite",
    "mysql": "mysql+aiomysql",
    "mysql+aiomysql": "mysql+aiomysql",
    "mysql+pymysql": "mysql+aiomysql",
    "mariadb": "mysql+aiomysql",
    "mariadb+aiomysql": "mysql+aiomysql",
}


def parse_database_url(text: str) -> URL:
    """Return the URL with its async driver.

    Raises `InvalidDatabaseUrl` for another database, for none named, and for SQLite in memory,
    where every connection would see a database of its own.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        # The text is not repeated: it may hold a password.
        raise InvalidDatabaseUrl(
            "got a database URL that cannot be read, expected sqlite:///PATH"
            " or mysql://USER:PASSWORD@HOST:3306/DATABASE"
        ) from error
    driver = _DRIVERS.get(url.drivername)
    if driver is None:
        raise InvalidDatabaseUrl(
            f"got a database of kind {url.drivername!r}, expected sqlite or mysql"
        )
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        expected = "sqlite:///PATH" if driver.startswith("sqlite") else "mysql://../DATABASE"
        raise InvalidDatabaseUrl(
            f"got database {url.database or ''!r}, expected a name: {expected}"
        )
    return url.set(drivername=driver)
