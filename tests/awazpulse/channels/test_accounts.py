import asyncio

import pytest
from argon2 import PasswordHasher

from awazpulse.channels.access import Identity
from awazpulse.channels.accounts import IDENTITY_S, MAX_EMAIL_CHARACTERS, Accounts
from awazpulse.channels.passwords import MAX_PASSWORD_CHARACTERS, MIN_PASSWORD_CHARACTERS, Passwords
from awazpulse.kinds import Role
from awazpulse.refusals import (
    AlreadyExists,
    InvalidValue,
    ServiceUnavailable,
    UnknownUser,
    WrongLogin,
)
from awazpulse.store import DatabaseUnavailable
from tests.awazpulse.channels.support import CHEAP_HASHER, OWNER, OWNER_PASSWORD, Radio


async def test_user_is_found_by_email_in_any_case(radio: Radio) -> None:
    for email in (OWNER, OWNER.upper(), f" {OWNER} "):
        assert (await radio.accounts.find(email)).id == radio.owner.id
    assert (await radio.accounts.get(radio.owner.id)).email == OWNER
    assert await radio.accounts.count() == 1


async def test_email_is_the_same_however_its_accents_are_composed(radio: Radio) -> None:
    made = await radio.accounts.create(" JOSE\u0301@Radio.example ", "a good password")
    assert made.email == "jos\u00e9@radio.example"
    for typed in ("jos\u00e9@radio.example", "JOS\u00c9@radio.example", "jose\u0301@radio.example"):
        assert (await radio.accounts.find(typed)).id == made.id
    with pytest.raises(UnknownUser):
        await radio.accounts.find("jose@radio.example")
    assert (await radio.accounts.create("jose@radio.example", "a good password")).id != made.id


async def test_unknown_user_is_refused(radio: Radio) -> None:
    with pytest.raises(UnknownUser):
        await radio.accounts.find("nobody@x")
    with pytest.raises(UnknownUser):
        await radio.accounts.get("nobody")


async def test_same_email_in_another_case_exists_already(radio: Radio) -> None:
    with pytest.raises(AlreadyExists, match=OWNER):
        await radio.accounts.create(OWNER.upper(), "another password")


@pytest.mark.parametrize(
    ("email", "password", "role"),
    [
        ("nobody", "a good password", "admin"),
        ("a b@c", "a good password", "admin"),
        ("a@b\n", "short", "admin"),
        ("@", "a good password", "admin"),
        ("x" * (MAX_EMAIL_CHARACTERS - 1) + "@y", "a good password", "admin"),
        ("a@b", "x" * (MIN_PASSWORD_CHARACTERS - 1), "admin"),
        ("a@b", "x" * (MAX_PASSWORD_CHARACTERS + 1), "admin"),
        ("a@b", "a good password", "root"),
    ],
)
async def test_user_that_cannot_be_is_refused_with_what_is_expected(
    sqlite_radio: Radio, email: str, password: str, role: str
) -> None:
    with pytest.raises(InvalidValue, match="expected"):
        await sqlite_radio.accounts.create(email, password, role)


async def test_role_is_kept(radio: Radio) -> None:
    await radio.accounts.create("admin@x", "a good password", "admin")
    assert (await radio.accounts.find("admin@x")).role is Role.ADMIN


async def test_right_password_signs_in(radio: Radio) -> None:
    user = await radio.accounts.authenticate(OWNER.upper(), OWNER_PASSWORD, "192.0.2.7")
    assert user.id == radio.owner.id
    assert OWNER_PASSWORD not in user.password_hash
    assert user.password_hash.startswith("$argon2id$")


