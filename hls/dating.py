"""Finds out when audio was recorded, from when it arrived. No I/O, no clock of its own.

The lag of a frame is its arrival minus its end on the time line that counts samples, in seconds.
Audio cannot arrive before it is recorded, but it can arrive later: a network jitters, or stalls and
then delivers everything at once, and a source may be read in bunches. So the least lag of a
segment's frames is believed, and late frames say nothing.

The lag does not stay the same, for a source's sound card is not our clock. `Dating` learns this
drift, and expects of each segment the lag that the drift makes of the one before. What differs from
that is followed:
- a segment that is early moves the lag, for an early arrival is always true;
- a segment that is late moves the lag by a little, and the next ones by more if they are late too;
- a segment that came faster than real time and is late does not: a stalled source is catching up;
- `_STEP_SEGMENTS` late ones in a row move the lag at once. Audio is missing then without a word in
  the timestamps, as when an Icecast source pauses.
"""

from collections import deque

LATE_S = 0.1  # later than that after a break, and audio is missing; less is jitter
# Drift in seconds a second. 48 kHz that are sent as 44.1 kHz, or the reverse, make 0.09.
_MAX_DRIFT = 0.1
_FIRST_RISE = 0.04  # of a duration, for the first late segment: 80 ms, in case it is jitter
_DRIFT_GAIN = 0.1  # how much of a difference is taken for drift; 20 s to learn two thirds of it
_STEP_SEGMENTS = 3


class Dating:
    """Follows the lag of one time line; see the module's head."""

    def __init__(self) -> None:
        self.lag_s: float | None = None  # where the next segment begins; None: not known yet
        self._drift = 0.0
        self._is_rising = False
        self._recent: deque[float] = deque(maxlen=_STEP_SEGMENTS)  # least lags

    def restart(self, lag_s: float) -> None:
        """Forget the lag so far: `lag_s` holds where the next segment begins."""
        self.lag_s = lag_s
        self._recent.clear()

    def follow(self, least_lag_s: float, *, duration_s: float, waited_s: float) -> float:
        """Take the least lag of the next segment; return the lag that holds where it begins.

        `waited_s` has passed from the arrival of the segment before to that of this one.
        """
        if self.lag_s is None:
            self.lag_s = least_lag_s
            return least_lag_s
        most_s = _MAX_DRIFT * duration_s
        # With a lag that falls, the least one stands at the segment's end.
        late_s = least_lag_s - self.lag_s - min(0.0, self._drift * duration_s)
        lag_s = self.lag_s
        if late_s <= 0 or waited_s >= duration_s - most_s:
            lag_s += self._judge(late_s, duration_s)
            self._recent.append(least_lag_s)
            if abs(late_s) <= most_s:
                drift = self._drift + _DRIFT_GAIN * late_s / duration_s
                self._drift = max(-_MAX_DRIFT, min(_MAX_DRIFT, drift))
            if len(self._recent) == _STEP_SEGMENTS and min(self._recent) > lag_s + LATE_S:
                lag_s = min(self._recent)
        self.lag_s = lag_s + self._drift * duration_s
        return lag_s

    def _judge(self, late_s: float, duration_s: float) -> float:
        """Return how far to move the lag for a segment that is late, or early if negative."""
        most_s = _MAX_DRIFT * duration_s
        if late_s <= 0:
            self._is_rising = False
            # Half of it, where it may be drift that has made the segment's end early.
            return late_s if late_s < -most_s else late_s / 2
        limit_s = most_s if self._is_rising else _FIRST_RISE * duration_s
        self._is_rising = late_s > limit_s
        return min(late_s, limit_s)
