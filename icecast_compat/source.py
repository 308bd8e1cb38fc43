"""A source client on air: its body's bytes become frames of a broadcast.

The shell around `body` and the frame splitter, and the broadcast's `Source`. Its socket stays raw and
is read when somebody needs the audio (`pull`: listeners whose turn has come, a joiner, a title), not
each time that the encoder has sent a frame: 200 mounts would cost five times what 4,000 listeners do
(`make bench`). Until `UNREAD_BYTES` have come the event loop does not hear of them; of the encoder's end
it hears at once. A body that tells its own end is read as it comes, for its client waits to hear that the end
has arrived. Silence is watched by one timer per source, which reads what has come, too.
"""

import asyncio
import logging
import socket
import time
from itertools import chain

from awazpulse.audio import AudioError, FrameRun
from awazpulse.audio.detect import audio_splitter
from awazpulse.audio.splitter import SplitEvents
from awazpulse.relay import End, EndReason, Input

from .body import MetadataStripper, open_body
from .errors import MalformedBody
from .login import Login
from .peek import FarEnd, count_unread, look_at_far_end
from .responses import CONTINUE, respond

logger = logging.getLogger(__name__)

UNREAD_BYTES = 32_768  # 2 s at 128 kbit/s: what waits in the kernel of a mount without listeners
# How long audio may lie unread that nobody needs; it counts from when it is read. More than the listeners'
# longest interval, so where there are some the source is not read for this alone (but for a timeout under 4 s).
MAX_CHECK_INTERVAL_S = 2.0
_TIMER_S = 0.002  # the loop's timers count milliseconds, and may run that much too early
_RECEIVE_BYTES = 65_536
_RECEIVES_AT_ONCE = 4  # of a source that sends faster than real time; the loop calls again
_TURN_S = (
    0.010  # after which nothing more is read at once: thousands of tiny frames take long to split
)


