from base64 import urlsafe_b64encode

import pytest

from awazpulse.channels.access import Identity
from awazpulse.channels.tokens import (
    ACCESS_LIFETIME_S,
    INTERNAL_LIFETIME_S,
    MAX_TOKEN_CHARACTERS,
    InternalAction,
    Tokens,
)
from awazpulse.kinds import Role
from awazpulse.refusals import InvalidToken
from awazpulse.store import User

KEY = "a secret key for tests only"
USER = User(id="u1", email="owner@x", role=Role.ADMIN)


class Time:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def test_token_says_whose_it_is_until_it_expires() -> None:
    time = Time()
    tokens = Tokens(KEY, wall_clock=time)
    token = tokens.issue(USER)
    assert token.expires_in_s == ACCESS_LIFETIME_S
    assert token.text not in repr(token)
    time.now += ACCESS_LIFETIME_S - 1
    assert tokens.verify(token.text) == Identity("u1", "owner@x", Role.ADMIN)
    time.now += 1
    with pytest.raises(InvalidToken, match="expired"):
        tokens.verify(token.text)


@pytest.mark.parametrize("action", InternalAction)
def test_internal_token_is_for_one_channel_one_action_and_a_minute(action: InternalAction) -> None:
    time = Time()
    tokens = Tokens(KEY, wall_clock=time)
    token = tokens.issue_internal("demo", action)
    tokens.verify_internal(token, "demo", action)
    with pytest.raises(InvalidToken, match="another channel"):
        tokens.verify_internal(token, "other", action)
    (other,) = set(InternalAction) - {action}
    with pytest.raises(InvalidToken, match="another action"):
        tokens.verify_internal(token, "demo", other)
    time.now += INTERNAL_LIFETIME_S - 1
    tokens.verify_internal(token, "demo", action)
    time.now += 1
    with pytest.raises(InvalidToken, match="expired"):
        tokens.verify_internal(token, "demo", action)


def test_token_of_one_audience_is_not_good_for_the_other() -> None:
    tokens = Tokens(KEY)
    with pytest.raises(InvalidToken):
        tokens.verify(tokens.issue_internal("demo", InternalAction.REFRESH))
    with pytest.raises(InvalidToken):
        tokens.verify_internal(tokens.issue(USER).text, "u1", InternalAction.REFRESH)


@pytest.mark.parametrize("text", ["", "a", "a.b.c", "x" * (MAX_TOKEN_CHARACTERS + 1), "é.é.é"])
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(InvalidToken):
        Tokens(KEY).verify(text)


def test_token_of_another_secret_key_is_refused() -> None:
    with pytest.raises(InvalidToken, match="not one of ours"):
        Tokens(KEY + "!").verify(Tokens(KEY).issue(USER).text)


def unsigned(header: str) -> str:
    return urlsafe_b64encode(header.encode()).rstrip(b"=").decode() + ".e30.AA"


@pytest.mark.parametrize(
    "text",
    [
        "\udce9",  # the byte E9, as aiohttp reads headers
        "é",
        "\udced\udca0\udc80",
        "a.b.\udcff",
        "a.b.c",
        "..",
        unsigned("["),
        unsigned("[" * 2900),
        unsigned("1" * 2900),
        unsigned('{"alg": "none"}'),
        unsigned('{"alg": "HS256", "crit": ["x"]}'),
        unsigned('{"alg": ["HS256"]}'),
        unsigned('{"alg": "HS256", "kid": 1}'),
    ],
)
def test_bytes_that_are_no_token_are_refused_as_such(text: str) -> None:
    with pytest.raises(InvalidToken, match="not one of ours"):
        Tokens(KEY).verify(text)
