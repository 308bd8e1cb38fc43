import pytest

from awazpulse.ledger.privacy import AddressRule, describe_address


@pytest.mark.parametrize(
    ("address", "rule", "kept"),
    [
        ("203.0.113.77", AddressRule.WHOLE, "203.0.113.77"),
        ("203.0.113.77", AddressRule.SHORTENED, "203.0.113.0"),
        ("203.0.113.77", AddressRule.NONE, ""),
        ("2001:db8:1:2:3::9", AddressRule.SHORTENED, "2001:db8:1::"),
        ("2001:DB8:1:2:3:0:0:9", AddressRule.WHOLE, "2001:db8:1:2:3::9"),
        ("fe80::1%eth0", AddressRule.WHOLE, "fe80::1"),
        ("a socket", AddressRule.SHORTENED, ""),
    ],
)
def test_what_is_kept_of_an_address(address: str, rule: AddressRule, kept: str) -> None:
    assert describe_address(address, rule) == kept
