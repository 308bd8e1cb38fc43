"""Packs one segment's frames into MPEG-TS with PyAV, in memory.

Contract: `TsMuxer.mux` returns whole 188-byte packets that begin with PAT and PMT and hold every
frame, byte for byte. Continuity counters (ISO/IEC 13818-1 §2.4.3.3) and table versions (§2.4.4.9)
go on from segment to segment, so that a channel's segments, joined, are one transport stream. A
segment takes about 0.2 ms, so `mux` is never called on the way of a frame.

Each segment has a container of its own, because PyAV cannot flush one that goes on. Its counters
begin at 0, so the 4-bit counter of each packet is rewritten afterwards.

PyAV is imported when there is something to package. It takes 17 MB of memory, and a server that
only has Icecast channels never needs it.
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
# Each codec has its own PID. FFmpeg and mpv remember the codec of a PID: when a channel comes back
# with the other codec on the same PID, they put MP3 through their AAC decoder, which is noise.
_PIDS = {Codec.AAC: 0x100, Codec.MP3: 0x101, Codec.MP2: 0x102}
_OPTIONS = {
    # Several frames in a PES packet, which adds 9 % to 128 kbit/s. One frame each would add 52 %.
    "max_delay": "700000",
    # Tables once, at the segment's start. Ten times a second, libav's default, they add 16 %.
    "pat_period": "10",
    "sdt_period": "10",
    "mpegts_copyts": "1",  # or PTS is moved by twice max_delay
    "mpegts_service_type": "digital_radio",
}
_PROVIDER = "AwazPulse"


def load_libav() -> None:
    """Import PyAV. It takes 0.03 to 0.2 s: call this on a thread, before the first segment."""
    import av  # noqa: PLC0415  # see the module's head

    av.logging.set_level(None)  # libav says on stderr what it also raises


class _Output:
    """What PyAV writes to. It has only `write`, so PyAV does not seek in it."""

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
        """Return the segment. Raises `MuxFailed` if libav refuses; nothing has changed then."""
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
        """Make each packet's counter go on from the segment before."""
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
        # `add_stream` would open an encoder, and rewrite an HE-AAC configuration.
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
