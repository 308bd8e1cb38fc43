import asyncio
import errno
import os
import stat
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pytest

from awazpulse.channels import fallback_files
from awazpulse.channels.fallback_files import (
    MAX_TEXT_CHARACTERS,
    STRAY_AGE_S,
    SUFFIXES,
    FallbackFiles,
)
from awazpulse.refusals import (
    CannotStore,
    FileTooLarge,
    InvalidValue,
    ServiceUnavailable,
    UnknownChannel,
    UnusableFile,
)
from awazpulse.store import Channel
from tests.awazpulse.channels.probing import AUDIO, FakeProbedFile, FakeProber, blocks_of
from tests.awazpulse.channels.support import OWNER, Radio

MAX_BYTES = 1000


@dataclass
class Shelf:
    """A channel's fallback, as it is in the row and on the disk."""

    radio: Radio
    prober: FakeProber
    files: FallbackFiles
    data_dir: Path

    @property
    def folder(self) -> Path:
        return self.data_dir / "fallback" / "demo"

    def on_disk(self) -> list[bytes]:
        return sorted(path.read_bytes() for path in self.folder.glob("*"))

    async def row(self, channel_id: str = "demo") -> tuple[str | None, str | None]:
        channel = (await self.radio.catalog.get(channel_id)).channel
        return channel.fallback_file, channel.fallback_title

    async def store(self, content: bytes = AUDIO, **options: str) -> None:
        await self.files.store("demo", blocks_of(content), **options)

    async def begin_to_store(self, content: bytes) -> asyncio.Task[None]:
        """Return an upload that waits for its probe, until the prober's gate is set."""
        self.prober.gate.clear()
        self.prober.asked.clear()
        upload = asyncio.create_task(self.store(content))
        await self.prober.asked.wait()
        return upload


@pytest.fixture
def shelf(sqlite_radio: Radio, tmp_path: Path) -> Shelf:
    prober = FakeProber()
    files = FallbackFiles(sqlite_radio.sessions, tmp_path, prober, max_bytes=MAX_BYTES)
    return Shelf(sqlite_radio, prober, files, tmp_path)


async def test_upload_becomes_the_channels_fallback(radio: Radio, tmp_path: Path) -> None:
    prober = FakeProber()
    files = FallbackFiles(radio.sessions, tmp_path, prober)
    info = await files.store("demo", blocks_of(AUDIO[:3], AUDIO[3:]), suffix=".mp3")
    channel = (await radio.catalog.get("demo")).channel
    assert channel.fallback_file == f"fallback/demo/{info.file_name}"
    path = files.locate(channel.fallback_file)
    assert path.read_bytes() == AUDIO
    assert (path.suffix, channel.fallback_title) == (".mp3", "Jingle")
    shown = {
        "title": "Jingle",
        "durationS": len(AUDIO) / 10,
        "bytes": len(AUDIO),
        "fileName": path.name,
    }
    assert info.to_json() == shown
    assert await files.get("demo") == info
    assert prober.probed == [path]


async def test_upload_is_for_the_server_alone(shelf: Shelf) -> None:
    await shelf.store()
    (path,) = shelf.folder.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(shelf.folder.stat().st_mode) == 0o700


async def test_upload_replaces_the_former_one(shelf: Shelf) -> None:
    await shelf.store()
    await shelf.store(AUDIO + b" 2")
    assert shelf.on_disk() == [AUDIO + b" 2"]
    info = await shelf.files.get("demo")
    assert info is not None
    assert await shelf.row() == (f"fallback/demo/{info.file_name}", "Jingle")


async def test_each_channel_has_its_own(shelf: Shelf) -> None:
    await shelf.radio.catalog.create("other", "Other", OWNER)
    await shelf.store()
    await shelf.files.store("other", blocks_of(AUDIO + b" 2"))
    assert shelf.on_disk() == [AUDIO]
    await shelf.files.remove("other")
    assert shelf.on_disk() == [AUDIO]
    assert await shelf.files.get("other") is None


@pytest.mark.parametrize("suffix", [*sorted(SUFFIXES), ".m3u8", ".part", ".MP3", "/../../x", ""])
async def test_suffix_that_is_no_audio_files_is_left_out(shelf: Shelf, suffix: str) -> None:
    await shelf.store(suffix=suffix)
    (path,) = shelf.folder.iterdir()
    assert path.suffix == (suffix if suffix in SUFFIXES else "")


