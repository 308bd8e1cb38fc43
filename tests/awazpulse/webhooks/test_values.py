"""What of webhooks is no I/O: signatures, waits, destinations."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awazpulse.refusals import InvalidValue
from awazpulse.webhooks.backoff import GIVE_UP_MS, find_next_try
from awazpulse.webhooks.destinations import check_url, find_literal, is_public
from awazpulse.webhooks.signing import sign


def test_a_receiver_can_check_the_signature_by_the_description() -> None:
    body = '{"title":"گیت"}'.encode()
    head = sign("the secret", 1_800_000_000, body)
    time, _, digest = head.partition(",")
    assert time == "t=1800000000"
    expected = hmac.new(b"the secret", b"1800000000." + body, hashlib.sha256).hexdigest()
    assert digest == f"v1={expected}"
    assert sign("another", 1_800_000_000, body) != head


def test_waits_double_up_to_two_hours_and_end_after_a_day() -> None:
    now = 0
    waits = []
    attempts = 1
    while (due := find_next_try(attempts, 0, now)) is not None:
        waits.append(due - now)
        now, attempts = due, attempts + 1
    assert waits[:4] == [10_000, 20_000, 40_000, 80_000]
    assert max(waits) == 2 * 3600 * 1000
    assert now == GIVE_UP_MS
    assert 15 < attempts < 30


@given(st.integers(1, 10_000), st.integers(0, 2 * GIVE_UP_MS))
def test_the_next_try_is_later_and_never_after_a_day(attempts: int, now: int) -> None:
    due = find_next_try(attempts, 0, now)
    if now >= GIVE_UP_MS:
        assert due is None
    else:
        assert due is not None
        assert now < due <= GIVE_UP_MS


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.9.1",
        "0.0.0.0",  # an address that is refused
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fd00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2002:a00:1::",
        "fec0::1",
        "::7f00:1",
        "64:ff9b:1::7f00:1",
        "::ffff:0:7f00:1",
        "5f00::1",
        "no address",
    ],
)
def test_what_is_this_machine_or_its_network(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822"])
def test_what_is_of_the_internet(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/hook",
        "http://example.org:8080/a?b=c",
        "https://[2606:2800:220:1::1]/x",
    ],
)
def test_urls_that_may_be_called(url: str) -> None:
    assert check_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/",
        "https://",
        "https:///path",
        "https://user:secret@example.org/",
        "https://example.org:99999/",
        "https://example.org:0/",
        "https://exa mple.org/",
        "https://example.org/\n",
        "https://مثال.org/",
        "https://[::1/",
        "https://example.org/" + "x" * 2000,
        "javascript:alert(1)",
        "http://127.1/",
        "http://2130706433/",
        "http://0/",
        "http://0177.0.0.1/",
        "http://127.000.000.001/",
        "http://127.0.0.1./",
        "http://0x7f.1/",
        "http://0x7f000001/",
    ],
)
def test_urls_that_may_not(url: str) -> None:
    with pytest.raises(InvalidValue, match="url:"):
        check_url(url)


def test_an_address_instead_of_a_name_is_found() -> None:
    assert find_literal("http://127.0.0.1:80/x") == "127.0.0.1"
    assert find_literal("http://[::1]/x") == "::1"
    assert find_literal("http://localhost/x") is None
