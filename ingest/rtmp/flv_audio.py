"""FLV audio tags, as RTMP audio messages carry them, to tracks and frames. No I/O.

Legacy tags: Adobe FLV 10.1 §E.4.2. Enhanced tags: Enhanced RTMP v2, 'Enhanced Audio'.

    A? 00 AudioSpecificConfig | A? 01 one bare AAC access unit
    2? MP3 (also E?, for 8 kHz), normally one whole frame
    9t FourCC ...             t is the packet type; 95 holds several tracks, 97 a prefix to skip

Contract: `AudioReceiver.receive_message` consumes one message body and returns the tracks and
frames in it, or raises `AudioError` when the audio cannot go on air. An empty body means silence.
Of several tracks the one with id 0 is the feed; the others are passed over, whatever is in them.
"""

from collections.abc import Iterator
from typing import NamedTuple

from awazpulse.audio import Frame, MalformedAudio, Track, UnsupportedAudio
from awazpulse.audio.aac import (
    ADTS_HEADER_BYTES,
    FRAME_SAMPLES,
    AdtsFramer,
    parse_audio_specific_config,
)
from awazpulse.audio.mpeg_audio import HEADER_BYTES, mp3_splitter, parse_header, parse_track
from awazpulse.audio.splitter import FrameSplitter

from .timestamps import Timeline

FOUR_CC_AAC = b"mp4a"
FOUR_CC_MP3 = b".mp3"

_MP3, _ENHANCED, _AAC, _MP3_8_KHZ = 2, 9, 10, 14
_SOUND_FORMATS = {
    0: "PCM", 1: "ADPCM", 3: "PCM", 4: "Nellymoser", 5: "Nellymoser", 6: "Nellymoser",
    7: "G.711", 8: "G.711", 11: "Speex", 15: "device-specific audio",
}  # fmt: skip

_SEQUENCE_START, _CODED_FRAMES, _MULTITRACK, _MOD_EX = 0, 1, 5, 7
_ONE_TRACK, _MANY_CODECS = 0, 2
_FEED_TRACK = 0

Events = list[Track | Frame]


class Packet(NamedTuple):
    """One track's part of an enhanced tag."""

    packet_type: int
    four_cc: bytes
    track_id: int
    body: bytes


class AudioReceiver:
    """Turns one publication's audio messages into tracks and frames."""

    def __init__(self) -> None:
        self._timeline = Timeline()
        self._framer: AdtsFramer | None = None
        self._mp3_identity: int | None = None
        self._mp3_sample_rate = 1
        self._splitter: FrameSplitter | None = None
        self._splitter_base_ms = 0

    def receive_message(self, payload: bytes, timestamp: int) -> Events:
        """Return what the message holds; `timestamp` in milliseconds modulo 2^32."""
        if len(payload) < 2:
            return []
        sound_format = payload[0] >> 4
        if sound_format == _AAC:
            return self._receive_aac(payload[1], payload[2:], timestamp)
        if sound_format in (_MP3, _MP3_8_KHZ):
            return self._receive_mp3(payload[1:], timestamp)
        if sound_format != _ENHANCED:
            raise _unsupported(_SOUND_FORMATS.get(sound_format, f"audio format {sound_format}"))
        events: Events = []
        for packet in parse_enhanced(payload):
            if packet.track_id == _FEED_TRACK:
                events += self._receive_packet(packet, timestamp)
        return events

    def _receive_packet(self, packet: Packet, timestamp: int) -> Events:
        if packet.packet_type not in (_SEQUENCE_START, _CODED_FRAMES):
            return []  # SequenceEnd and MultichannelConfig change nothing for us
        if packet.four_cc == FOUR_CC_AAC:
            return self._receive_aac(packet.packet_type, packet.body, timestamp)
        if packet.four_cc != FOUR_CC_MP3:
            raise _unsupported(packet.four_cc.decode("ascii", "replace").strip())
        if packet.packet_type == _SEQUENCE_START:
            return []
        return self._receive_mp3(packet.body, timestamp)

    def _receive_aac(self, packet_type: int, body: bytes, timestamp: int) -> Events:
        """Take a configuration or an access unit: AACPacketType counts as AudioPacketType does."""
        if not body:
            return []
        if packet_type == _SEQUENCE_START:
            track = parse_audio_specific_config(body)
            self._framer = AdtsFramer(track)
            self._mp3_identity = self._splitter = None
            return [track]
        if self._framer is None or packet_type != _CODED_FRAMES:
            return []  # nothing can be decoded before the configuration
        data = self._framer.frame(body)
        return [Frame(self._timeline.unwrap(timestamp), FRAME_SAMPLES, data, ADTS_HEADER_BYTES)]

    def _receive_mp3(self, body: bytes, timestamp: int) -> Events:
        if not body:
            return []
        start_ms = self._timeline.unwrap(timestamp)
        if self._splitter is None:
            headers = list(_walk_mp3(body))
            if sum(size for _, size, _ in headers) == len(body):
                return self._make_mp3_frames(body, headers, start_ms)
            # No whole frames: an encoder that cuts its audio anywhere. It stays so to the end.
            self._splitter = mp3_splitter()
            self._splitter_base_ms = start_ms
        events: Events = []
        for event in self._splitter.receive_data(body):
            if isinstance(event, Track):
                events.append(event)
                continue
            for frame in event:
                frame.timestamp_ms += self._splitter_base_ms
                events.append(frame)
        return events

    def _make_mp3_frames(
        self, body: bytes, headers: list[tuple[int, int, int]], start_ms: int
    ) -> Events:
        events: Events = []
        at = samples_before = 0
        for identity, size, samples in headers:
            data = body[at : at + size]
            if identity != self._mp3_identity:
                track = parse_track(data)
                self._mp3_identity, self._mp3_sample_rate = identity, track.sample_rate
                self._framer = None
                events.append(track)
            timestamp_ms = start_ms + samples_before * 1000 // self._mp3_sample_rate
            events.append(Frame(timestamp_ms, samples, data))
            at += size
            samples_before += samples
        return events


