import asyncio

import pytest

from icecast_compat.checks import Checks


async def forever() -> None:
    await asyncio.Event().wait()


def start(checks: Checks, address: str, cancelled: list[str] | None = None) -> None:
    told = [] if cancelled is None else cancelled
    checks.start(address, forever(), on_cancelled=lambda: told.append(address))


async def test_so_many_checks_have_room_and_no_more() -> None:
    checks = Checks(max_checks=3, max_per_peer=9)
    for number in range(3):
        assert checks.has_room(f"192.0.2.{number}")
        start(checks, f"192.0.2.{number}")
    assert not checks.has_room("192.0.2.9")
    await checks.close()
    assert checks.has_room("192.0.2.9")


@pytest.mark.parametrize(
    ("same", "other"),
    [
        (["192.0.2.1", "192.0.2.1"], "192.0.2.2"),
        (["2001:db8:0:1::1", "2001:db8:0:1:ffff::2"], "2001:db8:0:2::1"),
    ],
)
async def test_one_peer_has_room_for_some_of_them_and_leaves_the_rest_to_others(
    same: list[str], other: str
) -> None:
    checks = Checks(max_checks=9, max_per_peer=2)
    for address in same:
        assert checks.has_room(address)
        start(checks, address)
    assert not any(checks.has_room(address) for address in same)
    assert checks.has_room(other)
    await checks.close()


async def test_a_check_that_is_over_makes_room_and_leaves_nothing_behind() -> None:
    checks = Checks(max_checks=1, max_per_peer=1)
    told: list[str] = []

    async def fail() -> None:
        raise RuntimeError("whatever our own mistake might be")

    for work in (asyncio.sleep(0), fail()):
        checks.start("192.0.2.1", work, on_cancelled=lambda: told.append("cancelled"))
        tasks = list(checks._tasks)
        await asyncio.gather(*tasks, return_exceptions=True)
        assert checks.has_room("192.0.2.1")
    assert len(checks) == 0
    assert checks._of_peer == {}
    assert told == []


@pytest.mark.parametrize("turns", [0, 3])
async def test_one_that_is_cancelled_is_told_of_even_before_its_first_step(turns: int) -> None:
    checks = Checks(max_checks=9, max_per_peer=9)
    told: list[str] = []
    start(checks, "192.0.2.1", told)
    for _ in range(turns):
        await asyncio.sleep(0)
    await checks.close()
    await checks.close()
    assert told == ["192.0.2.1"]
    assert len(checks) == 0
