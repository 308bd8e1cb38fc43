"""What the tests of port 8000 share: broadcasts with a source that sends nothing, and parsed requests."""

from awazpulse.audio import Codec, Frame, Track
from awazpulse.relay import Broadcast, End, Input, Station
from awazpulse.relay.life import AirPolicy
from icecast_compat.request import Request, split_head

TRACK = Track(Codec.MP3, 44_100, 2, 1152)
FRAME = Frame(0, 1152, b"<" + bytes(415) + b">")


class IdleSource:
    """A source that sends nothing by itself, and counts how often it is asked to."""

    is_gone = False

    def __init__(self) -> None:
        self.pulls = 0

    def close(self, end: End) -> None:
        pass

    def pull(self) -> None:
        self.pulls += 1


def open_broadcast(
    channel_id: str = "demo", station: Station | None = None, source: IdleSource | None = None
) -> tuple[Broadcast, Input]:
    """Return a broadcast with its source, which has sent nothing yet; it ends with it."""
    broadcast = Broadcast(
        channel_id, "icecast", max_listeners=9, now=0.0, policy=AirPolicy(grace_s=0)
    )
    return broadcast, broadcast.connect(source or IdleSource(), station or Station(), 0.0)


def make_request(first: str, *lines: str) -> Request:
    """Return a parsed request."""
    parsed = split_head(("\r\n".join([first, *lines]) + "\r\n\r\n").encode())
    assert parsed is not None
    return parsed[0]
