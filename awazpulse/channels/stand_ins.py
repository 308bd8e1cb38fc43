"""Keeps ready what stands in for sources: silence of each track on air, and each channel's fallback.

Broadcasts ask for it without waiting (`relay.stand_in.StandIns`). A frame of silence is made at once. A
fallback is made by a worker process, in the background, as soon as its track is on air. What cannot be made
is logged, and tried again later.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

from awazpulse.audio import Codec, Track, UnsupportedAudio
from awazpulse.audio.aac import ADTS_HEADER_BYTES, serialize_audio_specific_config
from awazpulse.errors import AwazPulseError
from awazpulse.media.prepared import FallbackReel, PreparedFallback
from awazpulse.media.silence import encode_silence
from awazpulse.relay import Title
from awazpulse.relay.stand_in import Reel, SilentReel

from .fallback_reels import ChannelFallback

logger = logging.getLogger(__name__)

MAX_SILENCES = 64  # tracks; a frame each, under 2 KB
MAX_TASKS = 64  # at once; more wait for the next time that they are asked for
RETRY_S = 30.0  # after a failure
PREPARED_FOLDER = "prepared"  # of the data folder; may be removed while the server is stopped


class Media(Protocol):
    """The worker processes."""

    async def prepare_fallback(
        self, path: Path, track: Track, bitrate_kbps: float | None, out_dir: Path
    ) -> PreparedFallback:
        """Return the file in the track's format."""


class StandInShelf:
    """See the module's head. All calls are on the event loop's thread."""

    def __init__(
        self, media: Media, data_dir: Path, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._media = media
        self._data_dir = data_dir
        self._clock = clock
        self._silences: OrderedDict[Track, bytes | None] = OrderedDict()
        self._fallbacks: dict[str, ChannelFallback] = {}  # by channel id
        self._tracks: dict[str, tuple[Track, int | None]] = {}  # the last one that was asked for
        self._tasks: dict[object, asyncio.Task[None]] = {}
        self._failed_at: dict[object, float] = {}

    # -- what the channel is set to

    def set_fallback(self, channel_id: str, file: str | None, title: str | None) -> None:
        """Tell which file a channel has: a path below the data folder, an absolute one, or None.

        Another file than before is made ready for the track that was asked for last. What plays goes on
        until then.
        """
        fallback = self._fallbacks.setdefault(channel_id, ChannelFallback())
        fallback.title = Title.from_text(title or "")
        path = self._data_dir / file if file else None  # an absolute path stays as it is
        if path != fallback.path:
            fallback.set_file(path)
            if channel_id in self._tracks:
                self.prepare(channel_id, *self._tracks[channel_id])

    def forget(self, channel_id: str) -> None:
        """Give back what is held for a channel, which is off air."""
        self._tracks.pop(channel_id, None)
        fallback = self._fallbacks.pop(channel_id, None)
        if fallback is not None:
            fallback.close()

    # -- StandIns

    def prepare(self, channel_id: str, track: Track, bitrate_kbps: int | None) -> None:
        """See `StandIns`."""
        self._make_silence(track, bitrate_kbps)
        self._tracks[channel_id] = (track, bitrate_kbps)
        fallback = self._fallbacks.get(channel_id)
        if fallback is None or fallback.path is None or fallback.has(track):
            return
        path = fallback.path
        self._start(
            (channel_id, path, track),
            lambda: self._make_fallback(channel_id, path, track, bitrate_kbps),
        )

    def open_silence(self, track: Track) -> Reel | None:
        """See `StandIns`."""
        frame = self._make_silence(track, None)
        if frame is None:
            return None
        return SilentReel(track, frame, ADTS_HEADER_BYTES if track.codec is Codec.AAC else 0)

    def open_fallback(self, channel_id: str, track: Track | None) -> Reel | None:
        """See `StandIns`."""
        fallback = self._fallbacks.get(channel_id)
        if fallback is None:
            return None
        track = track or fallback.first_track
        reel = fallback.play(track) if track else None
        if reel is None and track is not None:
            asked, bitrate_kbps = self._tracks.get(channel_id, (track, None))
            self.prepare(channel_id, track, bitrate_kbps if asked == track else None)
        return reel

    def is_ready(self, channel_id: str, track: Track, bitrate_kbps: int | None) -> bool:
        """Whether the fallback can begin without a source; if not, it is made ready."""
        fallback = self._fallbacks.get(channel_id)
        if fallback is not None and fallback.has(track):
            return True
        self.prepare(channel_id, track, bitrate_kbps)
        return False

    async def close(self) -> None:
        """Stop what is being made, and give everything back. A second call changes nothing."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for channel_id in tuple(self._fallbacks):
            self.forget(channel_id)

    # -- making

    def _start(self, key: object, make: Callable[[], Awaitable[None]]) -> None:
        failed_at = self._failed_at.get(key)
        is_too_soon = failed_at is not None and self._clock() < failed_at + RETRY_S
        if key in self._tasks or is_too_soon or len(self._tasks) >= MAX_TASKS:
            return
        self._failed_at.pop(key, None)
        task = asyncio.get_running_loop().create_task(self._guard(key, make))
        self._tasks[key] = task
        task.add_done_callback(lambda _task: self._tasks.pop(key, None))

    async def _guard(self, key: object, make: Callable[[], Awaitable[None]]) -> None:
        try:
            await make()
        except (AwazPulseError, OSError) as error:
            self._note_failure(key)
            logger.warning("what stands in for a source cannot be made: %s", error)
        except Exception:
            self._note_failure(key)
            logger.exception("what stands in for a source cannot be made")

    def _note_failure(self, key: object) -> None:
        if len(self._failed_at) >= MAX_SILENCES:
            self._failed_at.pop(next(iter(self._failed_at)))
        self._failed_at[key] = self._clock()

    def _make_silence(self, track: Track, bitrate_kbps: int | None) -> bytes | None:
        """Return a frame of silence of this track, None for one that has none."""
        if track in self._silences:
            self._silences.move_to_end(track)
            return self._silences[track]
        try:
            frame = encode_silence(track, bitrate_kbps)
        except UnsupportedAudio as error:
            logger.warning("no silence can stand in: %s", error)
            frame = None
        self._silences[track] = frame
        if len(self._silences) > MAX_SILENCES:
            self._silences.popitem(last=False)
        return frame

    async def _make_fallback(
        self, channel_id: str, path: Path, track: Track, bitrate_kbps: int | None
    ) -> None:
        out_dir = self._data_dir / PREPARED_FOLDER / channel_id
        prepared = await self._media.prepare_fallback(path, track, bitrate_kbps, out_dir)
        reel = await asyncio.to_thread(FallbackReel, prepared)
        fallback = self._fallbacks.get(channel_id)
        if fallback is not None and fallback.path == path:
            fallback.add(track, reel)
        else:
            reel.close()  # the channel has another file by now, or is off air


def choose_track(codec: str | None) -> Track:
    """Return the track of a channel on air without a source, for its last codec (`mp3` unless `aac`)."""
    if codec == Codec.AAC:
        return Track(Codec.AAC, 44_100, 2, 1024, serialize_audio_specific_config(2, 4, 2))
    return Track(Codec.MP3, 44_100, 2, 1152)
