"""AAC as RTMP messages carry it, to a track and frames. No I/O. Adobe FLV 10.1 §E.4.2.2.

A sequence header holds the AudioSpecificConfig, each message after it one bare access unit.
"""

from awazpulse.audio import Frame, Track
from awazpulse.audio.aac import (
    ADTS_HEADER_BYTES,
    FRAME_SAMPLES,
    AdtsFramer,
    parse_audio_specific_config,
)


class AacReader:
    """Reads AAC messages that follow one another, with no other codec between them."""

    def __init__(self) -> None:
        self._framer: AdtsFramer | None = None

    def configure(self, config: bytes) -> list[Track | Frame]:
        """Take an AudioSpecificConfig, which holds for the access units that follow."""
        track = parse_audio_specific_config(config)
        self._framer = AdtsFramer(track)
        return [track]

    def receive(self, unit: bytes, start_ms: int) -> list[Track | Frame]:
        """Return the frame of an access unit; none can be decoded before the configuration."""
        if self._framer is None:
            return []
        return [Frame(start_ms, FRAME_SAMPLES, self._framer.frame(unit), ADTS_HEADER_BYTES)]