def _walk_mp3(body: bytes) -> Iterator[tuple[int, int, int]]:
    """Return identity, size and samples of the frames that stand end to end from the start."""
    at = 0
    while at + HEADER_BYTES <= len(body):
        header = parse_header(body, at)
        if header is None:
            return
        yield header.identity, header.size, header.samples
        at += header.size


def parse_enhanced(payload: bytes) -> list[Packet]:
    """Return the packets of an enhanced tag; one without tracks counts as track 0."""
    packet_type, at = _skip_mod_ex(payload)
    if packet_type != _MULTITRACK:
        return [Packet(packet_type, payload[at : at + 4], _FEED_TRACK, payload[at + 4 :])]
    kind, packet_type = _byte(payload, at) >> 4, _byte(payload, at) & 0xF
    at += 1
    four_cc = b""
    if kind != _MANY_CODECS:
        four_cc = payload[at : at + 4]
        at += 4
    packets = []
    while at < len(payload):
        if kind == _MANY_CODECS:
            four_cc = payload[at : at + 4]
            at += 4
        track_id = _byte(payload, at)
        at += 1
        end = len(payload)
        if kind != _ONE_TRACK:
            end = at + 3 + int.from_bytes(payload[at : at + 3], "big")
            at += 3
        if end > len(payload):
            raise MalformedAudio(f"audio track {track_id} is cut off: {end - len(payload)} bytes")
        packets.append(Packet(packet_type, four_cc, track_id, payload[at:end]))
        at = end
    return packets


def _skip_mod_ex(payload: bytes) -> tuple[int, int]:
    """Return the packet type behind all ModEx prefixes, and where its body begins."""
    packet_type, at = payload[0] & 0xF, 1
    while packet_type == _MOD_EX:
        size = _byte(payload, at) + 1
        at += 1
        if size == 256:
            size = int.from_bytes(payload[at : at + 2], "big") + 1
            at += 2
        at += size
        packet_type = _byte(payload, at) & 0xF
        at += 1
    return packet_type, at


def _byte(payload: bytes, at: int) -> int:
    if at >= len(payload):
        raise MalformedAudio(
            f"an enhanced audio tag is cut off: got {len(payload)} bytes, expected {at + 1} or more"
        )
    return payload[at]


def _unsupported(name: str) -> UnsupportedAudio:
    return UnsupportedAudio(f"got {name} audio, expected AAC or MP3; set the encoder to AAC")
