"""RTMP as a server that is published to: bytes in, events and bytes out. No I/O. RTMP 1.0.

    handshake
    SetChunkSize, connect         -> window, bandwidth, chunk size, _result
    releaseStream, FCPublish,     -> _result, onFCPublish,
    createStream                  -> _result with the message stream id
    publish                       -> PublishRequested; accept_publish or refuse_publish answers
    onMetaData, audio             -> Metadata, Track, Frame
    FCUnpublish, deleteStream     -> PublishEnded

Contract: `receive_data` consumes all of its input and returns what happened, in order, or raises
`PeerError`, after which only `fail` and `data_to_send` make sense. `data_to_send` returns each
byte once. `deadline` says when, in seconds of the caller's clock, `handle_deadline` is due.

A live encoder that sends media has `AUDIO_PROOF_S` to send audio that can be played. Without this rule
it would be on air with nothing to hear, and nobody would be told why.

Media that comes before the decision is dropped, but for the track and the metadata, which
encoders send once: `accept_publish` returns them.
"""

import math
from collections.abc import Callable
from typing import ClassVar, Final

from awazpulse.audio import Frame, Track
from awazpulse.errors import PeerError
from awazpulse.refusals import Refusal, ServiceUnavailable

from .commands import (
    Command,
    Connect,
    Publish,
    serialize_connect_error,
    serialize_on_fc_publish,
    serialize_result,
)
from .errors import (
    DeadlinePassed,
    TooManyMessageStreams,
    TooMuchBeforePublish,
    UnexpectedCommand,
    UnplayableAudio,
)
from .events import Event, PublishEnded, PublishRequested, Refused
from .flv_audio import AudioReceiver
from .limits import RtmpLimits
from .link import WINDOW_BYTES, Link
from .messages import (
    Message,
    MessageType,
    SetChunkSize,
    SetPeerBandwidth,
    UserControl,
    WindowAcknowledgementSize,
    parse_aggregate,
)
from .metadata import Metadata, clean_encoder, parse_metadata
from .names import UnknownApp, is_known_app, parse_stream_name
from .state import STATES, State, Step

CHUNK_SIZE = 65_536  # of what we send; FFmpeg then sends as large ones, which saves headers
MAX_BYTES_BEFORE_PUBLISH = 256 * 1024  # of a stranger; handshake and commands take 5 KiB
MAX_MESSAGE_STREAMS = 16  # encoders create one, and one more when they publish again
AUDIO_PROOF_S = (
    3  # encoders interleave audio and video within 1 s; an owner waits no longer for a word
)

_NO_AUDIO = "got video without audio; add audio (AAC) to what the encoder sends"

# Looked up once, because every frame needs them: finding a member of an enum takes CPython 3.11
# 0.18 us, and a frame's whole way takes 5 us (`benchmarks/rtmp_ingest.py`).
_HANDSHAKE: Final = State.HANDSHAKE
_DECIDING: Final = State.DECIDING
_LIVE: Final = State.LIVE
_LINGERING: Final = State.LINGERING

_BEFORE_PUBLISH: Final = (State.HANDSHAKE, State.CONNECTING, State.CONNECTED)
_PUBLISHING: Final = (State.DECIDING, State.LIVE)
_CONNECTED: Final = (State.CONNECTED, State.DECIDING, State.LIVE)

_MISSING = {
    State.HANDSHAKE: "handshake",
    State.CONNECTING: "connect",
    State.CONNECTED: "publish",
    State.LIVE: "audio",
    State.LINGERING: "close",
}


