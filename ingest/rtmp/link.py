"""The lower half of a connection: handshake, chunks, acknowledgements and pings. No I/O.

Contract: `receive_data` consumes all of its input and returns the whole messages in it, in order,
or raises `RtmpError`. What the protocol control messages ask for is done here and never returned.
"""

from .chunk_stream import ChunkReader
from .handshake import Handshake
from .messages import (
    Acknowledgement,
    Message,
    SetPeerBandwidth,
    UserControl,
    WindowAcknowledgementSize,
)
from .outbox import Outbox

WINDOW_BYTES = 2_500_000  # what we ask for, and what holds until the peer asks for another

# Plain numbers instead of members of the enum, because the type of each message is looked up here.
# The chunk layer obeys the other control messages itself.
_CONTROL_TYPES = frozenset(
    int(control.TYPE)
    for control in (Acknowledgement, UserControl, WindowAcknowledgementSize, SetPeerBandwidth)
)


class Link:
    """Turns one peer's bytes into messages."""

    def __init__(self) -> None:
        self.outbox = Outbox()
        self.received_bytes = 0
        self._handshake: Handshake | None = Handshake()
        self._chunks = ChunkReader()
        self._window_bytes = WINDOW_BYTES
        self._acknowledge_at = WINDOW_BYTES  # received bytes

    @property
    def is_shaken(self) -> bool:
        """Whether the handshake is complete."""
        return self._handshake is None

    def receive_data(self, data: bytes) -> list[Message] | tuple[()]:
        """Return the messages that `data` completes."""
        self.received_bytes += len(data)
        if self._handshake is not None:
            rest = self._shake_hands(self._handshake, data)
            if rest is None:
                return ()
            data = rest
        messages = self._chunks.receive_data(data)
        if self.received_bytes >= self._acknowledge_at:
            self.outbox.send_control(Acknowledgement(self.received_bytes))
            self._acknowledge_at = self.received_bytes + self._window_bytes
        if not messages:
            return ()
        return [m for m in messages if m.type_id not in _CONTROL_TYPES or self._obey(m)]

    def take_video(self) -> bool:
        """Return whether video has come since the last call."""
        has_video, self._chunks.has_video = self._chunks.has_video, False
        return has_video

    def _shake_hands(self, handshake: Handshake, data: bytes) -> bytes | None:
        rest = handshake.receive_data(data)
        self.outbox.send_bytes(handshake.data_to_send())
        if rest is not None:
            self._handshake = None
        return rest

    def _obey(self, message: Message) -> bool:
        """Do what a control message asks for.

        Acknowledgement and Set Peer Bandwidth are ignored. They concern how much we send, which is
        next to nothing.
        """
        if message.type_id == WindowAcknowledgementSize.TYPE:
            # A window of 0 bytes cannot be meant, so it counts as none.
            window_bytes = WindowAcknowledgementSize.parse(message.payload).value
            self._window_bytes = window_bytes or WINDOW_BYTES
            self._acknowledge_at = self.received_bytes + self._window_bytes
        elif message.type_id == UserControl.TYPE:
            control = UserControl.parse(message.payload)
            if control.event == UserControl.PING_REQUEST:
                self.outbox.send_control(UserControl(UserControl.PING_RESPONSE, control.data[:4]))
        return False
