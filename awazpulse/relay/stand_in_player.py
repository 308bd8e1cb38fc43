"""Plays to a broadcast's deliveries what stands in for its source. No I/O."""

import logging
from collections.abc import Mapping

from awazpulse.audio import measure_frames
from awazpulse.errors import AwazPulseError

from .outlet import Outlet
from .stand_in import Reel, Sound, StandIn

logger = logging.getLogger(__name__)


class StandInPlayer:
    """One stand-in at a time, or none; `sent_s` is how much of each sound was sent, in seconds."""

    def __init__(self, channel_id: str, outlet: Outlet) -> None:
        self._channel_id = channel_id
        self._outlet = outlet
        self._stand_in: StandIn | None = None
        self._sent_s = {Sound.SILENCE: 0.0, Sound.FALLBACK: 0.0}

    @property
    def sent_s(self) -> Mapping[Sound, float]:
        """How much of each sound was sent so far, in seconds."""
        return self._sent_s

    @property
    def plays(self) -> bool:
        """Whether anything stands in."""
        return self._stand_in is not None

    @property
    def sound(self) -> Sound:
        """What stands in; `NOTHING` while it is nothing."""
        return self._stand_in.sound if self._stand_in is not None else Sound.NOTHING

    @property
    def reel(self) -> Reel | None:
        """What plays, None while nothing does."""
        return self._stand_in.reel if self._stand_in is not None else None

    @property
    def covered_until(self) -> float:
        """The time up to which it has stood in, in monotonic seconds; only while it `plays`."""
        assert self._stand_in is not None, "nothing stands in"
        return self._stand_in.covered_until

    def begin(self, sound: Sound, reel: Reel, start: float) -> None:
        """Let `reel` stand in from `start` on; the one before is closed by now."""
        self._stand_in = StandIn(sound, reel, start)

    def close(self) -> None:
        """End what stands in; without one nothing changes."""
        stand_in, self._stand_in = self._stand_in, None
        if stand_in is not None:
            try:
                stand_in.reel.close()
            except Exception:
                logger.exception("channel=%s a reel cannot be closed", self._channel_id)

    def send_due(self, until: float) -> bool:
        """Send what is due by then; return False, having said why, if it cannot be read any more."""
        stand_in = self._stand_in
        if stand_in is None:
            return True
        if stand_in.skip_to(until):
            self._outlet.on_break()
        rate = stand_in.reel.track.sample_rate
        due = stand_in.take_due(until)
        while self._stand_in is stand_in:  # somebody who is told may end it
            try:
                frames = next(due, None)
            except Exception as error:  # noqa: BLE001  # it is logged there
                self._warn(stand_in.sound, error)
                return False
            if frames is None:
                break
            self._sent_s[stand_in.sound] += measure_frames(frames)[1] / rate
            self._outlet.on_frames(frames)
        return True

    def _warn(self, sound: Sound, error: Exception) -> None:
        is_expected = isinstance(error, AwazPulseError | OSError | ValueError)
        logger.warning(
            "channel=%s its %s cannot be read: %s",
            self._channel_id,
            sound.value,
            error,
            exc_info=None if is_expected else error,
        )
