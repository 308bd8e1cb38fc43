"""A source client on air: its body's bytes become frames of a broadcast.

The shell around `body` and the frame splitters: an asyncio protocol, which is also the broadcast's
`Source`. Silence is watched by one timer per source, which is moved on only when it fires.
"""

import asyncio
import logging
from typing import cast

from awazpulse.audio import AudioError, Codec, Track
from awazpulse.audio.aac import adts_splitter
from awazpulse.audio.mpeg_audio import mp3_splitter
from awazpulse.relay import Broadcast
from icecast_compat.body import open_body
from icecast_compat.errors import MalformedBody
from icecast_compat.login import Login

logger = logging.getLogger(__name__)

_SPLITTERS = {Codec.MP3: mp3_splitter, Codec.AAC: adts_splitter}


class SourceConnection(asyncio.Protocol):
    """Takes over a socket once the source is accepted.

    `silence_timeout_s`: seconds without a byte after which the source counts as lost.
    """

    def __init__(self, login: Login, silence_timeout_s: float) -> None:
        self._body = open_body(login.content_length, is_chunked=login.is_chunked)
        self._splitter = _SPLITTERS[login.codec]()
        self._channel_id = login.channel_id
        self._silence_timeout_s = silence_timeout_s
        self._loop = asyncio.get_running_loop()
        self._broadcast: Broadcast | None = None
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._last_data = self._loop.time()
        self.is_closed = False

    def begin(self, broadcast: Broadcast) -> None:
        """Publish into `broadcast` from now on."""
        self._broadcast = broadcast
        self._timer = self._loop.call_later(self._silence_timeout_s, self._check_silence)

    def close(self, reason: str) -> None:
        """Cut the source off; the broadcast's side of the end."""
        self.is_closed = True
        logger.info("channel=%s source closed: %s", self._channel_id, reason)
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.abort()

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Own the transport, unless the broadcast ended while the socket changed hands."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance
        if self.is_closed:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Publish what the bytes complete."""
        broadcast = self._broadcast
        if broadcast is None or broadcast.is_closed:
            return
        self._last_data = now = self._loop.time()
        try:
            for event in self._splitter.receive_data(self._body.receive_data(data)):
                if isinstance(event, Track):
                    broadcast.set_track(event)
                else:
                    broadcast.publish(event, now)
        except (AudioError, MalformedBody) as error:
            broadcast.close(str(error))
        except Exception:
            logger.exception("channel=%s source failed", self._channel_id)
            broadcast.close("internal error")
        else:
            if self._body.at_end:
                broadcast.close("the encoder ended its stream")

    def eof_received(self) -> None:
        """End with the encoder; the transport closes itself."""
        self._end("the encoder disconnected")

    def connection_lost(self, error: Exception | None) -> None:
        """End with the connection."""
        self._end(f"the encoder's connection was lost: {error}" if error else "disconnected")

    def _end(self, reason: str) -> None:
        if self._broadcast is not None:
            self._broadcast.close(reason)

    def _check_silence(self) -> None:
        left = self._last_data + self._silence_timeout_s - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._check_silence)
        else:
            self._end(f"the encoder sent nothing for {self._silence_timeout_s:g} s")
