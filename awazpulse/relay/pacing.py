"""How often listeners are sent to, and which of them together. No I/O.

The kernel's `send` is nearly all that a listener costs, so what there is to save is their number
(the README's design section has the figures). A few listeners get audio within `min_interval_s`; from
some hundreds on the interval grows with their number so that all of them together cost
`sends_per_second`, until it reaches `max_interval_s`, which is still well inside the burst that a
player holds. Each audience but the first counts as some listeners more, for what it costs an interval to
read its source and take its frames.
"""

import itertools
from dataclasses import dataclass

AUDIENCE_SENDS = 15  # what an audience costs an interval, in sends (`benchmarks.mounts`: 90 us)
_GOLDEN_RATIO = 0.618034  # successive multiples of it, modulo 1, spread evenly at any count


@dataclass(frozen=True, slots=True)
class Pacing:
    """The figures of the fan-out.

    `cohort_size`: listeners sent to in one go: 5 to 14 ms of a loop's turn, by machine. Waking up for
    one, fetching the audio and going to sleep costs as much as 40 sends, so 250 cost a tenth more.
    `turn_s`: how long one turn of the loop may send before others get theirs.
    `stall_timeout_s`: a listener that takes not one byte for so long is dropped.
    `max_noise_bytes`: what a listener may send after its request, in all.
    """

    min_interval_s: float = 0.1
    max_interval_s: float = 1.0
    sends_per_second: float = 6000.0
    cohort_size: int = 1000
    turn_s: float = 0.010
    stall_timeout_s: float = 30.0
    max_noise_bytes: int = 65_536

    def interval_s(self, listeners: int, audiences: int = 1) -> float:
        """Return the seconds between two sends to one of `listeners` in `audiences`, in all."""
        sends = listeners + AUDIENCE_SENDS * max(0, audiences - 1)
        wanted = sends / self.sends_per_second
        return min(self.max_interval_s, max(self.min_interval_s, wanted))


class Phases:
    """Hands out phases in [0, 1), each far from those handed out before."""

    def __init__(self) -> None:
        self._numbers = itertools.count()

    def next(self) -> float:
        """Return the next phase."""
        return next(self._numbers) * _GOLDEN_RATIO % 1.0
