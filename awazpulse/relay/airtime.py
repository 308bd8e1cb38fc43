"""For how long there was something to hear. No I/O."""


class Airtime:
    """Adds up the time for which it runs, in seconds; `now` and `at` are monotonic seconds."""

    __slots__ = ("_before_s", "_since")

    def __init__(self) -> None:
        self._before_s = 0.0
        self._since: float | None = None

    def start(self, now: float) -> None:
        """Run from now on; nothing changes while it runs already."""
        if self._since is None:
            self._since = now

    def stop(self, at: float) -> None:
        """Run up to `at`; nothing changes while it stands."""
        if self._since is not None:
            self._before_s += max(0.0, at - self._since)
            self._since = None

    def total_s(self, now: float) -> float:
        """Return the sum by now."""
        return self._before_s + (0.0 if self._since is None else max(0.0, now - self._since))
