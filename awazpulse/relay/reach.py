"""How far what the listeners were sent reaches, by the clock. No I/O."""

# Of what a source has sent ahead of the clock, no more than this counts. Otherwise a source whose clock is
# fast would have its gaps left unfilled.
MAX_LEAD_S = 2.0


class Reach:
    """What was sent reached up to `until` (monotonic seconds) when the source had published `samples`.

    The rest follows from the number of samples, so no frame costs anything here.
    """

    __slots__ = ("samples", "until")

    def __init__(self, until: float) -> None:
        self.until = until
        self.samples = 0

    def note(self, until: float, samples: int) -> None:
        """Take this for known from here on."""
        self.until = until
        self.samples = samples

    def find(self, samples: int, sample_rate: int, last_frame: float) -> float:
        """Return how far it reaches once the source has published `samples`, the last at `last_frame`."""
        by_samples = self.until + (samples - self.samples) / sample_rate
        return max(self.until, last_frame, min(by_samples, last_frame + MAX_LEAD_S))
