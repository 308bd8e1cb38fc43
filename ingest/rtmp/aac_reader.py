"""AAC as RTMP messages carry it, to a track and frames. No I/O. Adobe FLV 10.1 §E.4.2.2.

A sequence header holds the AudioSpecificConfig, and each message after it one bare access unit. Some
encoders put ADTS headers into the messages, with a sequence header or without one, and some put
several ADTS frames into one. Each frame comes out with one ADTS header.

A message counts as ADTS when its syncwords and frame lengths fill it exactly. No access unit begins
like that: its first three bits would be ID_END, an end without anything before (ISO/IEC 14496-3
§4.4.2.1). Where an ADTS header contradicts the sequence header, the frames are a track of their own,
described by the header, because the header came with them and decoders go by it.
"""

from awazpulse.audio import Frame, Track
from awazpulse.audio.aac import (
    ADTS_HEADER_BYTES,
    ADTS_HEADER_WITH_CRC_BYTES,
    FRAME_SAMPLES,
    AdtsFramer,
    parse_adts_header,
    parse_adts_track,
    parse_audio_specific_config,
)

_NO_CONFIGURATION = (
    "got AAC without its configuration (a sequence header, or ADTS headers);"
    " stop and start the stream in the encoder"
)


class AacReader:
    """Reads AAC messages that follow one another, with no other codec between them.

    `unplayable` says why nothing can be played of what has come so far; empty when something can.
    """

    def __init__(self) -> None:
        self.unplayable = ""
        self._config = b""  # what the last sequence header held
        self._framer: AdtsFramer | None = None
        self._identity: int | None = None  # of the ADTS headers that belong to the track
        self._sample_rate = 1

    def configure(self, config: bytes) -> list[Track | Frame]:
        """Take an AudioSpecificConfig, which holds for the access units that follow.

        Encoders repeat it; a repetition says nothing new.
        """
        if config == self._config:
            return []
        track = parse_audio_specific_config(config)
        self._config = config
        self._adopt(track)
        return [track]

    def receive(self, unit: bytes, start_ms: int) -> list[Track | Frame]:
        """Return the frames in a message, which is not empty, and the track before its first one."""
        if unit[0] == 0xFF:
            frames = _split_adts(unit)
            if frames:
                return self._receive_adts(frames, start_ms)
        if self._framer is None:
            self.unplayable = _NO_CONFIGURATION
            return []
        return [Frame(start_ms, FRAME_SAMPLES, self._framer.frame(unit), ADTS_HEADER_BYTES)]

    def _receive_adts(self, frames: list[bytes], start_ms: int) -> list[Track | Frame]:
        events: list[Track | Frame] = []
        samples_before = 0
        for data in frames:
            if self._is_of_another_track(data):
                track = parse_adts_track(data)
                self._adopt(track)
                events.append(track)
            if self._framer is None:
                self.unplayable = _NO_CONFIGURATION
                continue
            timestamp_ms = start_ms + samples_before * 1000 // self._sample_rate
            frame = _reframe(self._framer, data, timestamp_ms)
            events.append(frame)
            samples_before += frame.samples
        return events

    def _is_of_another_track(self, data: bytes) -> bool:
        """Whether a header says something else than the configuration, or than the header before.

        A header that leaves the channels open (configuration 0) says nothing against either.
        """
        header = parse_adts_header(data, 0)
        if header is None or header.identity == self._identity:
            return False
        tells_channels = bool(data[2] & 1 or data[3] >> 6)
        return tells_channels or self._framer is None

    def _adopt(self, track: Track) -> None:
        self._framer = AdtsFramer(track)
        header = parse_adts_header(self._framer.frame(b"\0"), 0)
        self._identity = None if header is None else header.identity
        self._sample_rate = track.sample_rate
        self.unplayable = ""


def _split_adts(unit: bytes) -> list[bytes]:
    """Return the ADTS frames that fill `unit` exactly; none when it is something else."""
    frames = []
    at = 0
    while at + ADTS_HEADER_BYTES < len(unit):
        if unit[at] != 0xFF or unit[at + 1] & 0xF6 != 0xF0:
            return []
        size = (unit[at + 3] & 3) << 11 | unit[at + 4] << 3 | unit[at + 5] >> 5
        if size <= _measure_header(unit[at : at + 2]):
            return []
        frames.append(unit[at : at + size])
        at += size
    return frames if at == len(unit) else []


def _measure_header(syncword: bytes) -> int:
    return ADTS_HEADER_BYTES if syncword[1] & 1 else ADTS_HEADER_WITH_CRC_BYTES


def _reframe(framer: AdtsFramer, data: bytes, timestamp_ms: int) -> Frame:
    """Return an ADTS frame under the header of its track.

    Several raw data blocks under one header stay as they are: nothing says where each begins.
    """
    header_bytes = _measure_header(data)
    blocks = 1 + (data[6] & 3)
    if blocks > 1:
        return Frame(timestamp_ms, blocks * FRAME_SAMPLES, data, header_bytes)
    framed = framer.frame(data[header_bytes:])
    return Frame(timestamp_ms, FRAME_SAMPLES, framed, ADTS_HEADER_BYTES)
