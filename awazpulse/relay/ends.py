"""Why a source or a broadcast ended, as values. No I/O.

The reasons are a closed set; `who` and `why` are the facts. Logs, events and diagnosis render them by
`str()`, or show them in words of their own.
"""

from dataclasses import dataclass
from enum import StrEnum


class EndReason(StrEnum):
    """What ended it. The first part ends a source alone, the second a whole broadcast."""

    DISCONNECTED = "disconnected"
    FINISHED = "finished"
    CONNECTION_LOST = "connection_lost"
    SILENT = "silent"
    BAD_AUDIO = "bad_audio"
    BROKE_PROTOCOL = "broke_protocol"
    TAKEN_OVER = "taken_over"
    FAILED = "failed"

    GRACE_OVER = "grace_over"
    SWITCHED = "switched"
    STOPPED = "stopped"
    DISABLED = "disabled"
    MAINTENANCE = "maintenance"
    REMOVED = "removed"
    FORMAT_CHANGED = "format_changed"
    DELIVERY_OFF = "delivery_off"
    SERVER_STOPPED = "server_stopped"


_SENTENCES = {
    EndReason.DISCONNECTED: "the encoder disconnected",
    EndReason.FINISHED: "the encoder ended its stream",
    EndReason.CONNECTION_LOST: "the encoder's connection was lost",
    EndReason.SILENT: "the encoder fell silent",
    EndReason.BAD_AUDIO: "the encoder's audio cannot be used",
    EndReason.BROKE_PROTOCOL: "the encoder broke its protocol",
    EndReason.TAKEN_OVER: "taken over by another connection",
    EndReason.FAILED: "an error of this server",
    EndReason.GRACE_OVER: "no encoder came back in time",
    EndReason.SWITCHED: "switched",
    EndReason.STOPPED: "stopped",
    EndReason.DISABLED: "the channel was disabled",
    EndReason.MAINTENANCE: "the channel is in maintenance",
    EndReason.REMOVED: "the channel or its stream was removed",
    EndReason.FORMAT_CHANGED: "the format of the audio changed",
    EndReason.DELIVERY_OFF: "this delivery was switched off",
    EndReason.SERVER_STOPPED: "the server stops",
}


@dataclass(frozen=True, slots=True)
class End:
    """One end: its reason, who caused it (an address, a user) and details."""

    reason: EndReason
    who: str = ""
    why: str = ""

    def __str__(self) -> str:
        who = f" from {self.who}" if self.reason is EndReason.TAKEN_OVER else f" by {self.who}"
        sentence = _SENTENCES[self.reason] + (who if self.who else "")
        return f"{sentence}: {self.why}" if self.why else sentence
