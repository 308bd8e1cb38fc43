"""How loud each channel is: a sample of its audio, measured by a worker process, and dead air.

A channel is looked at every `SAMPLE_INTERVAL_S`, and once a second while somebody asks for its levels or it
is suspiciously quiet. A sample is a quarter of a second of what the source sends, heard or not. Audio never
waits for any of this: the frames are handed over after they were sent, all channels' in one message.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from awazpulse.audio import Frame, Track, join_frames
from awazpulse.errors import AwazPulseError
from awazpulse.relay import Broadcast, Input
from awazpulse.relay.stand_in import Sound

logger = logging.getLogger(__name__)

TURN_S = 1.0
SAMPLE_INTERVAL_S = 5.0  # 200 channels cost 2 % of a core so (see the README's design section)
SAMPLE_S = 0.25
MAX_SAMPLE_BYTES = 64 * 1024  # a quarter of a second at 2 Mbit/s
ASKED_FOR_S = 10.0  # how long one question for levels counts
MAX_AGE_S = 15.0  # older levels say nothing of now


class Levels(Protocol):
    """What is measured; a value for each channel of the audio."""

    @property
    def peak_dbfs(self) -> tuple[float, ...]:
        """Highest sample, in dB below full scale."""

    @property
    def rms_dbfs(self) -> tuple[float, ...]:
        """Mean power."""

    @property
    def is_clipped(self) -> bool:
        """Whether samples stand at full scale."""

    @property
    def is_mono(self) -> bool:
        """Whether both channels of a stereo track are the same."""


class Meter(Protocol):
    """The worker process."""

    async def measure(self, samples: Sequence[tuple[Track, bytes]]) -> Sequence[Levels | None]:
        """Return the levels of each sample, None for one that cannot be decoded."""


@dataclass(frozen=True, slots=True)
class DeadAirSettings:
    """When a channel counts as dead air: below `level_dbfs` for longer than `after_s`."""

    level_dbfs: float = -50.0
    after_s: float = 20.0
    starts_fallback: bool = False


@dataclass(frozen=True, slots=True)
class LevelReport:
    """What a channel sends: its `sound` (`relay.stand_in.Sound`), and its source's levels.

    The levels are None while there are none: off air, without a source, or not measured yet.
    """

    sound: str = Sound.NOTHING.value
    is_dead_air: bool = False
    peak_dbfs: tuple[float, ...] | None = None
    rms_dbfs: tuple[float, ...] | None = None
    is_clipped: bool | None = None
    is_mono: bool | None = None


@dataclass(slots=True)
class ChannelLevels:
    """What is known of one broadcast; times are monotonic seconds."""

    levels: Levels | None = None
    measured_at: float = float("-inf")
    asked_at: float = float("-inf")
    sampled_at: float = float("-inf")
    quiet_since: float | None = None
    is_dead_air: bool = False


class _Sample:
    """Collects the next frames of a source."""

    def __init__(self, broadcast: Broadcast, source_input: Input) -> None:
        self.broadcast = broadcast
        self.track: Track | None = None
        self.source_input = source_input
        self._pieces: list[bytes] = []
        self._size = 0
        self._wanted_s = SAMPLE_S
        self.is_over = False
        source_input.sampler = self.take

    @property
    def data(self) -> bytes:
        """What was collected."""
        return b"".join(self._pieces)

    def take(self, track: Track, frames: Sequence[Frame]) -> None:
        """Keep the end of what has come, until there is enough."""
        if track != self.track:
            self.track = track
            self._pieces.clear()
            self._size, self._wanted_s = 0, SAMPLE_S
        data, sizes = join_frames(frames)
        count = 1 + int(self._wanted_s * track.sample_rate / track.frame_samples)
        data = data[len(data) - sum(sizes[-count:]) :]
        self._pieces.append(data)
        self._size += len(data)
        self._wanted_s -= min(count, len(sizes)) * track.frame_samples / track.sample_rate
        if self._wanted_s <= 0 or self._size >= MAX_SAMPLE_BYTES:
            self.stop()

    def stop(self) -> None:
        """Collect no more."""
        self.is_over = True
        if self.source_input.sampler == self.take:
            self.source_input.sampler = None


class LevelMonitor:
    """See the module's head. `start`, then `close`.

    `on_dead_air(broadcast, has_begun)` is called when dead air begins and ends; `read_settings` says when
    it does on a channel.
    """

    def __init__(
        self,
        meter: Meter,
        list_broadcasts: Callable[[], Iterable[Broadcast]],
        on_dead_air: Callable[[Broadcast, bool], None],
        read_settings: Callable[[Broadcast], DeadAirSettings] = lambda _: DeadAirSettings(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._meter = meter
        self._list_broadcasts = list_broadcasts
        self._on_dead_air = on_dead_air
        self._read_settings = read_settings
        self._clock = clock
        self._channels: dict[int, ChannelLevels] = {}  # by broadcast
        self._samples: dict[int, _Sample] = {}  # under way, by broadcast
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="levels")

    async def close(self) -> None:
        """Stop. A second call changes nothing."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def read(self, broadcast: Broadcast) -> Levels | None:
        """Return the newest levels, None while there are none; they come once a second from now on."""
        known = self._find(broadcast)
        known.asked_at = self._clock()
        return known.levels if self._clock() - known.measured_at <= MAX_AGE_S else None

    def report(self, channel_id: str) -> LevelReport:
        """Return what is known of a channel now; see `read`."""
        on_air = (b for b in self._list_broadcasts() if b.channel_id == channel_id)
        broadcast = next(on_air, None)
        if broadcast is None:
            return LevelReport()
        sound, is_dead_air = broadcast.sound.value, self.is_dead_air(broadcast)
        levels = self.read(broadcast)
        if levels is None:
            return LevelReport(sound, is_dead_air)
        return LevelReport(
            sound,
            is_dead_air,
            levels.peak_dbfs,
            levels.rms_dbfs,
            levels.is_clipped,
            levels.is_mono,
        )

    def is_dead_air(self, broadcast: Broadcast) -> bool:
        """Whether the source has sent next to nothing for long."""
        return self._find(broadcast).is_dead_air

    def _find(self, broadcast: Broadcast) -> ChannelLevels:
        return self._channels.setdefault(broadcast.id, ChannelLevels())

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(TURN_S)
            try:
                await self._measure(self._take_samples())
            except AwazPulseError as error:
                logger.warning("levels cannot be measured: %s", error)
            except Exception:
                logger.exception("levels cannot be measured")
            self._begin_samples()

    def _take_samples(self) -> list[_Sample]:
        """Return the samples that are whole; the others go on, for a source may be read every two seconds."""
        taken = []
        for number, sample in list(self._samples.items()):
            if sample.is_over or not sample.source_input.is_open:
                sample.stop()
                taken.append(sample)
                del self._samples[number]
        return taken

    def _begin_samples(self) -> None:
        now = self._clock()
        broadcasts = list(self._list_broadcasts())
        on_air = {broadcast.id for broadcast in broadcasts}
        for gone in self._channels.keys() - on_air:
            del self._channels[gone]
        for broadcast in broadcasts:
            source_input, known = broadcast.input, self._find(broadcast)
            if source_input is None:
                self._note_source_lost(broadcast, known)
            elif broadcast.id not in self._samples and self._is_due(known, now):
                known.sampled_at = now
                self._samples[broadcast.id] = _Sample(broadcast, source_input)

    def _is_due(self, known: ChannelLevels, now: float) -> bool:
        is_watched = now - known.asked_at < ASKED_FOR_S or known.quiet_since is not None
        # A turn may come a little early, and must not cost a whole one.
        return is_watched or now - known.sampled_at >= SAMPLE_INTERVAL_S - TURN_S / 2

    async def _measure(self, samples: Sequence[_Sample]) -> None:
        whole = [(s, s.track, s.data) for s in samples if s.track is not None]
        if not whole:
            return
        measured = await self._meter.measure([(track, data) for _, track, data in whole])
        now = self._clock()
        for (sample, _, _), levels in zip(whole, measured, strict=True):
            if levels is not None and not sample.broadcast.is_closed:
                self._note(sample.broadcast, levels, now)

    def _note(self, broadcast: Broadcast, levels: Levels, now: float) -> None:
        known = self._find(broadcast)
        known.levels, known.measured_at = levels, now
        settings = self._read_settings(broadcast)
        if max(levels.rms_dbfs, default=0.0) >= settings.level_dbfs:
            known.quiet_since = None
            self._set_dead_air(broadcast, known, is_dead_air=False)
            return
        if known.quiet_since is None:
            known.quiet_since = now
        if now - known.quiet_since > settings.after_s:
            self._set_dead_air(broadcast, known, is_dead_air=True)

    def _note_source_lost(self, broadcast: Broadcast, known: ChannelLevels) -> None:
        known.levels = known.quiet_since = None
        self._set_dead_air(broadcast, known, is_dead_air=False)

    def _set_dead_air(
        self, broadcast: Broadcast, known: ChannelLevels, *, is_dead_air: bool
    ) -> None:
        if is_dead_air and self._read_settings(broadcast).starts_fallback:
            # Each time: the fallback may only be ready now, or a new source may have ended it.
            broadcast.begin_dead_air(self._clock())
        if is_dead_air == known.is_dead_air:
            return
        known.is_dead_air = is_dead_air
        if not is_dead_air:
            broadcast.end_dead_air()
        self._on_dead_air(broadcast, is_dead_air)
