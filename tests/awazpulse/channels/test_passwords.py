import asyncio
import threading

import pytest
from argon2 import PasswordHasher

from awazpulse.channels.passwords import MAX_AT_ONCE, MAX_WAITING, Passwords
from awazpulse.refusals import ServiceUnavailable
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
