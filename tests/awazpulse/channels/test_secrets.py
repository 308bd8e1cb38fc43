import math

import pytest

from awazpulse.channels.keys import MIN_SECRET_KEY_CHARACTERS, derive_key
from awazpulse.channels.secrets import (
    ALPHABET,
    MAX_OFFERED_CHARACTERS,
    SECRET_CHARACTERS,
    SecretKind,
    Vault,
    generate_secret,
    is_same_secret,
)
from awazpulse.refusals import UnreadableSecrets

KEY = "a secret key for tests only"


def test_secrets_are_hard_to_guess_and_easy_to_type() -> None:
    secrets = {generate_secret() for _ in range(1000)}
    assert len(secrets) == 1000
    assert all(len(secret) == SECRET_CHARACTERS for secret in secrets)
    assert set("".join(secrets)) == set(ALPHABET)
    assert SECRET_CHARACTERS * math.log2(len(ALPHABET)) >= 128
    assert not set("0O1lI") & set(ALPHABET)
    assert ALPHABET.isalnum()


def test_what_is_encrypted_comes_back() -> None:
    stored = Vault(KEY).encrypt("demo", SecretKind.STREAM_KEY, "the key")
    assert "the key" not in stored
    assert len(Vault(KEY).encrypt("x" * 36, SecretKind.SOURCE_PASSWORD, generate_secret())) <= 255
    assert Vault(KEY).decrypt("demo", SecretKind.STREAM_KEY, stored) == "the key"


def test_same_secret_is_stored_differently_each_time() -> None:
    vault = Vault(KEY)
    assert len({vault.encrypt("demo", SecretKind.STREAM_KEY, "x") for _ in range(10)}) == 10


def test_another_key_row_or_kind_reads_nothing() -> None:
    vault = Vault(KEY)
    stored = vault.encrypt("demo", SecretKind.STREAM_KEY, "the key")
    for other, channel_id, kind in (
        (Vault(KEY + "!"), "demo", SecretKind.STREAM_KEY),
        (vault, "other", SecretKind.STREAM_KEY),
        (vault, "demo", SecretKind.SOURCE_PASSWORD),
    ):
        with pytest.raises(UnreadableSecrets, match=channel_id):
            other.decrypt(channel_id, kind, stored)


@pytest.mark.parametrize("stored", ["", "x", "v1.", "v1.AAAA", "v1.é", "v2." + "A" * 64, "v1.A"])
def test_damage_is_an_error_of_ours(stored: str) -> None:
    with pytest.raises(UnreadableSecrets):
        Vault(KEY).decrypt("demo", SecretKind.STREAM_KEY, stored)


def test_secrets_compare_whole() -> None:
    assert is_same_secret("secret", "secret")
    for offered in ("", "secre", "secrets", "SECRET", "\ud800", "sécret"):
        assert not is_same_secret(offered, "secret")


def test_offer_is_compared_up_to_its_limit() -> None:
    longest = "x" * MAX_OFFERED_CHARACTERS
    assert is_same_secret(longest, longest)
    assert not is_same_secret(longest + "x", longest + "x")


def test_each_purpose_has_a_key_of_its_own() -> None:
    assert derive_key(KEY, "a") == derive_key(KEY, "a")
    assert len({derive_key(KEY, "a"), derive_key(KEY, "b"), derive_key(KEY + "!", "a")}) == 3


def test_short_secret_key_is_refused() -> None:
    derive_key("x" * MIN_SECRET_KEY_CHARACTERS, "a")
    with pytest.raises(ValueError, match="expected at least 16"):
        derive_key("x" * (MIN_SECRET_KEY_CHARACTERS - 1), "a")
