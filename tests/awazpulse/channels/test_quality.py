import asyncio

import pytest

from awazpulse.audio import Codec, Frame, Track
from awazpulse.channels import quality
from awazpulse.channels.quality import Quality, QualityMonitor
from awazpulse.relay import Broadcast, Input, Station
from tests.awazpulse.channels.support import Clock, FakeSource

TRACK = Track(Codec.MP3, 48_000, 2, 1152)
FRAME_S = 1152 / 48_000


class Studio:
    """One broadcast with a source, and its monitor."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.broadcast = Broadcast("demo", "icecast", max_listeners=1, now=self.clock.now)
        self.reports: list[Quality] = []
        self.on_air = [self.broadcast]
        self.monitor = QualityMonitor(
            lambda: self.on_air, lambda _broadcast, report: self.reports.append(report), self.clock
        )
        self.input = self.connect()

    def connect(self) -> Input:
        source_input = self.broadcast.connect(FakeSource(), Station(), self.clock.now)
        source_input.set_track(TRACK)
        return source_input

    def send(self, seconds: float, *, speed: float = 1.0, frame_bytes: int = 384) -> None:
        """Send audio for so long; `speed` is how fast the encoder's clock runs."""
        owed = 0.0
        for _ in range(round(seconds)):
            self.clock.now += 1
            owed += speed / FRAME_S
            frames = [Frame(0, 1152, bytes(frame_bytes))] * int(owed)
            owed -= len(frames)
            self.input.publish(frames, self.clock.now)
            self.monitor.look()


def test_steady_audio_is_told_once_with_its_bitrate() -> None:
    studio = Studio()
    studio.send(120)
    found = studio.monitor.find(studio.broadcast)
    assert found is not None
    assert found.bitrate_kbps == 128
    assert (found.gaps, found.longest_gap_s) == (0, 0.0)
    assert found.clock_percent == pytest.approx(0, abs=0.1)
    assert len(studio.reports) == 1


def test_gaps_are_counted_and_told() -> None:
    studio = Studio()
    studio.send(12)
    studio.clock.now += 4
    studio.send(12)
    found = studio.monitor.find(studio.broadcast)
    assert found is not None
    assert (found.gaps, found.longest_gap_s) == (1, 5.0)
    assert [report.gaps for report in studio.reports] == [0, 1]


def test_a_clock_that_is_fast_shows_after_a_minute_and_is_told() -> None:
    studio = Studio()
    studio.send(59, speed=1.05)
    found = studio.monitor.find(studio.broadcast)
    assert found is not None
    assert found.clock_percent is None
    studio.send(30, speed=1.05)
    found = studio.monitor.find(studio.broadcast)
    assert found is not None
    assert found.clock_percent == pytest.approx(5, abs=0.2)
    assert studio.reports[-1].clock_percent == pytest.approx(5, abs=0.2)


def test_another_source_begins_anew_and_none_has_no_quality() -> None:
    studio = Studio()
    studio.send(12)
    studio.clock.now += 4
    studio.send(2)
    studio.input = studio.connect()
    assert studio.monitor.find(studio.broadcast) is None
    studio.send(3)
    found = studio.monitor.find(studio.broadcast)
    assert found is not None
    assert found.gaps == 0
    assert studio.monitor.gaps == 1  # of all sources
    studio.on_air.clear()
    studio.monitor.look()
    assert studio.monitor.find(studio.broadcast) is None


async def test_it_looks_by_itself_until_it_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality, "INTERVAL_S", 0.005)
    looks: list[int] = []
    has_looked_thrice = asyncio.Event()

    def list_broadcasts() -> list[Broadcast]:
        looks.append(1)
        if len(looks) == 1:
            raise RuntimeError("it goes on all the same")
        if len(looks) == 3:
            has_looked_thrice.set()
        return []

    monitor = QualityMonitor(list_broadcasts, lambda _broadcast, _quality: None)
    monitor.start()
    await asyncio.wait_for(has_looked_thrice.wait(), 5)
    monitor.close()
    monitor.close()
    stopped_at = len(looks)
    await asyncio.sleep(0.05)
    assert len(looks) == stopped_at
