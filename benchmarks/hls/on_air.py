"""A channel on air for the benchmark, and copies of what it serves."""

import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.machine import ask, load_core, pinned, running, tell
from benchmarks.server import OurServer

from .playlist import Playlist, parse_playlist

PATH = "/hls/bench0.m3u8"
_SECONDS = 150  # of audio, more than any run takes: the publisher is ended before
_TIMEOUT_S = 20.0
_FETCH_TIMEOUT_S = 10.0


@contextmanager
def on_air(server: OurServer) -> Iterator[None]:
    """Publish to channel `bench0`, from the load's core, in real time, until the end of the block."""
    arguments = [str(server.ports["rtmp"]), "1", str(_SECONDS), "audio"]
    command = [sys.executable, "-m", "benchmarks.rtmp.publishers", *arguments]
    with running(pinned(load_core(), *command)) as publisher:
        told = ask(publisher, json.dumps([server.secrets[0]["hls"]["streamKey"]]))
        assert told == "ready", told
        tell(publisher, "go")
        yield


def fetch(port: int, path: str) -> bytes:
    """Return what a server answers. Raises HTTPError if it is not 200."""
    with urllib.request.urlopen(
        f"http://127.0.0.1:{port}{path}", timeout=_FETCH_TIMEOUT_S
    ) as answer:
        data: bytes = answer.read()
    return data


def wait_for_segments(port: int, count: int) -> None:
    """Wait until the playlist names so many. Raises SystemExit if that takes too long."""
    deadline = time.monotonic() + _TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            if len(parse_playlist(fetch(port, PATH)).uris) >= count:
                return
        except urllib.error.HTTPError as error:
            if error.code not in (404, 503):  # not on air yet, nothing packaged yet
                raise
        time.sleep(0.1)
    raise SystemExit(f"no {count} segments within {_TIMEOUT_S:g} s")


def copy(port: int, folder: Path) -> str:
    """Copy the playlist and its segments to a folder; return the newest segment's path."""
    text = fetch(port, PATH)
    playlist: Playlist = parse_playlist(text)
    target = folder / PATH[1:]
    target.parent.mkdir(exist_ok=True)
    for uri in playlist.uris:
        if not (target.parent / uri).exists():
            (target.parent / uri).write_bytes(fetch(port, f"/hls/{uri}"))
    target.write_bytes(text)
    return f"/hls/{playlist.uris[-1]}"
