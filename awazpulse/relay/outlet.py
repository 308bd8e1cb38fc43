"""The deliveries of one broadcast: everything that goes out goes to each of them. No I/O."""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from awazpulse.audio import Frame, Track
from awazpulse.errors import MisuseError

from .ends import End
from .listener_count import ListenerCount
from .title import Title

logger = logging.getLogger(__name__)


class Subscriber(Protocol):
    """A delivery. Its methods must not block, and must not raise: what one of them did not take is lost."""

    def on_track(self, track: Track) -> None:
        """Frames of another track follow. Called before the first frame, and on attaching."""

    def on_break(self) -> None:
        """The frames that follow do not continue those before, and their timestamps begin anew.

        They come from another source, or stand in for one. Their track is the same, unless `on_track`
        says otherwise.
        """

    def on_frames(self, frames: Sequence[Frame]) -> None:
        """Take the next frames, at least one. They are shared: change nothing in them."""

    def on_title(self, title: Title) -> None:
        """The title changed; it belongs to the frames that follow."""

    def on_close(self, end: End) -> None:
        """Tell the listeners: the broadcast is over and no other call follows."""


class Outlet:
    """The deliveries by name, each with the count of its listeners; told in the order in which they came.

    All of them are told everything in one order, even if one publishes, or ends another, while it is told:
    what comes meanwhile waits until all have been told what was first. An end waits for nothing, and
    nothing follows it.
    """

    def __init__(self, channel_id: str, max_listeners: int) -> None:
        self.is_closed = False
        self.is_telling = False
        self._channel_id = channel_id
        self._max_listeners = max_listeners
        self._by_name: dict[str, Subscriber] = {}
        self._subscribers: tuple[Subscriber, ...] = ()
        self._counts: dict[str, ListenerCount] = {}
        self._later: deque[tuple[tuple[Subscriber, ...], Callable[[Subscriber], None]]] = deque()
        self._failing: set[int] = set()  # ids of subscribers that have failed in this track

    # -- deliveries

    @property
    def names(self) -> frozenset[str]:
        """The deliveries that are attached."""
        return frozenset(self._by_name)

    def add(self, name: str, subscriber: Subscriber) -> None:
        """Attach a delivery. Raises `MisuseError` for a name that is attached already."""
        if name in self._by_name:
            raise MisuseError(f"channel {self._channel_id} has its {name} delivery already")
        self._by_name[name] = subscriber
        self._subscribers = tuple(self._by_name.values())

    def remove(self, name: str, end: End) -> None:
        """Detach a delivery, and end its listeners; after `close`, which has done so, nothing changes.

        Raises `MisuseError` for a name that is not attached.
        """
        if self.is_closed:
            return
        subscriber = self.discard(name)
        self.close_one(subscriber.on_close, end)
        self.count_of(name).clear()

    def discard(self, name: str) -> Subscriber:
        """Detach a delivery that is not to be told; return it."""
        subscriber = self._by_name.pop(name, None)
        if subscriber is None:
            raise MisuseError(f"channel {self._channel_id} has no {name} delivery")
        self._subscribers = tuple(self._by_name.values())
        self._failing.discard(id(subscriber))
        return subscriber

    def count_of(self, name: str) -> ListenerCount:
        """Return where the listeners of a delivery are counted."""
        count = self._counts.get(name)
        if count is None:
            count = self._counts[name] = ListenerCount(self._max_listeners)
        return count

    @property
    def listeners(self) -> int:
        """How many listen, to all deliveries together."""
        return sum(count.listeners for count in self._counts.values())

    @property
    def max_listeners(self) -> int:
        """How many may listen to each delivery; may change while on air."""
        return self._max_listeners

    @max_listeners.setter
    def max_listeners(self, most: int) -> None:
        self._max_listeners = most
        for count in self._counts.values():
            count.max_listeners = most

    # -- what they are told

    def on_track(self, track: Track) -> None:
        """See `Subscriber`."""
        self._failing.clear()
        self._tell(lambda subscriber: subscriber.on_track(track))

    def on_break(self) -> None:
        """See `Subscriber`."""
        self._tell(lambda subscriber: subscriber.on_break())

    def on_frames(self, frames: Sequence[Frame]) -> None:
        """See `Subscriber`."""
        # `_tell`, written out: the way of every frame.
        if self.is_telling:
            self._later.append((self._subscribers, lambda later: later.on_frames(frames)))
            return
        self.is_telling = True
        subscribers = self._subscribers
        try:
            for subscriber in subscribers:
                if self._subscribers is subscribers or subscriber in self._subscribers:
                    try:
                        subscriber.on_frames(frames)
                    except Exception as error:  # noqa: BLE001  # logged there
                        self._note_failure(subscriber, error)
        finally:
            self.is_telling = False
        if self._later:
            self._tell_later()

    def on_title(self, title: Title) -> None:
        """See `Subscriber`."""
        self._tell(lambda subscriber: subscriber.on_title(title))

    def _tell(self, call: Callable[[Subscriber], None]) -> None:
        self._later.append((self._subscribers, call))
        if not self.is_telling:
            self._tell_later()

    def _tell_later(self) -> None:
        """Tell what is waiting, each thing to those who were attached when it came, and still are."""
        self.is_telling = True
        try:
            while self._later:
                subscribers, call = self._later.popleft()
                for subscriber in subscribers:
                    if subscriber in self._subscribers:
                        try:
                            call(subscriber)
                        except Exception as error:  # noqa: BLE001  # logged there
                            self._note_failure(subscriber, error)
        finally:
            self.is_telling = False

    def _note_failure(self, subscriber: Subscriber, error: Exception) -> None:
        """Log that a delivery has failed, once for each track: it may do so with every frame."""
        if id(subscriber) not in self._failing:
            self._failing.add(id(subscriber))
            text = "channel=%s a delivery has failed, the others go on"
            logger.error(text, self._channel_id, exc_info=error)

    # -- the end

    def close(self, end: End) -> None:
        """Tell everyone the end; one who fails keeps nobody else from it."""
        self.is_closed = True
        self._later.clear()
        subscribers, self._subscribers = self._subscribers, ()
        for subscriber in subscribers:
            self.close_one(subscriber.on_close, end)
        for count in self._counts.values():
            count.clear()

    def close_one(self, step: Callable[[End], None], end: End) -> None:
        """Take one step of an end; if it fails, the steps that follow keep the promise to the others."""
        try:
            step(end)
        except Exception:
            logger.exception("channel=%s closing failed in one place", self._channel_id)
