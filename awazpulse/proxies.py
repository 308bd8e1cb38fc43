"""Who really asks, when a reverse proxy stands before the server. No I/O.

A proxy says in headers whom it asks for: `X-Forwarded-For` with `X-Forwarded-Proto`, `-Host` and `-Port`,
or `Forwarded` (RFC 7239), or `X-Real-IP`. Anybody can send such headers, so they count only when they
come from a peer that the operator trusts. Each proxy adds the address of its own client on the right. So
the addresses are read from the right: trusted ones are skipped, the first other one is the client's. What
is no address (`unknown`, `unix:`, `_hidden`, junk) ends the reading: what stands left of it is hearsay.

One family of headers is read, never a mixture: `X-Forwarded-*` if any of them is there, else
`Forwarded`. Most proxies hand on unchanged what they do not set themselves, and a client that adds
`Forwarded` must not overrule the `X-Forwarded-For` that its proxy has set.
"""

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from awazpulse.addresses import bracket_host

FORWARDED_FOR = "x-forwarded-for"
FORWARDED = "forwarded"
REAL_IP = "x-real-ip"
_PROTO, _HOST, _PORT = "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port"
_X_FAMILY = (FORWARDED_FOR, _PROTO, _HOST, _PORT)
ADDRESS_HEADERS = (FORWARDED_FOR, FORWARDED, REAL_IP)
HEADERS = (*_X_FAMILY, FORWARDED, REAL_IP)

MAX_HOPS = 32  # proxies in a row that are looked at; bounds what a hostile header can cost
MAX_NODE_CHARACTERS = 64  # an IPv6 address has 39, brackets, zone and port beside it
MAX_HOST_CHARACTERS = 262  # a name has 253 at most, and a port
MAX_REMEMBERED = 4096  # addresses that are not parsed anew for each request; about 1 MB

MAX_PORT = 65_535

NO_PROXY = "none"

_DEFAULT_PORTS = {"http": 80, "https": 443}
_NODE_PORT = r"(?::(?:[0-9]{1,5}|_[A-Za-z0-9._-]+))?"  # RFC 7239 §6
_NODE = re.compile(
    rf"\[([0-9A-Fa-f:.]+)(?:%[^\]]*)?\]{_NODE_PORT}"
    rf"|([0-9]+\.[0-9]+\.[0-9]+\.[0-9]+){_NODE_PORT}"
    r"|([0-9A-Fa-f:.]+)(?:%.*)?"
)
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_](?:[A-Za-z0-9_.-]*))(?::([0-9]{1,5}))?")
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105  # RFC 9110 §5.6.2's word
_PAIR = rf'({_TOKEN})=(?:({_TOKEN})|"([^"\\]*)")'
_PAIRS = re.compile(_PAIR)
# Addresses and hosts need no quoted comma, semicolon or backslash. So a header can be cut at its commas from
# the right, and a quote that a client leaves open cannot swallow what its proxy has added.
_ELEMENT = re.compile(rf"\s*{_PAIR}(?:\s*;\s*{_PAIR})*\s*")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks: the address, and by which scheme, host and port it asked its proxy; empty: nobody says."""

    address: str
    scheme: str = ""
    host: str = ""  # an IPv6 address in brackets
    port: int = 0  # 0: the scheme's own

    def find_origin(self, host: str) -> str | None:
        """Return the beginning of URLs that this client can use; None when no proxy says anything.

        `host` (without brackets) is the server's public one, for a proxy that says no other.
        """
        if not self.scheme and not self.host:
            return None
        port = f":{self.port}" if self.port else ""
        return f"{self.scheme or 'http'}://{self.host or bracket_host(host)}{port}"


class TrustedProxies:
    """The proxies that are believed; none by default."""

    def __init__(self, networks: Iterable[Network] = ()) -> None:
        self._networks = tuple(networks)
        # A proxy's listeners ask again and again, each with the same address.
        self._judge = lru_cache(MAX_REMEMBERED)(self._judge_node)

    def trusts(self, address: str) -> bool:
        """Whether what this peer says of others is believed."""
        if not self._networks:
            return False
        node = self._judge(address) if len(address) <= MAX_NODE_CHARACTERS else None
        return node is not None and node[1]

    def find_address(self, peer: str, headers: Mapping[str, str]) -> str:
        """Return the address of the client of a request; see `find_client`."""
        if not self.trusts(peer):
            return peer
        if _is_forwarded_alone(headers):
            return self._walk_forwarded(peer, headers[FORWARDED])[0]
        return self._walk(peer, headers)[0]

    def find_client(self, peer: str, headers: Mapping[str, str]) -> Client:
        """Return who has sent a request.

        `peer`: the address that the connection comes from. `headers`: by names in lower case, repeated
        ones joined by commas.
        """
        if not self.trusts(peer):
            return Client(peer)
        if _is_forwarded_alone(headers):
            address, said = self._walk_forwarded(peer, headers[FORWARDED])
            return _describe(address, said.get("proto", ""), said.get("host", ""), "")
        address, hops = self._walk(peer, headers)
        proto, host, port = (_pick(headers.get(name, ""), hops) for name in (_PROTO, _HOST, _PORT))
        return _describe(address, proto, host, port)

    def _walk(self, peer: str, headers: Mapping[str, str]) -> tuple[str, int]:
        """Return the client's address, and how many proxies are between it and our peer."""
        address, hops = peer, 0
        chain = headers.get(FORWARDED_FOR) or headers.get(REAL_IP, "")
        for number, text in enumerate(reversed(chain.rsplit(",", MAX_HOPS))):
            node = self._judge_text(text)
            if node is None:
                break
            address, hops = node[0], number
            if not node[1]:
                break
        return address, hops

    def _walk_forwarded(self, peer: str, header: str) -> tuple[str, dict[str, str]]:
        """Return the client's address, and the other things that its proxy says of its request."""
        address = peer
        said: dict[str, str] = {}
        for text in reversed(header.rsplit(",", MAX_HOPS)):
            element = _parse_element(text)
            if element is None:
                break
            said = element
            node = self._judge_text(element.get("for", ""))
            if node is None:
                break
            address = node[0]
            if not node[1]:
                break
        return address, said

    def _judge_text(self, text: str) -> tuple[str, bool] | None:
        text = text.strip(' \t"')
        return self._judge(text) if len(text) <= MAX_NODE_CHARACTERS else None

    def _judge_node(self, text: str) -> tuple[str, bool] | None:
        """Return an address in its one spelling and whether it is trusted, None for what is none."""
        match = _NODE.fullmatch(text)
        if match is None:
            return None
        try:
            address = ipaddress.ip_address(match[1] or match[2] or match[3])
        except ValueError:
            return None
        if isinstance(address, ipaddress.IPv6Address):
            address = address.ipv4_mapped or address
        return str(address), any(address in network for network in self._networks)


