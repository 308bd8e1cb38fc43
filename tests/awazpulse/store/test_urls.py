import pytest

from awazpulse.store import InvalidDatabaseUrl
from awazpulse.store.urls import parse_database_url


@pytest.mark.parametrize(
    ("text", "driver"),
    [
        ("sqlite:////data/x.db", "sqlite+aiosqlite"),
        ("sqlite+aiosqlite:///x.db", "sqlite+aiosqlite"),
        ("mysql://u:p@host:3306/radio", "mysql+aiomysql"),
        ("mysql+aiomysql://u:p@host/radio", "mysql+aiomysql"),
        ("mariadb://u:p@host/radio?ssl=true", "mysql+aiomysql"),
    ],
)
def test_friendly_url_gets_the_async_driver(text: str, driver: str) -> None:
    url = parse_database_url(text)
    assert url.drivername == driver
    assert url.render_as_string(hide_password=False).partition(":")[2] == text.partition(":")[2]


@pytest.mark.parametrize(
    "text",
    ["", "nonsense", "postgresql://u@h/x", "sqlite://", "sqlite:///:memory:", "mysql://u@h",
     "mysql://u@h:port/x", "sqlite:///file:x?mode=memory"],
)  # fmt: skip
def test_url_that_cannot_be_used_is_an_error_that_says_what_can(text: str) -> None:
    with pytest.raises(InvalidDatabaseUrl, match="expected"):
        parse_database_url(text)


def test_error_repeats_no_password() -> None:
    with pytest.raises(InvalidDatabaseUrl) as error:
        parse_database_url("mysql//u:hidden@h/x")
    assert "hidden" not in str(error.value)
