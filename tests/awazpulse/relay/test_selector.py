"""The selector over real sockets, with each of its pollers."""

import asyncio
import select
import socket
from collections.abc import Callable, Iterator

import pytest

from awazpulse.relay.selector import (
    READ,
    WRITE,
    EpollPoller,
    Poller,
    PortablePoller,
    SocketSelector,
    open_poller,
)

POLLERS: list[Callable[[], Poller]] = [PortablePoller]
if hasattr(select, "epoll"):
    POLLERS.append(EpollPoller)

both_pollers = pytest.mark.parametrize("make_poller", POLLERS)


class Owners:
    """Names that write down what happens to them."""

    def __init__(self, make_poller: Callable[[], Poller], turn_s: float = 0.01) -> None:
        self.events: list[tuple[str, int]] = []
        self.pairs: list[tuple[socket.socket, socket.socket]] = []
        self.selector = SocketSelector[str](
            asyncio.get_running_loop(), self.on_event, turn_s, make_poller()
        )
        self.on_first: Callable[[], None] = lambda: None

    def on_event(self, owner: str, events: int) -> None:
        if not self.events:
            self.on_first()
        self.events.append((owner, events))

    def add(self, name: str, events: int = READ) -> tuple[socket.socket, socket.socket]:
        pair = socket.socketpair()
        pair[0].setblocking(False)
        self.pairs.append(pair)
        self.selector.register(pair[0], name, events)
        return pair

    def close(self) -> None:
        self.selector.close()
        for pair in self.pairs:
            for end in pair:
                end.close()


@pytest.fixture
def opened() -> Iterator[list[Owners]]:
    opened: list[Owners] = []
    yield opened
    for owners in opened:
        owners.close()


@both_pollers
async def test_an_owner_hears_of_what_it_waits_for(
    make_poller: Callable[[], Poller], opened: list[Owners]
) -> None:
    opened.append(owners := Owners(make_poller))
    ours, theirs = owners.add("a")
    await asyncio.sleep(0.01)
    assert owners.events == []
    theirs.send(b"x")
    await asyncio.sleep(0.01)
    assert set(owners.events) == {("a", READ)}
    ours.recv(1)
    owners.events.clear()
    owners.selector.modify(ours, READ | WRITE)
    await asyncio.sleep(0.01)
    assert set(owners.events) == {("a", WRITE)}


@both_pollers
async def test_one_who_has_unregistered_hears_nothing_more_not_even_what_was_ready(
    make_poller: Callable[[], Poller], opened: list[Owners]
) -> None:
    opened.append(owners := Owners(make_poller))
    ends = [owners.add(name) for name in "ab"]
    for _, theirs in ends:
        theirs.send(b"x")

    def unregister_both() -> None:
        for ours, _ in ends:
            owners.selector.unregister(ours)

    owners.on_first = unregister_both
    await asyncio.sleep(0.02)
    assert len(owners.events) == 1
    assert len(owners.selector) == 0


@both_pollers
async def test_a_number_that_is_used_anew_is_not_the_earlier_owners(
    make_poller: Callable[[], Poller], opened: list[Owners]
) -> None:
    opened.append(owners := Owners(make_poller))
    ends = [owners.add(name) for name in "ab"]
    for _, theirs in ends:
        theirs.send(b"x")

    def replace_both() -> None:
        for ours, theirs in ends:
            owners.selector.unregister(ours)
            ours.close()
            theirs.close()
        for name in "cd":
            owners.add(name)

    owners.on_first = replace_both
    await asyncio.sleep(0.02)
    assert len(owners.events) == 1
    assert sorted(owners.selector.owners()) == ["c", "d"]


@both_pollers
async def test_a_crowd_is_served_in_turns_between_which_others_run(
    make_poller: Callable[[], Poller], opened: list[Owners]
) -> None:
    opened.append(owners := Owners(make_poller, turn_s=0.0))
    for number in range(300):
        _, theirs = owners.add(str(number))
        theirs.send(b"x")
    seen = []
    for _ in range(5):
        await asyncio.sleep(0)
        seen.append(len(owners.events))
    assert seen[-1] < 10
    async with asyncio.timeout(5):
        while len({owner for owner, _ in owners.events}) < 300:  # noqa: ASYNC110  # turn by turn
            await asyncio.sleep(0)


@both_pollers
async def test_a_hang_up_is_told(make_poller: Callable[[], Poller], opened: list[Owners]) -> None:
    opened.append(owners := Owners(make_poller))
    ours, theirs = owners.add("a")
    theirs.close()
    await asyncio.sleep(0.01)
    assert owners.events
    assert owners.events[0][1] & READ
    assert ours.recv(1) == b""


@both_pollers
async def test_an_owner_whose_event_fails_keeps_no_other_waiting_and_is_logged_once_a_turn(
    make_poller: Callable[[], Poller],
    opened: list[Owners],
    caplog: pytest.LogCaptureFixture,
) -> None:
    opened.append(owners := Owners(make_poller, turn_s=5.0))
    served: list[str] = []

    def on_event(owner: str, _: int) -> None:
        owners.selector.unregister(owners.pairs[int(owner)][0])
        if int(owner) < 3:
            raise RuntimeError("whatever our own mistake might be")
        served.append(owner)

    owners.selector._on_event = on_event
    for name in range(10):
        _, theirs = owners.add(str(name))
        theirs.send(b"x")
    owners.selector._work_off()
    assert len(served) == 7
    (record,) = caplog.records
    assert "errors=3" in record.getMessage()


@both_pollers
async def test_a_selector_may_be_closed_twice_and_by_an_event_after_which_nobody_hears_more(
    make_poller: Callable[[], Poller], opened: list[Owners]
) -> None:
    opened.append(owners := Owners(make_poller))  # and a third time at the end
    for name in "ab":
        _, theirs = owners.add(name)
        theirs.send(b"x")
    owners.on_first = owners.selector.close
    await asyncio.sleep(0.02)
    assert len(owners.events) == 1
    owners.selector.close()


@pytest.mark.skipif(not hasattr(select, "epoll"), reason="Linux's own")
async def test_linux_hands_over_no_more_than_a_turn_can_use(opened: list[Owners]) -> None:
    opened.append(owners := Owners(EpollPoller))
    poller = EpollPoller()
    for number in range(300):
        ours, theirs = owners.add(str(number))
        theirs.send(b"x")
        poller.register(ours.fileno(), READ)
    assert len(poller.poll()) == 256
    assert len({fd for _ in range(2) for fd, _ in poller.poll()}) == 300  # nobody is left out
    poller.close()
    assert isinstance(open_poller(), EpollPoller)
