"""Hosts all of AwazPulse for the benchmark: `python -m benchmarks.rtmp.whole_server`, as `host.py`.

The same as `awazpulse serve` on an empty database, with a channel and a key for each publisher;
HLS is packaged all the while, which is more than the other servers do.
"""

import tempfile
from pathlib import Path

import uvloop

from awazpulse.app import App
from awazpulse.channels.events import ChannelChange, ChannelEvent
from awazpulse.settings import Settings

from .host import Counter
from .talk import announce, wait_for_input

CHANNELS = 20


async def _serve(data_dir: Path) -> int:
    settings = Settings(
        data_dir=data_dir, bind="127.0.0.1", rtmp_port=0, icecast_port=0, hls_port=0, api_port=0
    )
    app, counter = App(settings), Counter()
    try:
        started = await app.start()
        assert started.owner is not None
        manager = app.core.manager

        def count_frames(event: ChannelEvent) -> None:
            on_air = manager.live(event.channel_id)
            if event.change is ChannelChange.ON_AIR and on_air is not None:
                on_air.attach("counter", counter)

        manager.on_changed(count_frames)
        announce(started.urls.rtmp_port, await _make_channels(app, started.owner.email))
        await wait_for_input()
    finally:
        await app.close()
    return counter.frames


async def _make_channels(app: App, owner_email: str) -> list[str]:
    """Return the stream names, keys included."""
    catalog = app.core.catalog
    names = []
    for number in range(CHANNELS):
        channel = await catalog.create(f"bench{number}", "Benchmark", owner_email)
        # Off air with its publisher: silence between two rounds would be counted.
        await catalog.set(channel.id, {"graceTime": 0})
        names.append((await catalog.get_credentials(channel.id)).hls.stream_key)
    return names


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        print(uvloop.run(_serve(Path(directory))), flush=True)
