"""Addresses of peers and hosts, as one spelling. No I/O."""

import ipaddress

V4_MAPPED_PREFIX = "::ffff:"


def bracket_host(host: str) -> str:
    """Return a host as a URL spells it: an IPv6 address in brackets (RFC 3986 §3.2.2)."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def normalize_address(address: str) -> str:
    """Return an IPv4 address as such where a dual-stack socket shows it inside IPv6."""
    if not address.startswith(V4_MAPPED_PREFIX):
        return address
    mapped = ipaddress.IPv6Address(address).ipv4_mapped
    return str(mapped) if mapped else address


def identify_peer(address: str) -> str:
    """Return what counts as one peer: an IPv4 address, or the /64 that one customer is given.

    Takes an address with or without a port or a zone. Anything else stands for itself, cut to 64
    characters.
    """
    for text in (address, address.rpartition(":")[0].strip("[]")):
        try:
            parsed = ipaddress.ip_address(normalize_address(text.partition("%")[0]))
        except ValueError:
            continue
        if isinstance(parsed, ipaddress.IPv6Address):
            return str(ipaddress.IPv6Network((parsed, 64), strict=False))
        return str(parsed)
    return address[:64]
