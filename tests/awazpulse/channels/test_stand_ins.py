import asyncio
import logging
from array import array
from pathlib import Path

import pytest

from awazpulse.audio import Codec, Track
from awazpulse.channels.fallback_reels import MAX_REELS
from awazpulse.channels.stand_ins import (
    MAX_SILENCES,
    PREPARED_FOLDER,
    RETRY_S,
    StandInShelf,
    choose_track,
)
from awazpulse.errors import PeerError
from awazpulse.media.errors import MediaFailed
from awazpulse.media.prepared import PreparedFallback

TRACK = Track(Codec.MP3, 44_100, 2, 1152)
OTHER = Track(Codec.MP3, 48_000, 2, 1152)
NO_SILENCE = Track(Codec.MP3, 44_101, 2, 1152)
FRAME_BYTES = 400


def write_frames(path: Path, track: Track, out_dir: Path) -> PreparedFallback:
    """Frames that say which file they are of."""
    out_dir.mkdir(parents=True, exist_ok=True)
    audio = out_dir / f"{path.stem}.audio"
    audio.write_bytes(path.stem.encode().ljust(FRAME_BYTES, b".") * 10)
    sizes = array("H", [FRAME_BYTES] * 10)
    return PreparedFallback(track, "from the file", 1152, audio, sizes)


class FakeMedia:
    """Makes files of ten frames, at once, or when `gate` is set."""

    def __init__(self) -> None:
        self.asked: list[tuple[Path, Track]] = []
        self.failure: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def prepare_fallback(
        self, path: Path, track: Track, bitrate_kbps: float | None, out_dir: Path
    ) -> PreparedFallback:
        self.asked.append((path, track))
        await self.gate.wait()
        if self.failure:
            raise self.failure
        return write_frames(path, track, out_dir)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def count_open_files() -> int:
    """How many prepared files are open."""
    links = Path("/proc/self/fd").iterdir()
    return sum(link.readlink().suffix == ".audio" for link in links if link.is_symlink())


async def settle() -> None:
    """Let what is made in the background, and in threads, come to its end."""
    for _ in range(20):
        await asyncio.sleep(0.002)


async def test_silence_of_a_track_is_there_at_once(tmp_path: Path) -> None:
    shelf = StandInShelf(FakeMedia(), tmp_path)
    shelf.prepare("demo", TRACK, 64)
    reel = shelf.open_silence(TRACK)
    assert reel is not None
    assert [len(frame.data) for frame in reel.take(2)] == [208, 208], (
        "as long as the source's frames"
    )
    assert reel.title.text == ""
    await shelf.close()


async def test_a_track_that_has_no_silence_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shelf = StandInShelf(FakeMedia(), tmp_path)
    for _ in range(3):
        assert shelf.open_silence(NO_SILENCE) is None
    assert caplog.text.count("no silence can stand in") == 1
    await shelf.close()


async def test_the_number_of_silences_kept_is_bounded(tmp_path: Path) -> None:
    shelf = StandInShelf(FakeMedia(), tmp_path)
    for number in range(MAX_SILENCES):
        shelf.prepare("demo", Track(Codec.MP3, 44_100, 2, 1152, bytes([number])), 128)
    assert len(shelf._silences) == MAX_SILENCES
    shelf.prepare("demo", TRACK, 128)
    assert len(shelf._silences) == MAX_SILENCES
    assert TRACK in shelf._silences
    await shelf.close()


async def test_a_fallback_is_made_for_the_track_that_is_on_air_and_shows_its_title(
    tmp_path: Path,
) -> None:
    media = FakeMedia()
    shelf = StandInShelf(media, tmp_path)
    shelf.set_fallback("demo", "fallback/demo/song.mp3", "Noor Jehan - Chandni Raatein")
    assert shelf.open_fallback("demo", TRACK) is None
    await settle()
    reel = shelf.open_fallback("demo", TRACK)
    assert reel is not None
    assert reel.title.artist == "Noor Jehan"
    assert media.asked == [(tmp_path / "fallback/demo/song.mp3", TRACK)]
    reel.close()
    again = shelf.open_fallback("demo", TRACK)
    assert again is not None
    assert again.take(1)[0].data.startswith(b"song"), "it is kept for the next time"
    assert shelf.open_fallback("other", TRACK) is None
    await shelf.close()


async def test_without_a_title_of_the_channels_own_the_files_is_shown(tmp_path: Path) -> None:
    shelf = StandInShelf(FakeMedia(), tmp_path)
    shelf.set_fallback("demo", "/srv/song.mp3", None)
    shelf.prepare("demo", TRACK, 128)
    await settle()
    reel = shelf.open_fallback("demo", None)
    assert reel is not None
    assert (reel.title.text, reel.track) == ("from the file", TRACK)
    await shelf.close()


async def test_what_cannot_be_made_is_logged_once_and_asked_for_again_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    media, clock = FakeMedia(), Clock()
    media.failure = PeerError("this is no audio")
    shelf = StandInShelf(media, tmp_path, clock)
    shelf.set_fallback("demo", "fallback/demo/song.mp3", "")
    for _ in range(5):
        shelf.prepare("demo", TRACK, 128)
        await settle()
    assert len(media.asked) == 1
    assert caplog.text.count("this is no audio") == 1
    media.failure, clock.now = None, clock.now + RETRY_S
    shelf.prepare("demo", TRACK, 128)
    await settle()
    assert shelf.open_fallback("demo", TRACK) is not None
    await shelf.close()


