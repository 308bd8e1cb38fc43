"""Passwords hashed by Argon2id (RFC 9106), in threads: one takes tens of milliseconds and 64 MiB.

At most `MAX_AT_ONCE` are worked on and `MAX_WAITING` wait, so that a flood of logins costs bounded
memory and other logins only a delay.

A password is prepared by RFC 8265's OpaqueString first, so that it is the same however a keyboard
composes its accents.
"""

import asyncio
import os
import secrets
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from awazpulse.refusals import InvalidValue, ServiceUnavailable

MIN_PASSWORD_CHARACTERS = 8
MAX_PASSWORD_CHARACTERS = 1024  # bounds what hashing a hostile one can cost
MAX_AT_ONCE = 2
MAX_WAITING = 100
LOWEST_PRIORITY = 19

T = TypeVar("T")


def generate_password() -> str:
    """Return a password that nobody guesses and everybody can type."""
    return secrets.token_urlsafe(12)


class Passwords:
    """Hashes and verifies; `hasher` is for tests, which want it cheap."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._slots = asyncio.Semaphore(MAX_AT_ONCE)
        self._waiting = 0
        self._threads = ThreadPoolExecutor(MAX_AT_ONCE, "passwords", _give_way)
        self._nobodys_hash: str | None = None

    async def hash(self, password: str) -> str:
        """Return the hash to store. Raises `InvalidValue` for one too short or too long."""
        if not MIN_PASSWORD_CHARACTERS <= len(password) <= MAX_PASSWORD_CHARACTERS:
            raise InvalidValue(
                f"got a password of {len(password)} characters,"
                f" expected {MIN_PASSWORD_CHARACTERS} to {MAX_PASSWORD_CHARACTERS}"
            )
        prepared = prepare_password(password)
        return await self._work(lambda: self._hasher.hash(prepared))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether the password is right; without a stored hash it takes as long to say no."""
        compared = stored or await self._get_nobodys_hash()
        offered = _list_forms(password[:MAX_PASSWORD_CHARACTERS])
        matches = await self._work(lambda: any(self._matches(compared, form) for form in offered))
        return matches and compared == stored and len(password) <= MAX_PASSWORD_CHARACTERS

    def needs_rehash(self, stored: str) -> bool:
        """Whether the hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(stored)

    def _matches(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _get_nobodys_hash(self) -> str:
        if self._nobodys_hash is None:
            self._nobodys_hash = await self._work(lambda: self._hasher.hash("nobody's password"))
        return self._nobodys_hash

    async def _work(self, function: Callable[[], T]) -> T:
        if self._waiting >= MAX_WAITING:
            raise ServiceUnavailable
        self._waiting += 1
        try:
            async with self._slots:
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(self._threads, function)
        finally:
            self._waiting -= 1


def _give_way() -> None:
    """Have this thread, and those that Argon2 starts from it, run when nothing else wants the processor."""
    if sys.platform != "linux":
        return  # elsewhere it would be the whole process's
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOWEST_PRIORITY)


def prepare_password(password: str) -> str:
    """Return the password as it is hashed: OpaqueString (RFC 8265 §4.2). Raises `InvalidValue`."""
    if password.isascii() and password.isprintable():
        return password  # the profile leaves it as it is
    from precis_i18n import get_profile  # noqa: PLC0415  # 1 MB of tables, which few passwords need

    try:
        return str(get_profile("OpaqueString").enforce(password))
    except UnicodeEncodeError:
        raise InvalidValue(
            "got a password with characters that cannot be typed alike everywhere (control"
            " characters, or code points that Unicode has not assigned); choose others"
        ) from None


def _list_forms(password: str) -> list[str]:
    """Return what may have been hashed: the prepared password, and as it is for older hashes."""
    try:
        prepared = prepare_password(password)
    except InvalidValue:
        return [password]
    return [prepared] if prepared == password else [prepared, password]
