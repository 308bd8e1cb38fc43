"""Takes note of listeners and titles as they come and go. No I/O, and no call waits for anything.

A session of under `MIN_SESSION_S` is no listener: a probe, or a player that tries a URL.
"""

from collections.abc import Callable, Mapping

from .numbers import Numbers, find_start_ms
from .pending import Pending, Row
from .privacy import AddressRule, describe_address

MIN_SESSION_S = 2.0
MAX_TEXT_CHARACTERS = 255
DELETED: Row = {}  # the end of a session that was none


def _no_country(_address: str) -> str | None:
    return None


class Book:
    """What is to be written. `find_country(address)` returns two letters, or None where it is unknown.

    Both rules may be changed at any time. `on_pending` is called when there is something to write.
    """

    def __init__(
        self,
        *,
        address_rule: AddressRule = AddressRule.SHORTENED,
        find_country: Callable[[str], str | None] = _no_country,
        numbers: Numbers | None = None,
    ) -> None:
        self.sessions = Pending()
        self.performances = Pending()
        self.open_sessions = 0
        self.on_pending: Callable[[], None] = lambda: None
        self.address_rule = address_rule
        self.find_country = find_country
        self._numbers = numbers or Numbers()
        self._playing: dict[str, tuple[int, str]] = {}  # by channel

    @property
    def pending(self) -> int:
        """How many beginnings and ends wait to be written."""
        return len(self.sessions) + len(self.performances)

    @property
    def lost(self) -> int:
        """How many came when too many waited."""
        return self.sessions.lost + self.performances.lost

    @property
    def has_open(self) -> bool:
        """Whether somebody listens or something plays."""
        return self.open_sessions > 0 or bool(self._playing)

    def now_ms(self) -> int:
        """Return the present time in milliseconds since 1970."""
        return self._numbers.now_ms()

    def begin_session(
        self, channel_id: str, stream_type: str, address: str, user_agent: str, first_byte: int = 0
    ) -> int:
        """A listener has come; return the session's number.

        `first_byte` is the position in the listener's byte sequence at which it begins.
        """
        number = self._numbers.next()
        self.open_sessions += 1
        row: Row = {
            "id": number,
            "channel_id": channel_id,
            "stream_type": stream_type,
            "started_ms": find_start_ms(number),
            "ended_ms": None,
            "bytes": None,
            "first_byte": first_byte,
            "user_agent": user_agent[:MAX_TEXT_CHARACTERS],
            "address": describe_address(address, self.address_rule),
            "country": self.find_country(address),
        }
        self.sessions.begin(number, row)
        self.on_pending()
        return number

    def end_session(self, number: int, last_byte: int, ended_ago_s: float = 0.0) -> None:
        """A listener has gone, after it was sent the bytes up to `last_byte`."""
        self.open_sessions -= 1
        ended_ms = max(find_start_ms(number), self.now_ms() - int(ended_ago_s * 1000))
        if ended_ms - find_start_ms(number) < MIN_SESSION_S * 1000:
            if not self.sessions.cancel(number):
                self.sessions.end(number, DELETED)
        else:
            self.sessions.end(number, {"ended_ms": ended_ms, "last_byte": last_byte})
        self.on_pending()

    def note_title(self, channel_id: str, stream_type: str, facts: Mapping[str, object]) -> None:
        """Another title plays from now on; with an empty `title` in `facts`, none does."""
        title = str(facts.get("title", ""))[:MAX_TEXT_CHARACTERS]
        if self._playing.get(channel_id, (0, ""))[1] == title:
            return
        self.end_title(channel_id)
        if not title:
            return
        number = self._numbers.next()
        self._playing[channel_id] = (number, title)
        row: Row = {
            "id": number,
            "channel_id": channel_id,
            "stream_type": stream_type,
            "started_ms": find_start_ms(number),
            "ended_ms": None,
            "title": title,
        }
        row |= {
            name: str(facts.get(name, ""))[:MAX_TEXT_CHARACTERS] for name in ("artist", "track")
        }
        self.performances.begin(number, row)
        self.on_pending()

    def end_title(self, channel_id: str) -> None:
        """What played on a channel is over."""
        number, _ = self._playing.pop(channel_id, (0, ""))
        if number:
            self.performances.end(number, {"ended_ms": self.now_ms()})
            self.on_pending()
