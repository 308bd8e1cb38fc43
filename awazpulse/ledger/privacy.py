"""How much of a listener's address is kept. No I/O."""

import ipaddress
from enum import StrEnum

_KEPT_BITS = {4: 24, 6: 48}  # of an IPv4 and of an IPv6 address that is shortened


class AddressRule(StrEnum):
    """What the ledger keeps of an address."""

    WHOLE = "whole"
    SHORTENED = "shortened"
    NONE = "none"


def describe_address(address: str, rule: AddressRule) -> str:
    """Return what is kept: shortened, an IPv4 address ends in .0 and an IPv6 one is its /48."""
    if rule is AddressRule.NONE:
        return ""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if rule is AddressRule.WHOLE:
        return str(parsed)
    bits = _KEPT_BITS[parsed.version]
    network = ipaddress.ip_network((parsed, bits), strict=False)
    return str(network.network_address)
