from collections.abc import Callable, Iterator

import pytest

from awazpulse.errors import MisuseError
from awazpulse.relay import Title
from awazpulse.relay.outlet import Outlet
from tests.awazpulse.relay.studio import LEFT, STOPPED, TRACK, Ear, make_frames

TITLE = Title.from_text("x")
TELL: dict[str, Callable[[Outlet], None]] = {
    "track": lambda outlet: outlet.on_track(TRACK),
    "break": lambda outlet: outlet.on_break(),
    "a": lambda outlet: outlet.on_frames(make_frames(1, "a")),
    "title": lambda outlet: outlet.on_title(TITLE),
}


@pytest.fixture
def outlet() -> Outlet:
    return Outlet("demo", 2)


@pytest.fixture
def ears(outlet: Outlet) -> Iterator[list[Ear]]:
    ears = [Ear(), Ear(), Ear()]
    for name, ear in zip("abc", ears, strict=True):
        outlet.add(name, ear)
        ear.on_track(TRACK)
        ear.log.clear()
    yield ears
    assert not any(ear.faults for ear in ears)


def test_everyone_is_told_everything_in_one_order(outlet: Outlet, ears: list[Ear]) -> None:
    for tell in TELL.values():
        tell(outlet)
    outlet.close(STOPPED)
    for ear in ears:
        assert ear.log == ["track mp3 48000", "break .", "a", "title x", "end stopped"]


def test_delivery_has_its_name_alone(outlet: Outlet, ears: list[Ear]) -> None:
    with pytest.raises(MisuseError, match="channel demo has its a delivery already"):
        outlet.add("a", Ear())
    assert outlet.names == {"a", "b", "c"}


def test_removed_delivery_is_told_the_end_and_nothing_else(outlet: Outlet, ears: list[Ear]) -> None:
    outlet.count_of("b").listener_joined()
    outlet.remove("b", LEFT)
    for tell in TELL.values():
        tell(outlet)
    outlet.close(STOPPED)
    assert ears[1].log == ["end disconnected"]
    assert outlet.listeners == 0
    assert outlet.names == {"a", "c"}
    assert ears[0].log[-1] == ears[2].log[-1] == "end stopped"


def test_name_that_is_not_attached_cannot_be_removed(outlet: Outlet) -> None:
    with pytest.raises(MisuseError, match="channel demo has no b delivery"):
        outlet.remove("b", LEFT)


def test_removal_after_the_end_tells_nobody_twice(outlet: Outlet, ears: list[Ear]) -> None:
    outlet.close(STOPPED)
    outlet.remove("b", LEFT)
    assert ears[1].log == ["end stopped"]


@pytest.mark.parametrize("what", TELL)
def test_no_call_follows_the_end_that_another_has_made_meanwhile(
    outlet: Outlet, ears: list[Ear], what: str
) -> None:
    ears[0].on_told = lambda told: None if told.startswith("end") else outlet.close(STOPPED)
    TELL[what](outlet)
    assert len(ears[0].log) == 2
    assert ears[1].log == ears[2].log == ["end stopped"]


@pytest.mark.parametrize("what", TELL)
def test_no_call_follows_the_removal_that_another_has_made_meanwhile(
    outlet: Outlet, ears: list[Ear], what: str
) -> None:
    def remove_b(_told: str) -> None:
        if "b" in outlet.names:
            outlet.remove("b", LEFT)

    ears[0].on_told = remove_b
    TELL[what](outlet)
    assert ears[1].log == ["end disconnected"]
    assert ears[2].log == ears[0].log != []


@pytest.mark.parametrize("outer", TELL)
@pytest.mark.parametrize("inner", TELL)
def test_what_is_told_while_something_is_told_comes_after_it_for_everyone(
    outlet: Outlet, ears: list[Ear], outer: str, inner: str
) -> None:
    pending = [inner, "a", inner]

    def tell_more(_told: str) -> None:
        if pending:
            TELL[pending.pop()](outlet)

    ears[1].on_told = tell_more
    TELL[outer](outlet)
    assert len(ears[0].log) == 4
    assert ears[0].log == ears[1].log == ears[2].log


def test_what_waits_is_forgotten_at_the_end(outlet: Outlet, ears: list[Ear]) -> None:
    def publish_and_close(told: str) -> None:
        if not told.startswith("end"):
            outlet.on_frames(make_frames(1, "never"))
            outlet.close(STOPPED)

    ears[0].on_told = publish_and_close
    outlet.on_frames(make_frames(1, "a"))
    assert ears[0].log == ["a", "end stopped"]
    assert ears[1].log == ears[2].log == ["end stopped"]


@pytest.mark.parametrize("what", TELL)
def test_delivery_that_is_added_meanwhile_begins_with_what_comes_next(
    outlet: Outlet, ears: list[Ear], what: str
) -> None:
    late = Ear()
    late.on_track(TRACK)

    def add_late(_told: str) -> None:
        if "late" not in outlet.names:
            outlet.on_frames(make_frames(1, "before"))
            outlet.add("late", late)
            outlet.on_frames(make_frames(1, "next"))

    ears[0].on_told = add_late
    TELL[what](outlet)
    assert late.log == ["track mp3 48000", "next"]
    assert ears[2].log[-2:] == ["before", "next"]


@pytest.mark.parametrize("what", TELL)
def test_delivery_that_fails_keeps_nobody_else_from_anything(
    outlet: Outlet, ears: list[Ear], what: str, caplog: pytest.LogCaptureFixture
) -> None:
    ears[0].on_told = lambda _told: [].pop()
    for _ in range(5):
        TELL[what](outlet)
    assert len(ears[1].log) == len(ears[2].log) == 5
    assert "IndexError" in caplog.text
    assert not outlet.is_telling


def test_delivery_that_fails_is_logged_once_for_each_track(
    outlet: Outlet, ears: list[Ear], caplog: pytest.LogCaptureFixture
) -> None:
    ears[0].on_told = lambda told: [].pop() if told == "a" else None
    for _ in range(2):
        TELL["track"](outlet)
        for _ in range(50):
            TELL["a"](outlet)
    assert len(caplog.records) == 2
    assert "channel=demo a delivery has failed, the others go on" in caplog.text


def test_one_that_fails_at_the_end_does_not_keep_it_from_the_others(
    outlet: Outlet, ears: list[Ear], caplog: pytest.LogCaptureFixture
) -> None:
    ears[0].on_told = ears[1].on_told = lambda _told: [].pop()
    outlet.remove("b", LEFT)
    outlet.close(STOPPED)
    assert (ears[1].log, ears[2].log) == (["end disconnected"], ["end stopped"])
    assert caplog.text.count("channel=demo closing failed in one place") == 2


def test_listeners_are_counted_for_each_delivery_and_in_all(outlet: Outlet) -> None:
    outlet.count_of("a").listener_joined()
    outlet.count_of("b").listener_joined()
    outlet.count_of("b").listener_joined()
    assert outlet.listeners == 3
    assert [outlet.count_of(name).has_room for name in "abc"] == [True, False, True]
    outlet.max_listeners = 1
    assert [outlet.count_of(name).has_room for name in "abcd"] == [False, False, True, True]
    assert outlet.max_listeners == outlet.count_of("d").max_listeners == 1
    outlet.close(STOPPED)
    assert outlet.listeners == 0
