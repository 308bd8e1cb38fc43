from datetime import datetime

import pytest

from awazpulse.channels.row_state import MAX_TEXT_CHARACTERS, OFF_AIR, UPTIME_STEP_S, RowState
from awazpulse.kinds import StreamStatus
from awazpulse.relay import Broadcast, Station, Title
from tests.awazpulse.channels.support import FakeSource, lose, publish_second

BEGIN = datetime(2026, 1, 1)  # noqa: DTZ001  # as stored


def make_state(uptime_s: float = 0.0) -> RowState:
    return RowState("row", "demo", "hls", uptime_s, BEGIN)


def make_broadcast(now: float = 100.0) -> Broadcast:
    broadcast = Broadcast("demo", "hls", max_listeners=10, now=now)
    broadcast.connect(FakeSource(), Station(bitrate_kbps=128), now)
    return broadcast


def test_a_row_off_air_says_so_in_all_of_its_columns() -> None:
    described = make_state(42).describe(0.0)
    assert described == {
        "status": StreamStatus.OFFLINE,
        "last_online_at": BEGIN,
        "total_uptime": 42,
        **OFF_AIR,
    }


def test_a_row_on_air_says_what_its_broadcast_sends_and_who_listens_to_its_delivery() -> None:
    broadcast, state = make_broadcast(), make_state()
    publish_second(broadcast, 100.0)
    broadcast.set_title(Title.from_text("Artist - Track"))
    broadcast.listeners_of("hls").listener_joined()
    broadcast.listeners_of("icecast").listener_joined()
    state.change(broadcast, BEGIN)
    described = state.describe(130.0)
    assert (described["status"], described["current_listeners"]) == (StreamStatus.LIVE, 1)
    assert (described["current_artist"], described["current_track"]) == ("Artist", "Track")
    assert (described["format"], described["bitrate"]) == ("mp3", 128)
    assert described["total_uptime"] == 30


def test_uptime_stands_still_while_the_source_is_away() -> None:
    broadcast, state = make_broadcast(), make_state(10)
    state.change(broadcast, BEGIN)
    lose(broadcast, 120.0)
    assert state.total_uptime_s(145.0) == 30


def test_only_what_matters_is_written_again() -> None:
    broadcast, state = make_broadcast(), make_state()
    state.change(broadcast, BEGIN)
    state.written = state.find_changes(100.0)
    assert state.find_changes(100.0 + UPTIME_STEP_S - 1) == {}
    assert state.find_changes(100.0 + UPTIME_STEP_S) == {"total_uptime": UPTIME_STEP_S}


def test_going_on_or_off_air_writes_everything_anew() -> None:
    broadcast, state = make_broadcast(), make_state()
    state.change(broadcast, BEGIN)
    state.written = state.find_changes(100.0)
    revision = state.revision
    state.change(None, BEGIN)
    assert state.revision == revision + 1
    assert state.find_changes(100.0)["status"] is StreamStatus.OFFLINE


@pytest.mark.parametrize("text", ["x" * (MAX_TEXT_CHARACTERS + 1), "a lone \ud800 surrogate"])
def test_a_title_fits_its_column_and_every_database(text: str) -> None:
    broadcast, state = make_broadcast(), make_state()
    broadcast.set_title(Title.from_text(text))
    state.change(broadcast, BEGIN)
    track = state.describe(100.0)["current_track"]
    assert len(track) <= MAX_TEXT_CHARACTERS
    track.encode()
