"""How the benchmark's hosts talk to it: lines on standard input and output."""

import asyncio
import json
import sys

ANY_NAMES = [f"bench{number}?key=bench" for number in range(20)]  # where every name is taken


def announce(port: int, names: list[str]) -> None:
    """Tell the benchmark where to publish to."""
    print(json.dumps({"port": port, "names": names}), flush=True)


async def wait_for_input() -> None:
    """Wait for a line, or the end of the input."""
    loop = asyncio.get_running_loop()
    is_done = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), is_done.set)
    await is_done.wait()
    loop.remove_reader(sys.stdin.fileno())