@pytest.mark.parametrize(
    ("given", "of_file", "untitled", "expected"),
    [
        ("Given", "Of the file", "name", "Given"),
        ("", "Of the file", "name", "Of the file"),
        (" ", "", "name", "name"),
        ("", "", "", None),
        ("a\r\nb\x00c\t d", "", "", "a b c d"),
        ("x" * (MAX_TEXT_CHARACTERS + 1), "", "", "x" * MAX_TEXT_CHARACTERS),
        ("می\u200cشود", "", "", "می\u200cشود"),
        ("a\udcff", "", "", "a?"),
    ],
)
async def test_title_is_the_given_one_or_the_files_or_its_name(
    shelf: Shelf, given: str, of_file: str, untitled: str, expected: str | None
) -> None:
    shelf.prober.title = of_file
    await shelf.store(title=given, untitled=untitled)
    assert (await shelf.row())[1] == expected
    info = await shelf.files.get("demo")
    assert info is not None
    assert info.title == (expected or "")


async def test_upload_is_not_titled_by_its_random_name(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def probe(path: Path) -> FakeProbedFile:
        return FakeProbedFile(path.stem, 1.0)

    monkeypatch.setattr(shelf.prober, "probe", probe)
    await shelf.store(untitled="Night music")
    assert (await shelf.row())[1] == "Night music"


async def test_upload_is_taken_up_to_its_limit_and_refused_past_it(shelf: Shelf) -> None:
    limit = AUDIO.ljust(MAX_BYTES, b".")
    await shelf.store(limit)
    before = await shelf.row()
    with pytest.raises(FileTooLarge, match="MiB at most"):
        await shelf.files.store("demo", blocks_of(limit, b"."))
    assert (shelf.on_disk(), await shelf.row()) == ([limit], before)


def fill_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    ("blocks", "error"),
    [
        (blocks_of, UnusableFile),
        (lambda: blocks_of(b""), UnusableFile),
        (lambda: blocks_of(b"no audio"), UnusableFile),
        (lambda: blocks_of(AUDIO, fail=ConnectionResetError()), ConnectionResetError),
        (lambda: blocks_of(AUDIO, fail=ZeroDivisionError()), ZeroDivisionError),
        (lambda: blocks_of(AUDIO, fail=asyncio.CancelledError()), asyncio.CancelledError),
    ],
    ids=["nothing", "empty", "no audio", "lost connection", "mistake", "cancelled"],
)
@pytest.mark.parametrize("has_former", [True, False])
async def test_upload_that_fails_changes_nothing_and_leaves_no_file(
    shelf: Shelf,
    blocks: Callable[[], AsyncIterator[bytes]],
    error: type[BaseException],
    has_former: bool,
) -> None:
    if has_former:
        await shelf.store(AUDIO + b" former")
    before = await shelf.row()
    with pytest.raises(error):
        await shelf.files.store("demo", blocks())
    assert shelf.on_disk() == ([AUDIO + b" former"] if has_former else [])
    assert await shelf.row() == before


