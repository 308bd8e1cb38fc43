"""Logins that have been right lately, for the time when the database is away. No I/O.

What is kept of a secret is its fingerprint. With it are kept the rows that the login went by, for the channel goes on
air by them, and the secret as it is stored, by which a new one is noticed without reading it.

A channel has one entry at most: only the secret of the selected type opens it. A login is remembered for some
time after its last use, and its source on air is a use. Whoever changes a channel says so (`revise`, `forget`).
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from hmac import compare_digest

from awazpulse.kinds import StreamType
from awazpulse.refusals import ChannelDisabled

from .login_rules import fingerprint, get_secret_kind, get_stored_secret
from .records import ChannelRecord, PolicyRecord

MAX_ENTRIES = 10_000  # of about 10 KB, rows and all; beyond it the oldest login is forgotten


@dataclass(slots=True)
class _Entry:
    record: ChannelRecord
    stream_type: StreamType
    stored: str = field(repr=False)
    fingerprint: bytes = field(repr=False)
    version: int
    used_at: float
    is_on_air: bool = False


class CredentialMemory:
    """Remembers logins for `lifetime_s` seconds after their last use; 0: none. `now` is monotonic."""

    def __init__(self, lifetime_s: float = 0, max_entries: int = MAX_ENTRIES) -> None:
        self._lifetime_s = lifetime_s
        self._max_entries = max_entries
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        # Logins so far. It tells whether rows were read before one of them or after it.
        self.version = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, channel_id: str) -> bool:
        return channel_id in self._entries

    def list_ids(self, now: float) -> list[str]:
        """Return the channels whose login is remembered; forget those whose time is over."""
        for channel_id in [id_ for id_, e in self._entries.items() if not self._is_good(e, now)]:
            del self._entries[channel_id]
        return list(self._entries)

    def remember(
        self, record: ChannelRecord, stream_type: StreamType, secret: str, now: float
    ) -> None:
        """Keep a login that was right by these rows."""
        if self._lifetime_s <= 0:
            return
        self.version += 1
        former = self._entries.pop(record.channel.id, None)
        self._entries[record.channel.id] = _Entry(
            record,
            stream_type,
            get_stored_secret(record.channel, get_secret_kind(stream_type)),
            fingerprint(secret),
            self.version,
            now,
            former is not None and former.is_on_air,
        )
        if len(self._entries) > self._max_entries:
            self._entries.popitem(last=False)

    def find(
        self, channel_id: str, stream_type: StreamType, secret: str, now: float
    ) -> ChannelRecord | None:
        """Return the rows by which this login was right, None unless it was so lately."""
        entry = self._entries.get(channel_id)
        if entry is None or entry.stream_type is not stream_type or not self._is_good(entry, now):
            return None
        if not compare_digest(entry.fingerprint, fingerprint(secret)):
            return None
        entry.used_at = now
        self._entries.move_to_end(channel_id)
        return entry.record

    def note_on_air(self, channel_id: str, now: float, *, is_on_air: bool) -> ChannelRecord | None:
        """The source of a channel came or went; return the rows that are kept of it."""
        entry = self._entries.get(channel_id)
        if entry is None:
            return None
        if entry.is_on_air:
            entry.used_at = now
        entry.is_on_air = is_on_air
        return entry.record

    def revise(self, channel_id: str, record: PolicyRecord | None, version: int) -> None:
        """Forget a login that is right no more by what the rows say now.

        `version`: what it was when the reading of the rows began. A later login knows newer ones.
        """
        entry = self._entries.get(channel_id)
        if entry is not None and entry.version <= version and not _is_right(entry, record):
            del self._entries[channel_id]

    def forget(self, channel_id: str) -> None:
        """Forget a channel's login."""
        self._entries.pop(channel_id, None)

    def _is_good(self, entry: _Entry, now: float) -> bool:
        return entry.is_on_air or now < entry.used_at + self._lifetime_s


def _is_right(entry: _Entry, record: PolicyRecord | None) -> bool:
    if record is None or record.main is None:
        return False
    try:
        record.require_enabled()
    except ChannelDisabled:
        return False
    stored = get_stored_secret(record.channel, get_secret_kind(entry.stream_type))
    return record.selected_type is entry.stream_type and stored == entry.stored
