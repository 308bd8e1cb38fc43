"""FLV audio tags, as RTMP audio messages carry them, to tracks and frames. No I/O.

Legacy tags: Adobe FLV 10.1 §E.4.2. Enhanced tags: Enhanced RTMP v2, 'Enhanced Audio'.

    A? 00 AudioSpecificConfig | A? 01 AAC, normally one bare access unit
    2? MP3 (also E?, for 8 kHz), normally one whole frame
    9t FourCC ...             t is the packet type; 95 holds several tracks, 97 a prefix to skip

Contract: `AudioReceiver.receive_message` consumes one message body and returns the tracks and
frames in it, or raises `AudioError` when the audio cannot go on air. An empty body means silence.
Of several tracks the one with id 0 is the feed; the others are passed over, whatever is in them.
"""

from typing import NamedTuple

from awazpulse.audio import Frame, MalformedAudio, Track, UnsupportedAudio

from .aac_reader import AacReader
from .mp3_reader import Mp3Reader
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
_OTHER_TRACKS_ONLY = "got extra audio tracks only; give the encoder's first track audio"

Events = list[Track | Frame]


class Packet(NamedTuple):
    """One track's part of an enhanced tag."""

    packet_type: int
    four_cc: bytes
    track_id: int
    body: bytes


class AudioReceiver:
    """Turns one publication's audio messages into tracks and frames.

    There is one reader at a time, and it is for one codec. The first message of another codec
    replaces it as a whole, so whatever the new one gives begins with a track of its own.
    """

    def __init__(self) -> None:
        self._timeline = Timeline()
        self._reader: AacReader | Mp3Reader | None = None
        self._has_other_tracks = False

    @property
    def unplayable(self) -> str:
        """Why nothing can be played of the audio that has come so far; empty when something can.

        It is also empty while no audio has come.
        """
        if self._reader is not None:
            return self._reader.unplayable
        return _OTHER_TRACKS_ONLY if self._has_other_tracks else ""

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
            else:
                self._has_other_tracks = True
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
        reader = self._reader
        if not isinstance(reader, AacReader):
            reader = self._reader = AacReader()
        if packet_type == _SEQUENCE_START:
            return reader.configure(body)
        if packet_type != _CODED_FRAMES:
            return []
        return reader.receive(body, self._timeline.unwrap(timestamp))

    def _receive_mp3(self, body: bytes, timestamp: int) -> Events:
        if not body:
            return []
        reader = self._reader
        if not isinstance(reader, Mp3Reader):
            reader = self._reader = Mp3Reader()
        return reader.receive(body, self._timeline.unwrap(timestamp))


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
