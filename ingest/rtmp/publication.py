"""One publication: from the wish to go on air to the end of the broadcast.

It stands between a connection and its broadcast, so that either can end first. When the encoder
leaves while the gate decides, `is_gone` tells the gate so; a broadcast that it opens nevertheless is
closed. When the broadcast is closed from outside (takeover, kick, switch), the connection is cut off
and publishes nothing more.
"""

import dataclasses
from collections.abc import Callable
from typing import Protocol

from awazpulse.relay import Broadcast, Source, Station

from .metadata import Metadata


class Gate(Protocol):
    """Decides who goes on air. Handed in by the application."""

    async def open_broadcast(
        self, channel_id: str, secret: str, source: Source, station: Station
    ) -> Broadcast:
        """Return the channel's broadcast, with `source` as its source.

        Raises a `Refusal`, whose text the encoder's owner is shown. Ask `source.is_gone` after the
        last await: a source that is gone must change nothing. Closing the broadcast closes
        `source`, also while this call is still under way.
        """


class Publication:
    """A `Source` that cuts its connection off by `abort`, called with the reason."""

    def __init__(self, channel_id: str, station: Station, abort: Callable[[str], None]) -> None:
        self.channel_id = channel_id
        self.station = station
        self.broadcast: Broadcast | None = None
        self.is_known = False  # whether the gate has shown that there is such a channel
        self.is_over = False
        self._abort = abort

    @property
    def is_gone(self) -> bool:
        """Whether nobody waits for the decision any more; from then on for ever."""
        return self.is_over

    def open(self, broadcast: Broadcast) -> bool:
        """Take the broadcast; False, and the broadcast closed, when the encoder has left."""
        if self.is_gone:
            broadcast.close("the encoder left before it was accepted")
        elif not broadcast.is_closed:
            self.broadcast = broadcast
        return self.broadcast is not None

    def set_metadata(self, metadata: Metadata) -> None:
        """Tell the broadcast what the encoder says of itself; what is not said stays."""
        if self.broadcast is None:
            return
        station = self.broadcast.station
        self.broadcast.set_station(
            dataclasses.replace(
                station,
                bitrate_kbps=metadata.bitrate_kbps or station.bitrate_kbps,
                user_agent=metadata.encoder or station.user_agent,
            )
        )

    def end(self, reason: str) -> None:
        """End from the encoder's side; a second call changes nothing."""
        self.is_over = True
        broadcast, self.broadcast = self.broadcast, None
        if broadcast is not None:
            broadcast.close(reason)

    def pull(self) -> None:
        """Do nothing: RTMP's messages are published as they come."""

    def close(self, reason: str) -> None:
        """End from the broadcast's side: cut the encoder off, unless the end came from there."""
        if self.is_over:
            return
        self.is_over = True
        self.broadcast = None
        self._abort(reason)
