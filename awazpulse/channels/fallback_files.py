"""What a channel plays when its source is lost: the file that was uploaded, or one of the operator's.

A row's `fallbackFile` is either a path below the data folder, `fallback/CHANNEL/NAME`, which was
uploaded and is deleted with its row's last mention of it, or an absolute path, which the operator has
named on the command line and which is only ever read.

An upload is whole or not there: it is written under a name of its own, flushed to the disk, renamed,
probed, and only then named by the row, in one transaction that also tells which file it replaces. So
of several at once the last one to commit stays, and each of the others is deleted by its successor.
What a crash leaves behind is no row's file, and `sweep` finds it.
"""

import asyncio
import logging
import os
import re
import secrets
import time
from collections.abc import AsyncIterable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, ParamSpec, Protocol, TypeVar

from sqlalchemy import select

from awazpulse.refusals import CannotStore, FileTooLarge, InvalidValue, Refusal, UnusableFile
from awazpulse.store import Channel, Sessions

from .availability import refusing_when_away
from .records import load_channel

logger = logging.getLogger(__name__)

FOLDER = "fallback"
MAX_FALLBACK_BYTES = 200 * 1024 * 1024  # 3 hours at 128 kbit/s, 20 minutes of CD quality
MAX_TEXT_CHARACTERS = 255  # the columns' length
STRAY_AGE_S = 3600  # no upload takes so long: what is older and no row's is a crash's

# What may stand at the end of a stored name. FFmpeg takes other ones for lists of further files.
SUFFIXES = frozenset({".aac", ".flac", ".m4a", ".mp3", ".mp4", ".oga", ".ogg", ".opus", ".wav"})

_DRAFT_SUFFIX = ".part"
_WRITE_BYTES = 256 * 1024  # what a thread is woken for, at least
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

_Version = tuple[str, int, int]  # file, size, time of its last change: another one, another file
P = ParamSpec("P")
R = TypeVar("R")


class ProbedFile(Protocol):
    """What a file says of itself."""

    @property
    def title(self) -> str:
        """The title of its tags, empty if it has none."""

    @property
    def duration_s(self) -> float:
        """How long it plays."""


class Prober(Protocol):
    """Looks into audio files, outside of this process: they may be hostile."""

    async def probe(self, path: Path) -> ProbedFile:
        """Return what a file is. Raises a `Refusal` for one that cannot be played."""


@dataclass(frozen=True, slots=True)
class FallbackInfo:
    """A channel's fallback; what is not known, because the file is gone or unreadable, is None."""

    title: str
    duration_s: float | None
    size_bytes: int | None
    file_name: str

    def to_json(self) -> dict[str, object]:
        """Return it by the API's names."""
        return {
            "title": self.title,
            "durationS": self.duration_s,
            "bytes": self.size_bytes,
            "fileName": self.file_name,
        }


@dataclass(slots=True)
class _Change:
    """One change of a row: what it named before, and whether the new name may be committed."""

    former: str | None = None
    is_committing: bool = False


