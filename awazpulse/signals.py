"""What signals do to the server.

SIGTERM asks it to end, which may drain it first; SIGINT, or a second SIGTERM, ends it at once. SIGHUP has
it read its settings again; one that comes while the server starts or ends changes nothing, and does not
end it. A terminal that is closed sends a SIGHUP too: then nobody is there any more who could end the
server, so it ends at once.
"""

import asyncio
import os
import signal
from collections.abc import Callable

_STANDARD_INPUT = 0


class Signals:
    """Takes the process's signals from now on."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.at_once = asyncio.Event()  # set when the end must wait for nothing
        self._end = asyncio.Event()
        self._on_reload: Callable[[], None] = lambda: None
        self._has_terminal = os.isatty(_STANDARD_INPUT)
        loop.add_signal_handler(signal.SIGINT, self._end_at_once)
        loop.add_signal_handler(signal.SIGTERM, self._ask_to_end)
        loop.add_signal_handler(signal.SIGHUP, self._hang_up)

    def on_reload(self, callback: Callable[[], None]) -> None:
        """Have `callback` called for each SIGHUP."""
        self._on_reload = callback

    async def wait_for_end(self) -> None:
        """Wait for a signal that ends the server. A SIGHUP that comes later does nothing."""
        await self._end.wait()
        self._on_reload = lambda: None

    def _ask_to_end(self) -> None:
        if self._end.is_set():
            self.at_once.set()
        self._end.set()

    def _end_at_once(self) -> None:
        self.at_once.set()
        self._end.set()

    def _hang_up(self) -> None:
        if self._has_terminal and not os.isatty(_STANDARD_INPUT):
            self._end_at_once()
        else:
            self._on_reload()