@pytest.mark.parametrize("step", ["_open_draft", "_flush", "_place"])
async def test_full_disk_is_a_refusal_that_says_so_and_changes_nothing(
    shelf: Shelf, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shelf.store()
    before = await shelf.row()
    monkeypatch.setattr(fallback_files, step, fill_disk)
    with pytest.raises(CannotStore, match="No space left on device"):
        await shelf.store(AUDIO + b" 2")
    assert (shelf.on_disk(), await shelf.row()) == ([AUDIO], before)


async def test_disk_that_is_full_at_a_write_is_told_of_as_well(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def open_full(draft: Path) -> BinaryIO:
        draft.parent.mkdir(parents=True)
        draft.touch()
        return Path("/dev/full").open("wb")

    monkeypatch.setattr(fallback_files, "_open_draft", open_full)
    with pytest.raises(CannotStore, match="No space left on device"):
        await shelf.store()
    assert shelf.on_disk() == []


async def test_absent_database_is_a_refusal_and_changes_nothing(shelf: Shelf) -> None:
    await shelf.store()
    before = await shelf.row()
    upload = await shelf.begin_to_store(AUDIO + b" 2")
    shelf.radio.sessions.is_away = True
    shelf.prober.gate.set()
    with pytest.raises(ServiceUnavailable, match="cannot change the fallback"):
        await upload
    for attempt in (shelf.files.get("demo"), shelf.files.remove("demo"), shelf.store()):
        with pytest.raises(ServiceUnavailable):
            await attempt
    shelf.radio.sessions.is_away = False
    assert (shelf.on_disk(), await shelf.row()) == ([AUDIO], before)


async def test_file_that_a_row_may_name_outlives_a_commit_without_an_answer(shelf: Shelf) -> None:
    await shelf.store()
    before = await shelf.row()
    upload = await shelf.begin_to_store(AUDIO + b" 2")
    shelf.radio.sessions.fail_at_commit = True
    shelf.prober.gate.set()
    with pytest.raises(ServiceUnavailable):
        await upload
    shelf.radio.sessions.fail_at_commit = False
    assert await shelf.row() == before
    assert shelf.on_disk() == [AUDIO, AUDIO + b" 2"]
    make_old(shelf.folder)
    assert await shelf.files.sweep() == 1
    assert shelf.on_disk() == [AUDIO]


async def test_of_uploads_at_once_the_last_one_wins_whole(radio: Radio, tmp_path: Path) -> None:
    files = FallbackFiles(radio.sessions, tmp_path, FakeProber())
    contents = [AUDIO + b"%d" % number for number in range(8)]
    await asyncio.gather(
        *(files.store("demo", blocks_of(content), title=content.decode()) for content in contents)
    )
    channel = (await radio.catalog.get("demo")).channel
    assert channel.fallback_file is not None
    (path,) = (tmp_path / "fallback" / "demo").iterdir()
    assert path == files.locate(channel.fallback_file)
    assert path.read_bytes().decode() == channel.fallback_title


async def test_upload_that_is_cancelled_while_it_is_probed_leaves_nothing(shelf: Shelf) -> None:
    upload = await shelf.begin_to_store(AUDIO)
    upload.cancel()
    with pytest.raises(asyncio.CancelledError):
        await upload
    assert shelf.on_disk() == []
    assert await shelf.row() == (None, None)


@pytest.mark.parametrize("channel_id", ["nobody", "DEMO", "../demo", ""])
async def test_unknown_channel_has_no_fallback_and_gets_no_folder(
    shelf: Shelf, channel_id: str, tmp_path: Path
) -> None:
    for attempt in (
        shelf.files.store(channel_id, blocks_of(AUDIO)),
        shelf.files.refer(channel_id, __file__),
        shelf.files.get(channel_id),
        shelf.files.remove(channel_id),
    ):
        with pytest.raises(UnknownChannel):
            await attempt
    assert not (tmp_path / "fallback").exists()


async def test_removed_fallback_is_gone_from_the_row_and_the_disk(shelf: Shelf) -> None:
    for _ in range(2):
        await shelf.files.remove("demo")
    await shelf.store()
    await shelf.files.remove("demo")
    assert (shelf.on_disk(), await shelf.row()) == ([], (None, None))
    assert await shelf.files.get("demo") is None


async def test_duration_is_known_without_probing_until_the_file_is_another_one(
    shelf: Shelf,
) -> None:
    await shelf.store()
    await shelf.files.get("demo")
    assert len(shelf.prober.probed) == 1
    other = FallbackFiles(shelf.radio.sessions, shelf.data_dir, shelf.prober)
    for _ in range(2):
        info = await other.get("demo")
        assert info is not None
        assert info.duration_s == len(AUDIO) / 10
    assert len(shelf.prober.probed) == 2
    (path,) = shelf.folder.iterdir()
    path.write_bytes(AUDIO + b" and more")
    info = await other.get("demo")
    assert info is not None
    assert (info.duration_s, info.size_bytes) == (len(AUDIO) / 10 + 0.9, len(AUDIO) + 9)


async def test_fallback_whose_file_is_gone_or_broken_is_still_told(shelf: Shelf) -> None:
    await shelf.store()
    (path,) = shelf.folder.iterdir()
    path.write_bytes(b"broken")
    info = await shelf.files.get("demo")
    assert info is not None
    assert (info.title, info.duration_s, info.size_bytes) == ("Jingle", None, 6)
    path.unlink()
    info = await shelf.files.get("demo")
    assert info is not None
    assert (info.title, info.duration_s, info.size_bytes) == ("Jingle", None, None)
    await shelf.files.remove("demo")


async def test_file_of_the_operators_is_played_where_it_is_and_never_deleted(
    shelf: Shelf, tmp_path: Path
) -> None:
    own = tmp_path / "own" / "station.mp3"
    own.parent.mkdir()
    own.write_bytes(AUDIO)
    shelf.prober.title = ""
    await shelf.store(AUDIO + b" 2")
    info = await shelf.files.refer("demo", str(own))
    assert (info.title, info.file_name) == ("station", "station.mp3")
    assert await shelf.row() == (str(own), "station")
    assert shelf.files.locate(str(own)) == own
    assert shelf.on_disk() == []
    await shelf.store(AUDIO + b" 3")
    assert own.exists()
    await shelf.files.refer("demo", str(own), title="Given")
    await shelf.files.remove("demo")
    assert own.exists()


@pytest.mark.parametrize(
    "path", ["relative.mp3", "/nowhere.mp3", "/", "/a\x00b", "/a\udcff", "/x" * 200]
)
async def test_path_that_is_no_file_is_refused(shelf: Shelf, path: str) -> None:
    with pytest.raises(InvalidValue):
        await shelf.files.refer("demo", path)
    assert await shelf.row() == (None, None)


async def test_path_is_taken_up_to_its_limit(shelf: Shelf, tmp_path: Path) -> None:
    longest = tmp_path / ("x" * (MAX_TEXT_CHARACTERS - len(str(tmp_path)) - 1))
    longest.write_bytes(AUDIO)
    await shelf.files.refer("demo", str(longest))
    assert (await shelf.row())[0] == str(longest)
    too_long = Path(f"{longest}x")
    with pytest.raises(InvalidValue, match="255 characters"):
        await shelf.files.refer("demo", str(too_long))


async def test_upload_or_a_file_that_is_no_audio_cannot_be_the_operators(
    shelf: Shelf, tmp_path: Path
) -> None:
    await shelf.store()
    (upload,) = shelf.folder.iterdir()
    link = tmp_path / "link"
    link.symlink_to(upload)
    for path in (upload, link):
        with pytest.raises(InvalidValue, match="is an upload"):
            await shelf.files.refer("demo", str(path))
    with pytest.raises(UnusableFile):
        await shelf.files.refer("demo", __file__)
    assert shelf.on_disk() == [AUDIO]


@pytest.mark.parametrize(
    "file", ["fallback/demo/../kept", "fallback/other/kept", "kept", "fallback/demo/..", "fallback"]
)
async def test_row_that_another_program_has_written_makes_nothing_else_be_deleted(
    shelf: Shelf, file: str
) -> None:
    (shelf.data_dir / "fallback" / "other").mkdir(parents=True)
    shelf.folder.mkdir()
    kept = [shelf.data_dir / name for name in ("kept", "fallback/kept", "fallback/other/kept")]
    for path in kept:
        path.touch()
    async with shelf.radio.database.write() as session:
        channel = await session.get(Channel, "demo")
        assert channel is not None
        channel.fallback_file = file
    await shelf.files.remove("demo")
    assert all(path.exists() for path in kept)


def make_old(folder: Path) -> None:
    for path in folder.iterdir():
        os.utime(path, times=(0, time.time() - STRAY_AGE_S - 1))


async def test_sweep_deletes_what_is_old_and_no_rows(shelf: Shelf) -> None:
    assert await shelf.files.sweep() == 0
    await shelf.store()
    for name in ("stray.mp3", "stray.part"):
        (shelf.folder / name).write_bytes(b"stray")
    make_old(shelf.folder)
    (shelf.folder / "young.part").write_bytes(b"an upload under way")
    assert await shelf.files.sweep() == 2
    assert shelf.on_disk() == [AUDIO, b"an upload under way"]