class ServerProtocol:
    """One connection's protocol; `now` is monotonic seconds."""

    def __init__(self, limits: RtmpLimits, now: float) -> None:
        self.state = State.HANDSHAKE
        self.deadline = now + limits.handshake_s
        self._wait_s = limits.handshake_s
        self._limits = limits
        self._now = now
        self._link = Link()
        self._out = self._link.outbox
        self._free_bytes = MAX_BYTES_BEFORE_PUBLISH  # of all that may come before publish
        self._audio = AudioReceiver()
        self._connect = Connect("", "", 0.0, is_enhanced=False)
        self._message_streams = 0
        self._publishing_id = 0  # the message stream that publish came on
        # Until when audio that can be played has to come. Infinite before any media has come, and
        # None once such audio has come.
        self._proof_due: float | None = None
        self._early_track: Track | None = None
        self._early_metadata: Metadata | None = None

    def receive_data(self, data: bytes, now: float) -> list[Event]:
        """Return what `data` makes happen; raises `PeerError` where the peer is at fault."""
        if self.state is _LINGERING:
            return []
        self._now = now
        messages = self._link.receive_data(data)
        if self.state is _HANDSHAKE and self._link.is_shaken:
            self._go(Step.SHAKE_HANDS, self._limits.publish_s)
        events: list[Event] = []
        for message in messages:
            self._HANDLERS[message.type_id](self, message, events)
        if self._proof_due is not None and self._link.take_video():
            self._demand_proof()
        if self.state in _BEFORE_PUBLISH and self._link.received_bytes > self._free_bytes:
            raise TooMuchBeforePublish(MAX_BYTES_BEFORE_PUBLISH)
        return events

    def data_to_send(self) -> bytes:
        """Return the bytes that are due to the peer."""
        return self._out.data_to_send() if self._out else b""

    def accept_publish(self, now: float) -> list[Event]:
        """Tell the encoder that it is on air; return the metadata and the track that came early."""
        self._now = now
        self._go(Step.ACCEPT, self._limits.silence_s)
        self._link.take_video()  # only media that comes from now on counts
        self._proof_due = math.inf if self._early_track is None else None
        stream_id = self._publishing_id.to_bytes(4, "big")
        self._out.send_control(UserControl(UserControl.STREAM_BEGIN, stream_id))
        self._send_status("status", "NetStream.Publish.Start", "On air.")
        early = (self._early_metadata, self._early_track)
        return [event for event in early if event is not None]

    def refuse_publish(self, description: str, now: float) -> None:
        """Tell the encoder why it does not go on air.

        BadName is what OBS understands as a wrong stream key; on Unauthorized it waits for 30 s.
        """
        self._now = now
        self._refuse(description)

    def cut_off(self, description: str, now: float) -> None:
        """Read nothing more, and tell the encoder why its publication was ended."""
        if self.state is not State.LINGERING:
            self._now = now
            self._go(Step.REFUSE, self._limits.linger_s)
            self._send_status("error", "NetStream.Failed", description)

    def fail(self, error: PeerError, now: float) -> bool:
        """Read nothing more, and tell the peer why. Return False if it is too early to tell it."""
        if self.state is State.LINGERING:
            return False
        self._now = now
        self._go(Step.REFUSE, self._limits.linger_s)
        if self._message_streams:
            self._send_status("error", "NetStream.Failed", str(error))
        return self._message_streams > 0

    def handle_deadline(self, now: float) -> list[Event]:
        """Act on a deadline, if it has passed. When our own decision is late, refuse the encoder.

        Raises `DeadlinePassed` or `UnplayableAudio` when it is the peer that let it pass.
        """
        if now < self.deadline:
            return []
        self._now = now
        if self.state is State.DECIDING:
            reason = str(ServiceUnavailable())
            self._refuse(reason)
            return [PublishEnded(reason)]
        if self._proof_due is not None and now >= self._proof_due:
            raise UnplayableAudio(self._audio.unplayable or _NO_AUDIO, AUDIO_PROOF_S)
        raise DeadlinePassed(_MISSING[self.state], self._wait_s)

    def _go(self, step: Step, wait_s: float) -> None:
        self.state = STATES.after(self.state, step)
        self._wait_s = wait_s
        self.deadline = self._now + wait_s
        self._proof_due = None

    def _refuse(self, description: str) -> None:
        self._go(Step.REFUSE, self._limits.linger_s)
        self._send_status("error", "NetStream.Publish.BadName", description)

    def _send_status(self, level: str, code: str, description: str) -> None:
        self._out.send_status(
            self._publishing_id or self._message_streams, level, code, description
        )

    def _receive_audio(self, message: Message, events: list[Event]) -> None:
        if self.state is _LIVE:
            received = self._audio.receive_message(message.payload, message.timestamp)
            if received:
                self.deadline = self._now + self._wait_s
                self._proof_due = None
                events += received
            elif self._audio.unplayable:
                self._demand_proof()
        elif self.state is _DECIDING:
            for event in self._audio.receive_message(message.payload, message.timestamp):
                if not isinstance(event, Frame):
                    self._early_track = event

    def _demand_proof(self) -> None:
        """Media has come that cannot be played. From the first time on, the time is limited."""
        if self._proof_due is None or self._proof_due == math.inf:
            self._proof_due = self._now + AUDIO_PROOF_S
        self.deadline = min(self.deadline, self._proof_due)

    def _receive_metadata(self, message: Message, events: list[Event]) -> None:
        if self.state not in _PUBLISHING:
            return
        metadata = parse_metadata(_strip_amf3(message))
        if metadata is None:
            return
        self._early_metadata = metadata
        if self.state is State.LIVE:
            events.append(metadata)

    def _receive_aggregate(self, message: Message, events: list[Event]) -> None:
        for part in parse_aggregate(message):
            if part.type_id == MessageType.AUDIO:
                self._receive_audio(part, events)
            elif part.type_id == MessageType.DATA_AMF0:
                self._receive_metadata(part, events)
            elif part.type_id == MessageType.VIDEO and self._proof_due is not None:
                self._demand_proof()

    def _receive_command(self, message: Message, events: list[Event]) -> None:
        if self.state is State.LINGERING:
            return
        command = Command.parse(_strip_amf3(message), message.stream_id)
        known = self._COMMANDS.get(command.name)
        if known is None:
            return  # an answer to one of ours, or a call to an application of a Flash server
        handler, states = known
        if self.state not in states:
            raise UnexpectedCommand(command.name, self.state.value)
        event = handler(self, command)
        if event is not None:
            events.append(event)

    def _receive_connect(self, command: Command) -> Event | None:
        self._connect = connect = Connect.parse(command)
        if not is_known_app(connect.app):
            return self._refuse_app(command)
        self._go(Step.CONNECT, self._limits.publish_s)
        self._out.send_control(WindowAcknowledgementSize(WINDOW_BYTES))
        self._out.send_control(SetPeerBandwidth(WINDOW_BYTES))
        self._out.send_control(SetChunkSize(CHUNK_SIZE))
        self._out.send_command(connect.serialize_success(command.transaction_id))
        return None

    def _refuse_app(self, command: Command) -> Event:
        reason = str(UnknownApp())
        code = "NetConnection.Connect.InvalidApp"
        self._go(Step.REFUSE, self._limits.linger_s)
        self._out.send_command(serialize_connect_error(command.transaction_id, code, reason))
        self._out.send_status(0, "error", code, reason)  # the one that OBS reacts to
        return Refused(reason)

    def _receive_release_stream(self, command: Command) -> None:
        self._out.send_command(serialize_result(command.transaction_id))

    def _receive_fc_publish(self, command: Command) -> None:
        code = "NetStream.Publish.Start"
        self._out.send_command(serialize_on_fc_publish("onFCPublish", code))
        self._out.send_command(serialize_result(command.transaction_id))

    def _receive_create_stream(self, command: Command) -> None:
        if self._message_streams >= MAX_MESSAGE_STREAMS:
            raise TooManyMessageStreams(MAX_MESSAGE_STREAMS)
        self._message_streams += 1
        new_id = float(self._message_streams)
        self._out.send_command(serialize_result(command.transaction_id, new_id))

    def _receive_publish(self, command: Command) -> Event | None:
        publish = Publish.parse(command)
        if publish.is_end:
            return self._end_publication()
        if self.state is not State.CONNECTED:
            raise UnexpectedCommand(command.name, self.state.value)
        is_created = 0 < command.stream_id <= self._message_streams
        self._publishing_id = command.stream_id if is_created else max(1, self._message_streams)
        try:
            target = parse_stream_name(self._connect.app, publish.name)
        except Refusal as refusal:
            self._refuse(str(refusal))
            return Refused(str(refusal))
        self._go(Step.REQUEST, self._limits.decision_s)
        self._audio = AudioReceiver()
        self._early_track = self._early_metadata = None
        encoder = clean_encoder(self._connect.flash_version)
        return PublishRequested(target.channel_id, target.secret, encoder)

    def _receive_fc_unpublish(self, _: Command) -> Event | None:
        code = "NetStream.Unpublish.Success"
        self._out.send_command(serialize_on_fc_publish("onFCUnpublish", code))
        return self._end_publication()

    def _receive_close_stream(self, _: Command) -> Event | None:
        return self._end_publication()

    def _receive_delete_stream(self, command: Command) -> Event | None:
        deleted_id = command.argument(0)
        if isinstance(deleted_id, float) and deleted_id != self._publishing_id:
            return None
        return self._end_publication()

    def _end_publication(self) -> Event | None:
        if self.state not in _PUBLISHING:
            return None
        self._go(Step.END, self._limits.publish_s)
        self._free_bytes = self._link.received_bytes + MAX_BYTES_BEFORE_PUBLISH
        self._send_status("status", "NetStream.Unpublish.Success", "Off air.")
        return PublishEnded("the encoder stopped")

    def _receive_play(self, _: Command) -> Event | None:
        reason = "this server plays by HLS and Icecast, not by RTMP"
        self._go(Step.REFUSE, self._limits.linger_s)
        self._send_status("error", "NetStream.Play.StreamNotFound", reason)
        return Refused(reason)

    _HANDLERS: ClassVar[dict[int, Callable[..., None]]] = {
        MessageType.AUDIO: _receive_audio,
        MessageType.AGGREGATE: _receive_aggregate,
        MessageType.DATA_AMF0: _receive_metadata,
        MessageType.DATA_AMF3: _receive_metadata,
        MessageType.COMMAND_AMF0: _receive_command,
        MessageType.COMMAND_AMF3: _receive_command,
    }
    # What each command does, and in which states it may come.
    _COMMANDS: ClassVar[dict[str, tuple[Callable[..., Event | None], tuple[State, ...]]]] = {
        "connect": (_receive_connect, (State.CONNECTING,)),
        "releaseStream": (_receive_release_stream, _CONNECTED),
        "FCPublish": (_receive_fc_publish, _CONNECTED),
        "createStream": (_receive_create_stream, _CONNECTED),
        "publish": (_receive_publish, _CONNECTED),
        "FCUnpublish": (_receive_fc_unpublish, _CONNECTED),
        "closeStream": (_receive_close_stream, _CONNECTED),
        "deleteStream": (_receive_delete_stream, _CONNECTED),
        "play": (_receive_play, (State.CONNECTED,)),
    }


def _strip_amf3(message: Message) -> bytes:
    """Return the AMF0 of a message; types 15 and 17 put a format selector of 0 in front."""
    payload = message.payload
    is_amf3 = message.type_id in (MessageType.DATA_AMF3, MessageType.COMMAND_AMF3)
    return payload[1:] if is_amf3 and payload[:1] == b"\x00" else payload
