"""Measures how loud a stretch of frames is. Runs in the worker: it loads PyAV.

The first frame behind a cold start is decoded but not counted: half of what it plays is the overlap
with a frame that the decoder has not seen. Nor are MP3 frames whose main data begins before the stretch.

Decoders and filters stay open by track; to open them costs more than to use them once. Measured on one
core: 1.0 to 1.2 ms of CPU for 8 frames of 44.1 kHz stereo, 2 ms the first time. Python loops over the samples, or `math.hypot` and
`max` over a memoryview, take longer than libavfilter's astats on 16-bit samples, which costs half of
what it does on floats.
"""

import math
from collections import OrderedDict
from collections.abc import Iterator, Sequence

import av
import av.filter

from awazpulse.audio import Codec, Track
from awazpulse.audio.aac import parse_adts_header
from awazpulse.audio.mpeg_audio import parse_header
from awazpulse.audio.reservoir import ReservoirSeam

from .values import SILENCE_DBFS, Levels

MAX_METERS = 32  # tracks whose decoder stays open, 100 KB each; stations have a handful of them
CLIPPED_SAMPLES = 3  # in a row: a peak of music stays at the top for one or two
CLIPPED_DBFS = -0.1
MONO_DB = -70  # two channels that differ by less are one
_DECODERS = {Codec.MP3: "mp3float", Codec.MP2: "mp2float", Codec.AAC: "aac"}
_STATISTICS = "metadata=1:reset=1:measure_perchannel=Peak_level+RMS_level:measure_overall=none"  # of each frame
_TOP, _BOTTOM = (
    b"\xff\x7f" * CLIPPED_SAMPLES,
    b"\x00\x80" * CLIPPED_SAMPLES,
)  # 16 bits, little-endian
# What is MONO_DB below full scale rounds to 0 when it is made this much softer: half a step of 16 bits is -96.3 dB.
_MONO_GAIN = 10 ** ((-20 * math.log10(2**16) - MONO_DB) / 20)

_meters: OrderedDict[Track, "_Meter"] = OrderedDict()


def measure(track: Track, data: bytes) -> Levels | None:
    """Return the levels of the frames in `data`, or None if fewer than two of them can be decoded."""
    meter = _meters.pop(track, None) or _Meter(track)
    _meters[track] = meter
    if len(_meters) > MAX_METERS:
        _meters.popitem(last=False)
    return meter.measure(data)


class _Meter:
    """One track's decoder, and the filters for what it decodes."""

    def __init__(self, track: Track) -> None:
        self._track = track
        decoder = av.CodecContext.create(_DECODERS[track.codec], "r")
        assert isinstance(decoder, av.AudioCodecContext)
        decoder.thread_count = 1
        self._decoder = decoder
        self._filters: _Filters | None = None

    def measure(self, data: bytes) -> Levels | None:
        frames = list(self._decode(data))
        if not frames:
            return None
        last = frames[-1]
        if self._filters is None or not self._filters.take(last):
            self._filters = _Filters(last)
        filters = self._filters
        frames = [frame for frame in frames if filters.take(frame)]
        peaks, rms = filters.measure(frames)
        is_mono = len(peaks) == 2 and filters.is_mono(frames)
        if is_mono and self._track.channels == 1:  # FFmpeg's AAC decoder makes two of one
            peaks, rms, is_mono = peaks[:1], rms[:1], False
        is_clipped = max(peaks) >= CLIPPED_DBFS and filters.is_clipped(frames)
        return Levels(peaks, rms, is_clipped, is_mono)

    def _decode(self, data: bytes) -> Iterator[av.AudioFrame]:
        """Yield what is heard of each frame, but of the first ones that lack what stood before them."""
        self._decoder.flush_buffers()
        seam = ReservoirSeam()
        is_cold = True
        for frame in _split(self._track, data):
            mended = seam.mend(frame) if self._track.codec is Codec.MP3 else frame
            try:
                decoded = self._decoder.decode(av.Packet(mended))
            except av.FFmpegError:
                is_cold = True
                continue
            if not is_cold:
                yield from decoded
            is_cold = mended is not frame


