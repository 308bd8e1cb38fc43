"""Publishes OBS-like streams in real time: `... benchmarks.rtmp.publishers PORT COUNT SECONDS [audio]`.

Reads a line of JSON with the stream names, prints `ready` when all are on air, waits for a line,
publishes for SECONDS, and prints a line of JSON: audio frames sent by each, and the worst lateness of a send in milliseconds, which says
whether the load was what it claims to be. With `audio` there is no video.
"""

import heapq
import json
import socket
import sys
import time
from collections.abc import Callable
from functools import partial

from . import obs_like

SETTLE_SECONDS = 0.2  # for the server to read what was sent last


def _publish(port: int, name: str) -> socket.socket:
    peer = socket.create_connection(("127.0.0.1", port), timeout=10)
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    peer.sendall(obs_like.handshake()[: 1 + 1536])
    _read(peer, lambda data: len(data) >= 1 + 2 * 1536)
    peer.sendall(obs_like.handshake()[1 + 1536 :])
    marks = (b"NetConnection.Connect.Success", b"_result", b"NetStream.Publish.Start")
    for command, mark in zip(obs_like.commands("live", name, port), marks, strict=True):
        peer.sendall(command)
        _read(peer, partial(_holds, mark))
        time.sleep(0.02)  # the answers that come behind the mark
    return peer


def _holds(mark: bytes, data: bytes) -> bool:
    return mark in data


def _read(peer: socket.socket, is_enough: Callable[[bytes], bool]) -> None:
    data = b""
    while not is_enough(data):
        piece = peer.recv(65536)
        if not piece:
            raise SystemExit("the server closed the connection")
        data += piece


def _pace(peers: list[socket.socket], sends: list[obs_like.Send]) -> float:
    """Send all in time, the publishers' phases spread over a keyframe interval; worst lateness."""
    begin = time.perf_counter() + 0.05
    spread = obs_like.KEYFRAME_SECONDS / len(peers)
    queue = [(begin + index * spread, index, 0) for index in range(len(peers))]
    worst = 0.0
    while queue:
        due, index, at = queue[0]
        wait = due - time.perf_counter()
        if wait > 0:
            time.sleep(wait)
        else:
            worst = max(worst, -wait)
        for chunk in sends[at].chunks:
            peers[index].sendall(chunk)
        if at + 1 < len(sends):
            next_due = begin + index * spread + sends[at + 1].due
            heapq.heapreplace(queue, (next_due, index, at + 1))
        else:
            heapq.heappop(queue)
    return worst


def main() -> None:
    port, count, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    sends, frames = obs_like.media(seconds, with_video=sys.argv[4:] != ["audio"])
    names: list[str] = json.loads(sys.stdin.readline())
    peers = [_publish(port, name) for name in names[:count]]
    print("ready", flush=True)
    sys.stdin.readline()
    worst = _pace(peers, sends)
    time.sleep(SETTLE_SECONDS)
    print(json.dumps({"frames": frames, "late_ms": round(worst * 1000, 1)}), flush=True)
    sys.stdin.readline()
    for peer in peers:
        peer.close()


if __name__ == "__main__":
    main()
