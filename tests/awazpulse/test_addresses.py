import pytest

from awazpulse.addresses import identify_peer


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:5000", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::9]:5000", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("[::ffff:192.0.2.1]:5000", "192.0.2.1"),
        ("", ""),
        ("unix socket", "unix socket"),
        ("x" * 1000, "x" * 64),
    ],
)
def test_peer_is_known_by_its_address_or_its_network(address: str, expected: str) -> None:
    assert identify_peer(address) == expected
