from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from awazpulse.channels.sign_ins import (
    LIFETIME,
    MAX_TOKENS_PER_USER,
    REMEMBERED_AFTER_USE,
    REUSE_S,
    SignIns,
)
from awazpulse.refusals import InvalidToken, ServiceUnavailable
from awazpulse.store import RefreshToken
from tests.awazpulse.channels.support import Radio


@dataclass
class Wall:
    now: datetime = field(default_factory=lambda: datetime(2026, 1, 1))  # noqa: DTZ001

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, span: timedelta) -> None:
        self.now += span


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def sign_ins(radio: Radio, wall: Wall) -> SignIns:
    return SignIns(radio.sessions, now=wall)


async def test_each_refresh_token_is_good_for_one_use_and_makes_the_next(
    radio: Radio, sign_ins: SignIns, wall: Wall
) -> None:
    begun = await sign_ins.begin(radio.owner)
    assert begun.refresh_token not in repr(begun)
    continued = await sign_ins.refresh(begun.refresh_token)
    assert (continued.id, continued.user.id) == (begun.id, radio.owner.id)
    assert continued.refresh_token != begun.refresh_token
    wall.pass_by(timedelta(seconds=REUSE_S + 1))
    again = await sign_ins.refresh(continued.refresh_token)
    assert again.id == begun.id


async def test_token_that_is_used_again_later_ends_the_sign_in(
    radio: Radio, sign_ins: SignIns, wall: Wall
) -> None:
    other = await sign_ins.begin(radio.owner)
    stolen = await sign_ins.begin(radio.owner)
    kept = await sign_ins.refresh(stolen.refresh_token)
    wall.pass_by(timedelta(seconds=REUSE_S + 1))
    with pytest.raises(InvalidToken, match="sign in again"):
        await sign_ins.refresh(stolen.refresh_token)
    with pytest.raises(InvalidToken):
        await sign_ins.refresh(kept.refresh_token)
    assert not await sign_ins.is_live(stolen.id)
    assert (await sign_ins.refresh(other.refresh_token)).id == other.id


async def test_page_that_asks_twice_at_once_stays_signed_in(
    radio: Radio, sign_ins: SignIns, wall: Wall
) -> None:
    begun = await sign_ins.begin(radio.owner)
    first = await sign_ins.refresh(begun.refresh_token)
    wall.pass_by(timedelta(seconds=REUSE_S))
    second = await sign_ins.refresh(begun.refresh_token)
    for sign_in in (first, second):
        assert (await sign_ins.refresh(sign_in.refresh_token)).id == begun.id


async def test_token_that_nobody_uses_expires(radio: Radio, sign_ins: SignIns, wall: Wall) -> None:
    begun = await sign_ins.begin(radio.owner)
    wall.pass_by(LIFETIME)
    with pytest.raises(InvalidToken):
        await sign_ins.refresh(begun.refresh_token)


async def test_signing_out_ends_this_sign_in_alone(radio: Radio, sign_ins: SignIns) -> None:
    begun, other = await sign_ins.begin(radio.owner), await sign_ins.begin(radio.owner)
    await sign_ins.end(begun.refresh_token)
    await sign_ins.end(begun.refresh_token)  # twice does no harm
    with pytest.raises(InvalidToken):
        await sign_ins.refresh(begun.refresh_token)
    assert await sign_ins.is_live(other.id)


@pytest.mark.parametrize("token", ["", ".", "x", "x.y", "é.\udcff", "x" * 300])
async def test_what_is_no_refresh_token_opens_and_ends_nothing(
    radio: Radio, sign_ins: SignIns, token: str
) -> None:
    begun = await sign_ins.begin(radio.owner)
    with pytest.raises(InvalidToken):
        await sign_ins.refresh(token)
    await sign_ins.end(token)
    wrong = begun.refresh_token.partition(".")[0] + ".guess"
    with pytest.raises(InvalidToken):
        await sign_ins.refresh(wrong)
    await sign_ins.end(wrong)
    assert await sign_ins.is_live(begun.id)


async def test_user_who_is_disabled_cannot_continue(radio: Radio, sign_ins: SignIns) -> None:
    begun = await sign_ins.begin(radio.owner)
    async with radio.database.write() as session:
        user = await session.get_one(type(radio.owner), radio.owner.id)
        user.is_active = False
    with pytest.raises(InvalidToken):
        await sign_ins.refresh(begun.refresh_token)


async def test_tokens_of_a_user_are_bounded_and_an_idle_sign_in_outlives_a_busy_one(
    radio: Radio, sign_ins: SignIns, wall: Wall
) -> None:
    async def count() -> int:
        async with radio.database.read() as session:
            return await session.scalar(select(func.count()).select_from(RefreshToken)) or 0

    idle = await sign_ins.begin(radio.owner)
    busy = await sign_ins.begin(radio.owner)
    for _ in range(60):
        wall.pass_by(timedelta(hours=1))
        busy = await sign_ins.refresh(busy.refresh_token)
    assert await count() <= REMEMBERED_AFTER_USE / timedelta(hours=1) + 3
    assert await sign_ins.is_live(idle.id)
    for _ in range(MAX_TOKENS_PER_USER):
        wall.pass_by(timedelta(seconds=1))
        last = await sign_ins.begin(radio.owner)
    assert await count() == MAX_TOKENS_PER_USER
    assert await sign_ins.is_live(last.id)
    assert not await sign_ins.is_live(idle.id)


async def test_without_a_database_nobody_signs_in(radio: Radio, sign_ins: SignIns) -> None:
    radio.sessions.is_away = True
    with pytest.raises(ServiceUnavailable):
        await sign_ins.begin(radio.owner)
    with pytest.raises(ServiceUnavailable):
        await sign_ins.refresh("a.b")
