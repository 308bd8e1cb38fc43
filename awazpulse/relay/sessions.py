"""What the deliveries tell of their listeners, to whoever keeps a ledger of them. No I/O."""

from typing import Protocol


class SessionLog(Protocol):
    """Takes note of listeners; no call waits for anything."""

    def begin_session(
        self, channel_id: str, stream_type: str, address: str, user_agent: str, first_byte: int = 0
    ) -> int:
        """A listener has come, and is sent bytes from `first_byte` on; return the session's number."""

    def end_session(self, number: int, last_byte: int, ended_ago_s: float = 0.0) -> None:
        """A listener went `ended_ago_s` ago, after it was sent the bytes up to `last_byte`."""


class NoSessionLog:
    """Keeps nothing."""

    def begin_session(self, *_facts: object) -> int:
        """Return a number that means nothing."""
        return 0

    def end_session(self, *_facts: object) -> None:
        """Forget it."""
