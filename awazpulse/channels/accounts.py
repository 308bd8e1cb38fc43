"""The users there are: made, found, and their passwords checked."""

import asyncio
import contextlib
import re
import time
import unicodedata
from collections.abc import Awaitable, Callable

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from awazpulse.kinds import Role
from awazpulse.refusals import (
    AlreadyExists,
    InvalidValue,
    ServiceUnavailable,
    UnknownUser,
    WrongLogin,
)
from awazpulse.store import Sessions, User

from .availability import refusing_when_away
from .passwords import Passwords
from .throttle import FailureThrottle

MAX_EMAIL_CHARACTERS = 255
_EMAIL = re.compile(r"[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+")


class Accounts:
    """Reads and writes users. Everything may raise `ServiceUnavailable`."""

    def __init__(
        self,
        sessions: Sessions,
        passwords: Passwords | None = None,
        *,
        throttle: FailureThrottle | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._sessions = sessions
        self._passwords = passwords or Passwords()
        self._throttle = throttle or FailureThrottle()
        self._clock = clock
        self._sleep = sleep

    async def create(self, email: str, password: str, role: str = Role.STATION_OWNER) -> User:
        """Make a user. Raises `InvalidValue`, `AlreadyExists`."""
        user = await self.new_user(email, password, role)
        with refusing_when_away("make a user"):
            try:
                async with self._sessions.write() as session:
                    session.add(user)
            except IntegrityError:
                raise AlreadyExists(f"user {user.email!r} exists already") from None
        return user

    async def new_user(self, email: str, password: str, role: str = Role.STATION_OWNER) -> User:
        """Return a user who is not saved yet. Raises `InvalidValue`."""
        user = User(email=parse_email(email), role=parse_role(role))
        user.password_hash = await self._passwords.hash(password)
        return user

    async def get(self, user_id: str) -> User:
        """Return a user by id. Raises `UnknownUser`."""
        with refusing_when_away("look up the user"):
            async with self._sessions.read() as session:
                user = await session.get(User, user_id)
        if user is None or user.id != user_id:
            raise UnknownUser(user_id)
        return user

    async def find(self, email: str) -> User:
        """Return a user by e-mail address, however it is typed. Raises `UnknownUser`."""
        with refusing_when_away("look up the user"):
            async with self._sessions.read() as session:
                return await require_user(session, email)

    async def count(self) -> int:
        """Return how many users there are."""
        with refusing_when_away("count the users"):
            async with self._sessions.read() as session:
                return await session.scalar(select(func.count()).select_from(User)) or 0

    async def authenticate(self, email: str, password: str, address: str) -> User:
        """Return the user whose login this is.

        Raises `WrongLogin`: after the same work for an address that nobody has, and later and
        later to one who guesses from `address`.
        """
        try:
            user: User | None = await self.find(email)
        except UnknownUser:
            user = None
        is_right = await self._passwords.verify(user.password_hash if user else None, password)
        if user is None or not is_right:
            delay_s = self._throttle.count_failure(address, normalize_email(email), self._clock())
            if delay_s:
                await self._sleep(delay_s)
            raise WrongLogin
        if self._passwords.needs_rehash(user.password_hash):
            # Another time will do: this login is right, whatever becomes of its hash.
            with contextlib.suppress(InvalidValue, ServiceUnavailable):
                await self._rehash(user, password)
        return user

    async def set_password(self, email: str, password: str) -> User:
        """Give a user another password. Raises `UnknownUser`, `InvalidValue`."""
        hashed = await self._passwords.hash(password)
        with refusing_when_away("change the user"):
            async with self._sessions.write() as session:
                user = await require_user(session, email)
                user.password_hash = hashed
        return user

    async def _rehash(self, user: User, password: str) -> None:
        """Store the password by today's parameters, unless it has been changed meanwhile."""
        hashed = await self._passwords.hash(password)
        unchanged = (User.id == user.id, User.password_hash == user.password_hash)
        with refusing_when_away("change the user"):
            async with self._sessions.write() as session:
                await session.execute(update(User).where(*unchanged).values(password_hash=hashed))


async def require_user(session: AsyncSession, email: str) -> User:
    """Return the user with this address. Raises `UnknownUser`."""
    wanted = normalize_email(email)
    user = await session.scalar(select(User).where(User.email == wanted))
    if user is None or user.email != wanted:
        raise UnknownUser(email)
    return user


def normalize_email(text: str) -> str:
    """Return the address as it is compared and stored: without outer blanks, lower case, NFC.

    Beyond that addresses are the same when their bytes are: `jose@` is not `josé@`.
    """
    return unicodedata.normalize("NFC", text.strip().lower())


def parse_email(text: str) -> str:
    """Return the address as it is stored. Raises `InvalidValue`."""
    email = normalize_email(text)
    if len(email) > MAX_EMAIL_CHARACTERS or not _EMAIL.fullmatch(email):
        raise InvalidValue(f"got e-mail address {text[:255]!r}, expected name@domain")
    return email


def parse_role(text: str) -> Role:
    """Return the role of this name. Raises `InvalidValue`."""
    try:
        return Role(text)
    except ValueError:
        expected = " or ".join(role.value for role in Role)
        raise InvalidValue(f"got role {text!r}, expected {expected}") from None
