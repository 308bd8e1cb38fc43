"""What is on air: broadcasts opened, their sources connected, watched and ended, and who is told.

Nothing here waits. The order of an end is the same whatever its cause: source closed and listeners told
(by `Broadcast.close`), then the registry and the row, then the event.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from awazpulse.audio import Track
from awazpulse.errors import MisuseError
from awazpulse.kinds import FormatChange, StreamStatus, StreamType
from awazpulse.refusals import EncodersFight
from awazpulse.relay import Broadcast, End, EndReason, Input, Source, Station
from awazpulse.relay.life import AirChange
from awazpulse.relay.registry import Registry

from .air_policy import find_deliveries, make_air_policy, make_dead_air_settings
from .events import ChannelChange, ChannelEvent, ChannelListener
from .levels import DeadAirSettings
from .login_rules import find_reason_to_end
from .records import ChannelRecord, PolicyRecord
from .row_writer import RowWriter
from .stand_ins import StandInShelf
from .title_charset import DEFAULT_CHARSET

logger = logging.getLogger(__name__)


_CHANGES = {
    AirChange.SOURCE_CAME: ChannelChange.SOURCE_CONNECTED,
    AirChange.SOURCE_LOST: ChannelChange.SOURCE_LOST,
    AirChange.SOURCE_HEARD: ChannelChange.SOURCE_HEARD,
    AirChange.SILENCE_BEGAN: ChannelChange.SILENCE_BEGAN,
    AirChange.FALLBACK_BEGAN: ChannelChange.FALLBACK_BEGAN,
    AirChange.TITLE_SHOWN: ChannelChange.TITLE,
}
_NOT_LOGGED = (AirChange.SOURCE_CAME, AirChange.TITLE_SHOWN)


@dataclass(slots=True)
class LiveFacts:
    """What is known of a channel on air besides its broadcast."""

    title_charset: str
    dead_air: DeadAirSettings
    secret_fingerprint: bytes = b""
    decision: int = 0  # the number of the last connect or switch of it


@dataclass(frozen=True, slots=True)
class AudioFacts:
    """What audio is sent to listeners."""

    codec: str
    sample_rate: int
    channels: int
    bitrate_kbps: int | None

    def describe(self) -> dict[str, object]:
        """Return it for JSON."""
        return {
            "codec": self.codec,
            "sampleRate": self.sample_rate,
            "channels": self.channels,
            "bitrateKbps": self.bitrate_kbps,
        }


class FallbackSettings(Protocol):
    """What a channel's row says of its fallback."""

    @property
    def id(self) -> str:
        """The channel's id."""

    @property
    def fallback_file(self) -> str | None:
        """A name in the channel's folder, an operator's path, or None."""

    @property
    def fallback_title(self) -> str | None:
        """What is shown while it plays."""


class Delivery(Protocol):
    """What takes a broadcast to listeners."""

    def attach(self, broadcast: Broadcast) -> None:
        """Deliver a broadcast from its next frame on, until it or this delivery of it ends."""


