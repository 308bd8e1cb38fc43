"""How often listeners are sent audio, and how many of them in one go. No I/O.

Nearly all that a listener costs is the kernel's `send`, so the way to save is to send less often (the
README's design section has the figures). A few listeners are sent audio every `min_interval_s`. From some
hundreds of listeners on, the interval grows with their number, so that all of them together need
`sends_per_second`. It ends at `max_interval_s`, which is still much less than the burst that a player
holds.

To read a source and take its frames costs something in each interval too. So each audience after the first
counts as `AUDIENCE_SENDS` more listeners.
"""

import itertools
from dataclasses import dataclass

AUDIENCE_SENDS = 15  # what an audience costs an interval, in sends (`benchmarks.mounts`: 90 us)
_GOLDEN_RATIO = 0.618034  # its multiples, modulo 1, are spread evenly however many there are


@dataclass(frozen=True, slots=True)
class Pacing:
    """The figures of the fan-out.

    `min_interval_s`, `max_interval_s`: the limits of the time between two sends to one listener.
    `sends_per_second`: the number that the interval aims at between these limits.
    `cohort_size`: how many listeners are sent to in one turn of the loop. 1000 take 5 to 14 ms, depending on
    the machine. For each cohort, waking up, fetching the audio and going to sleep costs as much as 40 sends,
    so with cohorts of 250 everything would cost a tenth more.
    `turn_s`: for how long one turn of the loop may work off a crowd before other work has its turn.
    `stall_timeout_s`: a listener whose socket takes nothing for so long is dropped.
    `max_noise_bytes`: how much a listener may send in all after its request.
    """

    min_interval_s: float = 0.1
    max_interval_s: float = 1.0
    sends_per_second: float = 6000.0
    cohort_size: int = 1000
    turn_s: float = 0.010
    stall_timeout_s: float = 30.0
    max_noise_bytes: int = 65_536

    def interval_s(self, listeners: int, audiences: int = 1) -> float:
        """Return the seconds between two sends to one listener.

        `listeners` and `audiences` are the numbers of the whole process.
        """
        sends = listeners + AUDIENCE_SENDS * max(0, audiences - 1)
        wanted = sends / self.sends_per_second
        return min(self.max_interval_s, max(self.min_interval_s, wanted))


class Phases:
    """Gives out phases in [0, 1), each far from those that it gave out before."""

    def __init__(self) -> None:
        self._numbers = itertools.count()

    def next(self) -> float:
        """Return the next phase."""
        return next(self._numbers) * _GOLDEN_RATIO % 1.0
