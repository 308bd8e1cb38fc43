from awazpulse.channels.events import ChannelChange, ChannelEvent
from awazpulse.channels.happenings import MAX_HAPPENINGS, MAX_REFUSALS, Happenings
from awazpulse.relay import End, EndReason
from tests.awazpulse.channels.support import Clock


def refusal(address: str, reason: str = "wrong_secret", channel: str = "demo") -> ChannelEvent:
    return ChannelEvent(
        ChannelChange.LOGIN_REFUSED, channel, "hls", facts={"reason": reason, "address": address}
    )


def open_happenings(clock: Clock, max_channels: int = 10) -> Happenings:
    return Happenings(max_channels, lambda: clock.now)


def test_the_newest_come_first_with_their_times_and_facts() -> None:
    clock = Clock()
    happenings = open_happenings(clock)
    happenings.note(ChannelEvent(ChannelChange.ON_AIR, "demo", "hls"))
    began = clock.now
    clock.now += 5
    end = End(EndReason.STOPPED, who="owner@radio.example")
    happenings.note(ChannelEvent(ChannelChange.OFF_AIR, "demo", "hls", end))
    newest, oldest = happenings.list_newest("demo")
    assert (oldest.kind, oldest.time) == (ChannelChange.ON_AIR, began)
    assert (newest.kind, newest.time) == (ChannelChange.OFF_AIR, began + 5)
    assert newest.facts["by"] == "owner@radio.example"
    assert happenings.list_newest("other") == []


def test_measurements_and_titles_take_no_place() -> None:
    happenings = open_happenings(Clock())
    for change in (ChannelChange.LISTENERS, ChannelChange.LEVELS, ChannelChange.TITLE):
        happenings.note(ChannelEvent(change, "demo", "hls"))
    assert happenings.list_newest("demo") == []


def test_the_same_refusal_of_the_same_peer_is_counted() -> None:
    clock = Clock()
    happenings = open_happenings(clock)
    first = clock.now
    for address in ("2001:db8::1", "2001:db8::2", "2001:db8::1"):
        happenings.note(refusal(address))
        clock.now += 1
    happenings.note(refusal("2001:db8::1", "type_not_selected"))
    other, same = happenings.list_newest("demo")
    assert (same.count, same.first_time, same.time) == (3, first, first + 2)
    assert other.count == 1


def test_strangers_push_out_nothing_but_refusals() -> None:
    happenings = open_happenings(Clock())
    for _ in range(MAX_HAPPENINGS):
        happenings.note(ChannelEvent(ChannelChange.SOURCE_LOST, "demo", "hls"))
    for number in range(200):
        happenings.note(refusal(f"203.0.113.{number}"))
    kept = happenings.list_newest("demo")
    assert len(kept) == MAX_HAPPENINGS
    refused = [h for h in kept if h.kind is ChannelChange.LOGIN_REFUSED]
    assert len(refused) == MAX_REFUSALS
    assert refused[0].facts["address"] == "203.0.113.199"


def test_texts_are_cut_and_the_quietest_channel_is_forgotten() -> None:
    happenings = open_happenings(Clock(), max_channels=2)
    happenings.note(refusal("x" * 10_000, channel="a"))
    assert len(str(happenings.list_newest("a")[0].facts["address"])) == 500
    happenings.note(refusal("192.0.2.1", channel="b"))
    happenings.note(refusal("192.0.2.1", channel="c"))
    assert happenings.list_newest("a") == []
    assert len(happenings.list_newest("b")) == len(happenings.list_newest("c")) == 1
