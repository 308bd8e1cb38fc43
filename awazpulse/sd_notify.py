"""Tells systemd how the service is: the protocol of sd_notify(3), over a datagram socket.

Without `NOTIFY_SOCKET` in the environment nobody wants to know, and nothing is done. What cannot be sent is
left out: a service manager that is stuck must not hold up the audio.

    READY=1                        the server has started, or has taken up its settings
    RELOADING=1, MONOTONIC_USEC    it reads its settings again
    STOPPING=1                     it ends
    WATCHDOG=1                     the event loop turns; twice in each `WATCHDOG_USEC`
    STATUS                         one line for people, which `systemctl status` shows
    EXTEND_TIMEOUT_USEC            it needs more time for what it is about
"""

import asyncio
import contextlib
import logging
import os
import socket
import time
from collections.abc import Callable, Mapping

logger = logging.getLogger(__name__)

STATUS_INTERVAL_S = 10.0  # how often the status is looked at, without a watchdog
SEND_TIMEOUT_S = 0.1  # the manager's queue may be full for a moment
_MICROSECONDS = 1_000_000


class ServiceManager:
    """The manager behind one socket. `start_beating` once the server runs, and `close` at the end."""

    def __init__(self, address: str = "", watchdog_s: float | None = None) -> None:
        """Raise nothing: an `address` that is none of ours counts as no manager."""
        self._address = _find_address(address)
        self._watchdog_s = watchdog_s
        self._describe: Callable[[], str] = str
        self._told = ""
        self._timer: asyncio.TimerHandle | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "ServiceManager":
        """Return the one that has started this process."""
        return cls(environment.get("NOTIFY_SOCKET", ""), _read_watchdog(environment))

    def tell_ready(self, status: str) -> None:
        """Say that the server has started, or that a reload is over."""
        self._told = status
        self._send("READY=1", _status(status))

    def tell_reloading(self) -> None:
        """Say that a reload begins; `tell_ready` must follow (`Type=notify-reload`)."""
        now_us = time.monotonic_ns() // 1000
        self._send("RELOADING=1", f"MONOTONIC_USEC={now_us}")

    def tell_stopping(self, status: str, needs_s: float = 0.0) -> None:
        """Say that the server ends, and, if it needs longer than usual, how long that takes at most."""
        self._told = status
        self._describe = lambda: status
        extension = [f"EXTEND_TIMEOUT_USEC={int(needs_s * _MICROSECONDS)}"] if needs_s else []
        self._send("STOPPING=1", _status(status), *extension)

    def start_beating(self, loop: asyncio.AbstractEventLoop, describe: Callable[[], str]) -> None:
        """Feed the watchdog from the event loop, and show what `describe()` says when that is new."""
        self._describe = describe
        if self._address is not None:
            self._beat(loop)

    def close(self) -> None:
        """Stop beating. A second call changes nothing."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _beat(self, loop: asyncio.AbstractEventLoop) -> None:
        interval_s = self._watchdog_s / 2 if self._watchdog_s else STATUS_INTERVAL_S
        self._timer = loop.call_later(interval_s, self._beat, loop)
        lines = ["WATCHDOG=1"] if self._watchdog_s else []
        status = self._describe()
        if status != self._told:
            self._told = status
            lines.append(_status(status))
        if lines:
            self._send(*lines)

    def _send(self, *lines: str) -> None:
        if self._address is None:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.settimeout(SEND_TIMEOUT_S)
                sender.sendto("\n".join(lines).encode(), self._address)
        except OSError as error:
            logger.debug("the service manager was not told %s: %s", lines[0], error)


def _find_address(text: str) -> str | None:
    """Return a socket's address as the kernel takes it: a path, or an abstract name for '@name'."""
    if text.startswith("@") and len(text) > 1:
        return "\0" + text[1:]
    return text if text.startswith("/") else None


def _read_watchdog(environment: Mapping[str, str]) -> float | None:
    """Return within how many seconds the watchdog must be fed, None if there is none for this process."""
    with contextlib.suppress(ValueError):
        microseconds = int(environment.get("WATCHDOG_USEC", ""))
        is_for_us = int(environment.get("WATCHDOG_PID", os.getpid())) == os.getpid()
        if microseconds > 0 and is_for_us:
            return microseconds / _MICROSECONDS
    return None


def _status(text: str) -> str:
    return f"STATUS={' '.join(text.split())}"
