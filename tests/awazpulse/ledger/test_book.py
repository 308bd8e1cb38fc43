from typing import Any

from awazpulse.channels.events import ChannelChange, ChannelEvent
from awazpulse.ledger.book import DELETED, Book
from awazpulse.ledger.pending import Pending
from awazpulse.ledger.privacy import AddressRule
from awazpulse.ledger.titles import TitleLog

from .clock import START_MS, Clock, make_book


def take_rows(pending: Pending) -> list[dict[str, Any]]:
    return list(pending.take(100).starts.values())


def play(book: Book, title: str, channel: str = "demo") -> None:
    book.note_title(channel, "hls", {"title": title, "artist": "", "track": title})


def test_a_session_is_a_row_with_what_the_rules_let_it_keep() -> None:
    clock = Clock()
    book = make_book(clock)
    number = book.begin_session("demo", "icecast", "203.0.113.77", "VLC/3" * 100, first_byte=100)
    assert book.open_sessions == 1
    clock.now += 5
    book.end_session(number, last_byte=80_100)
    assert take_rows(book.sessions) == [
        {
            "id": number,
            "channel_id": "demo",
            "stream_type": "icecast",
            "started_ms": START_MS,
            "ended_ms": START_MS + 5000,
            "first_byte": 100,
            "last_byte": 80_100,
            "bytes": None,
            "user_agent": ("VLC/3" * 100)[:255],
            "address": "203.0.113.0",
            "country": "PK",
        }
    ]
    assert (book.pending, book.open_sessions, book.has_open) == (0, 0, False)


def test_without_addresses_the_country_is_still_known() -> None:
    book = make_book(Clock(), AddressRule.NONE)
    book.begin_session("demo", "hls", "203.0.113.77", "VLC")
    row = take_rows(book.sessions)[0]
    assert (row["address"], row["country"]) == ("", "PK")


def test_a_session_of_under_two_seconds_is_none() -> None:
    clock = Clock()
    book = make_book(clock)
    unwritten = book.begin_session("demo", "hls", "192.0.2.1", "probe")
    clock.now += 1.9
    book.end_session(unwritten, 0)
    assert book.pending == 0
    written = book.begin_session("demo", "hls", "192.0.2.1", "probe")
    take_rows(book.sessions)
    clock.now += 1.9
    book.end_session(written, 0)
    assert book.sessions.take(10).ends == {written: DELETED}


def test_a_listener_that_was_missed_later_ended_when_it_was_last_heard() -> None:
    clock = Clock()
    book = make_book(clock)
    number = book.begin_session("demo", "hls", "192.0.2.1", "Safari")
    clock.now += 30
    book.end_session(number, 1000, ended_ago_s=10)
    assert take_rows(book.sessions)[0]["ended_ms"] == START_MS + 20_000


def test_a_title_ends_when_the_next_begins() -> None:
    clock = Clock()
    book = make_book(clock)
    play(book, "One")
    clock.now += 10
    play(book, "One")  # said again
    play(book, "Other channel's", "other")
    clock.now += 10
    play(book, "Two")
    rows = {row["title"]: row for row in take_rows(book.performances)}
    assert list(rows) == ["One", "Other channel's", "Two"]
    assert (rows["One"]["started_ms"], rows["One"]["ended_ms"]) == (START_MS, START_MS + 20_000)
    assert rows["Two"]["ended_ms"] is None
    assert rows["Other channel's"]["ended_ms"] is None


def test_an_empty_title_ends_the_one_that_plays() -> None:
    book = make_book(Clock())
    play(book, "One")
    play(book, "")
    assert [row["ended_ms"] for row in take_rows(book.performances)] == [START_MS]
    assert not book.has_open


def test_titles_come_by_the_channels_events() -> None:
    clock = Clock()
    book = make_book(clock)
    log = TitleLog(book)
    facts = {"title": "A - B", "artist": "A", "track": "B"}
    log.note(ChannelEvent(ChannelChange.TITLE, "demo", "hls", facts=facts))
    clock.now += 3
    log.note(ChannelEvent(ChannelChange.OFF_AIR, "demo", "hls"))
    (row,) = take_rows(book.performances)
    assert (row["artist"], row["track"], row["title"]) == ("A", "B", "A - B")
    assert row["ended_ms"] == START_MS + 3000


def test_something_to_write_is_told_at_once() -> None:
    clock = Clock()
    book = make_book(clock)
    told: list[int] = []
    book.on_pending = lambda: told.append(book.pending)
    number = book.begin_session("demo", "hls", "192.0.2.1", "x")
    clock.now += 3
    book.end_session(number, 0)
    play(book, "One")
    assert told == [1, 1, 2]
