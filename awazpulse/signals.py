"""What signals do to the server.

SIGINT and SIGTERM end it, at any time. SIGHUP has it read its settings again; one that comes while the
server starts or ends changes nothing, and does not end it. A terminal that is closed sends a SIGHUP too:
then nobody is there any more who could end the server, so it ends.
"""

import asyncio
import os
import signal
from collections.abc import Callable

_STANDARD_INPUT = 0


class Signals:
    """Takes the process's signals from now on."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._stop = asyncio.Event()
        self._on_reload: Callable[[], None] = lambda: None
        self._has_terminal = os.isatty(_STANDARD_INPUT)
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._hang_up)

    def on_reload(self, callback: Callable[[], None]) -> None:
        """Have `callback` called for each SIGHUP."""
        self._on_reload = callback

    async def wait_for_stop(self) -> None:
        """Wait for a signal that ends the server. A SIGHUP that comes later does nothing."""
        await self._stop.wait()
        self._on_reload = lambda: None

    def _hang_up(self) -> None:
        if self._has_terminal and not os.isatty(_STANDARD_INPUT):
            self._stop.set()
        else:
            self._on_reload()
