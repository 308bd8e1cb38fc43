"""Watches whether a channel that is on air is heard. No I/O; `now` is monotonic seconds."""

from enum import StrEnum


class DeadAir(StrEnum):
    """What has changed."""

    BEGAN = "began"
    ENDED = "ended"


class DeadAirWatch:
    """Tells when a channel's level has been below `level_dbfs` for `after_s`, and when it is back.

    The default level is that of a microphone left open in a quiet room, and below what fades to silence
    in music for more than a moment. Make a new one for a new broadcast.
    """

    def __init__(self, level_dbfs: float = -50.0, after_s: float = 20.0) -> None:
        self._level_dbfs = level_dbfs
        self._after_s = after_s
        self._quiet_since: float | None = None
        self.is_dead = False

    def take(self, rms_dbfs_max: float, now: float) -> DeadAir | None:
        """Take the loudest channel's level; return what that changes. One loud sample ends it."""
        if rms_dbfs_max >= self._level_dbfs:
            self._quiet_since = None
            if self.is_dead:
                self.is_dead = False
                return DeadAir.ENDED
            return None
        if self._quiet_since is None:
            self._quiet_since = now
        if not self.is_dead and now - self._quiet_since >= self._after_s:
            self.is_dead = True
            return DeadAir.BEGAN
        return None
