"""A channel on air: sources that come and go, one track at a time, its frames and titles. No I/O.

No protocol and no database. Whatever publishes is an ingest, whatever subscribes is a delivery; neither
knows of the other. Listeners belong to the broadcast, so they stay when a source goes: `life` says for how
long, and `stand_in` what they hear meanwhile.

All calls are plain calls on the event loop's thread: frames go to the deliveries inside the call that
reads the source's socket, with no task, queue or await in between. `advance` is called several times a
second, and is where time passes.

A source may leave its audio in the kernel until somebody needs it, for each read costs far more than
a frame does: a delivery calls `pull` before it sends, and gets what has come by then. A delivery that
needs frames in time without sending, as HLS does, calls `pull` by a timer.
"""

import itertools
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from awazpulse.audio import Frame, Track, measure_frames
from awazpulse.errors import MisuseError

from .airtime import Airtime
from .ends import End, EndReason
from .life import SILENCE_AFTER_S, AirChange, AirPolicy, AirState, AirStep, Due, Life
from .listener_count import ListenerCount
from .outlet import Outlet, Subscriber
from .reach import Reach
from .seam import Seam
from .source import Input, Source, Station
from .stand_in import NoStandIns, Reel, Sound, StandIns
from .stand_in_player import StandInPlayer
from .title import Title

logger = logging.getLogger(__name__)

MIN_BRIDGED_GAP_S = 0.1  # shorter ones are the jitter of a network
FALLBACK_RETRY_S = 30.0  # after one that could not be read

_ids = itertools.count(1)

ChangeCallback = Callable[["Broadcast", AirChange], None]
ClosedCallback = Callable[["Broadcast", End], None]


