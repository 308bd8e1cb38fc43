"""Real signals to this very process."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import pytest

from awazpulse.signals import Signals

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture
async def signals() -> AsyncIterator[Signals]:
    loop = asyncio.get_running_loop()
    yield Signals(loop)
    for number in NUMBERS:
        loop.remove_signal_handler(number)


async def send(*numbers: signal.Signals) -> None:
    for number in numbers:
        os.kill(os.getpid(), number)
        await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("sent", "is_at_once"),
    [
        ([signal.SIGTERM], False),
        ([signal.SIGINT], True),
        ([signal.SIGTERM, signal.SIGTERM], True),
        ([signal.SIGTERM, signal.SIGINT], True),
    ],
)
async def test_sigterm_asks_and_a_second_signal_or_sigint_does_not_wait(
    signals: Signals, sent: list[signal.Signals], is_at_once: bool
) -> None:
    await send(*sent)
    async with asyncio.timeout(2):
        await signals.wait_for_end()
    assert signals.at_once.is_set() is is_at_once


async def test_each_sighup_reloads_until_the_end_and_ends_nothing(signals: Signals) -> None:
    await send(signal.SIGHUP)  # while the server starts
    reloads: list[int] = []
    signals.on_reload(lambda: reloads.append(1))
    await send(signal.SIGHUP, signal.SIGHUP)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await signals.wait_for_end()
    await send(signal.SIGTERM)
    await signals.wait_for_end()
    await send(signal.SIGHUP)
    assert len(reloads) == 2
