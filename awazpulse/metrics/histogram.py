"""Counts durations by how long they were. No I/O."""

from bisect import bisect_left
from collections.abc import Sequence


class Histogram:
    """`bounds_s`: the upper bounds of all buckets but the last one, which has none; each is included."""

    def __init__(self, bounds_s: Sequence[float]) -> None:
        self.bounds_s = tuple(bounds_s)
        self.sum_s = 0.0
        self._counts = [0] * (len(self.bounds_s) + 1)

    def observe(self, duration_s: float) -> None:
        """Count one duration."""
        self._counts[bisect_left(self.bounds_s, duration_s)] += 1
        self.sum_s += duration_s

    def list_buckets(self) -> list[tuple[str, float]]:
        """Return each bucket's bound and how many durations were not above it, as Prometheus counts them."""
        buckets: list[tuple[str, float]] = []
        total = 0
        for bound, count in zip((*self.bounds_s, None), self._counts, strict=True):
            total += count
            buckets.append(("+Inf" if bound is None else repr(float(bound)), total))
        return buckets
