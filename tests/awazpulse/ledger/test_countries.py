from pathlib import Path

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from awazpulse.ledger.countries import UnusableCountryDatabase, open_countries


@pytest.fixture
def file(tmp_path: Path) -> Path:
    writer = MMDBWriter(6, "GeoLite2-Country", ipv4_compatible=True)
    writer.insert_network(IPSet(["203.0.113.0/24"]), {"country": {"iso_code": "PK"}})
    writer.insert_network(IPSet(["2001:db8::/32"]), {"country": {"iso_code": "DE"}})
    writer.insert_network(IPSet(["198.51.100.0/25"]), {"country": {"names": {"en": "Nowhere"}}})
    writer.insert_network(IPSet(["198.51.100.128/25"]), {"country": {"iso_code": "TOO LONG"}})
    writer.to_db_file(str(tmp_path / "countries.mmdb"))
    return tmp_path / "countries.mmdb"


@pytest.mark.parametrize(
    ("address", "country"),
    [
        ("203.0.113.9", "PK"),
        ("2001:db8::9", "DE"),
        ("192.0.2.1", None),
        ("198.51.100.1", None),
        ("198.51.100.200", None),
        ("no address", None),
    ],
)
def test_the_country_of_an_address(file: Path, address: str, country: str | None) -> None:
    assert open_countries(file)(address) == country


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.mmdb").write_bytes(b"no database" * 100)
    with pytest.raises(UnusableCountryDatabase, match=r"x\.mmdb"):
        open_countries(tmp_path / "x.mmdb")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnusableCountryDatabase, match=r"missing\.mmdb"):
        open_countries(tmp_path / "missing.mmdb")
