"""Settings by themselves; the starts that they make impossible are in tests/on_air."""

import errno
import os
from pathlib import Path

import pytest

from awazpulse.channels.keys import MIN_SECRET_KEY_CHARACTERS
from awazpulse.settings import (
    MAX_PUBLIC_HOST_CHARACTERS,
    Settings,
    SettingsError,
    find_unknown_variables,
    load_secret_key,
    load_settings,
)


@pytest.fixture(autouse=True)
def _empty_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings but the test's own."""
    for name in [name for name in os.environ if name.startswith("AWAZPULSE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def make_settings(data_dir: Path) -> Settings:
    return Settings(data_dir=data_dir)


LONGEST = ".".join(["a" * 49] * 4) + "."


@pytest.mark.parametrize(
    ("host", "effective"),
    [
        ("radio.example", "radio.example"),
        ("radio.example.", "radio.example."),
        ("xn--mgb.example", "xn--mgb.example"),
        ("my_host", "my_host"),
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        (LONGEST, LONGEST),
        ("https://radio.example", "radio.example"),
        ("http://radio.example:8080", "radio.example"),
        ("https://[2001:db8::7]:8443", "2001:db8::7"),
        ("", "localhost"),
    ],
)
def test_public_host_is_a_name_or_an_address(
    monkeypatch: pytest.MonkeyPatch, host: str, effective: str
) -> None:
    monkeypatch.setenv("AWAZPULSE_PUBLIC_HOST", host)
    assert load_settings().effective_public_host == effective


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("radio.example", ""),
        ("", ""),
        ("https://radio.example", "https://radio.example"),
        ("HTTPS://Radio.example:443", "https://radio.example:443"),
        ("http://[2001:db8::7]:65535", "http://[2001:db8::7]:65535"),
    ],
)
def test_a_public_host_with_a_scheme_is_where_a_proxy_serves(
    monkeypatch: pytest.MonkeyPatch, host: str, origin: str
) -> None:
    monkeypatch.setenv("AWAZPULSE_PUBLIC_HOST", host)
    assert load_settings().public_origin == origin


def test_trusted_proxies_are_this_machine_unless_set(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().proxies.trusts("127.0.0.1")
    assert load_settings().proxies.trusts("::1")
    assert not load_settings().proxies.trusts("10.0.0.1")
    monkeypatch.setenv("AWAZPULSE_TRUSTED_PROXIES", "10.0.0.0/8, 2001:db8::/32")
    assert load_settings().proxies.trusts("10.0.0.1")
    assert not load_settings().proxies.trusts("127.0.0.1")
    monkeypatch.setenv("AWAZPULSE_TRUSTED_PROXIES", "none")
    assert not load_settings().proxies.trusts("127.0.0.1")


@pytest.mark.parametrize("text", ["radio.example", "10.0.0.0/33", "10.0.0.1 10.0.0.2", "none,::1"])
def test_a_wrong_trusted_proxy_is_named(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("AWAZPULSE_TRUSTED_PROXIES", text)
    with pytest.raises(SettingsError, match=r"^AWAZPULSE_TRUSTED_PROXIES .*: got '.*', expected"):
        load_settings()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"JWT_JWKS_URL": "sso.example/jwks"},
            "^AWAZPULSE_JWT_JWKS_URL .*: got 'sso.example/jwks'",
        ),
        ({"JWT_JWKS_URL": "ftp://sso.example/"}, "^AWAZPULSE_JWT_JWKS_URL .*: got"),
        ({"JWT_JWKS_URL": "https://a/", "JWT_PUBLIC_KEY": "x"}, "are both set"),
        ({"JWT_ISSUER": "https://a"}, "is set without jwt_public_key or jwt_jwks_url"),
        ({"JWT_AUDIENCE": "radio"}, "is set without jwt_public_key or jwt_jwks_url"),
    ],
)
def test_an_issuer_is_set_whole(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, str], message: str
) -> None:
    for name, value in values.items():
        monkeypatch.setenv(f"AWAZPULSE_{name}", value)
    with pytest.raises(SettingsError, match=message):
        load_settings()


def test_longest_public_host_is_at_the_limit() -> None:
    assert len(LONGEST) == MAX_PUBLIC_HOST_CHARACTERS


@pytest.mark.parametrize(
    "host",
    [
        "ftp://radio.example",
        "https://",
        "https://radio.example/",
        "https://radio.example:0",
        "https://radio.example:65536",
        "https://radio.example:8443:1",
        "https://user@radio.example",
        "https://2001:db8::7",
        "radio.example/",
        "radio.example:8000",
        "radio example",
        " radio.example",
        "radio.example\n",
        "-radio",
        "a..b",
        "[radio.example]",
        "[192.0.2.7]",
        "fe80::1%eth0",
        "2001:db8::7:x",
        "user@radio.example",
        "راديو.example",
        f"a{LONGEST}",
    ],
)
def test_anything_else_is_refused_as_public_host(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv("AWAZPULSE_PUBLIC_HOST", host)
    with pytest.raises(SettingsError, match=r"^AWAZPULSE_PUBLIC_HOST .*: got .*, expected"):
        load_settings()


def test_variable_that_is_none_of_ours_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWAZPULSE_RTMP_PROT", "1")
    monkeypatch.setenv("AWAZPULSE_RTMP_PORT", "1")
    assert find_unknown_variables() == ["AWAZPULSE_RTMP_PROT"]


def test_secret_key_that_is_set_has_a_least_length(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWAZPULSE_SECRET_KEY", "x" * MIN_SECRET_KEY_CHARACTERS)
    assert load_secret_key(load_settings()) == "x" * MIN_SECRET_KEY_CHARACTERS
    monkeypatch.setenv("AWAZPULSE_SECRET_KEY", "x" * (MIN_SECRET_KEY_CHARACTERS - 1))
    with pytest.raises(SettingsError, match="has 15 characters, expected 16 or more"):
        load_secret_key(load_settings())
    assert not list(tmp_path.iterdir())


def test_secret_key_is_made_once_and_for_us_alone(tmp_path: Path) -> None:
    (tmp_path / f".secret.key-{os.getpid()}").write_text("a draft that a crash has left")
    key = load_secret_key(make_settings(tmp_path))
    assert len(key) >= MIN_SECRET_KEY_CHARACTERS
    assert load_secret_key(make_settings(tmp_path)) == key
    assert (tmp_path / "secret.key").stat().st_mode & 0o777 == 0o600
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP])
def test_secret_key_is_made_without_hard_links_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(_source: Path, _target: Path) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refuse)
    key = load_secret_key(make_settings(tmp_path))
    assert load_secret_key(make_settings(tmp_path)) == key
    assert (tmp_path / "secret.key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret.key"]


def test_of_two_that_make_a_key_the_first_ones_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def be_too_late(_source: Path, target: Path) -> None:
        target.write_text("the key of the other process")
        raise FileExistsError

    monkeypatch.setattr(os, "link", be_too_late)
    assert load_secret_key(make_settings(tmp_path)) == "the key of the other process"
    assert [path.name for path in tmp_path.iterdir()] == ["secret.key"]


def test_folder_that_is_not_there_is_a_setting_to_mend(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"cannot write .*secret\.key"):
        load_secret_key(make_settings(tmp_path / "missing"))


def test_damaged_secret_key_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_text("short")
    with pytest.raises(SettingsError, match="holds no key"):
        load_secret_key(make_settings(tmp_path))
