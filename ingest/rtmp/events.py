"""What happens on an RTMP connection, told to its shell.

Metadata, tracks and frames are events as they are.
"""

from dataclasses import dataclass, field

from awazpulse.audio import Frame, Track

from .metadata import Metadata


@dataclass(frozen=True, slots=True)
class PublishRequested:
    """The encoder wants to go on air, and waits for `accept_publish` or `refuse_publish`.

    What came as the channel's id may be a mistyped secret, and stays out of the repr too.
    """

    channel_id: str = field(repr=False)
    secret: str = field(repr=False)
    encoder: str


@dataclass(frozen=True, slots=True)
class PublishEnded:
    """The publication, or the wish for one, is over; the connection may publish again."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """What the encoder asked for cannot be asked for here; it has been told why."""

    reason: str


Event = PublishRequested | PublishEnded | Refused | Metadata | Track | Frame
