"""Takes one broadcast's frames and lists their segments on its channel. No I/O.

`on_frames` runs inside the call that reads the encoder's socket: it only counts and collects. The
segments are packaged later, as jobs of `Turns`. Two limits hold back a source that sends faster
than real time: `pending_bytes` bounds the audio that waits to be packaged, `lead_segments` bounds
how far the segment numbers run ahead of the clock. Past either limit whole segments are lost, and
the segment that follows is a discontinuity.

Dates: the segmenter tells in monotonic seconds when a segment was recorded. Each segment is dated
with the wall clock as it stands when the segment is cut. So when the wall clock is set while on
air, the next segment's date is right. That is no discontinuity: see `playlist`.
"""

import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from awazpulse.audio import Frame, Track
from awazpulse.relay import End, Title
from awazpulse.turns import Turns

from .channel import Channel
from .errors import MuxFailed
from .limits import Limits
from .numbering import Numbering
from .recent_listeners import RecentListeners
from .segmenter import Cut, Segmenter

logger = logging.getLogger(__name__)

_WAKE_AT_ONCE = 100  # waiting requests answered by one job: 2 ms


@dataclass(frozen=True, slots=True)
class Workshop:
    """What all packagers of a server share. `now` is monotonic seconds, `wall` Unix seconds."""

    limits: Limits
    turns: Turns
    numbering: Numbering
    now: Callable[[], float]
    wall: Callable[[], float]


class Packager:
    """The subscriber that feeds one channel from one broadcast."""

    def __init__(self, channel: Channel, listeners: RecentListeners, workshop: Workshop) -> None:
        self.is_closed = False
        self.lost_segments = 0
        self.pending_bytes = 0
        self._pending_cuts = 0
        self._channel = channel
        self._workshop = workshop
        self._after_gap = False  # cuts were lost before they were queued
        self._after_failure = False  # cuts were lost in packaging
        self._segmenter = Segmenter(
            first_pts=channel.next_pts,
            resumed=channel.has_aired,
            max_segment_bytes=workshop.limits.segment_bytes,
        )
        # Random, so that no segment has the name of one from before a restart.
        self._session = secrets.token_hex(4)
        channel.open(self._session, listeners)
        logger.debug("channel=%s hls is on air", channel.id)

    def on_track(self, track: Track) -> None:
        """Frames of another track follow."""
        self._queue(self._segmenter.set_track(track))

    def on_break(self) -> None:
        """The frames that follow do not continue those before, nor do their timestamps.

        What is published at once is judged as one: silence that catches up with the clock has to
        come in one call of `on_frames`.
        """
        self._segmenter.mark_break()

    def on_frames(self, frames: Sequence[Frame]) -> None:
        """Take the next frames."""
        for cut in self._segmenter.push(frames, self._workshop.now()):
            self._queue(cut)

    def on_title(self, title: Title) -> None:
        """Titles are not in this playlist."""

    def on_close(self, end: End) -> None:
        """List what is left, then end the channel's playlist. A second call changes nothing."""
        if self.is_closed:
            return
        self.is_closed = True
        self._queue(self._segmenter.flush())
        channel = self._channel
        channel.next_pts = self._segmenter.next_pts
        channel.close(self._workshop.now())
        self._workshop.turns.add(self._end)
        logger.debug("channel=%s hls is off air: %s", channel.id, end)

    def _queue(self, cut: Cut | None) -> None:
        if cut is None:
            return
        if not self._has_room_for(cut):
            self._lose("its source sends faster than real time")
            self._after_gap = True
            return
        after_gap, self._after_gap = self._after_gap, False
        self.pending_bytes += cut.size_bytes
        self._pending_cuts += 1
        self._channel.has_aired = True
        shop = self._workshop
        wall = cut.recorded + shop.wall() - shop.now()
        shop.turns.add(lambda: self._package(cut, wall, after_gap=after_gap))

    def _has_room_for(self, cut: Cut) -> bool:
        shop = self._workshop
        if self.pending_bytes + cut.size_bytes > shop.limits.pending_bytes:
            return False
        real_time = shop.numbering.media_sequence(shop.now())
        ahead = self._channel.next_sequence + self._pending_cuts - real_time
        return ahead < shop.limits.lead_segments

    def _package(self, cut: Cut, wall: float, *, after_gap: bool) -> None:
        self.pending_bytes -= cut.size_bytes
        self._pending_cuts -= 1
        channel = self._channel
        try:
            data = channel.muxer.mux(cut)
        except MuxFailed as failure:
            self._after_failure = True
            self._lose(str(failure))
            return
        channel.add(
            data,
            duration_s=cut.duration_s,
            wall=wall,
            discontinuity=cut.discontinuity or after_gap or self._after_failure,
            now=self._workshop.now(),
        )
        self._after_failure = False
        if channel.waiters:
            self._workshop.turns.add(self._wake)

    def _end(self) -> None:
        self._channel.end(self._session, self._workshop.now())
        self._wake()

    def _wake(self) -> None:
        if self._channel.wake(_WAKE_AT_ONCE):
            self._workshop.turns.add(self._wake)

    def _lose(self, why: str) -> None:
        self.lost_segments += 1
        if self.lost_segments == 1:
            logger.warning("channel=%s hls loses a segment: %s", self._channel.id, why)
