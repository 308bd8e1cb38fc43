"""RTMP's 32-bit millisecond timestamps as one clock that never goes back. No I/O.

RTMP 1.0 §5.3.1.3: timestamps wrap at 2^32 (49.7 days) and are compared by serial arithmetic.
"""

RESET_MS = 1000  # interleaving steps back by some 100 ms; a larger step is a new start

_WRAP = 1 << 32
_HALF = 1 << 31


class Timeline:
    """Unwraps the timestamps of one publication."""

    def __init__(self) -> None:
        self._source_ms: int | None = None  # the highest of the source's clock, unwrapped
        self._offset_ms = 0

    def unwrap(self, timestamp: int) -> int:
        """Return `timestamp` (modulo 2^32) in milliseconds, not below any returned before.

        After a small step back the last time is returned again. After a reset the time goes on
        from the last one.
        """
        last = self._source_ms
        if last is None:
            self._source_ms = timestamp
            return timestamp
        step = (timestamp - last + _HALF) % _WRAP - _HALF
        if step > 0:
            last = self._source_ms = last + step
        elif step < -RESET_MS:
            self._source_ms = last + step
            self._offset_ms -= step
            return last + self._offset_ms + step
        return last + self._offset_ms
