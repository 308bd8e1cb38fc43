"""Frames of digital silence, for a stretch in which a channel has nothing to play. No I/O.

No encoder is needed: a frame that says 'no spectral data' is silence, and this is bit for bit what
encoders write for it, but for fields that then mean nothing. It refers to no other frame, so it may
stand behind and in front of any frame of its track, as often as one likes; what the frame before has
left in the decoder's overlap fades out by itself.

MP3: side information of zeros (ISO/IEC 11172-3 §2.4.1.7). MP2: no bits allocated to any subband (§2.4.1.6). AAC: elements with max_sfb 0 (ISO/IEC 14496-3
§4.4.2), then a fill element: players that wait for a number of bytes would wait 30 times as long for
frames of eleven bytes.
"""

from collections.abc import Iterator

from awazpulse.audio import Codec, MalformedAudio, Track, UnsupportedAudio
from awazpulse.audio.aac import ADTS_HEADER_BYTES, AdtsFramer
from awazpulse.audio.mpeg_audio import parse_header, parse_track

DEFAULT_BITRATE_KBPS = 128  # for a source that does not tell, and has not yet shown it
MAX_AAC_BYTES_PER_CHANNEL = 768  # 6,144 bits: the decoder's input buffer (14496-3 §4.5.3.2)

_STEREO, _MONO = 0b00, 0b11  # mode
_SCE, _CPE, _LFE, _FIL, _END = 0, 1, 3, 6, 7  # id_syn_ele (14496-3 table 4.85)
_ELEMENTS = {  # channelConfiguration -> its elements (table 1.19)
    1: (_SCE,),
    2: (_CPE,),
    3: (_SCE, _CPE),
    4: (_SCE, _CPE, _SCE),
    5: (_SCE, _CPE, _CPE),
    6: (_SCE, _CPE, _CPE, _LFE),
    7: (_SCE, _CPE, _CPE, _CPE, _LFE),
}
_MAX_FILL_BYTES = (
    14 + 255
)  # in one fill element: four bits of count, and eight more when they are full


def encode_silence(track: Track, bitrate_kbps: float | None) -> bytes:
    """Return one frame of silence of this track, about as large as a source's at `bitrate_kbps`.

    The form is that of `Frame.data`. For MP3 the bitrate is the nearest of the standard's table, and the
    frame has no padding. Raises `UnsupportedAudio` for a track that has no such frame.
    """
    bitrate_kbps = bitrate_kbps or DEFAULT_BITRATE_KBPS
    if track.codec in (Codec.MP3, Codec.MP2):
        return _encode_mpeg_audio(track, bitrate_kbps)
    return _encode_aac(track, bitrate_kbps)


def _encode_mpeg_audio(track: Track, bitrate_kbps: float) -> bytes:
    """Return the header whose bitrate is nearest, and zeros."""
    ideal_bytes = track.frame_samples * bitrate_kbps * 125 / track.sample_rate
    candidates = [(abs(size - ideal_bytes), size, header) for size, header in _headers_of(track)]
    if not candidates:
        raise UnsupportedAudio(f"there is no {track.codec} frame of {track.sample_rate} Hz")
    _, size, header = min(candidates)
    return header.ljust(size, b"\0")


def _headers_of(track: Track) -> Iterator[tuple[int, bytes]]:
    """Yield every header of the track, without CRC and padding, and its frame's size."""
    mode = _MONO if track.channels == 1 else _STEREO
    for second in range(0xE1, 0x100, 2):
        for third in range(0, 0x100, 4):
            header = bytes((0xFF, second, third, mode << 6))
            parsed = parse_header(header, 0) if not third & 2 else None
            if parsed is None or parse_track(header) != track:
                continue
            kbits = round(parsed.size * track.sample_rate / track.frame_samples / 125)
            if track.codec is Codec.MP3 or track.sample_rate < 32_000 or _may_be_mp2(kbits, mode):
                yield parsed.size, header


def _may_be_mp2(kbits: int, mode: int) -> bool:
    """Say whether MPEG-1 Layer II allows this bitrate for the mode (11172-3 §2.4.2.3)."""
    return kbits <= 192 if mode == _MONO else kbits >= 64 and kbits != 80


def _encode_aac(track: Track, bitrate_kbps: float) -> bytes:
    channel_configuration = read_channel_configuration(track)
    framer = AdtsFramer(track)
    bits = _Bits()
    tags: dict[int, int] = {}
    for element in _ELEMENTS[channel_configuration]:
        tag = tags[element] = tags.get(element, -1) + 1
        _write_element(bits, element, tag)
    ideal_bytes = int(track.frame_samples * bitrate_kbps * 125 / track.sample_rate)
    size = min(ideal_bytes - ADTS_HEADER_BYTES, MAX_AAC_BYTES_PER_CHANNEL * track.channels)
    _fill(bits, 8 * size)
    bits.write(_END, 3)
    return framer.frame(bits.to_bytes())


def read_channel_configuration(track: Track) -> int:
    """Return an AAC track's, from 1 to 7; `UnsupportedAudio` if its channels are in no standard order."""
    try:
        header = AdtsFramer(track).frame(b"")
    except MalformedAudio as error:
        raise UnsupportedAudio(f"got an AAC track that is not described: {error}") from error
    channel_configuration = (header[2] & 1) << 2 | header[3] >> 6
    if channel_configuration not in _ELEMENTS:
        raise UnsupportedAudio(
            f"got AAC channel configuration {channel_configuration}, expected 1 to 7"
        )
    return channel_configuration


def _write_element(bits: "_Bits", element: int, tag: int) -> None:
    """Write an element with nothing in it (14496-3 tables 4.4, 4.5, 4.50)."""
    bits.write(element, 3)
    bits.write(tag, 4)
    if element == _CPE:
        bits.write(0, 1)  # common_window
    for _ in range(2 if element == _CPE else 1):
        # global_gain 8; ics_info: reserved 1, ONLY_LONG_SEQUENCE 2, sine window 1, max_sfb 6, no
        # prediction 1; no pulse, TNS, gain control 3. No section and no scale factor, as max_sfb is 0.
        bits.write(0, 8 + 11 + 3)


def _fill(bits: "_Bits", until_bits: int) -> None:
    """Write fill elements (table 4.11), of EXT_FILL with zeros, as long as they end before `until_bits`."""
    while (left := (until_bits - len(bits) - 3 - 7) // 8) > 0:  # END, and this element's head
        bits.write(_FIL, 3)
        if left < 16:
            count = min(left, 14)
            bits.write(count, 4)
        else:  # the escape takes a byte itself
            count = min(left - 1, _MAX_FILL_BYTES)
            bits.write(15, 4)
            bits.write(count - 14, 8)
        bits.write(0, 8 * count)


class _Bits:
    """Bits that are written one behind the other."""

    def __init__(self) -> None:
        self._value = 0
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def write(self, value: int, count: int) -> None:
        self._value = self._value << count | value
        self._count += count

    def to_bytes(self) -> bytes:
        """Return them all, padded with zeros to whole bytes."""
        padding = -self._count % 8
        return (self._value << padding).to_bytes((self._count + padding) // 8, "big")
