"""Where MEDIA-SEQUENCE and DISCONTINUITY-SEQUENCE begin, so that a restart lowers neither. No I/O.

Nothing is stored. A channel that this process has not seen begins at a number that the clock
gives, and numbers grow more slowly than the clock: one segment in two seconds, where the clock
counts one a second, and one discontinuity where it counts one in ten minutes. So whatever an
earlier process had reached is below where this one begins. A source that runs ahead of real time
is held back by `Limits.lead_segments`.

The clock is read once and goes on monotonically: a step of the system's time changes nothing.
"""

HOUSE_EPOCH = 1_767_225_600  # 2026-01-01T00:00:00Z; numbers stay below 2**31 until 2094
# hls.js 1.7 walks an array from 0 to DISCONTINUITY-SEQUENCE at each reload of the playlist: 1.7 ms
# for 100,000 on a desktop, a second for one that counts seconds. One in ten minutes stays below
# 100,000 into 2027 and below 300,000 into 2031.
DISCONTINUITY_S = 600


class Numbering:
    """The numbers that a channel unknown so far begins with.

    `wall` is Unix seconds, `now` monotonic seconds at the same moment.
    """

    def __init__(self, *, wall: float, now: float) -> None:
        # A clock that stands before the epoch (a board without a battery) counts from it.
        self._offset = max(0.0, wall - HOUSE_EPOCH) - now

    def media_sequence(self, now: float) -> int:
        """Return the MEDIA-SEQUENCE to begin with at `now`."""
        return int(now + self._offset)

    def discontinuity_sequence(self, now: float) -> int:
        """Return the DISCONTINUITY-SEQUENCE to begin with at `now`."""
        return self.media_sequence(now) // DISCONTINUITY_S
