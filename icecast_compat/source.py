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

from .body import MetadataStripper, open_body
from .errors import MalformedBody
from .login import Login
from .responses import CONTINUE, respond

logger = logging.getLogger(__name__)

_SPLITTERS = {Codec.MP3: mp3_splitter, Codec.AAC: adts_splitter}


class SourceConnection(asyncio.Protocol):
    """Takes over a socket once the source is accepted.

    `silence_timeout_s`: seconds without a frame after which the source counts as lost.
    """

    def __init__(self, login: Login, silence_timeout_s: float) -> None:
        self._body = open_body(login.content_length, is_chunked=login.is_chunked)
        self._stripper = MetadataStripper(login.metaint) if login.metaint else None
        self._splitter = _SPLITTERS[login.codec]()
        self._channel_id = login.channel_id
        self._owes_response = login.accepted == CONTINUE  # a 100 is no final one (RFC 9110 §15.2)
        self._silence_timeout_s = silence_timeout_s
        self._loop = asyncio.get_running_loop()
        self._broadcast: Broadcast | None = None
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._last_frame = self._loop.time()
        self.is_closed = False
        self._is_finished = False  # by the client's own word

    def begin(self, broadcast: Broadcast) -> None:
        """Publish into `broadcast` from now on."""
        self._broadcast = broadcast
        self._timer = self._loop.call_later(self._silence_timeout_s, self._check_silence)

    def close(self, reason: str) -> None:
        """Cut the source off; the broadcast's side of the end."""
        self.is_closed = True
        logger.debug("channel=%s source closed: %s", self._channel_id, reason)
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None and not self._is_finished:
            self._transport.abort()

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Own the transport, unless the broadcast ended while the socket changed hands."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance
        if self._is_finished:
            self._part()
        elif self.is_closed:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Publish what the bytes complete."""
        broadcast = self._broadcast
        if broadcast is None or broadcast.is_closed:
            return
        now = self._loop.time()
        try:
            audio = self._body.receive_data(data)
            if self._stripper is not None:
                audio = self._stripper.strip(audio)
            for event in self._splitter.receive_data(audio):
                self._last_frame = now
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
                self._finish(broadcast)

    def _finish(self, broadcast: Broadcast) -> None:
        """End with the body, and let the client read that it has arrived."""
        self._is_finished = True
        broadcast.close("the encoder ended its stream")
        self._part()

    def _part(self) -> None:
        if self._transport is not None:
            if self._owes_response:
                self._transport.write(respond(200, ""))
            self._transport.close()

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
        left = self._last_frame + self._silence_timeout_s - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._check_silence)
        else:
            self._end(f"the encoder sent no audio for {self._silence_timeout_s:g} s")
