import pytest
from hypothesis import given
from hypothesis import strategies as st

from awazpulse.proxies import (
    MAX_HOPS,
    MAX_NODE_CHARACTERS,
    MAX_REMEMBERED,
    Client,
    TrustedProxies,
    parse_trusted_proxies,
)

PEER = "127.0.0.1"
PROXIES = parse_trusted_proxies("127.0.0.1, ::1, 10.0.0.0/8, 2001:db8:aaaa::/48")


def find(peer: str = PEER, **headers: str) -> Client:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    client = PROXIES.find_client(peer, named)
    assert PROXIES.find_address(peer, named) == client.address
    return client


@pytest.mark.parametrize(
    ("header", "address"),
    [
        ("203.0.113.1", "203.0.113.1"),
        (" 203.0.113.1 ", "203.0.113.1"),
        ("203.0.113.1:4711", "203.0.113.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ('"[2001:db8::1]:4711"', "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::ffff:203.0.113.1", "203.0.113.1"),
        ("[::ffff:203.0.113.1]:80", "203.0.113.1"),
        # What stands left of the first one that is not trusted is hearsay.
        ("198.51.100.9, 203.0.113.1", "203.0.113.1"),
        ("198.51.100.9,203.0.113.1,10.1.2.3, ::ffff:10.0.0.1", "203.0.113.1"),
        ("203.0.113.1, [2001:db8:aaaa::7]:443", "203.0.113.1"),
        # All of them are trusted: the farthest is the client.
        ("10.1.1.1, 10.0.0.1", "10.1.1.1"),
        # What is no address ends the reading.
        ("203.0.113.1, unknown, 10.0.0.1", "10.0.0.1"),
        ("203.0.113.1, unix:, 10.0.0.1", "10.0.0.1"),
        ("203.0.113.1, _hidden", PEER),
        ("203.0.113.1,", PEER),
        ("203.0.113.1, 10.0.0.256", PEER),
        ("203.0.113.1, 10.0.0.1:port", PEER),
        ("203.0.113.1, [2001:db8::1", PEER),
        ("203.0.113.٣", PEER),
        ("", PEER),
    ],
)
def test_the_client_is_the_first_from_the_right_that_is_no_proxy(header: str, address: str) -> None:
    assert find(x_forwarded_for=header).address == address


@pytest.mark.parametrize("peer", ["192.0.2.1", "", "unix socket", "x" * 1000])
def test_headers_of_a_peer_that_is_not_trusted_are_ignored(peer: str) -> None:
    client = find(
        peer,
        x_forwarded_for="203.0.113.1",
        x_forwarded_proto="https",
        x_forwarded_host="evil.example",
        x_real_ip="203.0.113.1",
        forwarded="for=203.0.113.1;proto=https",
    )
    assert client == Client(peer)


@pytest.mark.parametrize("peer", ["::1", "10.255.255.255", "::ffff:127.0.0.1", "2001:db8:aaaa::1"])
def test_every_trusted_peer_is_believed(peer: str) -> None:
    assert find(peer, x_forwarded_for="203.0.113.1").address == "203.0.113.1"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("for=203.0.113.1", Client("203.0.113.1")),
        ("For=203.0.113.1; Proto=HTTPS", Client("203.0.113.1", "https")),
        (
            'for="[2001:db8:cafe::17]:4711";proto=https;by=10.0.0.1;host="radio.example:8443"',
            Client("2001:db8:cafe::17", "https", "radio.example", 8443),
        ),
        ('for="203.0.113.1:_port"', Client("203.0.113.1")),
        (
            "for=198.51.100.9;host=evil.example, for=203.0.113.1;proto=https;host=a.example, for=10.0.0.1;proto=http",
            Client("203.0.113.1", "https", "a.example"),
        ),
        ("for=203.0.113.1, for=unknown;proto=https", Client(PEER, "https")),
        ("for=203.0.113.1, for=_hidden, for=10.0.0.1", Client("10.0.0.1")),
        ("for=203.0.113.1, proto=https", Client(PEER, "https")),
        ("for=203.0.113.1, nonsense", Client(PEER)),
        # A quote that the client has left open does not swallow what its proxy has added.
        ('for=198.51.100.9;x=", for=203.0.113.1', Client("203.0.113.1")),
        ('for=198.51.100.9;x=", for="[2001:db8::1]"', Client("2001:db8::1")),
    ],
)
def test_forwarded_is_read_by_its_elements(header: str, expected: Client) -> None:
    assert find(forwarded=header) == expected


def test_real_ip_counts_where_nothing_else_says_an_address() -> None:
    assert find(x_real_ip="203.0.113.1").address == "203.0.113.1"
    assert find(x_real_ip="203.0.113.1", x_forwarded_for="203.0.113.2").address == "203.0.113.2"


