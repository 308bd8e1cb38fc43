"""Plays what the worker has prepared: frames in a file, with their sizes beside it, for ever.

`NAME.audio` holds the frames one behind the other, `NAME.index` their sizes as unsigned 16-bit numbers
in this machine's order, `NAME.json` the rest. The JSON is written last: what has none is not there.

The event loop takes frames from the reel, so the disk must have been read before: the kernel is asked
for the next stretch while the present one is played. The file is not mapped: one that is cut short
under a mapping, or a bad block, would kill the server by SIGBUS; here it is an error.
"""

import json
import os
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from awazpulse.audio import Codec, FrameRun, Track
from awazpulse.audio.aac import ADTS_HEADER_BYTES

from .errors import MediaFailed
from .values import track_from_json

FORMAT_VERSION = 1  # of the files; another one is prepared anew
READ_AHEAD_BYTES = (
    1 << 20
)  # a minute at 128 kbit/s, half a minute at 320: the slowest disk is there by then
SIZE_TYPE = "H"  # a frame has 8,191 bytes at most


@dataclass(frozen=True, slots=True)
class PreparedFallback:
    """A file of frames of `track`, and the size of each in bytes."""

    track: Track
    title: str
    frame_samples: int
    path: Path
    sizes: Sequence[int]

    @property
    def duration_s(self) -> float:
        """How long it plays until it begins anew."""
        return len(self.sizes) * self.frame_samples / self.track.sample_rate


def load_prepared(json_path: Path) -> PreparedFallback:
    """Return what was prepared under this name; reads the disk, so call it in a thread.

    Raises `MediaFailed` if it is not there, or not whole.
    """
    audio_path = json_path.with_suffix(".audio")
    sizes = array(SIZE_TYPE)
    try:
        fields = json.loads(json_path.read_bytes())
        if fields["version"] != FORMAT_VERSION:
            raise MediaFailed(
                f"{json_path.name} has version {fields['version']}, expected {FORMAT_VERSION}"
            )
        sizes.frombytes(json_path.with_suffix(".index").read_bytes())
        track, title = track_from_json(fields["track"]), str(fields["title"])
        audio_bytes = audio_path.stat().st_size
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MediaFailed(f"{json_path.name} cannot be read: {error}") from error
    if not sizes or sum(sizes) != audio_bytes:
        raise MediaFailed(f"{audio_path.name} has {audio_bytes} bytes, expected {sum(sizes)}")
    return PreparedFallback(track, title, track.frame_samples, audio_path, sizes)


class FallbackReel:
    """Gives a prepared file's frames in order, and begins anew behind the last.

    Opening reads the first stretch from the disk: do it in a thread. Close it at the end; a file that was
    removed meanwhile plays on until then. Raises `OSError` if it is not there.
    """

    def __init__(self, prepared: PreparedFallback) -> None:
        self.prepared = prepared
        self._header_bytes = ADTS_HEADER_BYTES if prepared.track.codec is Codec.AAC else 0
        self._next = 0  # index of the frame to come
        self._at = 0  # where it begins in the file
        self._frames_before = 0  # all that were taken
        self._taken_bytes = 0
        self._asked_bytes = READ_AHEAD_BYTES  # of all rounds, as what was taken
        self._size = sum(prepared.sizes)
        self._file: int | None = os.open(prepared.path, os.O_RDONLY | os.O_CLOEXEC)
        os.pread(self._file, READ_AHEAD_BYTES, 0)

    def take(self, count: int) -> FrameRun:
        """Return the next `count` frames (1 or more), or those up to the file's end if that comes first.

        The time counts from 0 with the first frame, and goes on when the file begins anew. Raises
        `MediaFailed` when the file does not hold any more what it held, or was closed.
        """
        prepared = self.prepared
        sizes = prepared.sizes[self._next : self._next + count]
        data = self._read(sum(sizes))
        run = FrameRun(
            data,
            sizes,
            samples=prepared.frame_samples,
            header_bytes=self._header_bytes,
            base_ms=0,
            samples_before=self._frames_before * prepared.frame_samples,
            sample_rate=prepared.track.sample_rate,
        )
        self._frames_before += len(sizes)
        self._next += len(sizes)
        self._at += len(data)
        self._taken_bytes += len(data)
        if self._next == len(prepared.sizes):
            self._next = self._at = 0
        self._ask_ahead()
        return run

    def _read(self, count: int) -> bytes:
        if self._file is None:
            raise MediaFailed(f"{self.prepared.path.name} is closed")
        try:
            data = os.pread(self._file, count, self._at)
        except OSError as error:
            raise MediaFailed(f"{self.prepared.path.name}: {error}") from error
        if len(data) != count:
            raise MediaFailed(
                f"got {len(data)} bytes at {self._at} of {self.prepared.path.name}, expected {count}"
            )
        return data

    def _ask_ahead(self) -> None:
        """Have the kernel read on, from half a stretch before it is needed, over the end to the beginning."""
        if self._asked_bytes - self._taken_bytes > READ_AHEAD_BYTES // 2:
            return
        begin = self._asked_bytes % self._size
        self._asked_bytes += READ_AHEAD_BYTES
        _will_need(self._file, begin, READ_AHEAD_BYTES)
        if begin + READ_AHEAD_BYTES > self._size:
            _will_need(self._file, 0, begin + READ_AHEAD_BYTES - self._size)

    def close(self) -> None:
        """Close the file; more than once is the same."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)


def _will_need(file: int | None, begin: int, count: int) -> None:
    if file is not None and hasattr(os, "posix_fadvise"):  # not on macOS
        os.posix_fadvise(file, begin, count, os.POSIX_FADV_WILLNEED)