class FallbackFiles:
    """Stores, names and removes fallbacks. Everything may raise `ServiceUnavailable`.

    Whoever has the channel on air learns of a change by `StreamManager.refresh`, as of all others.
    """

    def __init__(
        self,
        sessions: Sessions,
        data_dir: Path,
        prober: Prober,
        *,
        max_bytes: int = MAX_FALLBACK_BYTES,
    ) -> None:
        self.max_bytes = max_bytes
        self._sessions = sessions
        self._data_dir = data_dir.absolute()
        self._prober = prober
        self._durations: dict[str, tuple[_Version, float]] = {}  # by channel, of its present file

    def locate(self, fallback_file: str) -> Path:
        """Return where the file of a row's `fallbackFile` is."""
        return self._data_dir / fallback_file  # an absolute one stays what it is

    async def get(self, channel_id: str) -> FallbackInfo | None:
        """Return a channel's fallback, None if it has none. Raises `UnknownChannel`."""
        channel = await self._load(channel_id)
        if channel.fallback_file is None:
            return None
        return await self._describe(channel_id, channel.fallback_file, channel.fallback_title)

    async def store(
        self,
        channel_id: str,
        blocks: AsyncIterable[bytes],
        *,
        suffix: str = "",
        title: str = "",
        untitled: str = "",
    ) -> FallbackInfo:
        """Make what `blocks` bring the channel's fallback; if anything fails, nothing has changed.

        A `suffix` that is none of `SUFFIXES` is left out. The title is `title`, else the file's own,
        else `untitled`. Raises `UnknownChannel`, `FileTooLarge`, `UnusableFile`, `CannotStore`, what
        the prober and `blocks` raise.
        """
        await self._load(channel_id)  # before its bytes come, and a folder is made for it
        name = secrets.token_hex(16)
        folder = self._data_dir / FOLDER / channel_id
        draft = folder / f"{name}{_DRAFT_SUFFIX}"
        placed = folder / f"{name}{suffix if suffix in SUFFIXES else ''}"
        file, change = placed.relative_to(self._data_dir).as_posix(), _Change()
        try:
            await self._receive(blocks, draft)
            await _on_disk(_place, draft, placed)
            probed = await self._prober.probe(placed)
            # A file without tags may have been titled by its name, which is a random one here.
            told = "" if probed.title == placed.stem else probed.title
            chosen = _choose_title(title, told, untitled)
            await self._write(channel_id, file, chosen, change)
        except BaseException:
            # A row that may name the new file keeps it: `sweep` deletes it if the row does not.
            await _discard(draft, *([] if change.is_committing else [placed]))
            raise
        await self._delete_upload(channel_id, change.former)
        return await self._describe(channel_id, file, chosen, probed.duration_s)

    async def refer(self, channel_id: str, path: str, *, title: str = "") -> FallbackInfo:
        """Make a file of the operator's the channel's fallback; it stays where it is.

        For the operator alone: it reads any file that the server can. Raises `UnknownChannel`,
        `InvalidValue`, what the prober raises.
        """
        await self._load(channel_id)
        await asyncio.to_thread(_require_own_file, path, self._data_dir / FOLDER)
        probed = await self._prober.probe(Path(path))
        chosen, change = _choose_title(title, probed.title, Path(path).stem), _Change()
        await self._write(channel_id, path, chosen, change)
        await self._delete_upload(channel_id, change.former)
        return await self._describe(channel_id, path, chosen, probed.duration_s)

    async def remove(self, channel_id: str) -> None:
        """Leave the channel without a fallback. Idempotent. Raises `UnknownChannel`."""
        change = _Change()
        await self._write(channel_id, None, None, change)
        self._durations.pop(channel_id, None)
        await self._delete_upload(channel_id, change.former)

    async def sweep(self) -> int:
        """Delete uploads that no row names and that are old; return how many. Raises `CannotStore`."""
        # Files first, rows second: what is named meanwhile is seen.
        old = await _on_disk(_list_old_files, self._data_dir / FOLDER, time.time() - STRAY_AGE_S)
        with refusing_when_away("look up the fallbacks"):
            async with self._sessions.read() as session:
                named = set(await session.scalars(select(Channel.fallback_file)))
        strays = [path for path in old if path.relative_to(self._data_dir).as_posix() not in named]
        await _discard(*strays)
        return len(strays)

    async def _load(self, channel_id: str) -> Channel:
        with refusing_when_away("look up the fallback"):
            async with self._sessions.read() as session:
                return (await load_channel(session, channel_id)).channel

    async def _receive(self, blocks: AsyncIterable[bytes], draft: Path) -> None:
        """Write `blocks` into a new file, and have the disk hold it."""
        file = await _on_disk(_open_draft, draft)
        size_bytes = 0
        try:
            async for block in blocks:
                size_bytes += len(block)
                if size_bytes > self.max_bytes:
                    raise FileTooLarge(self.max_bytes)
                await _on_disk(file.write, block)
            if not size_bytes:
                raise UnusableFile("the file is empty")
            await _on_disk(_flush, file)
        finally:
            # In a thread, too: it waits for one that is still writing when this is cancelled.
            with suppress(OSError):  # what a full disk has no room for has been told of already
                await asyncio.to_thread(file.close)

    async def _write(
        self, channel_id: str, file: str | None, title: str | None, change: _Change
    ) -> None:
        with refusing_when_away("change the fallback"):
            async with self._sessions.write() as session:
                channel = (await load_channel(session, channel_id, lock=True)).channel
                change.former = channel.fallback_file
                channel.fallback_file, channel.fallback_title = file, title
                await session.flush()
                change.is_committing = True

    async def _describe(
        self, channel_id: str, file: str, title: str | None, duration_s: float | None = None
    ) -> FallbackInfo:
        """Return what there is to tell; the file is probed again only when it is another one."""
        path = self.locate(file)
        try:
            found = await asyncio.to_thread(path.stat)
        except OSError:
            return FallbackInfo(title or "", None, None, path.name)
        version = (file, found.st_size, found.st_mtime_ns)
        known, known_duration_s = self._durations.get(channel_id, (None, None))
        if duration_s is None and known == version:
            duration_s = known_duration_s
        if duration_s is None:
            with suppress(Refusal):
                duration_s = (await self._prober.probe(path)).duration_s
        if duration_s is not None:
            self._durations[channel_id] = (version, duration_s)
        return FallbackInfo(title or "", duration_s, found.st_size, path.name)

    async def _delete_upload(self, channel_id: str, former: str | None) -> None:
        """Delete what a row has named until now, if it was uploaded for this channel."""
        parts = Path(former).parts if former else ()
        if former and len(parts) == 3 and parts[:2] == (FOLDER, channel_id) and parts[2] != "..":
            await _discard(self.locate(former))