def _split(track: Track, data: bytes) -> Iterator[bytes]:
    parse = parse_adts_header if track.codec is Codec.AAC else parse_header
    at = 0
    while at + 7 <= len(data):  # an ADTS header; no MP3 frame is shorter
        header = parse(data, at)
        if header is None:
            break
        yield data[at : at + header.size]
        at += header.size


class _Filters:
    """libavfilter's graphs for one format of decoded frames."""

    def __init__(self, frame: av.AudioFrame) -> None:
        self._form = _form_of(frame)
        gain = 10 ** (-CLIPPED_DBFS / 20)
        self._statistics = _make_graph(
            frame, [("aformat", "sample_fmts=s16p"), ("astats", _STATISTICS)]
        )
        self._clip = _make_graph(
            frame, [("volume", f"volume={gain}"), ("aformat", "sample_fmts=s16p")]
        )
        self._difference = None
        if frame.layout.nb_channels == 2:
            pan = f"mono|c0={_MONO_GAIN}*c0-{_MONO_GAIN}*c1"
            self._difference = _make_graph(frame, [("pan", pan), ("aformat", "sample_fmts=s16p")])

    def take(self, frame: av.AudioFrame) -> bool:
        """Say whether these filters are for such frames."""
        return _form_of(frame) == self._form

    def measure(
        self, frames: Sequence[av.AudioFrame]
    ) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return peak and RMS by channel."""
        described = [out.metadata for out in _filter(self._statistics, frames)]
        channels = range(1, frames[0].layout.nb_channels + 1)
        peaks = [
            max(float(d[f"lavfi.astats.{channel}.Peak_level"]) for d in described)
            for channel in channels
        ]
        powers = [
            sum(10 ** (float(d[f"lavfi.astats.{channel}.RMS_level"]) / 10) for d in described)
            / len(described)
            for channel in channels
        ]
        rms = [10 * math.log10(power) if power else -math.inf for power in powers]
        return _cap(peaks), _cap(rms)

    def is_clipped(self, frames: Sequence[av.AudioFrame]) -> bool:
        """Say whether `CLIPPED_SAMPLES` in a row are at `CLIPPED_DBFS` or above."""
        filtered = _filter(self._clip, frames)
        for channel in range(frames[0].layout.nb_channels):
            samples = b"".join(_samples_of(out, channel) for out in filtered)
            if _has_aligned(samples, _TOP) or _has_aligned(samples, _BOTTOM):
                return True
        return False

    def is_mono(self, frames: Sequence[av.AudioFrame]) -> bool:
        """Say whether two channels differ by less than `MONO_DB`, sample by sample."""
        assert self._difference is not None
        return not any(
            _samples_of(out, 0).strip(b"\0") for out in _filter(self._difference, frames)
        )


def _form_of(frame: av.AudioFrame) -> tuple[str, int, str]:
    return frame.format.name, frame.sample_rate, frame.layout.name


def _make_graph(frame: av.AudioFrame, filters: list[tuple[str, str]]) -> av.filter.Graph:
    graph = av.filter.Graph()
    graph.threads = 1  # a thread for each channel costs more than it saves
    last = graph.add_abuffer(
        sample_rate=frame.sample_rate, format=frame.format.name, layout=frame.layout.name
    )
    for name, arguments in [*filters, ("abuffersink", None)]:
        node = graph.add(name, arguments)
        last.link_to(node)
        last = node
    graph.configure()
    return graph


def _filter(graph: av.filter.Graph, frames: Sequence[av.AudioFrame]) -> list[av.AudioFrame]:
    filtered = []
    for frame in frames:
        graph.push(frame)
        out = graph.pull()
        assert isinstance(out, av.AudioFrame)
        filtered.append(out)
    return filtered


def _samples_of(frame: av.AudioFrame, channel: int) -> bytes:
    """Return a channel's 16-bit samples, without what pads the plane."""
    return bytes(frame.planes[channel])[: 2 * frame.samples]


def _has_aligned(samples: bytes, pattern: bytes) -> bool:
    at = samples.find(pattern)
    while at >= 0 and at % 2:
        at = samples.find(pattern, at + 1)
    return at >= 0


def _cap(levels: Sequence[float]) -> tuple[float, ...]:
    return tuple(round(max(level, SILENCE_DBFS), 1) for level in levels)
