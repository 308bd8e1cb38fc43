"""The asyncio shell of one RTMP connection: a socket on one side, a broadcast on the other.

Frames go from the read callback to the broadcast in plain calls. The shell itself decides how a
connection ends:

    the peer leaves or goes silent     the channel loses its source, then the socket is aborted
    the peer errs, or is refused       it is told why, and has `linger_s` to close
    the channel ends the publication   it is told why, and the socket is closed
    the peer does not read             the socket is aborted at `write_buffer_bytes`

Refusals and faults of an encoder on air are logged at INFO. The rest is logged at DEBUG, because
strangers come and go, and `awazpulse.channels` logs who is on air. A channel's id is logged only after
the gate has found the channel, because what an encoder sends in its place may be a secret.
"""

import asyncio
import itertools
import logging
from typing import Final, Protocol, cast

from awazpulse.addresses import normalize_address
from awazpulse.audio import AudioError, Frame, Track
from awazpulse.errors import PeerError
from awazpulse.refusals import Refusal, ServiceUnavailable, UnknownChannel
from awazpulse.relay import End, EndReason, Gate, Station

from .connection_counts import ConnectionCounts
from .errors import DeadlinePassed
from .events import Event, PublishEnded, PublishRequested, Refused
from .limits import RtmpLimits
from .metadata import Metadata
from .protocol import ServerProtocol
from .publication import Publication
from .state import State

logger = logging.getLogger(__name__)

READ_BUFFER_BYTES = 64 * 1024  # bounds how long one connection's turn of the loop can take
VIDEO_READ_BYTES = 2048  # audio alone comes in smaller reads, and is never made to wait

_UNKNOWN_CHANNEL = "UnknownChannel (what was typed is not logged: it may be a key)"

_ids = itertools.count(1)


class Server(Protocol):
    """What a connection needs of its server."""

    @property
    def gate(self) -> Gate:
        """Who decides."""

    @property
    def limits(self) -> RtmpLimits:
        """What a peer may do."""

    @property
    def connection_counts(self) -> ConnectionCounts:
        """How many are connected."""

    @property
    def read_buffer(self) -> memoryview:
        """Shared: it is filled and parsed within one turn of the loop."""

    def connection_opened(self, connection: "RtmpConnection") -> None:
        """Keep it until it is lost."""

    def connection_lost(self, connection: "RtmpConnection") -> None:
        """Forget it."""

    def keep_task(self, task: asyncio.Task[None]) -> None:
        """Hold a task until it is done."""

    def resume_later(self, connection: "RtmpConnection") -> None:
        """Call its `resume` within `REST_S`, together with those of others."""


