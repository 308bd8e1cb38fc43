"""Feeds splitters and looks at what comes out."""

from awazpulse.audio import Frame, Track
from awazpulse.audio.splitter import FrameSplitter, SplitEvents


def feed(splitter: FrameSplitter, data: bytes, size: int) -> SplitEvents:
    """Give `data` in pieces of `size` bytes."""
    events: SplitEvents = []
    for at in range(0, len(data), size):
        events += splitter.receive_data(data[at : at + size])
    return events


def frames(events: SplitEvents) -> list[bytes]:
    return [frame.data for frame in stamped(events)]


def stamped(events: SplitEvents) -> list[Frame]:
    return [frame for event in events if not isinstance(event, Track) for frame in event]


def tracks(events: SplitEvents) -> list[Track]:
    return [event for event in events if isinstance(event, Track)]
