"""The fallback of one channel: its file, its title, and the prepared files that are open, one for each track.

A reel is closed when it has no place here any more and nobody plays it. So a file that is replaced while it
plays goes on until the new one is ready for the same track.
"""

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

from awazpulse.audio import Frame, Track
from awazpulse.media.prepared import FallbackReel
from awazpulse.relay import Title

MAX_REELS = 4  # open files of a channel; as many as the worker keeps prepared


class _SharedReel:
    """A reel, how many play it, and whether it has to be closed when nobody does."""

    def __init__(self, reel: FallbackReel) -> None:
        self.reel = reel
        self._players = 0
        self._is_retired = False

    def add_player(self) -> None:
        """Keep it open until `remove_player`."""
        self._players += 1

    def remove_player(self) -> None:
        """Take back one `add_player`."""
        self._players -= 1
        self._close_if_idle()

    def retire(self) -> None:
        """Have it closed once nobody plays it."""
        self._is_retired = True
        self._close_if_idle()

    def _close_if_idle(self) -> None:
        if self._is_retired and not self._players:
            self.reel.close()


class ChannelFallback:
    """What the channel is set to: `path` and `title` (empty: the file's own), None for no file."""

    def __init__(self) -> None:
        self.path: Path | None = None
        self.title = Title()
        self._reels: OrderedDict[Track, _SharedReel] = OrderedDict()

    @property
    def first_track(self) -> Track | None:
        """The track of any reel, None without one."""
        return next(iter(self._reels), None)

    def set_file(self, path: Path | None) -> None:
        """Set the file; reels of the one before are no longer opened."""
        if path != self.path:
            self.path = path
            self.close()

    def has(self, track: Track) -> bool:
        """Whether a reel of this track is open."""
        return track in self._reels

    def add(self, track: Track, reel: FallbackReel) -> None:
        """Keep a reel of the present file; the one that was used longest ago may have to go."""
        self.remove(track)
        self._reels[track] = _SharedReel(reel)
        if len(self._reels) > MAX_REELS:
            self.remove(next(iter(self._reels)))

    def remove(self, track: Track) -> None:
        """Give up the reel of this track, if there is one."""
        shared = self._reels.pop(track, None)
        if shared is not None:
            shared.retire()

    def play(self, track: Track) -> "PlayedFallback | None":
        """Return the reel of this track for one who plays it, None if it is not open."""
        shared = self._reels.get(track)
        if shared is None:
            return None
        self._reels.move_to_end(track)
        return PlayedFallback(self, track, shared)

    def is_replaced(self, track: Track, shared: _SharedReel) -> bool:
        """Whether another reel is ready in the place of this one."""
        return self._reels.get(track, shared) is not shared

    def drop_broken(self, track: Track, shared: _SharedReel) -> None:
        """Give up a reel that cannot be read, so that it is made anew."""
        if self._reels.get(track) is shared:
            self.remove(track)

    def close(self) -> None:
        """Give up all reels."""
        for track in tuple(self._reels):
            self.remove(track)


class PlayedFallback:
    """A channel's fallback while it plays; see `relay.stand_in.Reel`."""

    def __init__(self, fallback: ChannelFallback, track: Track, shared: _SharedReel) -> None:
        self.track = track
        self._fallback = fallback
        self._shared = shared
        self._is_open = True
        shared.add_player()

    @property
    def title(self) -> Title:
        """See `Reel`."""
        own = self._fallback.title
        return own if own.text else Title.from_text(self._shared.reel.prepared.title)

    @property
    def is_outdated(self) -> bool:
        """See `Reel`."""
        return self._fallback.is_replaced(self.track, self._shared)

    def take(self, count: int) -> Sequence[Frame]:
        """See `Reel`. Raises `MediaFailed` if the file cannot be read; it is made anew then."""
        try:
            return self._shared.reel.take(count)
        except Exception:
            self._fallback.drop_broken(self.track, self._shared)
            raise

    def close(self) -> None:
        """See `Reel`."""
        if self._is_open:
            self._is_open = False
            self._shared.remove_player()
