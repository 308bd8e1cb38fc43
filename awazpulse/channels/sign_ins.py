"""Sign-ins: how somebody who has shown a password stays signed in for weeks, and stops being so.

A sign-in is a chain of refresh tokens (RFC 6749 §1.5), each good for one use: using it makes the next
one (RFC 9700 §4.14.2). A token that is used again later has been stolen, from the one or by the other,
and ends the whole sign-in. Within `REUSE_S` it is a page that asked twice, or an answer that was lost.

The database keeps hashes. SHA-256 is enough for secrets of 256 random bits.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from awazpulse.refusals import InvalidToken
from awazpulse.store import RefreshToken, Sessions, User, utc_now
from awazpulse.store.models import new_id

from .availability import refusing_when_away

LIFETIME = timedelta(days=30)  # since the last use
REUSE_S = 10
REMEMBERED_AFTER_USE = timedelta(days=1)  # later a stolen one is refused, and ends nothing
MAX_TOKENS_PER_USER = 200  # about 20 sign-ins; beyond it the oldest end
MAX_TOKEN_CHARACTERS = 200

_REFUSED = "the refresh token is not good any more; sign in again"


@dataclass(frozen=True, slots=True)
class SignIn:
    """A sign-in and the refresh token that continues it."""

    user: User
    id: str
    refresh_token: str = field(repr=False)


class SignIns:
    """Begins, continues and ends sign-ins. Everything may raise `ServiceUnavailable`."""

    def __init__(self, sessions: Sessions, *, now: Callable[[], datetime] = utc_now) -> None:
        self._sessions = sessions
        self._now = now

    async def begin(self, user: User) -> SignIn:
        """Sign in a user whose password was right."""
        sign_in_id = new_id()
        with refusing_when_away("sign in"):
            async with self._sessions.write() as session:
                await self._make_room(session, user.id)
                return SignIn(user, sign_in_id, self._add_token(session, user.id, sign_in_id))

    async def refresh(self, refresh_token: str) -> SignIn:
        """Use a refresh token; return the sign-in with the next one. Raises `InvalidToken`."""
        token_id, _, secret = refresh_token[:MAX_TOKEN_CHARACTERS].partition(".")
        with refusing_when_away("sign in"):
            async with self._sessions.write() as session:
                sign_in = await self._use(session, token_id, secret)
        if sign_in is None:  # only here, for what the transaction has ended must be kept
            raise InvalidToken(_REFUSED)
        return sign_in

    async def end(self, refresh_token: str) -> None:
        """Sign out; a token that is none of ours ends nothing."""
        token_id, _, secret = refresh_token[:MAX_TOKEN_CHARACTERS].partition(".")
        with refusing_when_away("sign out"):
            async with self._sessions.write() as session:
                token = await _find(session, token_id, secret)
                if token is not None:
                    await _end(session, token.sign_in_id)

    async def is_live(self, sign_in_id: str) -> bool:
        """Whether a sign-in has not ended."""
        query = select(RefreshToken.id).where(RefreshToken.sign_in_id == sign_in_id)
        with refusing_when_away("look up the sign-in"):
            async with self._sessions.read() as session:
                return await session.scalar(query.limit(1)) is not None

    async def _use(self, session: AsyncSession, token_id: str, secret: str) -> SignIn | None:
        token = await _find(session, token_id, secret)
        now = self._now()
        if token is None or token.expires_at <= now:
            return None
        user = await session.get(User, token.user_id)
        was_used_before = token.used_at is not None
        if token.used_at is not None and (now - token.used_at).total_seconds() > REUSE_S:
            user = None
        if user is None or not user.is_active:
            await _end(session, token.sign_in_id)
            return None
        if not was_used_before:
            token.used_at = now
        await self._make_room(session, user.id)
        return SignIn(user, token.sign_in_id, self._add_token(session, user.id, token.sign_in_id))

    def _add_token(self, session: AsyncSession, user_id: str, sign_in_id: str) -> str:
        now, secret = self._now(), secrets.token_urlsafe(32)
        token = RefreshToken(
            id=new_id(),
            sign_in_id=sign_in_id,
            user_id=user_id,
            secret_hash=_hash(secret),
            created_at=now,
            expires_at=now + LIFETIME,
        )
        session.add(token)
        return f"{token.id}.{secret}"

    async def _make_room(self, session: AsyncSession, user_id: str) -> None:
        """Forget the user's tokens that nobody can use any more, and the oldest beyond the limit."""
        of_user, now = RefreshToken.user_id == user_id, self._now()
        is_over = or_(
            RefreshToken.expires_at <= now, RefreshToken.used_at <= now - REMEMBERED_AFTER_USE
        )
        await session.execute(delete(RefreshToken).where(of_user, is_over))
        newest_first = (RefreshToken.created_at.desc(), RefreshToken.id)
        query = select(RefreshToken.id).where(of_user).order_by(*newest_first)
        too_many = list(await session.scalars(query.offset(MAX_TOKENS_PER_USER - 1)))
        if too_many:
            await session.execute(delete(RefreshToken).where(RefreshToken.id.in_(too_many)))


async def end_all(session: AsyncSession, user_id: str) -> None:
    """End all sign-ins of a user, in a transaction of the caller's."""
    await session.execute(delete(RefreshToken).where(RefreshToken.user_id == user_id))


async def _find(session: AsyncSession, token_id: str, secret: str) -> RefreshToken | None:
    token = await session.get(RefreshToken, token_id, with_for_update=True)
    if token is None or not hmac.compare_digest(token.secret_hash, _hash(secret)):
        return None
    return token


async def _end(session: AsyncSession, sign_in_id: str) -> None:
    await session.execute(delete(RefreshToken).where(RefreshToken.sign_in_id == sign_in_id))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
