"""An event as its readers get it: numbered, dated, as JSON, whole and in its public part. No I/O."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from awazpulse.channels.events import ChannelChange, ChannelEvent
from awazpulse.iso_date import format_iso_date

# What everybody may know, with the facts that everybody may know of it.
PUBLIC_FACTS: Mapping[ChannelChange, tuple[str, ...]] = {
    ChannelChange.ON_AIR: (),
    ChannelChange.OFF_AIR: ("reason",),
    ChannelChange.SWITCHED: (),
    ChannelChange.TITLE: ("title", "artist", "track", "url"),
    ChannelChange.LISTENERS: ("hls", "icecast", "total"),
}
MEASUREMENTS = frozenset({ChannelChange.LISTENERS, ChannelChange.LEVELS})  # only the newest matters


@dataclass(frozen=True, slots=True)
class Message:
    """One event; `public` is the JSON of its public part, None where it has none."""

    serial: int  # grows with each message of this run, measurements too
    id: str
    kind: ChannelChange
    channel_id: str
    whole: str = field(repr=False)
    public: str | None = field(repr=False)
    # What readers make of it, by whatever they call that: made once for all of them.
    forms: dict[tuple[str, bool], bytes] = field(default_factory=dict, repr=False, compare=False)

    def text(self, *, is_public: bool) -> str | None:
        """Return the JSON for a reader, None where it is not for this one."""
        return self.public if is_public else self.whole


def make_message(event: ChannelEvent, serial: int, number: str, wall_s: float) -> Message:
    """Return an event with its number and its time (seconds since 1970)."""
    facts = event.describe()
    head: dict[str, object] = {
        "id": number,
        "type": event.change.value,
        "channelId": event.channel_id,
        "streamType": event.stream_type,
        "time": format_iso_date(wall_s),
    }
    shown = PUBLIC_FACTS.get(event.change)
    public = None
    if shown is not None:
        known = {name: facts[name] for name in shown if name in facts}
        public = _to_json(head | {"data": known})
    whole = _to_json(head | {"data": facts})
    return Message(serial, number, event.change, event.channel_id, whole, public)


def _to_json(value: Mapping[str, object]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
