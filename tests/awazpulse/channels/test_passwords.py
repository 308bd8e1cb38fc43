import asyncio
import os
import threading
import unicodedata

import pytest
from argon2 import PasswordHasher

from awazpulse.channels.passwords import LOWEST_PRIORITY, MAX_AT_ONCE, MAX_WAITING, Passwords
from awazpulse.refusals import InvalidValue, ServiceUnavailable
from tests.awazpulse.channels.support import CHEAP_HASHER


async def test_damaged_hash_lets_nobody_in() -> None:
    passwords = Passwords(CHEAP_HASHER)
    for stored in ("", "x", "$argon2id$v=19$m=8,t=1,p=1$AAAA", None):
        assert not await passwords.verify(stored, "a good password")


async def test_hashes_of_production_are_those_of_the_librarys_defaults() -> None:
    stored = await Passwords().hash("a good password")
    assert not PasswordHasher().check_needs_rehash(stored)
    assert await Passwords().verify(stored, "a good password")


async def test_flood_of_logins_is_worked_on_two_at_a_time_and_refused_past_its_limit() -> None:
    passwords, release = Passwords(CHEAP_HASHER), threading.Event()
    running, peak = 0, 0

    def work() -> None:
        nonlocal running, peak
        running += 1
        peak = max(peak, running)
        release.wait()
        running -= 1

    tasks = [asyncio.create_task(passwords._work(work)) for _ in range(MAX_WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(ServiceUnavailable):
        await passwords.verify(None, "one too many")
    release.set()
    await asyncio.gather(*tasks)
    assert peak <= MAX_AT_ONCE
    assert not await passwords.verify(None, "again")


COMPOSED = unicodedata.normalize("NFC", "pässwörd \N{MUSICAL NOTE}")


@pytest.mark.parametrize(
    "typed",
    [COMPOSED, unicodedata.normalize("NFD", COMPOSED), COMPOSED.replace(" ", "\N{NO-BREAK SPACE}")],
)
async def test_password_is_the_same_however_a_keyboard_composes_it(typed: str) -> None:
    passwords = Passwords(CHEAP_HASHER)
    assert await passwords.verify(await passwords.hash(COMPOSED), typed)
    assert await passwords.verify(await passwords.hash(typed), COMPOSED)
    assert not await passwords.verify(await passwords.hash(typed), "password \N{MUSICAL NOTE}")


async def test_password_that_was_hashed_before_it_was_prepared_is_still_right() -> None:
    typed = unicodedata.normalize("NFD", COMPOSED)
    assert await Passwords(CHEAP_HASHER).verify(CHEAP_HASHER.hash(typed), typed)


@pytest.mark.parametrize(
    "password", ["a good\x00 password", "tab\tbed password", "\u0378 unassigned"]
)
async def test_password_of_characters_that_cannot_be_typed_is_refused(password: str) -> None:
    passwords = Passwords(CHEAP_HASHER)
    with pytest.raises(InvalidValue, match="choose others"):
        await passwords.hash(password)
    assert not await passwords.verify(CHEAP_HASHER.hash("another one"), password)


async def test_hashing_gives_way_to_the_audio() -> None:
    """The thread's priority is the lowest, and the loop's is what it was."""
    passwords = Passwords(CHEAP_HASHER)
    before = os.getpriority(os.PRIO_PROCESS, 0)
    seen = await passwords._work(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
    assert seen == LOWEST_PRIORITY
    assert os.getpriority(os.PRIO_PROCESS, 0) == before
