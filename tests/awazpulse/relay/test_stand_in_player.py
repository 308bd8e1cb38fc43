import logging

import pytest

from awazpulse.relay.outlet import Outlet
from awazpulse.relay.stand_in import MAX_BEHIND_S, Sound
from awazpulse.relay.stand_in_player import StandInPlayer
from tests.awazpulse.relay.studio import FRAME_S, TRACK, Ear, FakeReel

START = 1000.0


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def player(ear: Ear) -> StandInPlayer:
    outlet = Outlet("demo", 10)
    outlet.add("hls", ear)
    ear.on_track(TRACK)
    return StandInPlayer("demo", outlet)


def test_nothing_stands_in_at_first(player: StandInPlayer, ear: Ear) -> None:
    assert (player.plays, player.sound) == (False, Sound.NOTHING)
    assert player.send_due(START)
    player.close()
    assert ear.seconds == {}


def test_what_is_due_is_sent_and_counted(player: StandInPlayer, ear: Ear) -> None:
    player.begin(Sound.SILENCE, FakeReel("silence", TRACK), START)
    assert (player.plays, player.sound) == (True, Sound.SILENCE)
    assert player.send_due(START + 1)
    assert 1 - FRAME_S < ear.seconds["silence"] <= 1
    assert player.sent_s[Sound.SILENCE] == pytest.approx(ear.seconds["silence"])
    assert player.sent_s[Sound.FALLBACK] == 0
    assert player.covered_until == pytest.approx(START + ear.seconds["silence"])


def test_what_is_too_late_is_left_out_with_a_break(player: StandInPlayer, ear: Ear) -> None:
    player.begin(Sound.SILENCE, FakeReel("silence", TRACK), START)
    player.send_due(START + 1)
    assert player.send_due(START + 60)
    assert "break ." in ear.log
    assert ear.seconds["silence"] <= 1 + MAX_BEHIND_S


def test_one_that_cannot_be_read_is_told_of_and_logged(
    player: StandInPlayer, caplog: pytest.LogCaptureFixture
) -> None:
    reel = FakeReel("fallback", TRACK)
    reel.failure = ValueError("a bad file")
    player.begin(Sound.FALLBACK, reel, START)
    assert not player.send_due(START + 1)
    assert "channel=demo its fallback cannot be read: a bad file" in caplog.text
    player.close()
    assert reel.closed == 1
    assert not player.plays


def test_one_that_is_ended_by_who_hears_it_sends_nothing_more(
    player: StandInPlayer, ear: Ear
) -> None:
    reel = FakeReel("silence", TRACK)
    player.begin(Sound.SILENCE, reel, START)
    ear.on_told = lambda _what: player.close()
    assert player.send_due(START + 1)
    assert player.send_due(START + 2)
    assert reel.taken == 41, "a second of it"
    assert reel.closed == 1
    assert reel.faults == []


def test_a_reel_that_cannot_be_closed_is_closed_for_the_player(
    player: StandInPlayer, caplog: pytest.LogCaptureFixture
) -> None:
    class Stuck(FakeReel):
        def close(self) -> None:
            raise OSError("no")

    player.begin(Sound.SILENCE, Stuck("silence", TRACK), START)
    with caplog.at_level(logging.ERROR):
        player.close()
    assert not player.plays
    assert "a reel cannot be closed" in caplog.text
