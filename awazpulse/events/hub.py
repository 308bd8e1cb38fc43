"""Hands each event to all who have subscribed to its channel. No I/O.

One turn of the event loop serves a few subscribers only, so that thousands of them do not hold up the audio.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import islice

from awazpulse.channels.events import ChannelChange, ChannelEvent
from awazpulse.turns import Job

from .messages import MEASUREMENTS, Message, make_message

MAX_DIGITS = 18  # of an event's number
MAX_KEPT = 500  # for those who come back
SLICE = 32  # subscribers served by one job
MAX_PENDING = 10_000  # messages that wait for their turn; beyond it the oldest is lost

Deliver = Callable[[Message], None]


class Subscription:
    """One reader. `deliver` is called with each message, `on_end` once, when no more will come."""

    def __init__(
        self,
        hub: "EventHub",
        channels: frozenset[str] | None,
        deliver: Deliver,
        on_end: Callable[[], None],
        *,
        is_public: bool,
        with_levels: bool,
    ) -> None:
        self.channels = channels
        self.is_public = is_public
        self.with_levels = with_levels
        self.is_over = False
        self.begun_at = 0  # the serial of the last message before it
        self._hub = hub
        self._deliver = deliver
        self._on_end = on_end

    def wants(self, message: Message) -> bool:
        """Whether a message is for this reader."""
        if self.channels is not None and message.channel_id not in self.channels:
            return False
        if message.kind is ChannelChange.LEVELS:
            return self.with_levels and not self.is_public
        return not self.is_public or message.public is not None

    def put(self, message: Message) -> None:
        """Deliver a message, if it is for this reader. For the hub."""
        if not self.is_over and message.serial > self.begun_at and self.wants(message):
            self._deliver(message)

    def end(self) -> None:
        """Deliver nothing more."""
        if not self.is_over:
            self.is_over = True
            self._hub.forget(self)
            self._on_end()


class EventHub:
    """See the module's head. `add_job` has a job run in a later turn of the loop.

    `shows_listeners(channel_id)` says whether everybody may know how many listen. `on_message` is called
    with each event at once, for one who must lose none.
    """

    def __init__(
        self,
        add_job: Callable[[Job], None],
        shows_listeners: Callable[[str], bool] = lambda _channel_id: False,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._add_job = add_job
        self._shows_listeners = shows_listeners
        self._wall_clock = wall_clock
        self._run = f"{int(wall_clock() * 1000):x}"  # other runs of the server have other numbers
        self._count = 0
        self._serial = 0
        self._kept: deque[Message] = deque(maxlen=MAX_KEPT)
        self._readers: dict[Subscription, None] = {}
        self._of_all: dict[Subscription, None] = {}
        self._of_channel: dict[str, dict[Subscription, None]] = {}
        self._pending: deque[Message] = deque(maxlen=MAX_PENDING)
        self.on_message: Callable[[Message], None] = lambda _message: None
        self._is_serving = False
        self._is_closed = False

    @property
    def last_id(self) -> str:
        """The number of the newest event."""
        return f"{self._run}-{self._count}"

    @property
    def has_subscribers(self) -> bool:
        """Whether anybody reads."""
        return bool(self._readers)

    def is_watched(self, channel_id: str) -> bool:
        """Whether anybody reads of a channel."""
        return bool(self._of_all) or channel_id in self._of_channel

    def wants_levels(self, channel_id: str) -> bool:
        """Whether anybody reads of a channel's levels."""
        readers = (self._of_all, self._of_channel.get(channel_id, {}))
        return any(reader.with_levels for some in readers for reader in some)

    def subscribe(
        self,
        channels: Iterable[str] | None,
        deliver: Deliver,
        on_end: Callable[[], None] = lambda: None,
        *,
        is_public: bool = False,
        with_levels: bool = False,
        after: str | None = None,
        on_missed: Callable[[], None] = lambda: None,
    ) -> Subscription:
        """Begin to read of these channels, or of all.

        `after` is the number of the last event that the reader knows: what came since is delivered at once.
        `on_missed` is called where that is not kept any more.
        """
        chosen = None if channels is None else frozenset(channels)
        reader = Subscription(
            self, chosen, deliver, on_end, is_public=is_public, with_levels=with_levels
        )
        if after is not None and not self._replay(reader, after):
            on_missed()
        reader.begun_at = self._serial
        if self._is_closed:
            reader.end()
            return reader
        self._readers[reader] = None
        if chosen is None:
            self._of_all[reader] = None
        else:
            for channel_id in chosen:
                self._of_channel.setdefault(channel_id, {})[reader] = None
        return reader

    def keeps(self, after: str) -> bool:
        """Whether all events since this number are kept."""
        return self._count_missed(after) is not None

    def _count_missed(self, after: str) -> int | None:
        run, _, count = after.partition("-")
        is_number = count.isascii() and count.isdecimal() and len(count) <= MAX_DIGITS
        if run != self._run or not is_number:
            return None
        missed = self._count - int(count)
        return missed if 0 <= missed <= len(self._kept) else None

    def _replay(self, reader: Subscription, after: str) -> bool:
        missed = self._count_missed(after)
        if missed is None:
            return False
        for message in list(islice(self._kept, len(self._kept) - missed, None)):
            reader.put(message)
        return True

    def forget(self, reader: Subscription) -> None:
        """Take a reader off the lists. For the subscription itself."""
        self._readers.pop(reader, None)
        self._of_all.pop(reader, None)
        for channel_id in reader.channels or ():
            readers = self._of_channel.get(channel_id, {})
            readers.pop(reader, None)
            if not readers:
                self._of_channel.pop(channel_id, None)

    def note(self, event: ChannelEvent) -> None:
        """Hand out an event, which has just come."""
        self._serial += 1
        if event.change not in MEASUREMENTS:
            self._count += 1
        message = make_message(event, self._serial, self.last_id, self._wall_clock())
        if event.change is ChannelChange.LISTENERS and not self._shows_listeners(event.channel_id):
            message = replace(message, public=None)
        if event.change not in MEASUREMENTS:
            self._kept.append(message)
        self.on_message(message)
        if self.is_watched(event.channel_id):
            self._pending.append(message)
            if not self._is_serving:
                self._is_serving = True
                self._add_job(self._begin)

    def close(self) -> None:
        """End all subscriptions. A second call does nothing."""
        self._is_closed = True
        readers = list(self._readers)
        while self._pending:
            message = self._pending.popleft()
            for reader in readers:
                reader.put(message)
        for reader in readers:
            reader.end()

    def _begin(self) -> None:
        """Hand the oldest message to its readers, a slice in each job, and then the next one."""
        if not self._pending:
            self._is_serving = False
            return
        message = self._pending.popleft()
        readers = [*self._of_all, *self._of_channel.get(message.channel_id, ())]
        self._serve(message, readers, 0)

    def _serve(self, message: Message, readers: list[Subscription], start: int) -> None:
        for reader in readers[start : start + SLICE]:
            reader.put(message)
        end = start + SLICE
        if end < len(readers):
            self._add_job(lambda: self._serve(message, readers, end))
        else:
            self._add_job(self._begin)
