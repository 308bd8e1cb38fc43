"""What is on air: broadcasts opened, watched and ended, and who is told. No I/O, no awaiting.

The order of an end is the same whatever its cause: source closed and listeners told (by
`Broadcast.close`), then the registry and the row, then the event.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from awazpulse.kinds import StreamStatus
from awazpulse.relay import Broadcast, Source, Station
from awazpulse.relay.registry import Registry
from awazpulse.store import Stream

from .admission import find_reason_to_close
from .events import ChannelChange, ChannelEvent, ChannelListener
from .records import ChannelRecord, PolicyRecord
from .row_writer import RowWriter

logger = logging.getLogger(__name__)

DEFAULT_TITLE_CHARSET = "latin-1"


@dataclass(slots=True)
class _LiveFacts:
    title_charset: str
    secret_fingerprint: bytes


class LiveChannels:
    """The broadcasts on air and what is known of their channels."""

    def __init__(self, rows: RowWriter, clock: Callable[[], float]) -> None:
        self.registry = Registry()
        self._rows = rows
        self._clock = clock
        self._facts: dict[int, _LiveFacts] = {}
        self._on_opened: list[Callable[[Broadcast], None]] = []
        self._on_changed: list[ChannelListener] = []

    def on_opened(self, callback: Callable[[Broadcast], None]) -> None:
        """Have `callback` called with each new broadcast, before its source may publish."""
        self._on_opened.append(callback)

    def on_changed(self, callback: ChannelListener) -> None:
        """Have `callback` called with each change, after it has happened."""
        self._on_changed.append(callback)

    def open(
        self,
        record: ChannelRecord,
        stream: Stream,
        source: Source,
        station: Station,
        secret_fingerprint: bytes,
    ) -> Broadcast:
        """Put a source on air; what was on air of its channel must be closed."""
        channel_id, now = record.channel.id, self._clock()
        broadcast = Broadcast(
            channel_id,
            record.selected_type.value,
            source,
            station=station,
            max_listeners=record.max_listeners,
            now=now,
        )
        self.registry.add(broadcast)
        self._facts[broadcast.id] = _LiveFacts(record.channel.title_charset, secret_fingerprint)
        self._rows.go_live(stream, broadcast)
        broadcast.on_closed(self._closed)
        self._attach_deliveries(broadcast)
        logger.info(
            "channel=%s broadcast=%d on air as %s from %s (%s)",
            channel_id,
            broadcast.id,
            broadcast.stream_type,
            station.address,
            station.user_agent,
        )
        self.emit(ChannelEvent(ChannelChange.ON_AIR, channel_id, broadcast.stream_type))
        return broadcast

    def title_charset(self, channel_id: str) -> str:
        """Return the charset of titles that are not UTF-8; the default when off air."""
        facts = self._find_facts(channel_id)
        return facts.title_charset if facts else DEFAULT_TITLE_CHARSET

    def secret_fingerprint(self, channel_id: str) -> bytes:
        """Return the fingerprint of the secret that opened what is on air; empty for nothing."""
        facts = self._find_facts(channel_id)
        return facts.secret_fingerprint if facts else b""

    def apply(self, broadcast: Broadcast, record: PolicyRecord | None) -> None:
        """Hold a broadcast to what its channel's rows say now, which may be to end it."""
        if broadcast.is_closed:
            return
        reason = find_reason_to_close(record, broadcast)
        if reason or record is None or record.main is None:
            broadcast.close(reason or "the stream was removed")
            return
        broadcast.max_listeners = record.max_listeners
        self._facts[broadcast.id].title_charset = record.channel.title_charset
        if record.main.status is not StreamStatus.LIVE:
            self._rows.rewrite(broadcast)

    def emit(self, event: ChannelEvent) -> None:
        """Tell everyone who asked; one who fails keeps nobody else from it."""
        for callback in self._on_changed:
            try:
                callback(event)
            except Exception:
                logger.exception("channel=%s an event was not taken", event.channel_id)

    def _attach_deliveries(self, broadcast: Broadcast) -> None:
        try:
            for callback in self._on_opened:
                callback(broadcast)
        except Exception:
            # On air without one of its deliveries it would look well and reach nobody.
            broadcast.close("a delivery could not be attached")
            raise

    def _find_facts(self, channel_id: str) -> _LiveFacts | None:
        broadcast = self.registry.get(channel_id)
        return self._facts.get(broadcast.id) if broadcast else None

    def _closed(self, broadcast: Broadcast, reason: str) -> None:
        self.registry.remove(broadcast)
        self._facts.pop(broadcast.id, None)
        self._rows.go_offline(broadcast)
        logger.info(
            "channel=%s broadcast=%d off air after %.0f s: %s",
            broadcast.channel_id,
            broadcast.id,
            self._clock() - broadcast.started,
            reason,
        )
        self.emit(
            ChannelEvent(ChannelChange.OFF_AIR, broadcast.channel_id, broadcast.stream_type, reason)
        )