async def test_wrong_password_and_unknown_email_are_refused_alike(
    sqlite_radio: Radio, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified: list[str] = []
    matches = sqlite_radio.accounts._passwords._matches

    def spy(stored: str, password: str) -> bool:
        verified.append(stored)
        return matches(stored, password)

    monkeypatch.setattr(sqlite_radio.accounts._passwords, "_matches", spy)
    for email, password in ((OWNER, "wrong password"), ("nobody@x", OWNER_PASSWORD), ("", "")):
        with pytest.raises(WrongLogin):
            await sqlite_radio.accounts.authenticate(email, password, "192.0.2.7")
    assert len(verified) == 3  # one hash each, whether or not there is such a user


async def test_guesses_are_answered_later_and_later_and_the_right_password_at_once(
    sqlite_radio: Radio,
) -> None:
    for _ in range(7):
        with pytest.raises(WrongLogin):
            await sqlite_radio.accounts.authenticate(OWNER, "a guess", "192.0.2.7")
    assert sqlite_radio.clock.slept == [0.25, 0.5]
    await sqlite_radio.accounts.authenticate(OWNER, OWNER_PASSWORD, "192.0.2.7")
    assert sqlite_radio.clock.slept == [0.25, 0.5]


async def test_new_password_replaces_the_old_one(radio: Radio) -> None:
    await radio.accounts.set_password(OWNER, "another password")
    await radio.accounts.authenticate(OWNER, "another password", "192.0.2.7")
    with pytest.raises(WrongLogin):
        await radio.accounts.authenticate(OWNER, OWNER_PASSWORD, "192.0.2.7")


async def test_email_and_password_at_their_limits_sign_in(radio: Radio) -> None:
    for characters in (MIN_PASSWORD_CHARACTERS, MAX_PASSWORD_CHARACTERS):
        email = f"{characters}@".rjust(MAX_EMAIL_CHARACTERS - 1, "x") + "y"
        assert len(email) == MAX_EMAIL_CHARACTERS
        await radio.accounts.create(email, "p" * characters)
        await radio.accounts.authenticate(email, "p" * characters, "192.0.2.7")
        with pytest.raises(WrongLogin):
            await radio.accounts.authenticate(email, "p" * (characters + 1), "192.0.2.7")


async def test_login_makes_a_hash_of_older_parameters_anew(radio: Radio) -> None:
    before = (await radio.accounts.find(OWNER)).password_hash
    stronger = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
    accounts = Accounts(radio.sessions, Passwords(stronger))
    for _ in range(2):
        await accounts.authenticate(OWNER, OWNER_PASSWORD, "192.0.2.7")
        after = (await radio.accounts.find(OWNER)).password_hash
        assert before != after
        assert not stronger.check_needs_rehash(after)
    assert after == (await accounts.authenticate(OWNER, OWNER_PASSWORD, "x")).password_hash


async def test_login_that_cannot_store_a_new_hash_is_right_all_the_same(
    sqlite_radio: Radio, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise DatabaseUnavailable("read-only")

    accounts = Accounts(sqlite_radio.sessions, Passwords(PasswordHasher(2, 16, 1)))
    before = (await accounts.find(OWNER)).password_hash
    monkeypatch.setattr(sqlite_radio.sessions, "write", fail)
    await accounts.authenticate(OWNER, OWNER_PASSWORD, "192.0.2.7")
    assert (await accounts.find(OWNER)).password_hash == before


async def test_who_is_who_is_remembered_for_a_second_or_until_it_changes(radio: Radio) -> None:
    accounts = Accounts(radio.sessions, Passwords(CHEAP_HASHER), clock=radio.clock)
    claimed = Identity(radio.owner.id, radio.owner.email, Role.STATION_OWNER)
    assert (await accounts.identify(claimed)).email == radio.owner.email
    radio.sessions.is_away = True
    radio.clock.now += IDENTITY_S - 0.1
    assert (await accounts.identify(claimed)).email == radio.owner.email
    accounts.forget_identities()
    with pytest.raises(ServiceUnavailable):
        await accounts.identify(claimed)
    radio.sessions.is_away = False
    await accounts.identify(claimed)
    radio.sessions.is_away = True
    radio.clock.now += IDENTITY_S
    with pytest.raises(ServiceUnavailable):
        await accounts.identify(claimed)
    radio.sessions.is_away = False


async def test_what_is_read_while_it_changes_is_not_remembered(radio: Radio) -> None:
    accounts = Accounts(radio.sessions, Passwords(CHEAP_HASHER), clock=radio.clock)
    claimed = Identity(radio.owner.id, radio.owner.email, Role.STATION_OWNER)
    reading = asyncio.create_task(accounts.identify(claimed))
    await asyncio.sleep(0)
    accounts.forget_identities()
    await reading
    radio.sessions.is_away = True
    with pytest.raises(ServiceUnavailable):
        await accounts.identify(claimed)
    radio.sessions.is_away = False