class LiveChannels:
    """The broadcasts on air and what is known of their channels."""

    def __init__(
        self, rows: RowWriter, clock: Callable[[], float], stand_ins: StandInShelf | None = None
    ) -> None:
        self.registry = Registry()
        self._rows = rows
        self._clock = clock
        self._stand_ins = stand_ins
        self._facts: dict[int, LiveFacts] = {}
        self._deliveries: dict[StreamType, Delivery] = {}
        self._on_changed: list[ChannelListener] = []
        # Connects and switches so far. It tells whether rows were read before one of them or after it.
        self.decisions = 0

    def add_delivery(self, stream_type: StreamType, delivery: Delivery) -> None:
        """Have each broadcast of this type attached to `delivery`, before its source may publish."""
        self._deliveries[stream_type] = delivery

    def on_changed(self, callback: ChannelListener) -> None:
        """Have `callback` called with each change, after it has happened."""
        self._on_changed.append(callback)

    # -- going on air

    def connect(
        self, record: ChannelRecord, source: Source, station: Station, secret_fingerprint: bytes
    ) -> Input:
        """Make a source that of its channel, which goes on air if it is not."""
        present = self.registry.get(record.channel.id)
        broadcast = present or self._open(record)
        self._facts[broadcast.id].secret_fingerprint = secret_fingerprint
        self._note_decision(broadcast)
        former = broadcast.input
        try:
            source_input = broadcast.connect(source, station, self._clock())
        except MisuseError:
            if present is None or not present.is_closed:
                raise
            # The former source was gone already, and with a grace time of 0 so is its broadcast.
            return self.connect(record, source, station, secret_fingerprint)
        logger.info(
            "channel=%s broadcast=%d source from %s (%s)%s",
            broadcast.channel_id,
            broadcast.id,
            station.address,
            station.user_agent,
            f" takes over from {former.station.address}" if former else "",
        )
        if former is not None:
            facts = {"address": station.address, "from": former.station.address}
            self.emit(
                ChannelEvent(
                    ChannelChange.TAKEN_OVER,
                    broadcast.channel_id,
                    broadcast.stream_type,
                    facts=facts,
                )
            )
        return source_input

    def open_on_fallback(self, record: ChannelRecord, track: Track) -> None:
        """Put a channel on air without a source, if its fallback is ready as this track."""
        broadcast = self._open(record)
        if not broadcast.begin_on_fallback(self._clock(), track):
            broadcast.close(End(EndReason.FAILED, why="its fallback is not ready"))

    def _open(self, record: ChannelRecord) -> Broadcast:
        channel_id = record.channel.id
        self.set_fallback(record.channel)
        broadcast = Broadcast(
            channel_id,
            record.selected_type.value,
            max_listeners=record.max_listeners,
            now=self._clock(),
            policy=make_air_policy(record.channel),
            stand_ins=self._stand_ins,
        )
        broadcast.ends_on_format_change = record.channel.format_change is FormatChange.END
        self.registry.add(broadcast)
        channel = record.channel
        self._facts[broadcast.id] = LiveFacts(
            channel.title_charset, make_dead_air_settings(channel)
        )
        broadcast.on_closed(self._closed)
        broadcast.on_changed(self._changed)
        try:
            self.match_deliveries(broadcast, record)
        except Exception:
            # On air without one of its deliveries it would look well and reach nobody.
            broadcast.close(End(EndReason.FAILED, why="a delivery could not be attached"))
            raise
        types = "+".join(sorted(broadcast.deliveries))
        logger.info("channel=%s broadcast=%d on air as %s", channel_id, broadcast.id, types)
        self.emit(ChannelEvent(ChannelChange.ON_AIR, channel_id, broadcast.stream_type))
        return broadcast

    def match_deliveries(self, broadcast: Broadcast, record: ChannelRecord) -> None:
        """Attach the deliveries that the channel is set to, with their rows."""
        wanted = find_deliveries(record.channel, record.selected_type)
        for stream_type in wanted:
            stream = record.stream(stream_type)
            if stream_type.value not in broadcast.deliveries and stream is not None:
                self._rows.go_live(stream, broadcast)
                self._deliveries[stream_type].attach(broadcast)
        self._drop_deliveries(broadcast, {stream_type.value for stream_type in wanted})
        self._rows.set_simulcast(broadcast, is_simulcast=record.channel.simulcast)

    # -- staying on air

    def title_charset(self, channel_id: str) -> str:
        """Return the charset of titles that are not UTF-8; the default when off air."""
        facts = self._find_facts(channel_id)
        return facts.title_charset if facts else DEFAULT_CHARSET

    def secret_fingerprint(self, channel_id: str) -> bytes:
        """Return the fingerprint of the secret that opened what is on air; empty for nothing."""
        facts = self._find_facts(channel_id)
        return facts.secret_fingerprint if facts else b""

    def dead_air_settings(self, broadcast: Broadcast) -> DeadAirSettings:
        """Return when this broadcast counts as dead air."""
        facts = self._facts.get(broadcast.id)
        return facts.dead_air if facts else DeadAirSettings()

    def report_dead_air(self, broadcast: Broadcast, has_begun: bool) -> None:  # noqa: FBT001  # a callback
        """Tell that dead air has begun, or that it is over."""
        change = ChannelChange.DEAD_AIR_BEGAN if has_begun else ChannelChange.DEAD_AIR_ENDED
        logger.info("channel=%s broadcast=%d %s", broadcast.channel_id, broadcast.id, change.value)
        self.emit(ChannelEvent(change, broadcast.channel_id, broadcast.stream_type))

    def apply(self, broadcast: Broadcast, record: PolicyRecord | None, decisions: int) -> bool:
        """Hold a broadcast to what its channel's rows say now, which may be to end it.

        `decisions`: how many there were when the reading of the rows began. Rows that are older than the
        broadcast's last connect or switch change nothing: they may tell of the type before.

        Return whether a delivery has to be attached, which takes the whole rows.
        """
        if broadcast.is_closed or self._facts[broadcast.id].decision > decisions:
            return False
        end = find_reason_to_end(record, broadcast)
        if end is not None or record is None or record.main is None:
            broadcast.close(end or End(EndReason.REMOVED))
            return False
        selected = record.selected_type
        broadcast.max_listeners = record.max_listeners
        broadcast.policy = make_air_policy(record.channel)
        if broadcast.stream_type != selected:
            self.select(broadcast, selected)
        broadcast.ends_on_format_change = record.channel.format_change is FormatChange.END
        facts = self._facts.get(broadcast.id)
        if facts is None:  # the switch has ended it, for its grace time is 0
            return False
        facts.title_charset = record.channel.title_charset
        facts.dead_air = make_dead_air_settings(record.channel)
        self.set_fallback(record.channel)
        if record.main.status is not StreamStatus.LIVE:
            self._rows.rewrite(broadcast)
        wanted = {kind.value for kind in find_deliveries(record.channel, selected)}
        self._drop_deliveries(broadcast, wanted)
        self._rows.set_simulcast(broadcast, is_simulcast=record.channel.simulcast)
        return not wanted <= broadcast.deliveries

    def set_fallback(self, channel: FallbackSettings) -> None:
        """Have the channel's fallback made ready, and replaced by another one."""
        if self._stand_ins is not None:
            self._stand_ins.set_fallback(channel.id, channel.fallback_file, channel.fallback_title)

    def select(self, broadcast: Broadcast, stream_type: StreamType) -> None:
        """Have a simulcast channel's source be of the other type; its listeners stay."""
        end = End(EndReason.SWITCHED, why=f"the channel is set to {stream_type.label}")
        broadcast.stream_type = stream_type.value
        facts = self._facts.get(broadcast.id)
        if facts is not None:
            self._note_decision(broadcast)
            facts.secret_fingerprint = b""  # the secret of the first type sets no titles any more
        broadcast.cut_off(end, self._clock())

    def _note_decision(self, broadcast: Broadcast) -> None:
        self.decisions += 1
        self._facts[broadcast.id].decision = self.decisions

    def _drop_deliveries(self, broadcast: Broadcast, wanted: set[str]) -> None:
        for name in broadcast.deliveries & {*self._deliveries} - wanted:
            broadcast.detach(name, End(EndReason.DELIVERY_OFF))
            self._rows.go_offline(broadcast, name)

    def report_fight(self, broadcast: Broadcast, refusal: EncodersFight, newcomer: str) -> None:
        """Tell that two encoders fight for a channel; once for each fight."""
        detail = f"{refusal} (the other one is at {newcomer})"
        logger.warning("channel=%s %s", broadcast.channel_id, detail)
        self.emit(
            ChannelEvent(
                ChannelChange.ENCODERS_FIGHT,
                broadcast.channel_id,
                broadcast.stream_type,
                detail=detail,
            )
        )

    def emit(self, event: ChannelEvent) -> None:
        """Tell everyone who asked; one who fails keeps nobody else from it."""
        for callback in self._on_changed:
            try:
                callback(event)
            except Exception:
                logger.exception("channel=%s an event was not taken", event.channel_id)

    def _find_facts(self, channel_id: str) -> LiveFacts | None:
        broadcast = self.registry.get(channel_id)
        return self._facts.get(broadcast.id) if broadcast else None

    def _changed(self, broadcast: Broadcast, change: AirChange) -> None:
        if change is not AirChange.TITLE_SHOWN:
            self._rows.note_change(broadcast)
        end = broadcast.last_loss if change is AirChange.SOURCE_LOST else None
        if change not in _NOT_LOGGED:
            logger.info(
                "channel=%s broadcast=%d %s%s",
                broadcast.channel_id,
                broadcast.id,
                change.value,
                f": {end}" if end else "",
            )
        self.emit(
            ChannelEvent(
                _CHANGES[change],
                broadcast.channel_id,
                broadcast.stream_type,
                end,
                facts=_find_facts_of(broadcast, change),
            )
        )

    def _closed(self, broadcast: Broadcast, end: End) -> None:
        self.registry.remove(broadcast)
        self._facts.pop(broadcast.id, None)
        if self._stand_ins is not None:
            self._stand_ins.forget(broadcast.channel_id)
        self._rows.go_offline(broadcast)
        logger.info(
            "channel=%s broadcast=%d off air after %.0f s: %s",
            broadcast.channel_id,
            broadcast.id,
            self._clock() - broadcast.started,
            end,
        )
        self.emit(
            ChannelEvent(ChannelChange.OFF_AIR, broadcast.channel_id, broadcast.stream_type, end)
        )


def _find_facts_of(broadcast: Broadcast, change: AirChange) -> dict[str, object]:
    """Return what there is to know of a change, besides why a source was lost."""
    match change:
        case AirChange.SOURCE_CAME:
            station = broadcast.station
            return {"address": station.address, "encoder": station.user_agent}
        case AirChange.SOURCE_HEARD:
            audio = find_audio(broadcast)
            return audio.describe() if audio else {}
        case AirChange.TITLE_SHOWN:
            title = broadcast.title
            return {
                "title": title.text,
                "artist": title.artist,
                "track": title.track,
                "url": title.url,
            }
    return {}


def find_audio(broadcast: Broadcast) -> AudioFacts | None:
    """Return what the audio of a broadcast is, None before there is any."""
    track = broadcast.track
    if track is None:
        return None
    return AudioFacts(track.codec.value, track.sample_rate, track.channels, broadcast.bitrate_kbps)
