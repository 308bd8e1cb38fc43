"""Where a webhook may lead. No I/O."""

import ipaddress
import re
from urllib.parse import urlsplit

from awazpulse.refusals import InvalidValue

MAX_URL_CHARACTERS = 2000
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# Shapes such as 127.1 and 2130706433, which some programs take for addresses, and others for names.
_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*", re.IGNORECASE)
_NOT_PUBLIC = tuple(
    ipaddress.IPv6Network(net)
    for net in (
        "::/96",  # IPv4-compatible, out of use
        "::ffff:0:0:0/96",  # IPv4-translated (RFC 2765)
        "64:ff9b:1::/48",  # a network's own NAT64 (RFC 8215)
        "5f00::/16",  # segment routing (RFC 9602)
        "fec0::/10",  # site-local, out of use
    )
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: an IPv4 address is in its last 32 bits


def check_url(url: str) -> str:
    """Return a URL that may be called. Raises `InvalidValue`."""
    if len(url) > MAX_URL_CHARACTERS or not url.isascii() or not url.isprintable() or " " in url:
        raise InvalidValue(
            f"url: expected at most {MAX_URL_CHARACTERS} characters of ASCII, without spaces"
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InvalidValue("url: expected an address such as https://example.org/hook") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise InvalidValue("url: expected an address such as https://example.org/hook")
    last_label = parts.hostname.rstrip(".").rpartition(".")[2]
    if _NUMERIC.fullmatch(last_label) and not _is_address(parts.hostname):
        raise InvalidValue("url: expected an IPv4 address as four numbers, such as 203.0.113.7")
    if parts.username is not None or parts.password is not None:
        raise InvalidValue("url: no user and password in it; check the signature instead")
    return url


def is_public(address: str) -> bool:
    """Whether an address is one of the Internet's: not this machine's, nor its network's."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return all(map(_is_public, (parsed, *_find_embedded(parsed))))


def find_literal(url: str) -> str | None:
    """Return the address that a URL names instead of a host name."""
    host = urlsplit(url).hostname or ""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return None


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_public(address: _Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and any(address in net for net in _NOT_PUBLIC):
        return False
    return address.is_global and not address.is_multicast


def _find_embedded(address: _Address) -> tuple[_Address, ...]:
    """Return the IPv4 address that an IPv6 one stands for."""
    if isinstance(address, ipaddress.IPv4Address):
        return ()
    if address in _NAT64:
        return (ipaddress.IPv4Address(int(address) & 0xFFFFFFFF),)
    teredo = address.teredo
    found = (address.ipv4_mapped, address.sixtofour, teredo[1] if teredo else None)
    return tuple(one for one in found if one is not None)
