"""What one channel's listeners can fetch: the window of ready segments and its playlist. No I/O.

    open --> add, add, ... --> close --> end --(ended_playlist_s)--> empty
      ^                          |        |                            |
      +--------------------------+--------+----------------------------+

A broadcast outlives an encoder that reconnects, so its end is final. hls.js, VLC, mpv and FFmpeg
play out and stop at EXT-X-ENDLIST, so the playlist gets it as soon as the last segments, which
still wait to be packaged at `close`, are listed. If the channel goes on air again, it serves a
playlist without EXT-X-ENDLIST, and MEDIA-SEQUENCE, DISCONTINUITY-SEQUENCE and PTS go on from where
they were. `ended_playlist_s` after the end the channel is 'not on air' (404), and its segments are
dropped when they are too old. Its numbers are kept for `remember_s`; a channel that was forgotten
begins with greater ones (see `numbering`).

A segment that left the list stays fetchable for its own duration plus that of the longest playlist
that named it (RFC 8216 §6.2.2).
"""

import math
from collections import deque
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote

from .answers import Answer, build_playlist, build_segment
from .limits import Limits
from .mpegts import TsMuxer
from .playlist import Entry, render_media_playlist
from .recent_listeners import RecentListeners
from .segmenter import FIRST_PTS, TARGET_DURATION_S


class Waiter(Protocol):
    """A request that waits for the first segment."""

    def resume(self) -> None:
        """Ask the channel again."""


@dataclass(slots=True)
class Segment:
    """A ready segment; `fetchable_until` (monotonic seconds) is set when it leaves the list."""

    entry: Entry
    answer: Answer
    longest_playlist_s: float = 0.0
    fetchable_until: float = math.inf

    @property
    def size_bytes(self) -> int:
        """Memory that it costs, without its head."""
        return len(self.answer.body)


class Channel:
    """One channel's segments, numbers and waiting requests; see the module's head."""

    def __init__(
        self, channel_id: str, limits: Limits, *, media_sequence: int, discontinuity_sequence: int
    ) -> None:
        self.id = channel_id
        self.muxer = TsMuxer(channel_id)
        self.next_pts = FIRST_PTS
        self.next_sequence = media_sequence
        self.discontinuity_sequence = discontinuity_sequence
        self.kept_bytes = 0
        self.listeners: RecentListeners | None = None  # while on air
        self.waiters: dict[Waiter, None] = {}  # in the order in which they came
        self.has_aired = False  # whether there is a time line to go on from
        self._limits = limits
        self._name = quote(channel_id, safe="")
        self._session = ""
        self._window: deque[Segment] = deque()
        self._removed: deque[Segment] = deque()
        self._by_uri: dict[str, Segment] = {}
        self._plain_playlist: Answer | None = None  # rendered when asked for; None: outdated
        self._gzip_playlist: Answer | None = None
        self._closed_at = -math.inf
        self._ended_at = math.inf

    @property
    def is_on_air(self) -> bool:
        """Whether a broadcast is open."""
        return self.listeners is not None

    @property
    def is_ready(self) -> bool:
        """Whether there is a playlist to serve."""
        return bool(self._window)

    @property
    def media_sequence(self) -> int:
        """The number of the first listed segment."""
        return self.next_sequence - len(self._window)

    def open(self, session: str, listeners: RecentListeners) -> None:
        """Begin a broadcast. `session` stands in its segments' names and never comes again."""
        self._session = session
        self.listeners = listeners
        self._ended_at = math.inf
        self._forget_playlists()

    def add(
        self, data: bytes, *, duration_s: float, wall: float, discontinuity: bool, now: float
    ) -> None:
        """List a segment, the newest, and take the oldest off the list if it is full."""
        uri = f"{self._name}-{self._session}-{self.next_sequence}.ts"
        segment = Segment(Entry(uri, duration_s, wall, discontinuity), build_segment(data))
        self.next_sequence += 1
        self._window.append(segment)
        self._by_uri[uri] = segment
        self.kept_bytes += segment.size_bytes
        if len(self._window) > self._limits.window_segments:
            self._remove_first(now)
        playlist_s = sum(s.entry.duration_s for s in self._window)
        for listed in self._window:
            listed.longest_playlist_s = max(listed.longest_playlist_s, playlist_s)
        self._drop_excess()
        self._forget_playlists()

    def close(self, now: float) -> None:
        """Count no listeners from here on; the broadcast's last segments may still be added."""
        if self.listeners is not None:
            self.listeners.close(now)
        self.listeners = None
        self._closed_at = now

    def end(self, session: str, now: float) -> None:
        """Put EXT-X-ENDLIST behind a closed broadcast's last segment.

        Nothing happens if another session has been opened since.
        """
        if session == self._session and not self.is_on_air:
            self._ended_at = now
            self._forget_playlists()

    def advance(self, now: float) -> bool:
        """Let time pass; return whether the channel can be forgotten."""
        while self._removed and self._removed[0].fetchable_until <= now:
            self._drop(self._removed.popleft())
        if self.is_on_air:
            return False
        if now >= self._ended_at + self._limits.ended_playlist_s:
            while self._window:
                self._remove_first(now)
            self._forget_playlists()
        return now >= self._closed_at + self._limits.remember_s and not self._by_uri

    def find(self, uri: str) -> Answer | None:
        """Return the segment of that name, if it is still kept."""
        segment = self._by_uri.get(uri)
        return segment.answer if segment else None

    def playlist(self, *, compressed: bool) -> Answer | None:
        """Return the playlist as it is now, rendered at most once; None if nothing is listed."""
        if not self._window:
            return None
        if compressed:
            if self._gzip_playlist is None:
                self._gzip_playlist = build_playlist(self._render(), compressed=True)
            return self._gzip_playlist
        if self._plain_playlist is None:
            self._plain_playlist = build_playlist(self._render(), compressed=False)
        return self._plain_playlist

    def wake(self, count: int) -> bool:
        """Resume up to `count` waiting requests, the oldest first; return whether more can be.

        They find a playlist, or the channel off air.
        """
        if self.is_on_air and not self.is_ready:
            return False
        for waiter in tuple(self.waiters)[:count]:
            del self.waiters[waiter]
            waiter.resume()
        return bool(self.waiters)

    def _forget_playlists(self) -> None:
        self._plain_playlist = self._gzip_playlist = None

    def _render(self) -> str:
        return render_media_playlist(
            [segment.entry for segment in self._window],
            media_sequence=self.media_sequence,
            discontinuity_sequence=self.discontinuity_sequence,
            target_duration_s=TARGET_DURATION_S,
            ended=self._ended_at != math.inf,
        )

    def _remove_first(self, now: float) -> None:
        """Take the oldest off the list; its discontinuity is counted from now on (§6.2.2)."""
        segment = self._window.popleft()
        self.discontinuity_sequence += segment.entry.discontinuity
        segment.fetchable_until = now + segment.entry.duration_s + segment.longest_playlist_s
        self._removed.append(segment)

    def _drop_excess(self) -> None:
        """Hold the limits: drop those first that left the list first."""
        limits = self._limits
        while self._removed and (
            len(self._by_uri) > limits.kept_segments or self.kept_bytes > limits.kept_bytes
        ):
            self._drop(self._removed.popleft())

    def _drop(self, segment: Segment) -> None:
        del self._by_uri[segment.entry.uri]
        self.kept_bytes -= segment.size_bytes
