import asyncio

import pytest

from awazpulse.channels.locks import ChannelLocks


async def test_one_channel_is_held_by_one_and_others_do_not_wait() -> None:
    locks, order = ChannelLocks(), []

    async def work(channel_id: str, name: str) -> None:
        async with locks.hold(channel_id):
            order.append(f"{name} in")
            await asyncio.sleep(0)
            order.append(f"{name} out")

    await asyncio.gather(work("a", "a1"), work("a", "a2"), work("b", "b1"))
    assert order.index("a1 out") < order.index("a2 in")
    assert order.index("b1 in") < order.index("a1 out")
    assert len(locks) == 0


async def test_lock_is_gone_though_its_user_failed_or_was_cancelled() -> None:
    locks = ChannelLocks()
    with pytest.raises(ZeroDivisionError):
        async with locks.hold("a"):
            raise ZeroDivisionError
    async with locks.hold("a"):
        waiting = asyncio.create_task(locks.hold("a").__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert len(locks) == 1
    assert len(locks) == 0
