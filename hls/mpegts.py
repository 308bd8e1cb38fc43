"""Packs one segment's frames into MPEG-TS with PyAV, in memory.

Contract: `TsMuxer.mux` returns whole 188-byte packets that begin with PAT and PMT and hold every
frame, byte for byte. It keeps what must go on from segment to segment (ISO/IEC 13818-1 §2.4.3.3
continuity counters, §2.4.4.9 table versions), so the segments of a channel joined are one
transport stream. About 0.2 ms a segment; never called on the way of a frame.

A container per segment restarts its counters at 0, and PyAV cannot flush one that goes on: so the
4-bit counter of each packet is rewritten afterwards.

PyAV is imported when there is something to package: it takes 17 MB of memory, and a server whose channels
are all Icecast's never needs it.
"""

from collections import defaultdict
from fractions import Fraction

from awazpulse.audio import Codec, Track

from .errors import MuxFailed
from .segmenter import CLOCK_HZ, Cut

PACKET_BYTES = 188
_PTS_MASK = (1 << 33) - 1
_TIME_BASE = Fraction(1, CLOCK_HZ)
_TABLE_VERSIONS = 32
_LIBAV_NAMES = {Codec.AAC: "aac", Codec.MP3: "mp3", Codec.MP2: "mp2"}
# A PID each: FFmpeg and mpv take a stream by its PID for what it was at first, and would put MP3
# through their AAC decoder, as noise, when a channel comes back with the other codec.
_PIDS = {Codec.AAC: 0x100, Codec.MP3: 0x101, Codec.MP2: 0x102}
_OPTIONS = {
    # Several frames in a PES packet: one each costs 52 % more bytes at 128 kbit/s, this 9 %.
    "max_delay": "700000",
    # Tables once, at the segment's start; libav's default of ten a second costs 16 % of the bytes.
    "pat_period": "10",
    "sdt_period": "10",
    "mpegts_copyts": "1",  # or PTS is moved by twice max_delay
    "mpegts_service_type": "digital_radio",
}
_PROVIDER = "AwazPulse"


def load_libav() -> None:
    """Import PyAV, which takes 0.03 to 0.2 s: on a thread, before the first segment is whole."""
    import av  # noqa: PLC0415  # see the module's head

    av.logging.set_level(None)  # libav says on stderr what it also raises


class _Output:
    """What PyAV writes to: an object with `write` and nothing else, so it never seeks."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes) -> int:
        self.data += data
        return len(data)


class TsMuxer:
    """One channel's transport stream, in segments. VLC shows `service_name` as its title."""

    def __init__(self, service_name: str) -> None:
        self._service_name = service_name
        self._track: Track | None = None
        self._version = 0
        self._counters: defaultdict[int, int] = defaultdict(int)  # PID -> that of its next packet

    def mux(self, cut: Cut) -> bytes:
        """Return the segment. Raises `MuxFailed`, with nothing changed, when libav refuses."""
        import av  # noqa: PLC0415  # see the module's head

        changes = self._track is not None and cut.track != self._track
        version = (self._version + changes) % _TABLE_VERSIONS
        try:
            data = _mux(cut, version, self._service_name)
        except (av.FFmpegError, ValueError) as error:
            raise MuxFailed(f"{cut.track.codec} does not go into MPEG-TS: {error}") from error
        if not data or len(data) % PACKET_BYTES:
            raise MuxFailed(f"got {len(data)} bytes from libav, expected packets of 188")
        self._continue_counters(data)
        self._track, self._version = cut.track, version
        return bytes(data)

    def _continue_counters(self, data: bytearray) -> None:
        """Add to each packet's counter what its PID had counted before this segment."""
        counters = self._counters
        first = dict(counters)
        for at in range(0, len(data), PACKET_BYTES):
            pid = (data[at + 1] & 0x1F) << 8 | data[at + 2]
            flags = data[at + 3]
            counter = (flags + first.get(pid, 0)) & 0xF
            data[at + 3] = flags & 0xF0 | counter
            counters[pid] = counter + 1


def _mux(cut: Cut, version: int, service_name: str) -> bytearray:
    import av  # noqa: PLC0415  # see the module's head

    output = _Output()
    codec = cut.track.codec
    options = {
        **_OPTIONS,
        "tables_version": str(version),
        "mpegts_start_pid": str(_PIDS[codec]),
    }
    with av.open(output, "w", format="mpegts", options=options) as container:
        container.metadata["service_name"] = service_name
        container.metadata["service_provider"] = _PROVIDER
        # Not `add_stream`: it opens an encoder and rewrites an HE-AAC configuration.
        stream = container.add_mux_stream(_LIBAV_NAMES[codec], rate=cut.track.sample_rate)
        wrapped = cut.pts_of(0) & ~_PTS_MASK  # subtracted: it wraps between segments, not inside
        sample = 0
        for frame in cut.frames:
            packet = av.Packet(frame.data)
            packet.stream = stream
            packet.time_base = _TIME_BASE
            packet.pts = packet.dts = cut.pts_of(sample) - wrapped
            container.mux(packet)
            sample += frame.samples
    return output.data
