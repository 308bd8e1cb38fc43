import json
from collections import deque
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from awazpulse.channels.events import ChannelChange, ChannelEvent
from awazpulse.events.hub import MAX_KEPT, SLICE, EventHub
from awazpulse.events.messages import Message
from awazpulse.relay import End, EndReason


class Loop:
    """An event loop whose jobs run when told to."""

    def __init__(self) -> None:
        self.jobs: deque[Callable[[], None]] = deque()

    def run_one(self) -> None:
        self.jobs.popleft()()

    def run(self) -> None:
        while self.jobs:
            self.run_one()


class Reader:
    """A subscription, with what it was told."""

    def __init__(
        self,
        hub: EventHub,
        channels: list[str] | None = None,
        *,
        is_public: bool = False,
        with_levels: bool = False,
        after: str | None = None,
    ) -> None:
        self.messages: list[Message] = []
        self.missed = self.ends = 0
        self.is_public = is_public
        self.subscription = hub.subscribe(
            channels,
            self.messages.append,
            self._on_end,
            is_public=is_public,
            with_levels=with_levels,
            after=after,
            on_missed=self._on_missed,
        )

    def _on_end(self) -> None:
        self.ends += 1

    def _on_missed(self) -> None:
        self.missed += 1

    def take(self) -> list[Message]:
        messages, self.messages[:] = self.messages[:], []
        return messages


def make_hub(loop: Loop, *, shows: bool = False) -> EventHub:
    return EventHub(loop.jobs.append, lambda _channel: shows, lambda: 1_800_000_000.25)


def title(text: str, channel: str = "demo") -> ChannelEvent:
    return ChannelEvent(ChannelChange.TITLE, channel, "hls", facts={"title": text, "secret": 1})


def read(reader: Reader) -> list[str]:
    """The titles that have come."""
    texts = [message.text(is_public=reader.is_public) for message in reader.take()]
    return [json.loads(text or "null")["data"]["title"] for text in texts]


def test_a_reader_gets_what_happens_to_its_channels_in_order() -> None:
    loop = Loop()
    hub = make_hub(loop)
    own = Reader(hub, ["demo", "two"])
    every = Reader(hub, None)
    for text, channel in (("a", "demo"), ("b", "three"), ("c", "two")):
        hub.note(title(text, channel))
    loop.run()
    assert read(own) == ["a", "c"]
    assert read(every) == ["a", "b", "c"]
    assert read(own) == []


def test_a_message_says_what_when_and_where() -> None:
    loop = Loop()
    hub = make_hub(loop)
    reader = Reader(hub, None)
    end = End(EndReason.STOPPED, who="owner@radio.example")
    hub.note(ChannelEvent(ChannelChange.OFF_AIR, "demo", "hls", end=end))
    loop.run()
    (message,) = reader.take()
    assert json.loads(message.whole) == {
        "id": hub.last_id,
        "type": "off_air",
        "channelId": "demo",
        "streamType": "hls",
        "time": "2027-01-15T08:00:00.250Z",
        "data": {"reason": "stopped", "detail": str(end), "by": "owner@radio.example"},
    }
    assert json.loads(message.public or "")["data"] == {"reason": "stopped"}


def test_the_public_sees_its_part_only() -> None:
    loop = Loop()
    hub = make_hub(loop)
    public = Reader(hub, ["demo"], is_public=True)
    hub.note(ChannelEvent(ChannelChange.LOGIN_REFUSED, "demo", "hls", facts={"address": "x"}))
    hub.note(title("a"))
    hub.note(ChannelEvent(ChannelChange.LISTENERS, "demo", "hls", facts={"total": 3}))
    hub.note(ChannelEvent(ChannelChange.LEVELS, "demo", "hls"))
    loop.run()
    (message,) = public.take()
    assert json.loads(message.text(is_public=True) or "")["data"] == {"title": "a"}


def test_listeners_are_public_where_the_channel_shows_them() -> None:
    loop = Loop()
    hub = make_hub(loop, shows=True)
    public = Reader(hub, ["demo"], is_public=True)
    hub.note(ChannelEvent(ChannelChange.LISTENERS, "demo", "hls", facts={"total": 3}))
    loop.run()
    assert [message.kind for message in public.take()] == [ChannelChange.LISTENERS]


