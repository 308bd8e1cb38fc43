"""The users there are: made, found, and their passwords checked."""

import asyncio
import contextlib
import re
import time
import unicodedata
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from awazpulse.kinds import Role
from awazpulse.refusals import (
    AlreadyExists,
    InvalidToken,
    InvalidValue,
    LastAdministrator,
    ServiceUnavailable,
    UnknownUser,
    WrongLogin,
)
from awazpulse.store import RefreshToken, Sessions, User, utc_now

from .access import Identity
from .availability import refusing_when_away
from .passwords import Passwords
from .sign_ins import end_all
from .throttle import FailureThrottle

MAX_EMAIL_CHARACTERS = 255
USER_ID = re.compile(r"[A-Za-z0-9_.-]{1,36}")  # ours are UUIDs; another system's may be others
IDENTITY_S = 1.0  # the command line may have changed a user
MAX_IDENTITIES = 10_000
_ADMINISTRATOR = (Role.ADMIN, True)  # role, isActive
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
        self._identified: dict[tuple[str, str | None, int], tuple[float, User]] = {}
        self._changes = 0

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

    async def provision(
        self, user_id: str | None, email: str, password: str, settings: Mapping[str, object]
    ) -> tuple[User, bool]:
        """Make a user with an id that another system has chosen; return it, and whether it is new.

        `settings` are values of `user_settings`. A user who has this id and this address already is
        left as they are. Raises `InvalidValue`, `AlreadyExists`.
        """
        if user_id is not None and not USER_ID.fullmatch(user_id):
            raise InvalidValue(
                f"got user id {user_id[:64]!r}, expected 1 to 36 letters, digits, '-', '_' and '.'"
            )
        user = await self.new_user(email, password)
        if user_id is not None:
            user.id = user_id
        for name, value in settings.items():
            setattr(user, name, value)
        with refusing_when_away("make a user"):
            try:
                async with self._sessions.write() as session:
                    known = await session.get(User, user_id) if user_id is not None else None
                    if known is None:
                        session.add(user)
            except IntegrityError:
                raise AlreadyExists(f"user {user.email!r} exists already") from None
        if known is None:
            return user, True
        if known.email != user.email:
            raise AlreadyExists(f"user id {user_id!r} is another user's")
        return known, False

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

    async def identify(self, claimed: Identity) -> User:
        """Return the user of a token that we have signed, as they are now.

        That is remembered for a second, or until `forget_identities`. Raises `InvalidToken` when they are
        gone or disabled, have changed their password since, or have signed out.
        """
        key = (claimed.user_id, claimed.sign_in_id, claimed.issued_at)
        good_until, user = self._identified.get(key, (0.0, None))
        if user is None or self._clock() >= good_until:
            changes = self._changes
            user = await self._identify(claimed)
            if changes == self._changes:  # else it may be what has just changed
                if len(self._identified) >= MAX_IDENTITIES:
                    self._identified.clear()
                self._identified[key] = (self._clock() + IDENTITY_S, user)
        return user

    def forget_identities(self) -> None:
        """Ask the database again who is who: something has changed."""
        self._changes += 1
        self._identified.clear()

    async def _identify(self, claimed: Identity) -> User:
        live = select(RefreshToken.id).where(RefreshToken.sign_in_id == claimed.sign_in_id)
        with refusing_when_away("look up the user"):
            async with self._sessions.read() as session:
                user = await session.get(User, claimed.user_id)
                is_signed_in = claimed.sign_in_id is None or await session.scalar(live.limit(1))
        if user is None or user.id != claimed.user_id:
            raise InvalidToken("this user does not exist any more")
        if not user.is_active:
            raise InvalidToken("this account is disabled; ask an administrator")
        since = user.tokens_not_before
        if not is_signed_in or (
            since and claimed.issued_at < since.replace(tzinfo=UTC).timestamp()
        ):
            raise InvalidToken("signed out, or the password has changed; sign in again")
        return user

    async def find_claimed(self, claimed: str) -> User:
        """Return the user whom another issuer names by id or by e-mail address.

        Raises `InvalidToken` for one who is none of ours, or disabled.
        """
        try:
            user = await (self.find(claimed) if "@" in claimed else self.get(claimed))
        except UnknownUser:
            raise InvalidToken(
                f"the token's user {claimed[:64]!r} does not exist here; ask an administrator"
            ) from None
        if not user.is_active:
            raise InvalidToken("this account is disabled; ask an administrator")
        return user

    async def list_page(self, after: str, limit: int) -> list[User]:
        """Return at most `limit` users by id, those after the id `after`."""
        query = select(User).where(User.id > after).order_by(User.id).limit(limit)
        with refusing_when_away("list the users"):
            async with self._sessions.read() as session:
                return list(await session.scalars(query))

    async def change(self, user_id: str, values: Mapping[str, object]) -> User:
        """Change a user; one who is disabled, or gets another role, is signed out.

        Raises `UnknownUser`, `InvalidValue`, `AlreadyExists`, and `LastAdministrator`.
        """
        with refusing_when_away("change the user"):
            try:
                async with self._sessions.write() as session:
                    user = await session.get(User, user_id, with_for_update=True)
                    if user is None or user.id != user_id:
                        raise UnknownUser(user_id)
                    before = (user.role, user.is_active)
                    for name, value in values.items():
                        setattr(user, name, value)
                    if (user.role, user.is_active) != before:
                        await session.flush()
                        await _require_administrator(session, was_one=before == _ADMINISTRATOR)
                        await end_all(session, user.id)
            except IntegrityError:
                raise AlreadyExists(f"user {values.get('email')!r} exists already") from None
        return user

    async def change_password(self, user_id: str, present: str, new: str, address: str) -> User:
        """Change a user's own password; every sign-in ends.

        Raises `WrongLogin` as `authenticate` does, `InvalidValue`, `UnknownUser`.
        """
        user = await self.get(user_id)
        await self.authenticate(user.email, present, address)
        return await self.set_password(user.email, new)

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
        if user is None or not is_right or not user.is_active:
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
        """Give a user another password; every sign-in ends, and every token opens nothing any more.

        Raises `UnknownUser`, `InvalidValue`.
        """
        hashed = await self._passwords.hash(password)
        with refusing_when_away("change the user"):
            async with self._sessions.write() as session:
                user = await require_user(session, email)
                user.password_hash = hashed
                user.tokens_not_before = utc_now()
                await end_all(session, user.id)
        return user

    async def _rehash(self, user: User, password: str) -> None:
        """Store the password by today's parameters, unless it has been changed meanwhile."""
        hashed = await self._passwords.hash(password)
        unchanged = (User.id == user.id, User.password_hash == user.password_hash)
        with refusing_when_away("change the user"):
            async with self._sessions.write() as session:
                await session.execute(update(User).where(*unchanged).values(password_hash=hashed))


async def _require_administrator(session: AsyncSession, *, was_one: bool) -> None:
    """Raise `LastAdministrator` if the one who was an administrator has been the last."""
    if not was_one:
        return
    query = select(User.id).where(User.role == Role.ADMIN, User.is_active)
    if await session.scalar(query.limit(1)) is None:
        raise LastAdministrator


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
