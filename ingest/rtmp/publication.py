"""One publication: from the wish to go on air to its end.

It stands between a connection and its channel, so that either can end first. When the encoder leaves
while the gate decides, `is_gone` tells the gate so. When the channel ends it from outside (a takeover, a
switch, a stop), the connection is cut off and publishes nothing more.
"""

import dataclasses
from collections.abc import Callable

from awazpulse.relay import End, Input, Station

from .metadata import Metadata


class Publication:
    """A `Source` that cuts its connection off by `cut_off`, called with the end."""

    def __init__(self, channel_id: str, station: Station, cut_off: Callable[[End], None]) -> None:
        self.channel_id = channel_id
        self.station = station
        self.input: Input | None = None  # while on air
        self.is_known = False  # whether the gate has shown that there is such a channel
        self.is_over = False
        self._cut_off = cut_off

    @property
    def is_gone(self) -> bool:
        """Whether nobody waits for the decision any more. Once true, it stays true."""
        return self.is_over

    def open(self, source_input: Input, now: float, end: End) -> bool:
        """Go on air; if the encoder has left meanwhile, end the input by `end` and return False."""
        if self.is_gone:
            source_input.end(end, now)
        elif source_input.is_open:
            self.input = source_input
        return self.input is not None

    def set_metadata(self, metadata: Metadata) -> None:
        """Tell the channel what the encoder says of itself. What it leaves out stays as it was."""
        if self.input is None:
            return
        station = self.input.station
        self.input.set_station(
            dataclasses.replace(
                station,
                bitrate_kbps=metadata.bitrate_kbps or station.bitrate_kbps,
                user_agent=metadata.encoder or station.user_agent,
            )
        )

    def end(self, end: End, now: float) -> None:
        """End from the encoder's side; a second call changes nothing."""
        self.is_over = True
        source_input, self.input = self.input, None
        if source_input is not None:
            source_input.end(end, now)

    def pull(self) -> None:
        """Do nothing: RTMP's messages are published as they come."""

    def close(self, end: End) -> None:
        """End from the channel's side: cut the encoder off, unless the end came from there."""
        if self.is_over:
            return
        self.is_over = True
        self.input = None
        self._cut_off(end)
