"""Where MEDIA-SEQUENCE and DISCONTINUITY-SEQUENCE begin, so that a restart lowers neither. No I/O.

Nothing is stored. A channel that is new to this process begins with numbers that the clock gives:
MEDIA-SEQUENCE counts seconds, DISCONTINUITY-SEQUENCE counts ten minutes. While on air the numbers
grow more slowly than that: a segment takes two seconds, and discontinuities are rare. So a process
always begins above the numbers that the one before it had reached. `Limits.lead_segments` holds
back a source that runs ahead of real time.

The wall clock is read once; from there monotonic time is counted. So it changes nothing when the
wall clock is set.
"""

HOUSE_EPOCH = 1_767_225_600  # 2026-01-01T00:00:00Z; numbers stay below 2**31 until 2094
# hls.js 1.7 walks an array from 0 to DISCONTINUITY-SEQUENCE at each reload of the playlist. That
# takes 1.7 ms for 100,000 on a desktop; if it counted seconds, it would take a second. Counted in
# ten minutes it stays below 100,000 into 2027 and below 300,000 into 2031.
DISCONTINUITY_S = 600


class Numbering:
    """The numbers that a new channel begins with.

    `wall` is Unix seconds, `now` monotonic seconds at the same moment.
    """

    def __init__(self, *, wall: float, now: float) -> None:
        # A board without a battery may start before the epoch; it counts from the epoch then.
        self._offset = max(0.0, wall - HOUSE_EPOCH) - now

    def media_sequence(self, now: float) -> int:
        """Return the MEDIA-SEQUENCE to begin with at `now`."""
        return int(now + self._offset)

    def discontinuity_sequence(self, now: float) -> int:
        """Return the DISCONTINUITY-SEQUENCE to begin with at `now`."""
        return self.media_sequence(now) // DISCONTINUITY_S