def test_levels_are_for_those_who_ask_for_them() -> None:
    loop = Loop()
    hub = make_hub(loop)
    without = Reader(hub, ["demo"])
    assert not hub.wants_levels("demo")
    with_levels = Reader(hub, ["demo"], with_levels=True)
    assert hub.wants_levels("demo")
    assert not hub.wants_levels("two")
    hub.note(ChannelEvent(ChannelChange.LEVELS, "demo", "hls"))
    loop.run()
    assert without.take() == []
    assert len(with_levels.take()) == 1


def test_one_who_comes_back_gets_what_it_missed() -> None:
    loop = Loop()
    hub = make_hub(loop)
    hub.note(title("a"))
    last = hub.last_id
    hub.note(title("b"))
    hub.note(title("not its channel's", "two"))
    hub.note(ChannelEvent(ChannelChange.LISTENERS, "demo", "hls", facts={"title": "count"}))
    reader = Reader(hub, ["demo"], after=last)
    assert not reader.missed
    hub.note(title("c"))
    loop.run()
    assert read(reader) == ["b", "c"]
    assert not Reader(hub, ["demo"], after=hub.last_id).missed


def test_what_is_not_kept_any_more_is_told_of() -> None:
    loop = Loop()
    hub = make_hub(loop)
    first = hub.last_id
    for number in range(MAX_KEPT):
        hub.note(title(str(number)))
    assert not Reader(hub, ["two"], after=first).missed
    hub.note(title("one too many"))
    assert Reader(hub, ["two"], after=first).missed
    run = first.partition("-")[0]
    for unknown in (
        "",
        "-",
        "abc",
        "other-5",
        f"{run}-",
        f"{run}-x",
        f"{run}-9999999",
        f"{run}-{'9' * 40}",
    ):
        assert Reader(hub, ["two"], after=unknown).missed


def test_a_reader_who_begins_while_an_event_waits_does_not_get_it() -> None:
    loop = Loop()
    hub = make_hub(loop)
    Reader(hub)
    hub.note(title("before"))
    late = Reader(hub, None)
    hub.note(title("after"))
    loop.run()
    assert read(late) == ["after"]


def test_one_job_serves_a_few_readers() -> None:
    loop = Loop()
    hub = make_hub(loop)
    readers = [Reader(hub) for _ in range(3 * SLICE)]
    hub.note(title("a"))
    served = []
    while loop.jobs:
        loop.run_one()
        served.append(sum(len(reader.messages) for reader in readers))
    assert served[:3] == [SLICE, 2 * SLICE, 3 * SLICE]


def test_the_end_is_told_to_everybody_after_what_waited() -> None:
    loop = Loop()
    hub = make_hub(loop)
    reader = Reader(hub)
    hub.note(title("last"))
    hub.close()
    hub.close()
    assert reader.ends == 1
    assert read(reader) == ["last"]
    assert Reader(hub).ends == 1
    assert not hub.has_subscribers
    loop.run()


def test_one_who_leaves_is_forgotten() -> None:
    loop = Loop()
    hub = make_hub(loop)
    readers = [Reader(hub, channels, with_levels=True) for channels in (None, ["demo", "two"])]
    assert hub.is_watched("two")
    for reader in readers:
        reader.subscription.end()
        reader.subscription.end()
        assert reader.ends == 1
    assert not hub.has_subscribers
    assert not hub.is_watched("demo")
    hub.note(title("a"))
    assert not loop.jobs


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("note"), st.sampled_from(["one", "two"])),
            st.tuples(st.just("join"), st.sampled_from(["one", "two", "all"])),
            st.tuples(st.just("run"), st.just("")),
        ),
        max_size=60,
    )
)
def test_every_reader_gets_each_of_its_events_once_and_in_order(
    steps: list[tuple[str, str]],
) -> None:
    loop = Loop()
    hub = make_hub(loop)
    count = 0
    expected: list[tuple[Reader, str, list[str]]] = []
    for step, channel in steps:
        if step == "note":
            count += 1
            hub.note(title(str(count), channel))
            for _, wanted, texts in expected:
                if wanted in (channel, "all"):
                    texts.append(str(count))
        elif step == "join":
            reader = Reader(hub, None if channel == "all" else [channel])
            expected.append((reader, channel, []))
        elif loop.jobs:
            loop.run_one()
    loop.run()
    for reader, _, texts in expected:
        assert read(reader) == texts