def parse_trusted_proxies(text: str) -> TrustedProxies:
    """Return the proxies that a setting names: addresses and networks, by commas, or `none`.

    Raises `ValueError`.
    """
    if text.strip() == NO_PROXY:
        return TrustedProxies()
    networks = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        try:
            networks.append(ipaddress.ip_network(part, strict=False))
        except ValueError:
            raise ValueError(
                f"got {part!r}, expected addresses and networks such as 127.0.0.1,10.0.0.0/8, or {NO_PROXY}"
            ) from None
    return TrustedProxies(networks)


def _is_forwarded_alone(headers: Mapping[str, str]) -> bool:
    return FORWARDED in headers and not any(name in headers for name in _X_FAMILY)


def _pick(header: str, hops: int) -> str:
    """Return what the proxy said that is `hops` from us; most of them write one value for all."""
    values = header.rsplit(",", MAX_HOPS)
    return values[-1 - min(hops, len(values) - 1)].strip()


def _parse_element(text: str) -> dict[str, str] | None:
    """Return the pairs of one element of `Forwarded` (RFC 7239 §4), None for what is none."""
    if not _ELEMENT.fullmatch(text):
        return None
    return {name.lower(): token or quoted for name, token, quoted in _PAIRS.findall(text)}


def _describe(address: str, proto: str, host: str, port: str) -> Client:
    """Return a client of whose scheme, host and port a proxy says this. What is malformed is left out."""
    scheme = proto.lower() if proto.lower() in _DEFAULT_PORTS else ""
    match = _AUTHORITY.fullmatch(host) if len(host) <= MAX_HOST_CHARACTERS else None
    digits = (match and match[2]) or port
    number = int(digits) if re.fullmatch(r"[0-9]{1,5}", digits) else 0
    if number > MAX_PORT or number == _DEFAULT_PORTS[scheme or "http"]:
        number = 0
    return Client(address, scheme, match[1] if match else "", number)