class SourceConnection:
    """A source client, from its login on; `begin` takes its socket over once it is accepted.

    `client` is its non-blocking socket, which is the caller's until then. `rest` is what was read behind
    the head. `silence_timeout_s`: seconds without a frame after which the source counts as lost.
    """

    def __init__(
        self, login: Login, client: socket.socket, rest: bytes, silence_timeout_s: float
    ) -> None:
        self._body = open_body(login.content_length, is_chunked=login.is_chunked)
        self._stripper = MetadataStripper(login.metaint) if login.metaint else None
        self._splitter = audio_splitter()  # what the audio is decides, not its label
        self._channel_id = login.channel_id
        self._tells_its_end = login.is_chunked or login.content_length is not None
        self._owes_response = login.accepted == CONTINUE  # a 100 is no final one (RFC 9110 §15.2)
        self._silence_timeout_s = silence_timeout_s
        # What waits unread counts from when it is read: looking often bounds how late that may be.
        self._check_interval_s = min(silence_timeout_s / 4, MAX_CHECK_INTERVAL_S)
        self._loop = asyncio.get_running_loop()
        self._client = client
        self._rest = rest
        self._content_length = login.content_length
        self._input: Input | None = None
        self._socket: socket.socket | None = None  # ours, while on air
        self._timer: asyncio.TimerHandle | None = None
        self._last_frame = self._loop.time()
        self.is_closed = False
        self._is_finished = False  # by the client's own word

    @property
    def is_gone(self) -> bool:
        """Whether the client has left while its login was checked. Nothing of what it has sent is read.

        A client counts as gone when its connection was reset or when it has closed its side, even if
        audio lies unread before that. There is one exception: a client that announced a Content-Length
        and has sent all of it may close its side and wait for the answer. A chunked body makes no such
        exception, because its end cannot be seen without reading it.
        """
        match look_at_far_end(self._client):
            case FarEnd.OPEN:
                return False
            case FarEnd.ENDED:
                return not self._has_whole_body()
            case FarEnd.BROKEN:
                return True

    def _has_whole_body(self) -> bool:
        if self._content_length is None:
            return False
        return len(self._rest) + count_unread(self._client) >= self._content_length

    def begin(self, source_input: Input) -> None:
        """Publish what the client sends; the socket is ours from here.

        Raises OSError, with the socket still the caller's.
        """
        client = self._client
        if not self._tells_its_end:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, UNREAD_BYTES)
        self._loop.add_reader(client, self._on_readable)
        self._socket = client
        self._input = source_input
        self._timer = self._loop.call_later(self._check_interval_s, self._check_silence)
        rest, self._rest = self._rest, b""
        if rest:
            self._take(rest)

    def close(self, end: End) -> None:
        """Cut the source off; the broadcast's side of the end. A second call changes nothing."""
        if self.is_closed:
            return
        self.is_closed = True
        self._input = None
        logger.debug("channel=%s source closed: %s", self._channel_id, end)
        if self._timer is not None:
            self._timer.cancel()
        client, self._socket = self._socket, None
        if client is not None:
            self._loop.remove_reader(client)
            if self._is_finished:
                self._part(client)
            client.close()

    def pull(self) -> None:
        """Publish what has come by now."""
        self._read(until_empty=False)

    def _on_readable(self) -> None:
        # uvloop tells of an error once, and what came before it is read first: so to the very end.
        self._read(until_empty=True)

    def _read(self, *, until_empty: bool) -> None:
        deadline = time.monotonic() + _TURN_S
        for _ in range(_RECEIVES_AT_ONCE):
            if self._socket is None:
                return
            try:
                data = self._socket.recv(_RECEIVE_BYTES)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                self._end(End(EndReason.CONNECTION_LOST, why=str(error)))
                return
            if not data:
                self._end(End(EndReason.DISCONNECTED))
                return
            self._take(data)
            if len(data) < _RECEIVE_BYTES and not until_empty:
                return  # one call less; an end that follows is heard of by the loop
            if time.monotonic() > deadline:
                return

    def _take(self, data: bytes) -> None:
        """Publish what the bytes complete."""
        try:
            audio = self._body.receive_data(data)
            if self._stripper is not None:
                audio = self._stripper.strip(audio)
            self._publish(self._splitter.receive_data(audio))
        except AudioError as error:
            self._end(End(EndReason.BAD_AUDIO, why=str(error)))
        except MalformedBody as error:
            self._end(End(EndReason.BROKE_PROTOCOL, why=str(error)))
        except Exception:
            logger.exception("channel=%s source failed", self._channel_id)
            self._end(End(EndReason.FAILED))
        else:
            if self._body.at_end:
                self._is_finished = True
                self._end(End(EndReason.FINISHED))

    def _publish(self, events: SplitEvents) -> None:
        """Hand the frames on in as few calls as their tracks allow."""
        runs: list[FrameRun] = []
        for event in events:
            if isinstance(event, FrameRun):
                runs.append(event)
                continue
            self._hand_on(runs)
            if self._input is None:
                return  # somebody has cut it off meanwhile
            self._input.set_track(event)
        self._hand_on(runs)

    def _hand_on(self, runs: list[FrameRun]) -> None:
        """Publish frames of one track, and forget them. Runs that junk has parted are made one."""
        if runs and self._input is not None:
            self._last_frame = self._loop.time()
            frames = runs[0] if len(runs) == 1 else list(chain.from_iterable(runs))
            self._input.publish(frames, self._last_frame)
        runs.clear()

    def _part(self, client: socket.socket) -> None:
        """Let the client read that its body has arrived."""
        try:
            if self._owes_response:
                client.send(respond(200, ""))
            client.shutdown(socket.SHUT_WR)
        except OSError as error:
            logger.debug("channel=%s has left before its answer: %s", self._channel_id, error)

    def _end(self, end: End) -> None:
        """End from the encoder's side."""
        source_input = self._input
        if source_input is not None:
            self.close(end)
            source_input.end(end, self._loop.time())

    def _check_silence(self) -> None:
        """Read what has come, unless somebody else has done so lately; end the source if nothing comes."""
        now = self._loop.time()
        if now - self._last_frame >= self._check_interval_s - _TIMER_S:
            self.pull()
            if self.is_closed:
                return
        silent_until = self._last_frame + self._silence_timeout_s
        if silent_until <= now:
            self._end(End(EndReason.SILENT, why=f"no audio for {self._silence_timeout_s:g} s"))
            return
        due = self._last_frame + self._check_interval_s
        if due <= now:
            due = now + self._check_interval_s
        # A timer of less than a millisecond would run again and again until that is over.
        due = max(min(due, silent_until), now + _TIMER_S)
        self._timer = self._loop.call_at(due, self._check_silence)
