import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from awazpulse.audio import Codec, Frame, Track
from awazpulse.channels import levels
from awazpulse.channels.levels import DeadAirSettings, LevelMonitor
from awazpulse.errors import PeerError
from awazpulse.relay import Broadcast, End, EndReason, Input, Station
from awazpulse.relay.life import AirPolicy
from awazpulse.relay.stand_in import Sound
from tests.awazpulse.relay.studio import FakeStandIns

TRACK = Track(Codec.MP3, 44_100, 2, 1152)
FRAME = Frame(0, 1152, bytes(418))
TURN_S = 0.005


@dataclass
class Measured:
    rms_dbfs: tuple[float, ...]
    peak_dbfs: tuple[float, ...] = (-1.0,)
    is_clipped: bool = False
    is_mono: bool = False


class FakeMeter:
    def __init__(self) -> None:
        self.rms = -20.0
        self.samples: list[tuple[Track, bytes]] = []
        self.failure: Exception | None = None

    async def measure(self, samples: Sequence[tuple[Track, bytes]]) -> list[Measured | None]:
        self.samples += samples
        if self.failure:
            raise self.failure
        return [Measured((self.rms, self.rms - 3)) for _ in samples]


class FakeSource:
    is_gone = False

    def close(self, end: End) -> None: ...

    def pull(self) -> None: ...


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Studio:
    """A broadcast with a source, and a monitor whose clock the test turns."""

    def __init__(self, settings: DeadAirSettings) -> None:
        self.clock = Clock()
        self.meter = FakeMeter()
        self.broadcast = Broadcast("demo", "hls", max_listeners=1, now=0.0)
        self.input: Input = self.broadcast.connect(FakeSource(), Station(), 0.0)
        self.input.set_track(TRACK)
        self.told: list[bool] = []
        self.monitor = LevelMonitor(
            self.meter,
            lambda: [] if self.broadcast.is_closed else [self.broadcast],
            lambda _broadcast, has_begun: self.told.append(has_begun),
            lambda _broadcast: settings,
            self.clock,
        )

    async def play(self, seconds: float) -> None:
        """Let time pass, with a frame of audio in each of the monitor's turns."""
        end = self.clock.now + seconds
        while self.clock.now < end:
            if self.input.is_open:
                self.input.publish([FRAME] * 40, self.clock.now)
            self.clock.now += 1.0
            await asyncio.sleep(2 * TURN_S)


@pytest.fixture
def studio(monkeypatch: pytest.MonkeyPatch) -> Studio:
    monkeypatch.setattr(levels, "TURN_S", TURN_S)
    return Studio(DeadAirSettings(-50.0, 20.0))


async def test_a_channel_is_sampled_now_and_then_by_a_quarter_of_a_second(studio: Studio) -> None:
    studio.monitor.start()
    await studio.play(20)
    await studio.monitor.close()
    assert 2 <= len(studio.meter.samples) <= 6
    assert {track for track, _ in studio.meter.samples} == {TRACK}
    assert all(len(data) == 418 * 10 for _, data in studio.meter.samples), "ten frames are 0.26 s"


async def test_who_asks_for_levels_gets_new_ones_each_second(studio: Studio) -> None:
    studio.monitor.start()
    assert studio.monitor.read(studio.broadcast) is None
    for _ in range(10):
        await studio.play(1)
        studio.monitor.read(studio.broadcast)
    asked = len(studio.meter.samples)
    found = studio.monitor.read(studio.broadcast)
    await studio.monitor.close()
    assert asked >= 6
    assert found is not None
    assert found.rms_dbfs == (-20.0, -23.0)


async def test_quiet_that_lasts_is_dead_air_and_sound_ends_it(studio: Studio) -> None:
    studio.monitor.start()
    await studio.play(6)
    studio.meter.rms = -51.0
    await studio.play(15)
    assert studio.told == []
    await studio.play(20)
    assert studio.told == [True]
    assert studio.monitor.is_dead_air(studio.broadcast)
    studio.meter.rms = -50.0
    await studio.play(4)
    await studio.monitor.close()
    assert studio.told == [True, False]


async def test_one_loud_moment_begins_the_count_anew(studio: Studio) -> None:
    studio.monitor.start()
    for _ in range(3):
        studio.meter.rms = -60.0
        await studio.play(14)
        studio.meter.rms = -10.0
        await studio.play(8)
    await studio.monitor.close()
    assert studio.told == []


async def test_dead_air_is_over_when_the_source_is_gone(studio: Studio) -> None:
    studio.meter.rms = -90.0
    studio.monitor.start()
    await studio.play(40)
    assert studio.told == [True]
    studio.input.end(End(EndReason.DISCONNECTED), studio.clock.now)
    await studio.play(2)
    await studio.monitor.close()
    assert studio.told == [True, False]


async def test_a_meter_that_fails_is_asked_again(
    studio: Studio, caplog: pytest.LogCaptureFixture
) -> None:
    studio.meter.failure = PeerError("the worker is gone")
    studio.monitor.start()
    await studio.play(6)
    studio.meter.failure = None
    await studio.play(8)
    found = studio.monitor.read(studio.broadcast)
    await studio.monitor.close()
    assert "the worker is gone" in caplog.text
    assert found is not None


async def test_nothing_of_a_broadcast_that_has_ended_is_kept(studio: Studio) -> None:
    studio.monitor.start()
    await studio.play(6)
    studio.broadcast.close(End(EndReason.STOPPED))
    await studio.play(3)
    assert not studio.monitor._channels
    await studio.monitor.close()
    await studio.monitor.close()


@pytest.mark.parametrize("event", ["fallback is ready later", "another silent source takes over"])
async def test_fallback_takes_the_place_of_dead_air_whenever_it_can(
    monkeypatch: pytest.MonkeyPatch, event: str
) -> None:
    monkeypatch.setattr(levels, "TURN_S", TURN_S)
    studio = Studio(DeadAirSettings(-50.0, 20.0, starts_fallback=True))
    stand_ins = FakeStandIns()
    studio.broadcast = Broadcast(
        "demo",
        "hls",
        max_listeners=1,
        now=0.0,
        policy=AirPolicy(grace_s=600, has_fallback=True),
        stand_ins=stand_ins,
    )

    def connect() -> None:
        studio.input = studio.broadcast.connect(FakeSource(), Station(), studio.clock.now)
        studio.input.set_track(TRACK)

    connect()
    studio.meter.rms = -90.0
    is_late = event == "fallback is ready later"
    stand_ins.has_fallback = not is_late
    studio.monitor.start()
    await studio.play(40)
    assert studio.told == [True]
    assert (studio.broadcast.sound is Sound.FALLBACK) is not is_late
    if is_late:
        stand_ins.has_fallback = True
    else:
        connect()
    await studio.play(40)
    await studio.monitor.close()
    assert studio.broadcast.sound is Sound.FALLBACK
    assert studio.told == [True]