def test_a_client_cannot_overrule_its_proxy_by_another_header() -> None:
    said = {"forwarded": "for=198.51.100.9;host=evil.example;proto=http"}
    assert find(x_forwarded_for="203.0.113.1", **said) == Client("203.0.113.1")
    said_by_nginx = {"x_forwarded_proto": "https", "x_real_ip": "203.0.113.1"}
    assert find(**said_by_nginx, **said) == Client("203.0.113.1", "https")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"proto": "https"}, ("https", "", 0)),
        ({"proto": "HTTPS", "port": "443"}, ("https", "", 0)),
        ({"proto": "https", "port": "8443"}, ("https", "", 8443)),
        ({"host": "radio.example"}, ("", "radio.example", 0)),
        ({"host": "radio.example:80"}, ("", "radio.example", 0)),
        ({"proto": "https", "host": "radio.example:80"}, ("https", "radio.example", 80)),
        ({"host": "radio.example:8080", "port": "81"}, ("", "radio.example", 8080)),
        ({"host": "[2001:db8::1]:8080"}, ("", "[2001:db8::1]", 8080)),
        (
            {"proto": "https", "host": "radio.example", "port": "65536"},
            ("https", "radio.example", 0),
        ),
        ({"proto": "https", "port": "x"}, ("https", "", 0)),
        ({"proto": "javascript", "host": "a b"}, ("", "", 0)),
        ({"host": "radio.example/path"}, ("", "", 0)),
        ({"host": "user@radio.example"}, ("", "", 0)),
        ({"host": "a" * 263}, ("", "", 0)),
    ],
)
def test_scheme_host_and_port_are_what_the_proxy_says_if_it_is_well_formed(
    headers: dict[str, str], expected: tuple[str, str, int]
) -> None:
    client = find(**{f"x_forwarded_{name}": value for name, value in headers.items()})
    assert (client.scheme, client.host, client.port) == expected


def test_of_several_values_the_one_of_the_proxy_that_the_client_asked_counts() -> None:
    through_two = {"x_forwarded_for": "198.51.100.9, 203.0.113.1, 10.0.0.1"}
    client = find(
        **through_two, x_forwarded_proto="http, https, http", x_forwarded_host="evil, a, b"
    )
    assert client == Client("203.0.113.1", "https", "a")
    assert find(**through_two, x_forwarded_proto="https").scheme == "https"


def test_origin_is_what_the_proxy_says_filled_up_with_the_public_host() -> None:
    assert Client("203.0.113.1").find_origin("radio.example") is None
    assert Client("", "https").find_origin("2001:db8::1") == "https://[2001:db8::1]"
    assert Client("", "", "a.example", 81).find_origin("radio.example") == "http://a.example:81"


def test_nobody_is_trusted_without_a_setting() -> None:
    for proxies in (TrustedProxies(), parse_trusted_proxies(" none ")):
        assert proxies.find_address(PEER, {"x-forwarded-for": "203.0.113.1"}) == PEER


def test_a_chain_is_followed_to_its_limit_and_no_farther() -> None:
    proxies = ", 10.0.0.1" * MAX_HOPS
    assert find(x_forwarded_for=f"203.0.113.1{proxies}").address == "203.0.113.1"
    assert find(x_forwarded_for=f"203.0.113.1, 10.0.0.1{proxies}").address == "10.0.0.1"


def test_an_address_has_a_greatest_length() -> None:
    zone = "fe80::1%".ljust(MAX_NODE_CHARACTERS, "x")
    assert find(x_forwarded_for=zone).address == "fe80::1"
    assert find(x_forwarded_for=f"{zone}x").address == PEER


def test_only_so_many_addresses_are_remembered() -> None:
    proxies = parse_trusted_proxies("127.0.0.1")
    for number in range(MAX_REMEMBERED + 100):
        text = f"203.0.{number // 256}.{number % 256}"
        assert proxies.find_address(PEER, {"x-forwarded-for": text}) == text
    assert proxies._judge.cache_info().currsize == MAX_REMEMBERED


@pytest.mark.parametrize("text", ["x", "10.0.0.0/33", "10.0.0.1;10.0.0.2", "[::1]", "none, ::1"])
def test_a_setting_that_names_no_proxy_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"got '.*', expected addresses and networks"):
        parse_trusted_proxies(text)


@given(st.dictionaries(st.sampled_from(["x-forwarded-for", "forwarded", "x-real-ip", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port"]), st.text()))  # fmt: skip
def test_nothing_that_a_proxy_hands_on_raises(headers: dict[str, str]) -> None:
    client = PROXIES.find_client(PEER, headers)
    assert client.scheme in ("", "http", "https")
