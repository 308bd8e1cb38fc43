import asyncio
import logging
from pathlib import Path

import pytest

from awazpulse.audio import Codec, Frame, Track
from awazpulse.channels.stand_ins import (
    MAX_SILENCES,
    RETRY_S,
    StandInShelf,
    choose_track,
)
from awazpulse.errors import PeerError
from awazpulse.relay import Title

TRACK = Track(Codec.MP3, 44_100, 2, 1152)
OTHER = Track(Codec.MP3, 48_000, 2, 1152)


class FakeReel:
    def __init__(self, track: Track, path: Path) -> None:
        self.track = track
        self.title = Title.from_text("from the file")
        self.path = path
        self.is_closed = False

    def take(self, count: int) -> list[Frame]:
        return [Frame(0, 1152, bytes(418))] * count

    def close(self) -> None:
        self.is_closed = True


class FakeMedia:
    """Answers at once, or when `gate` is set."""

    def __init__(self) -> None:
        self.silences: list[Track] = []
        self.fallbacks: list[tuple[Path, Track]] = []
        self.reels: list[FakeReel] = []
        self.failure: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def encode_silence(self, track: Track, bitrate_kbps: int | None) -> bytes:
        self.silences.append(track)
        await self.gate.wait()
        if self.failure:
            raise self.failure
        return b"silence"

    async def open_fallback(
        self, path: Path, track: Track, bitrate_kbps: int | None, out_dir: Path
    ) -> FakeReel:
        self.fallbacks.append((path, track))
        await self.gate.wait()
        if self.failure:
            raise self.failure
        self.reels.append(FakeReel(track, path))
        return self.reels[-1]


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_silence_is_made_once_for_a_track_and_then_given_without_waiting(
    tmp_path: Path,
) -> None:
    media = FakeMedia()
    shelf = StandInShelf(media, tmp_path)
    assert shelf.open_silence(TRACK) is None
    shelf.prepare("demo", TRACK, 128)
    await settle()
    reel = shelf.open_silence(TRACK)
    assert reel is not None
    assert [frame.data for frame in reel.take(2)] == [b"silence"] * 2
    assert media.silences == [TRACK]
    await shelf.close()


async def test_what_cannot_be_made_is_logged_once_and_asked_for_again_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    media, clock = FakeMedia(), Clock()
    media.failure = PeerError("no encoder for it")
    shelf = StandInShelf(media, tmp_path, clock)
    for _ in range(5):
        shelf.prepare("demo", TRACK, 128)
        await settle()
    assert media.silences == [TRACK]
    assert caplog.text.count("no encoder for it") == 1
    media.failure, clock.now = None, clock.now + RETRY_S
    shelf.prepare("demo", TRACK, 128)
    await settle()
    assert shelf.open_silence(TRACK) is not None
    await shelf.close()


async def test_an_error_of_ours_is_logged_and_takes_nothing_with_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    media = FakeMedia()
    media.failure = RuntimeError("a bug")
    shelf = StandInShelf(media, tmp_path)
    with caplog.at_level(logging.ERROR):
        shelf.prepare("demo", TRACK, 128)
        await settle()
    assert "a bug" in caplog.text
    media.failure = None
    shelf.prepare("demo", OTHER, 128)
    await settle()
    assert shelf.open_silence(OTHER) is not None
    await shelf.close()


async def test_the_silence_of_the_track_that_was_used_the_longest_ago_is_forgotten(
    tmp_path: Path,
) -> None:
    media = FakeMedia()
    shelf = StandInShelf(media, tmp_path)
    tracks = [Track(Codec.MP3, 8000 + n, 2, 1152) for n in range(MAX_SILENCES + 1)]
    for track in tracks[:-1]:
        shelf.prepare("demo", track, 128)
        await settle()
    assert shelf.open_silence(tracks[0]) is not None, "all of them are kept at the limit"
    shelf.prepare("demo", tracks[-1], 128)
    await settle()
    assert shelf.open_silence(tracks[1]) is None
    assert shelf.open_silence(tracks[0]) is not None
    await shelf.close()


async def test_a_fallback_is_made_for_the_track_that_is_on_air_and_shows_its_title(
    tmp_path: Path,
) -> None:
    media = FakeMedia()
    shelf = StandInShelf(media, tmp_path)
    shelf.set_fallback("demo", "song.mp3", "Noor Jehan - Chandni Raatein")
    assert shelf.open_fallback("demo", TRACK) is None
    await settle()
    reel = shelf.open_fallback("demo", TRACK)
    assert reel is not None
    assert reel.title.artist == "Noor Jehan"
    assert media.fallbacks == [(tmp_path / "fallback/demo/song.mp3", TRACK)]
    reel.close()
    assert shelf.open_fallback("demo", TRACK) is not None, "it is kept for the next time"
    assert shelf.open_fallback("other", TRACK) is None
    await shelf.close()
    assert media.reels[0].is_closed


async def test_without_a_title_of_the_channels_own_the_files_is_shown(tmp_path: Path) -> None:
    shelf = StandInShelf(FakeMedia(), tmp_path)
    shelf.set_fallback("demo", "/srv/song.mp3", None)
    shelf.prepare("demo", TRACK, 128)
    await settle()
    reel = shelf.open_fallback("demo", None)
    assert reel is not None
    assert (reel.title.text, reel.track) == ("from the file", TRACK)
    await shelf.close()


async def test_another_file_takes_the_place_of_the_first_also_while_that_is_being_made(
    tmp_path: Path,
) -> None:
    media = FakeMedia()
    media.gate.clear()
    shelf = StandInShelf(media, tmp_path)
    shelf.set_fallback("demo", "old.mp3", "")
    shelf.prepare("demo", TRACK, 128)
    await settle()
    shelf.set_fallback("demo", "new.mp3", "")
    shelf.prepare("demo", TRACK, 128)
    media.gate.set()
    await settle()
    assert {reel.path.name: reel.is_closed for reel in media.reels} == {
        "old.mp3": True,
        "new.mp3": False,
    }
    shelf.set_fallback("demo", None, None)
    assert shelf.open_fallback("demo", TRACK) is None
    assert all(reel.is_closed for reel in media.reels)
    await shelf.close()


async def test_a_channel_without_a_source_is_ready_once_its_fallback_is(tmp_path: Path) -> None:
    shelf = StandInShelf(FakeMedia(), tmp_path)
    assert not shelf.is_ready("demo", TRACK, 128)
    shelf.set_fallback("demo", "song.mp3", "")
    assert not shelf.is_ready("demo", TRACK, 128)
    await settle()
    assert shelf.is_ready("demo", TRACK, 128)
    await shelf.close()


async def test_closing_stops_what_is_being_made_and_may_be_done_twice(tmp_path: Path) -> None:
    media = FakeMedia()
    media.gate.clear()
    shelf = StandInShelf(media, tmp_path)
    shelf.prepare("demo", TRACK, 128)
    await settle()
    await shelf.close()
    await shelf.close()
    assert shelf.open_silence(TRACK) is None
    await shelf.close()


def test_the_track_without_a_source_is_that_of_the_channels_last_codec() -> None:
    assert choose_track("aac").codec is Codec.AAC
    assert choose_track("mp3") == TRACK
    assert choose_track(None) == TRACK
