"""When a delivery that failed is tried again. No I/O."""

GIVE_UP_MS = 24 * 3600 * 1000  # after its event
_FIRST_MS = 10_000
_LONGEST_MS = 2 * 3600 * 1000


def find_next_try(attempts: int, created_ms: int, now_ms: int) -> int | None:
    """Return when to try again after so many attempts (at least one); None: give up.

    The waits double from ten seconds to two hours. The last try is a day after the event.
    """
    wait_ms: int = min(_LONGEST_MS, _FIRST_MS * 2 ** min(attempts - 1, 20))
    last_ms = created_ms + GIVE_UP_MS
    if now_ms >= last_ms:
        return None
    return min(now_ms + wait_ms, last_ms)
