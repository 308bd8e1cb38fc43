"""What a listener costs in memory. The whole process is measured by `benchmarks.crowd`."""

import asyncio
import gc
import socket
import tracemalloc

from awazpulse.audio import Frame
from awazpulse.relay.fanout import Audience, FanOut
from awazpulse.relay.feed import PlainFeed

LISTENERS = 400
MAX_BYTES_PER_LISTENER = 420  # with its socket; 280 seen. Of 100 MB a listener of 19,000 has 500


async def test_a_listener_in_step_costs_a_few_hundred_bytes() -> None:
    fanout = FanOut(asyncio.get_running_loop())
    feed = PlainFeed()
    audience = Audience(fanout, feed)
    feed.append([Frame(0, 1152, bytes(418))])
    listening = socket.create_server(("127.0.0.1", 0), backlog=LISTENERS)
    far = [socket.create_connection(listening.getsockname()) for _ in range(LISTENERS)]
    gc.collect()
    tracemalloc.start()
    for _ in range(LISTENERS):
        ours, _ = listening.accept()
        ours.setblocking(False)
        audience.join(ours, b"HTTP/1.0 200 OK\r\n\r\n")
        del ours
    async with asyncio.timeout(10):
        while not all(listener.index >= 0 for listener in audience.listeners):
            feed.append([Frame(0, 1152, bytes(418))] * 10)
            await asyncio.sleep(0.05)
    gc.collect()
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(audience.listeners) == LISTENERS
    assert used / LISTENERS < MAX_BYTES_PER_LISTENER
    fanout.close()
    listening.close()
    for end in far:
        end.close()