class Broadcast:
    """One channel's audio on its way from its source of the moment to the deliveries.

    `stream_type` is the type that the channel has selected (`hls` or `icecast`).
    """

    def __init__(
        self,
        channel_id: str,
        stream_type: str,
        *,
        max_listeners: int,
        now: float,
        policy: AirPolicy | None = None,
        stand_ins: StandIns | None = None,
    ) -> None:
        self.id = next(_ids)
        self.channel_id = channel_id
        self.stream_type = stream_type
        self.station = Station()
        self.started = now
        # Whether listeners of a plain byte stream are ended when its sample rate or channels change.
        self.ends_on_format_change = False
        self.track: Track | None = None
        self.title = Title()
        self.end: End | None = None
        self.last_loss: End | None = None  # why the channel was without a source the last time
        self.last_frame = now  # monotonic seconds of the last audio of a source
        self.published_bytes = 0  # of sources, in the present track
        self.published_samples = 0
        self._life = Life(policy or AirPolicy())
        self._stand_ins: StandIns = stand_ins or NoStandIns()
        self._input: Input | None = None
        self._heard: Input | None = None  # whose frames go straight to the deliveries
        self._seam: Seam | None = None
        self._is_dead_air = False
        self._is_pulling = False
        self.connected_at = now  # monotonic seconds of the last source's coming
        self._reach = Reach(now)
        self._no_fallback_until = now
        self._told_now = now  # as of the last `connect` or `advance`
        self._source_title = Title()
        self._airtime = Airtime()
        self._outlet = Outlet(channel_id, max_listeners)
        self._stand_in = StandInPlayer(channel_id, self._outlet)
        self._on_changed: list[ChangeCallback] = []
        self._on_closed: list[ClosedCallback] = []

    # -- what it is like

    @property
    def is_closed(self) -> bool:
        """Whether the end has come; a closed broadcast takes and gives nothing."""
        return self.end is not None

    @property
    def state(self) -> AirState:
        """Where it is in its life."""
        return self._life.state

    @property
    def policy(self) -> AirPolicy:
        """How long it waits for what; may be replaced at any time."""
        return self._life.policy

    @policy.setter
    def policy(self, policy: AirPolicy) -> None:
        self._life.policy = policy

    @property
    def input(self) -> Input | None:
        """The input of the source that is connected, None while there is none."""
        return self._input

    @property
    def sound(self) -> Sound:
        """What the listeners hear just now."""
        if self._stand_in.plays:
            return self._stand_in.sound
        is_heard = self._heard is not None or self._seam is not None
        return Sound.SOURCE if is_heard else Sound.NOTHING

    @property
    def needs_pace(self) -> bool:
        """Whether `advance` should be called at the pace of audio."""
        return self._stand_in.plays

    @property
    def stand_in_s(self) -> Mapping[Sound, float]:
        """For how long silence and the fallback have stood in, in seconds."""
        return self._stand_in.sent_s

    @property
    def bitrate_kbps(self) -> int | None:
        """What the encoder declared, else what is measured, else None. Kilobits a second."""
        if self.station.bitrate_kbps:
            return self.station.bitrate_kbps
        if self.track is None or not self.published_samples:
            return None
        return round(
            self.published_bytes * 8 * self.track.sample_rate / self.published_samples / 1000
        )

    def aired_s(self, now: float) -> float:
        """Return for how long a source or the fallback has been heard, in seconds."""
        return self._airtime.total_s(now)

    # -- its source

    def connect(self, source: Source, station: Station, now: float) -> Input:
        """Make `source` the channel's source, in place of the present one, which is cut off.

        It is heard from its first frame on; until then whatever is heard goes on. What is returned is
        closed already if somebody who is told of it ends it.
        """
        self._require_open()
        self._told_now = now
        self.pull()  # what the present source has sent by now
        former = self._part_from_source()
        if former is not None:
            self._outlet.close_one(former.source.close, End(EndReason.TAKEN_OVER, station.address))
        self._require_open()
        source_input = self._input = Input(self, source, station)
        self.station = station
        self.connected_at = now
        self._life.connect(now)
        if not self._stand_in.plays:  # else the wait for its first frame is no air time
            self._airtime.start(now)
        self._tell(AirChange.SOURCE_CAME)
        return source_input

    def cut_off(self, end: End, now: float) -> None:
        """Cut the source off, and wait for another one; nothing changes without a source."""
        former = self._part_from_source()
        if former is not None:
            self._outlet.close_one(former.source.close, end)
            if self.end is None and self._input is None:
                self.lose_source(end, now)

    def pull(self) -> None:
        """Have the source publish what has come by now.

        Inside a pull, or while deliveries are told something, it does nothing: what comes has its order.
        A source that raises is cut off.
        """
        source_input = self._input
        if source_input is None or self._is_pulling or self._outlet.is_telling:
            return
        self._is_pulling = True
        try:
            source_input.source.pull()
        except Exception as error:
            logger.exception("channel=%s its source failed", self.channel_id)
            if self._input is source_input:
                end = End(EndReason.FAILED, why=type(error).__name__)
                self.cut_off(end, max(self._told_now, self.last_frame))
        finally:
            self._is_pulling = False

    def _part_from_source(self) -> Input | None:
        """Close the input, and return it; nothing that its source does is heard any more."""
        former, self._input, self._heard, self._seam = self._input, None, None, None
        self._is_dead_air = False
        if former is not None:
            former.is_open = False
        return former

    def take_station(self, station: Station) -> None:
        """Replace what the source says of itself. For its input."""
        self.station = station

    def take_track(self, track: Track) -> None:
        """Frames of this track follow from the source. For its input."""
        if self._seam is not None:
            self._seam.set_track(track)
        if self._heard is not None or self._seam is not None:
            self._note_reach(self._sent_until)
            self._set_track(track)
        self._stand_ins.prepare(self.channel_id, track, self.station.bitrate_kbps)

    def take_frames(self, source_input: Input, frames: Sequence[Frame], now: float) -> None:
        """Send the source's frames on. For its input."""
        if self._heard is not source_input:
            self._hear(source_input, frames, now)
            return
        self.last_frame = now
        size, samples = measure_frames(frames)
        self.published_bytes += size
        self.published_samples += samples
        self._outlet.on_frames(frames)

    def lose_source(self, end: End, now: float) -> None:
        """The source is gone, by itself. For its input."""
        self._part_from_source()
        self.last_loss = end
        if self.sound is not Sound.FALLBACK:
            self._airtime.stop(now)
        self._life.step(AirStep.LOSE, now)
        self._tell(AirChange.SOURCE_LOST)
        self.advance(now)

    def _hear(self, source_input: Input, frames: Sequence[Frame], now: float) -> None:
        """Take the first frames of a source, or those behind a gap."""
        track = source_input.track
        assert track is not None, "an input publishes no frame before its track"
        sent_until, self.last_frame = self._sent_until, now
        if self._is_dead_air:
            return
        is_anew = self._seam is None
        if is_anew:
            begins = now - measure_frames(frames)[1] / track.sample_rate
            self._begin_seam(source_input, track, sent_until, begins, now)
            if self._input is not source_input:
                return  # somebody who was told of it has ended it
        seam = self._seam
        if seam is not None:
            frames = seam.take(frames, now)
        if seam is None or seam.is_over(now):
            self._seam, self._heard = None, source_input
        if frames:
            size, samples = measure_frames(frames)
            self.published_bytes += size
            self.published_samples += samples
            self._outlet.on_frames(frames)
        if is_anew and source_input.is_open:
            self._tell(AirChange.SOURCE_HEARD)

    def _begin_seam(
        self, source_input: Input, track: Track, sent_until: float, begins: float, now: float
    ) -> None:
        """Go over from what is heard to the source, whose first frames begin at `begins`."""
        has_stalled = source_input.has_been_heard or now - self.connected_at >= SILENCE_AFTER_S
        source_input.has_been_heard = True
        has_stood_in = self._bridge(sent_until, begins)
        if self._input is not source_input:
            return
        if self._life.state is AirState.ON_FALLBACK:
            self._life.step(AirStep.COME, now)
        self._airtime.start(now)
        is_first = self.track is None
        covered_until = begins if is_first else max(self._reach.until, sent_until, begins)
        has_backlog = has_stalled and has_stood_in
        if not is_first:
            self._seam = Seam(track, covered_until, now, has_backlog=has_backlog)
        if track != self.track:
            self._set_track(track)
        self._note_reach(covered_until)
        if not is_first:
            self._outlet.on_break()
        self._show(self._source_title)

    @property
    def _sent_until(self) -> float:
        """The time that what the listeners were sent reaches up to."""
        if self._stand_in.plays:
            return self._stand_in.covered_until
        rate = self.track.sample_rate if self.track is not None else 1
        return self._reach.find(self.published_samples, rate, self.last_frame)

    def _note_reach(self, sent_until: float) -> None:
        self._reach.note(sent_until, self.published_samples)

    # -- what stands in for it

    def advance(self, now: float) -> None:
        """Let time pass: end the grace time, let silence or the fallback stand in, send what is due."""
        if self.end is not None:
            return
        self._told_now = now
        if self._input is not None and now - self.last_frame >= SILENCE_AFTER_S:
            self.pull()  # it may have sent what nobody has needed yet
        match self._life.find_due(now, self.last_frame):
            case Due.END:
                why = f"{self.policy.grace_s:g} s after {self.last_loss}" if self.last_loss else ""
                self.close(End(EndReason.GRACE_OVER, why=why))
            case Due.GIVE_UP:
                self._give_up_fallback(now)
                self._fall_silent(now)
            case Due.FALLBACK:
                if not self._fall_back(now):
                    self._fall_silent(now)
            case Due.SILENCE:
                self._fall_silent(now)
            case Due.NOTHING:
                self._follow_fallback(now)
        self._send_due(now)

    def begin_on_fallback(self, now: float, track: Track | None = None) -> bool:
        """Go on air without a source; return False, with nothing changed, if no fallback is ready.

        `track`: what the fallback must be, None for any.

        Raises `MisuseError` once it is on air, or has been.
        """
        self._require_open()
        if self._life.state is not AirState.OFF:
            raise MisuseError(f"channel {self.channel_id} is {self._life.state.value} already")
        if not self._fall_back(now, track):
            return False
        self.last_frame = now
        return True

    def begin_dead_air(self, now: float) -> None:
        """Let the fallback stand in for a source that sends silence; nothing changes without one."""
        if self.sound is Sound.SOURCE and self._fall_back(now) and self._input is not None:
            self._is_dead_air = True

    def end_dead_air(self) -> None:
        """Hear the source again from its next frame on."""
        self._is_dead_air = False

    def _fall_silent(self, now: float) -> None:
        """Begin silence, if nobody hears anything and the gap is long enough."""
        is_short = now - self.last_frame < SILENCE_AFTER_S
        if self.end is not None or self._stand_in.plays or is_short:
            return
        self._airtime.stop(self.last_frame)
        sent_until = self._sent_until
        self._heard = self._seam = None  # its next frames come behind a gap, whatever is in it
        reel = self._stand_ins.open_silence(self.track) if self.track else None
        if reel is not None:
            self._stand_in_by(Sound.SILENCE, reel, sent_until)
            self._tell(AirChange.SILENCE_BEGAN)

    def _fall_back(self, now: float, first_track: Track | None = None) -> bool:
        """Begin the fallback if it is ready; say whether it has begun."""
        if not self.policy.has_fallback or now < self._no_fallback_until:
            return False
        self._send_due(now)
        if self.end is not None:
            return False
        reel = self._stand_ins.open_fallback(self.channel_id, self.track or first_track)
        if reel is None:
            return False
        self._life.step(AirStep.FALL_BACK, now)
        self._airtime.start(now)
        start = now if self.track is None else self._sent_until
        self._stand_in_by(Sound.FALLBACK, reel, start)
        self._show(reel.title)
        self._tell(AirChange.FALLBACK_BEGAN)
        return self._life.state is AirState.ON_FALLBACK

    def _follow_fallback(self, now: float) -> None:
        """While the fallback plays: go over to a file that has taken its place, show its title as it is."""
        reel = self._stand_in.reel
        if reel is None or self._stand_in.sound is not Sound.FALLBACK:
            return
        if reel.is_outdated:
            self._send_due(now)
            if self._stand_in.reel is not reel:
                return  # it could not be read, or somebody who was told has ended it
            newer = self._stand_ins.open_fallback(self.channel_id, self.track)
            if newer is not None:
                reel = newer
                self._stand_in_by(Sound.FALLBACK, reel, self._sent_until)
        if self._stand_in.reel is reel:
            self._show(reel.title)

    def _give_up_fallback(self, now: float) -> None:
        """Go on without the fallback."""
        self._close_stand_in()
        self._is_dead_air = False
        self._airtime.stop(now)
        self._life.give_up(now)
        self._show(self._source_title)

    def _stand_in_by(self, sound: Sound, reel: Reel, start: float) -> None:
        self._close_stand_in()
        self._heard = self._seam = None
        self._stand_in.begin(sound, reel, start)
        is_first = self.track is None
        if reel.track != self.track:
            self._set_track(reel.track)
        if not is_first:
            self._outlet.on_break()

    def _send_due(self, until: float) -> None:
        """Send what the stand-in has to send by then; one that cannot be read is given up."""
        sound = self._stand_in.sound
        if self._stand_in.send_due(until):
            return
        if sound is Sound.FALLBACK:
            self._no_fallback_until = until + FALLBACK_RETRY_S
            self._give_up_fallback(until)
        else:
            self._close_stand_in()

    def _bridge(self, sent_until: float, until: float) -> bool:
        """Fill the gap in front of a source with silence, up to `until`; say whether anything stood in."""
        if not self._stand_in.plays and self.track and until - sent_until >= MIN_BRIDGED_GAP_S:
            reel = self._stand_ins.open_silence(self.track)
            if reel is not None:
                self._stand_in_by(Sound.SILENCE, reel, sent_until)
        self._send_due(until)
        has_stood_in = self._stand_in.plays
        self._close_stand_in()
        return has_stood_in

    def _close_stand_in(self) -> None:
        if self._stand_in.plays:
            self._note_reach(self._stand_in.covered_until)
            self._stand_in.close()

    # -- track and title

    def _set_track(self, track: Track) -> None:
        self.track = track
        self.published_bytes = self.published_samples = self._reach.samples = 0
        self._outlet.on_track(track)

    def set_title(self, title: Title) -> None:
        """Announce what the source plays from the next frame on; the same again changes nothing."""
        self._require_open()
        self.pull()  # what has come by now belongs to the title before
        self._source_title = title
        if self.end is None and self.sound is not Sound.FALLBACK:
            self._show(title)

    def _show(self, title: Title) -> None:
        if title != self.title:
            self.title = title
            self._outlet.on_title(title)
            self._tell(AirChange.TITLE_SHOWN)

    # -- deliveries and listeners

    @property
    def deliveries(self) -> frozenset[str]:
        """The names of the deliveries that are attached."""
        return self._outlet.names

    def attach(self, delivery: str, subscriber: Subscriber) -> None:
        """Attach a delivery by its name; it is told the track and the title if there are any.

        Raises `MisuseError` after the end, and for a name that is attached already. What the subscriber
        raises comes back; it is then not attached.
        """
        self._require_open()
        self._outlet.add(delivery, subscriber)
        try:
            if self.track is not None:
                subscriber.on_track(self.track)
            if self.title != Title() and self.end is None:
                subscriber.on_title(self.title)
        except Exception:
            self._outlet.discard(delivery)
            raise

    def detach(self, delivery: str, end: End) -> None:
        """End one delivery and its listeners; the broadcast goes on. After its end nothing changes.

        Raises `MisuseError` for a name that is not attached.
        """
        self._outlet.remove(delivery, end)

    def listeners_of(self, delivery: str) -> ListenerCount:
        """Return where the listeners of a delivery are counted."""
        return self._outlet.count_of(delivery)

    @property
    def listeners(self) -> int:
        """How many listen, to all deliveries together."""
        return self._outlet.listeners

    @property
    def max_listeners(self) -> int:
        """How many may listen to each delivery; may change while on air."""
        return self._outlet.max_listeners

    @max_listeners.setter
    def max_listeners(self, most: int) -> None:
        self._outlet.max_listeners = most

    # -- changes and the end

    def on_changed(self, callback: ChangeCallback) -> None:
        """Have `callback(broadcast, change)` called with each change in its life."""
        self._on_changed.append(callback)

    def on_closed(self, callback: ClosedCallback) -> None:
        """Have `callback(broadcast, end)` called once, after source and listeners are closed."""
        self._require_open()
        self._on_closed.append(callback)

    def close(self, end: End) -> None:
        """End the broadcast: the source is closed, the listeners are told, then the rest.

        Every end comes here: a switch, a stop, the end of the grace time, the channel's removal, the
        server's stop. A second call changes nothing.
        """
        if self.end is not None:
            return
        self.end = end
        self._life.step(AirStep.END, self._told_now)
        former = self._part_from_source()
        if former is not None:
            self._outlet.close_one(former.source.close, end)
        self._close_stand_in()
        self._outlet.close(end)
        for callback in self._on_closed:
            self._outlet.close_one(partial(callback, self), end)
        self._life.step(AirStep.FINISH, self._told_now)

    def _tell(self, change: AirChange) -> None:
        for callback in self._on_changed:
            if self.end is not None:
                return  # the one before has ended it: no change follows the end
            try:
                callback(self, change)
            except Exception:
                logger.exception("channel=%s a change was not taken", self.channel_id)

    def _require_open(self) -> None:
        if self.end is not None:
            raise MisuseError(f"channel {self.channel_id} is off air: {self.end}")
