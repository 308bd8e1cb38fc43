"""Hosts pyrtmp's server for the benchmark: `python -m benchmarks.rtmp.pyrtmp_host`, as `host.py`."""

import asyncio
import logging

import uvloop
from pyrtmp.rtmp import RTMPProtocol, SimpleRTMPController

from .talk import ANY_NAMES, announce, wait_for_input


class PyrtmpController(SimpleRTMPController):  # type: ignore[misc]  # pyrtmp ships no types
    """pyrtmp's own controller, counting frames."""

    frames = 0

    async def on_audio_message(self, session: object, message: object) -> None:  # noqa: ARG002
        PyrtmpController.frames += 1


async def _serve() -> int:
    logging.disable(logging.CRITICAL)  # it logs at DEBUG, which would be most of its cost
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: RTMPProtocol(controller=PyrtmpController()), "127.0.0.1", 0
    )
    announce(server.sockets[0].getsockname()[1], ANY_NAMES)
    await wait_for_input()
    server.close()
    return PyrtmpController.frames


if __name__ == "__main__":
    print(uvloop.run(_serve()), flush=True)