async def _on_disk(call: Callable[P, R], *args: P.args, **options: P.kwargs) -> R:
    """Call what waits for the disk, in a thread. Raises `CannotStore`."""
    try:
        return await asyncio.to_thread(call, *args, **options)
    except OSError as error:
        logger.warning("a fallback cannot be stored: %s", error)
        raise CannotStore(error.strerror or str(error)) from error


async def _discard(*paths: Path) -> None:
    """Delete files, which may be gone already; a cancelled caller does not keep them."""
    await asyncio.shield(asyncio.to_thread(_unlink, paths))


def _unlink(paths: tuple[Path, ...]) -> None:
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            logger.warning("a file of a fallback cannot be deleted: %s", error)


def _open_draft(draft: Path) -> BinaryIO:
    draft.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    return os.fdopen(descriptor, "wb", buffering=_WRITE_BYTES)


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _place(draft: Path, placed: Path) -> None:
    draft.rename(placed)
    folder = os.open(placed.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the name is on the disk before a row says it
    finally:
        os.close(folder)


def _list_old_files(folder: Path, before: float) -> list[Path]:
    return [
        path
        for path in folder.glob("*/*")
        if path.is_file() and path.stat(follow_symlinks=False).st_mtime < before
    ]


def _require_own_file(path: str, folder_of_uploads: Path) -> None:
    """Raise `InvalidValue` unless this is a file that an operator may name."""
    is_text = not _CONTROL.search(path) and path.encode("utf-8", "replace").decode() == path
    if len(path) > MAX_TEXT_CHARACTERS or not is_text or not Path(path).is_absolute():
        raise InvalidValue(
            f"got path {path[:MAX_TEXT_CHARACTERS]!r},"
            f" expected an absolute one in UTF-8, of {MAX_TEXT_CHARACTERS} characters at most"
        )
    if not Path(path).is_file():
        raise InvalidValue(f"there is no file {path}")
    if Path(path).resolve().is_relative_to(folder_of_uploads.resolve()):
        raise InvalidValue(f"{path} is an upload, which the server deletes; name another file")


def _choose_title(*titles: str) -> str | None:
    """Return the first of them that says something, in one line, as long as the column takes."""
    for title in titles:
        text = " ".join(_CONTROL.sub(" ", title).split())[:MAX_TEXT_CHARACTERS].rstrip()
        if text:
            return text.encode("utf-8", "replace").decode()
    return None