class RtmpConnection(asyncio.BufferedProtocol):
    """One peer. All methods run on the event loop's thread."""

    def __init__(self, server: Server, loop: asyncio.AbstractEventLoop) -> None:
        self.id: Final = next(_ids)
        self._server = server
        self._loop = loop
        self._buffer = server.read_buffer
        self._protocol = ServerProtocol(server.limits, loop.time())
        self._transport: asyncio.Transport | None = None
        self._publication: Publication | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._address = ""
        self._live_since: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, if there is a place for one more connection."""
        transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self._address = normalize_address(peer[0]) if peer else ""
        if not self._server.connection_counts.try_enter(self._address):
            transport.abort()
            self._report_turned_away()
            return
        self._transport = transport
        transport.set_write_buffer_limits(high=self._server.limits.write_buffer_bytes)
        self._server.connection_opened(self)
        logger.debug("rtmp=%d opened from %s", self.id, self._address)
        self._arm_timer()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 (asyncio names it)
        """Return where to read to."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Handle what was read. Every frame comes this way."""
        if self._transport is None:
            return
        now = self._loop.time()
        try:
            events = self._protocol.receive_data(bytes(self._buffer[:nbytes]), now)
            if events:
                self._handle_events(events, now)
            self._flush()
            if VIDEO_READ_BYTES <= nbytes < READ_BUFFER_BYTES and self._live_since is not None:
                self._rest()
        except PeerError as error:
            self._fail(error)
        except Exception:
            logger.exception("rtmp=%d channel=%s failed", self.id, self._channel_id)
            self._abort(End(EndReason.FAILED))

    def _rest(self) -> None:
        """Let video gather, so that one read takes what would have been two or three.

        Waking up and reading is most of what an encoder costs; see `benchmarks/rtmp_ingest.py`.
        """
        if self._transport is not None:
            self._transport.pause_reading()
            self._server.resume_later(self)

    def resume(self) -> None:
        """Read on after a rest."""
        if self._transport is not None:
            self._transport.resume_reading()

    def eof_received(self) -> None:
        """Close at once: a peer that sends nothing any more is of no use, even if it still reads."""
        self._abort(End(EndReason.DISCONNECTED))

    def pause_writing(self) -> None:
        """Give up on a peer that does not read its answers."""
        self._abort(End(EndReason.BROKE_PROTOCOL, why="it does not read what it is sent"))

    def connection_lost(self, exc: Exception | None) -> None:
        """End what is still on air."""
        if exc is None:
            self._abort(End(EndReason.DISCONNECTED))
        else:
            self._abort(End(EndReason.CONNECTION_LOST, why=str(exc)))

    def close(self, end: End) -> None:
        """End the publication, and the connection at once."""
        self._abort(end)

    @property
    def _channel_id(self) -> str:
        """For the log: the channel as far as the gate has shown that it is one."""
        publication = self._publication
        return "-" if publication is None or not publication.is_known else publication.channel_id

    def _handle_events(self, events: list[Event], now: float) -> None:
        for event in events:
            if isinstance(event, Frame):
                publication = self._publication
                if publication is not None and publication.input is not None:
                    publication.input.publish((event,), now)
            else:
                self._handle(event)

    def _handle(self, event: Event) -> None:
        publication = self._publication
        match event:
            case PublishRequested():
                self._request(event)
            case PublishEnded():
                self._end_publication(End(EndReason.FINISHED))
            case Refused(reason):
                logger.info("rtmp=%d channel=- refused: %s", self.id, reason)
            case Metadata() if publication is not None:
                publication.set_metadata(event)
            case Track() if publication is not None and publication.input is not None:
                publication.input.set_track(event)

    def _request(self, event: PublishRequested) -> None:
        station = Station(address=self._address, user_agent=event.encoder)
        publication = Publication(event.channel_id, station, self._cut_off)
        self._publication = publication
        decision = self._decide(publication, event.secret)
        self._server.keep_task(self._loop.create_task(decision))

    async def _decide(self, publication: Publication, secret: str) -> None:
        if publication.is_gone:
            return  # the encoder asked and left within one read
        try:
            source_input = await self._server.gate.connect(
                publication.channel_id, secret, publication, publication.station
            )
        except UnknownChannel as refusal:
            self._refuse(publication, str(refusal), _UNKNOWN_CHANNEL)
        except ServiceUnavailable as refusal:
            self._refuse(publication, str(refusal))
        except Refusal as refusal:
            publication.is_known = True
            self._refuse(publication, str(refusal))
        except Exception:
            logger.exception("rtmp=%d channel=- cannot be decided", self.id)
            self._refuse(publication, str(ServiceUnavailable()))
        else:
            publication.is_known = True
            if publication.open(source_input, self._loop.time(), End(EndReason.DISCONNECTED)):
                self._go_live(publication)

    def _refuse(self, publication: Publication, reason: str, logged: str = "") -> None:
        """Tell the encoder `reason`; log `logged` instead, where that must not be logged."""
        if publication.is_gone:
            return
        logger.info("rtmp=%d channel=%s refused: %s", self.id, self._channel_id, logged or reason)
        publication.end(End(EndReason.FAILED, why=reason), self._loop.time())
        self._protocol.refuse_publish(reason, self._loop.time())
        self._flush()

    def _go_live(self, publication: Publication) -> None:
        now = self._loop.time()
        self._live_since = now
        self._server.connection_counts.count_live(self._address)
        logger.debug("rtmp=%d channel=%s on air", self.id, publication.channel_id)
        early = self._protocol.accept_publish(now)
        self._flush()
        self._handle_events(early, now)

    def _flush(self) -> None:
        data = self._protocol.data_to_send()
        if data and self._transport is not None:
            self._transport.write(data)
        if self._protocol.deadline < self._timer_at:
            self._arm_timer()

    def _end_publication(self, end: End) -> None:
        publication = self._publication
        if publication is None:
            return
        publication.end(end, self._loop.time())
        self._log_off_air(end)
        self._publication = None

    def _log_off_air(self, end: End) -> None:
        if self._live_since is None:
            return
        live_s = self._loop.time() - self._live_since
        self._live_since = None
        self._server.connection_counts.count_pending(self._address)
        logger.debug(
            "rtmp=%d channel=%s off air after %.1f s: %s",
            self.id,
            self._channel_id,
            live_s,
            end,
        )

    def _cut_off(self, end: End) -> None:
        """Close because the channel has ended the publication; it is not to be called back.

        The encoder is told why. While live OBS reads nothing: closing is what it understands.
        """
        self._log_off_air(end)
        self._publication = None
        transport = self._transport
        if transport is not None:
            self._protocol.cut_off(str(end), self._loop.time())
            self._flush()
            transport.close()
            self._leave(end)

    def _fail(self, error: PeerError) -> None:
        """Close because the peer is at fault. It is told why, if it has come far enough to hear."""
        if self._protocol.state is not State.LINGERING:
            level = logging.DEBUG if self._live_since is None else logging.INFO
            logger.log(level, "rtmp=%d channel=%s closing: %s", self.id, self._channel_id, error)
        end = describe_error(error)
        self._end_publication(end)
        is_told = self._protocol.fail(error, self._loop.time())
        if is_told and not isinstance(error, DeadlinePassed):
            self._flush()
        else:
            self._abort(end)

    def _abort(self, end: End) -> None:
        """End the publication, then the connection, at once; a second call changes nothing."""
        transport = self._transport
        if transport is None:
            return
        self._end_publication(end)
        transport.abort()
        self._leave(end)

    def _leave(self, end: End) -> None:
        """Forget the transport, which is closed."""
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
        self._server.connection_counts.leave(self._address)
        self._server.connection_lost(self)
        logger.debug("rtmp=%d closed: %s", self.id, end)

    def _arm_timer(self) -> None:
        """Set the timer to the deadline.

        A deadline that moves away leaves the timer as it is: moving it for each frame would cost more
        than being woken too early and setting it again.
        """
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._timer_at = self._protocol.deadline
            self._timer = self._loop.call_at(self._timer_at, self._on_timer)

    def _on_timer(self) -> None:
        now = self._loop.time()
        try:
            self._handle_events(self._protocol.handle_deadline(now), now)
        except PeerError as error:
            self._fail(error)
        except Exception:
            logger.exception("rtmp=%d channel=%s failed", self.id, self._channel_id)
            self._abort(End(EndReason.FAILED))
        self._flush()
        self._arm_timer()

    def _report_turned_away(self) -> None:
        count = self._server.connection_counts.take_report(self._loop.time())
        if count:
            logger.warning("%d RTMP connections turned away, last from %s", count, self._address)


def describe_error(error: PeerError) -> End:
    """Return the end that a fault of the peer is."""
    if isinstance(error, AudioError):
        return End(EndReason.BAD_AUDIO, why=str(error))
    if isinstance(error, DeadlinePassed):
        return End(EndReason.SILENT, why=str(error))
    return End(EndReason.BROKE_PROTOCOL, why=str(error))