async def test_an_error_of_ours_is_logged_and_takes_nothing_with_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    media = FakeMedia()
    media.failure = RuntimeError("a bug")
    shelf = StandInShelf(media, tmp_path)
    shelf.set_fallback("demo", "fallback/demo/song.mp3", "")
    with caplog.at_level(logging.ERROR):
        shelf.prepare("demo", TRACK, 128)
        await settle()
    assert "a bug" in caplog.text
    media.failure = None
    shelf.prepare("demo", OTHER, 128)
    await settle()
    assert shelf.open_fallback("demo", OTHER) is not None
    await shelf.close()


async def test_another_file_takes_the_place_of_the_first_also_while_that_is_being_made(
    tmp_path: Path,
) -> None:
    media = FakeMedia()
    media.gate.clear()
    shelf = StandInShelf(media, tmp_path)
    shelf.set_fallback("demo", "fallback/demo/old.mp3", "")
    shelf.prepare("demo", TRACK, 128)
    await settle()
    shelf.set_fallback("demo", "fallback/demo/new.mp3", "")
    shelf.prepare("demo", TRACK, 128)
    media.gate.set()
    await settle()
    reel = shelf.open_fallback("demo", TRACK)
    assert reel is not None
    assert reel.take(1)[0].data.startswith(b"new")
    shelf.set_fallback("demo", None, None)
    assert shelf.open_fallback("demo", TRACK) is None
    await shelf.close()


async def test_a_file_that_is_replaced_while_it_plays_goes_on_until_the_new_one_is_ready(
    tmp_path: Path,
) -> None:
    media = FakeMedia()
    shelf = StandInShelf(media, tmp_path)
    shelf.set_fallback("demo", "fallback/demo/old.mp3", "")
    shelf.prepare("demo", TRACK, 128)
    await settle()
    playing = shelf.open_fallback("demo", TRACK)
    assert playing is not None
    media.gate.clear()
    shelf.set_fallback("demo", "fallback/demo/new.mp3", "")
    await settle()
    assert media.asked[-1] == (tmp_path / "fallback/demo/new.mp3", TRACK), "without being asked"
    assert playing.take(1)[0].data.startswith(b"old")
    was_outdated = playing.is_outdated
    media.gate.set()
    await settle()
    assert (was_outdated, playing.is_outdated) == (False, True)
    assert playing.take(1)[0].data.startswith(b"old")
    newer = shelf.open_fallback("demo", TRACK)
    assert newer is not None
    assert newer.take(1)[0].data.startswith(b"new")
    assert not newer.is_outdated
    playing.close()
    playing.close()
    with pytest.raises(MediaFailed):
        playing.take(1)
    assert newer.take(1)[0].data.startswith(b"new")
    await shelf.close()


async def test_a_title_that_changes_is_that_of_what_plays(tmp_path: Path) -> None:
    shelf = StandInShelf(FakeMedia(), tmp_path)
    shelf.set_fallback("demo", "/srv/song.mp3", "one")
    shelf.prepare("demo", TRACK, 128)
    await settle()
    reel = shelf.open_fallback("demo", TRACK)
    assert reel is not None
    shelf.set_fallback("demo", "/srv/song.mp3", "two")
    assert reel.title.text == "two"
    assert not reel.is_outdated
    await shelf.close()


async def test_a_file_that_cannot_be_read_any_more_is_made_anew(tmp_path: Path) -> None:
    media = FakeMedia()
    shelf = StandInShelf(media, tmp_path)
    shelf.set_fallback("demo", "/srv/song.mp3", "")
    shelf.prepare("demo", TRACK, 128)
    await settle()
    reel = shelf.open_fallback("demo", TRACK)
    assert reel is not None
    (tmp_path / PREPARED_FOLDER / "demo" / "song.audio").write_bytes(b"cut short")
    with pytest.raises(MediaFailed):
        reel.take(5)
    reel.close()
    assert shelf.open_fallback("demo", TRACK) is None
    await settle()
    again = shelf.open_fallback("demo", TRACK)
    assert again is not None
    assert again.take(1)[0].data.startswith(b"song")
    await shelf.close()


async def test_files_of_a_channel_that_is_off_air_are_closed(tmp_path: Path) -> None:
    before = count_open_files()
    shelf = StandInShelf(FakeMedia(), tmp_path)
    shelf.set_fallback("demo", "/srv/song.mp3", "")
    for rate in range(MAX_REELS + 3):
        shelf.prepare("demo", Track(Codec.MP3, 44_100 + rate, 2, 1152), 128)
        await settle()
    assert count_open_files() - before == MAX_REELS
    reel = shelf.open_fallback("demo", None)
    shelf.forget("demo")
    assert count_open_files() - before == 1, "the one that plays"
    assert reel is not None
    reel.close()
    assert count_open_files() == before
    assert shelf.open_fallback("demo", None) is None
    await shelf.close()


async def test_a_channel_without_a_source_is_ready_once_its_fallback_is(tmp_path: Path) -> None:
    shelf = StandInShelf(FakeMedia(), tmp_path)
    assert not shelf.is_ready("demo", TRACK, 128)
    shelf.set_fallback("demo", "fallback/demo/song.mp3", "")
    assert not shelf.is_ready("demo", TRACK, 128)
    await settle()
    assert shelf.is_ready("demo", TRACK, 128)
    await shelf.close()


async def test_closing_stops_what_is_being_made_and_may_be_done_twice(tmp_path: Path) -> None:
    media = FakeMedia()
    media.gate.clear()
    shelf = StandInShelf(media, tmp_path)
    shelf.set_fallback("demo", "fallback/demo/song.mp3", "")
    shelf.prepare("demo", TRACK, 128)
    await shelf.close()
    await shelf.close()
    assert not shelf._tasks


def test_the_track_without_a_source_is_that_of_the_channels_last_codec() -> None:
    assert choose_track("aac").codec is Codec.AAC
    assert choose_track("mp3") == TRACK
    assert choose_track(None) == TRACK
