"""What the tests of HLS share: frames, clocks that stand still, a packager without an event loop."""

import asyncio
import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from awazpulse.audio import Codec, Frame, Track
from awazpulse.audio.detect import audio_splitter
from awazpulse.relay import Broadcast, End, EndReason, Input, Source, Station
from awazpulse.turns import Turns
from hls.answers import Answer
from hls.channel import Channel
from hls.limits import Limits
from hls.mpegts import PACKET_BYTES
from hls.numbering import HOUSE_EPOCH, Numbering
from hls.packager import Workshop
from tests.audio import encode_tone

AAC_TRACK = Track(Codec.AAC, 44_100, 2, 1024, b"\x12\x10")
MP3_TRACK = Track(Codec.MP3, 44_100, 2, 1152)
WALL = HOUSE_EPOCH + 1_000_000.0


def make_frames(
    count: int, *, track: Track = AAC_TRACK, first: int = 0, size: int = 100
) -> list[Frame]:
    """Frames that only look like audio, on the source's clock from frame `first` on."""
    samples = track.frame_samples
    return [
        Frame((first + n) * samples * 1000 // track.sample_rate, samples, bytes(size))
        for n in range(count)
    ]


def tone(codec: str, seconds: float = 3, **options: int) -> tuple[Track, list[Frame]]:
    """A real tone, as an ingest publishes it."""
    track, *runs = audio_splitter().receive_data(encode_tone(codec, seconds, **options))
    assert isinstance(track, Track)
    return track, [frame for run in runs if not isinstance(run, Track) for frame in run]


LEFT = End(EndReason.DISCONNECTED)


class SilentSource:
    is_gone = False

    def close(self, end: End) -> None:
        pass

    def pull(self) -> None:
        pass


def make_broadcast(
    channel_id: str = "demo", *, max_listeners: int = 1000, source: Source | None = None
) -> Broadcast:
    """A broadcast with a source."""
    broadcast = Broadcast(channel_id, "hls", max_listeners=max_listeners, now=0.0)
    broadcast.connect(source or SilentSource(), Station(), 0.0)
    return broadcast


def input_of(broadcast: Broadcast) -> Input:
    """The way in of the source that is connected."""
    assert broadcast.input is not None
    return broadcast.input


class Crowd:
    """A counter of listeners, with room for so many."""

    def __init__(self, room: int = 1000) -> None:
        self.room = room
        self.listeners = 0

    @property
    def has_room(self) -> bool:
        return self.listeners < self.room

    def listener_joined(self) -> None:
        self.listeners += 1

    def listener_left(self) -> None:
        self.listeners -= 1


@dataclass
class Bench:
    """A workshop whose loop turns only when `run_turns` is called, at a time set by hand."""

    limits: Limits = field(default_factory=Limits)
    now: float = 100.0
    wall: float = WALL
    scheduled: list[Callable[[], None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.numbering = Numbering(wall=self.wall, now=self.now)
        self.workshop = Workshop(
            self.limits,
            Turns(self.scheduled.append, lambda: self.now, self.limits.turn_budget_s),
            self.numbering,
            lambda: self.now,
            lambda: self.wall,
        )

    def channel(self, channel_id: str = "demo") -> Channel:
        return Channel(
            channel_id,
            self.limits,
            media_sequence=self.numbering.media_sequence(self.now),
            discontinuity_sequence=self.numbering.discontinuity_sequence(self.now),
        )

    def advance(self, seconds: float) -> None:
        self.now += seconds
        self.wall += seconds

    def run_turns(self) -> None:
        while self.scheduled:
            self.scheduled.pop(0)()


@dataclass
class Listed:
    """One segment as a player reads it; `cc` is its discontinuity sequence number, `wall` its date."""

    uri: str
    sequence: int
    cc: int
    duration_s: float
    wall: float


@dataclass
class Parsed:
    """A playlist as a player reads it."""

    target_duration_s: int
    media_sequence: int
    discontinuity_sequence: int
    segments: list[Listed]
    ended: bool

    @property
    def uris(self) -> list[str]:
        return [segment.uri for segment in self.segments]


def parse_playlist(answer: Answer | bytes | None) -> Parsed:
    assert answer is not None
    body = answer.body if isinstance(answer, Answer) else answer
    lines = bytes(body).decode().splitlines()
    assert lines[0] == "#EXTM3U"
    tags = dict(re.findall(r"(?m)^#EXT-X-([A-Z-]+):(\d+)$", "\n".join(lines)))
    first, cc = int(tags["MEDIA-SEQUENCE"]), int(tags["DISCONTINUITY-SEQUENCE"])
    segments: list[Listed] = []
    duration, wall = 0.0, math.nan
    for line in lines:
        if line == "#EXT-X-DISCONTINUITY":
            cc += 1
        elif line.startswith("#EXT-X-PROGRAM-DATE-TIME:"):
            date = line.removeprefix("#EXT-X-PROGRAM-DATE-TIME:")
            wall = datetime.fromisoformat(date).timestamp()
        elif line.startswith("#EXTINF:"):
            duration = float(line.removeprefix("#EXTINF:").removesuffix(","))
        elif not line.startswith("#"):
            segments.append(Listed(line, first + len(segments), cc, duration, wall))
            wall = math.nan
    return Parsed(
        int(tags["TARGETDURATION"]),
        first,
        int(tags["DISCONTINUITY-SEQUENCE"]),
        segments,
        lines[-1] == "#EXT-X-ENDLIST",
    )


def packets_of(data: bytes) -> list[tuple[int, int]]:
    """PID and continuity counter of each transport packet that has a payload."""
    assert len(data) % PACKET_BYTES == 0
    packets = []
    for at in range(0, len(data), PACKET_BYTES):
        assert data[at] == 0x47
        if data[at + 3] & 0x10:
            packets.append(((data[at + 1] & 0x1F) << 8 | data[at + 2], data[at + 3] & 0xF))
    return packets


async def eventually(condition: Callable[[], bool], seconds: float = 5) -> None:
    """Wait until `condition` holds; fail when it still does not after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        if condition():
            return
        assert time.monotonic() < deadline, "what was waited for has not come"
        await asyncio.sleep(0.01)
