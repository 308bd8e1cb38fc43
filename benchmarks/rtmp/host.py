"""Hosts our RTMP port for the benchmark: `python -m benchmarks.rtmp.host`.

Prints its port and the stream names that it takes, serves until a line or the end of its input,
and prints how many audio frames it was given. It takes every key, and publishes into real broadcasts with a subscriber that counts.
"""

import asyncio
from collections.abc import Sequence

import uvloop

from awazpulse.audio import Frame, Track
from awazpulse.relay import Broadcast, End, Input, Source, Station, Title
from ingest.rtmp.server import RtmpServer

from .talk import ANY_NAMES, announce, wait_for_input


class Counter:
    """A subscriber that counts frames."""

    def __init__(self) -> None:
        self.frames = 0

    def on_track(self, track: Track) -> None:
        pass

    def on_break(self) -> None:
        pass

    def on_frames(self, frames: Sequence[Frame]) -> None:
        self.frames += len(frames)

    def on_title(self, title: Title) -> None:
        pass

    def on_close(self, end: End) -> None:
        pass


class OpenGate:
    """Takes every channel and key."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter

    async def connect(
        self,
        channel_id: str,
        secret: str,  # noqa: ARG002 (a Gate's name)
        source: Source,
        station: Station,
    ) -> Input:
        now = asyncio.get_running_loop().time()
        broadcast = Broadcast(channel_id, "hls", max_listeners=0, now=now)
        broadcast.attach("counter", self._counter)
        return broadcast.connect(source, station, now)


async def _serve() -> int:
    counter = Counter()
    server = RtmpServer(OpenGate(counter))
    announce(await server.start("127.0.0.1", 0), ANY_NAMES)
    await wait_for_input()
    await server.close()
    return counter.frames


if __name__ == "__main__":
    print(uvloop.run(_serve()), flush=True)
