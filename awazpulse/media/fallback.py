"""Turns a file into frames of a channel's track. Runs in the worker: it loads PyAV.

The files come from station owners, and are not to be trusted: only formats and codecs of a list are opened,
no protocol but local files (an HLS playlist or a concat script would read other files, or the network), and
audio passes in pieces, so memory does not grow with the file. What hangs is ended by who asked.

What is prepared is self-contained from frame to frame (MP3 without bit reservoir), so playing it from its
last frame to its first is as good as anywhere. What an encoder puts in front and behind to begin and to
end is cut off: a loop has no gap but the rest of its last frame.
"""

import contextlib
import hashlib
import json
import os
import stat
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.filter
from av.container import InputContainer

from awazpulse.audio import Codec, Track, UnsupportedAudio
from awazpulse.audio.aac import AdtsFramer

from .errors import MediaFailed, UnusableFile
from .prepared import FORMAT_VERSION, SIZE_TYPE, PreparedFallback, load_prepared
from .silence import DEFAULT_BITRATE_KBPS, read_channel_configuration
from .values import FallbackInfo, track_to_json

MAX_FILE_BYTES = 200 << 20  # an album of FLAC; all of it may be read
MAX_LENGTH_S = 4 * 3600.0  # a night's programme; 576 MB at 320 kbit/s, and minutes of work
MAX_TITLE_CHARACTERS = 256  # what a player shows; tags may hold a book
MAX_KEPT = 4  # prepared files of a channel: two sources' tracks, and what they had before
MAX_BAD_PACKETS = 100  # in a row: this is no audio any more
SAMPLE_RATES_HZ = range(4000, 384_000 + 1)  # others would make much of little, or are no audio
MAX_CHANNELS = 8

_FORMATS = "mp3,aac,mov,flac,ogg,wav"  # libavformat's demuxers; mov is M4A too
_CODECS = {
    "mp3", "mp3float", "aac", "alac", "flac", "vorbis", "opus", "libopus",
    "pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le", "pcm_alaw", "pcm_mulaw",
}  # fmt: skip
_KINDS = "MP3, AAC, FLAC, Ogg Vorbis, Opus or WAV"
_LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}


@dataclass(frozen=True, slots=True)
class _Encoding:
    """How libav encodes one codec: `sample_format` is what its encoder takes."""

    encoder: str
    sample_format: str
    options: dict[str, str]


_ENCODINGS = {
    Codec.MP3: _Encoding("libmp3lame", "s16p", {"reservoir": "0"}),
    Codec.MP2: _Encoding("mp2", "s16", {}),
    Codec.AAC: _Encoding("aac", "fltp", {}),
}


def probe(path: Path) -> FallbackInfo:
    """Return what the file is; raises `UnusableFile` if it is no audio, too large or too long.

    The beginning is decoded, the rest is not looked at.
    """
    with _open(path) as container:
        stream = container.streams.audio[0]
        duration_s = (container.duration or 0) / av.time_base  # a broken file may not tell
        _check_length(duration_s)
        next(_decode(container), None)
        tags = {**container.metadata, **stream.metadata}
        return FallbackInfo(stream.codec_context.name, duration_s, _title_of(path, tags))


def prepare(
    path: Path, track: Track, bitrate_kbps: float | None, out_dir: Path
) -> PreparedFallback:
    """Return the file as frames of this track, made anew only if `out_dir` does not have it already.

    `out_dir` is the channel's own: files of other names are left alone, but what a crash has left, and
    all but the `MAX_KEPT` used last, is removed. Raises `UnusableFile`, and `OSError` if the disk is full.
    """
    json_path = out_dir / f"{_name_of(path, track, bitrate_kbps)}.json"
    try:
        prepared = load_prepared(json_path)
        os.utime(json_path)
    except MediaFailed:
        info = probe(path)
        out_dir.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(out_dir)
        _write(path, track, bitrate_kbps, json_path, info.title)
        prepared = load_prepared(json_path)
    _remove_old(out_dir, json_path)
    return prepared


@contextlib.contextmanager
def _open(path: Path) -> Iterator[InputContainer]:
    """Open the file, if it may hold audio that we know; what libav raises is the file's fault."""
    try:
        status = path.stat()
    except OSError as error:
        raise UnusableFile(f"{path.name} cannot be opened: {error.strerror}") from error
    if not stat.S_ISREG(status.st_mode):
        raise UnusableFile(f"{path.name} is no file")
    if status.st_size > MAX_FILE_BYTES:
        raise UnusableFile(
            f"got a file of {status.st_size / 2**20:.0f} MiB, expected at most"
            f" {MAX_FILE_BYTES / 2**20:.0f}"
        )
    options = {"format_whitelist": _FORMATS, "protocol_whitelist": "file"}
    try:
        with av.open(
            f"file:{path.resolve()}", options=options, metadata_errors="replace"
        ) as opened:
            _check(opened)
            yield opened
    except (av.FFmpegError, UnicodeError) as error:
        raise UnusableFile(f"{path.name} is not {_KINDS}, or is damaged") from error


def _check(container: InputContainer) -> None:
    if not container.streams.audio:
        raise UnusableFile("got a file without audio" if container.streams else "got an empty file")
    stream = container.streams.audio[0]
    context = stream.codec_context
    if context.name not in _CODECS:
        raise UnusableFile(f"got {context.name} audio, expected {_KINDS}")
    if context.sample_rate not in SAMPLE_RATES_HZ or not 1 <= context.channels <= MAX_CHANNELS:
        raise UnusableFile(
            f"got {context.channels} channels at {context.sample_rate} Hz, expected 1 to"
            f" {MAX_CHANNELS} at {SAMPLE_RATES_HZ[0]} to {SAMPLE_RATES_HZ[-1]}"
        )


def _check_length(seconds: float) -> None:
    if seconds > MAX_LENGTH_S:
        raise UnusableFile(
            f"got audio of {seconds / 3600:.2f} hours, expected at most {MAX_LENGTH_S / 3600:g}"
        )


def _title_of(path: Path, tags: dict[str, str]) -> str:
    found = {name.lower(): " ".join(text.split()) for name, text in tags.items()}
    words = [text for name in ("artist", "title") if (text := found.get(name))]
    title = " - ".join(words) if found.get("title") else path.stem
    return "".join(c for c in title if c.isprintable())[:MAX_TITLE_CHARACTERS]


def _decode(container: InputContainer) -> Iterator[av.AudioFrame]:
    """Yield the first audio stream's frames, past what is broken; raise if there is none."""
    stream = container.streams.audio[0]
    bad = good = 0
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.FFmpegError:
            bad += 1
            if bad > MAX_BAD_PACKETS:
                raise
            continue
        for frame in frames:
            assert isinstance(frame, av.AudioFrame)
            if frame.samples:
                bad, good = 0, good + 1
                yield frame
    if not good:
        raise UnusableFile("got a file without audio in it")


class _Conformer:
    """Brings frames of any kind to one rate and layout, in pieces of one length.

    By way of 16 bits: floats of a file may be anything, and an encoder gives up at infinities.
    """

    def __init__(self, sample_rate: int, layout: str, sample_format: str, samples: int) -> None:
        self._target = f"sample_fmts=s16p:sample_rates={sample_rate}:channel_layouts={layout}"
        self._form: tuple[str, int, str] | None = None
        self._graph: av.filter.Graph | None = None  # from the present form to the target
        self._last = _make_graph(
            (("s16p", sample_rate, layout)),
            [("aformat", f"sample_fmts={sample_format}"), ("asetnsamples", f"n={samples}:p=1")],
        )

    def conform(self, frames: Iterator[av.AudioFrame]) -> Iterator[av.AudioFrame]:
        """Yield all that the frames hold; the last piece is filled up with silence."""
        for frame in frames:
            form = (frame.format.name, frame.sample_rate, _layout_of(frame))
            if form != self._form:
                yield from self._flush()
                self._graph, self._form = _make_graph(form, [("aformat", self._target)]), form
            assert self._graph is not None
            frame.pts = None
            for out in _filter(self._graph, frame):
                yield from _filter(self._last, out)
        yield from self._flush()
        yield from _filter(self._last, None)

    def _flush(self) -> Iterator[av.AudioFrame]:
        if self._graph is not None:
            for out in _filter(self._graph, None):
                yield from _filter(self._last, out)


def _layout_of(frame: av.AudioFrame) -> str:
    name = frame.layout.name
    return _LAYOUTS[frame.layout.nb_channels] if name.endswith("channels") else name


def _make_graph(
    form: tuple[str, int, str], filters: list[tuple[str, str | None]]
) -> av.filter.Graph:
    graph = av.filter.Graph()
    graph.threads = 1
    sample_format, sample_rate, layout = form
    last = graph.add_abuffer(sample_rate=sample_rate, format=sample_format, layout=layout)
    for name, arguments in [*filters, ("abuffersink", None)]:
        node = graph.add(name, arguments)
        last.link_to(node)
        last = node
    graph.configure()
    return graph


def _filter(graph: av.filter.Graph, frame: av.AudioFrame | None) -> Iterator[av.AudioFrame]:
    """Push a frame (None: the end) and yield what comes out."""
    graph.push(frame)
    while True:
        try:
            out = graph.pull()
        except (av.BlockingIOError, av.EOFError):
            return
        assert isinstance(out, av.AudioFrame)
        yield out


def _encode(
    frames: Iterator[av.AudioFrame], track: Track, bitrate_kbps: float | None
) -> Iterator[bytes]:
    """Yield the track's frames, in the form of `Frame.data`."""
    encoding = _ENCODINGS[track.codec]
    if track.codec is Codec.AAC:
        read_channel_configuration(track)
    encoder = av.CodecContext.create(encoding.encoder, "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate = track.sample_rate
    encoder.layout = _LAYOUTS[track.channels]
    encoder.format = encoding.sample_format
    encoder.time_base = Fraction(1, track.sample_rate)
    encoder.bit_rate = int((bitrate_kbps or DEFAULT_BITRATE_KBPS) * 1000)
    encoder.options = encoding.options
    try:
        encoder.open()
    except av.FFmpegError as error:
        raise UnsupportedAudio(
            f"no encoder makes {track.codec} of {track.channels} channels at {track.sample_rate} Hz"
        ) from error
    assert encoder.frame_size == track.frame_samples
    frame_data = AdtsFramer(track).frame if track.codec is Codec.AAC else bytes
    conformer = _Conformer(
        track.sample_rate, _LAYOUTS[track.channels], encoding.sample_format, track.frame_samples
    )
    samples = 0

    def encode() -> "Iterator[av.Packet[av.AudioStream]]":
        nonlocal samples
        for frame in conformer.conform(frames):
            frame.pts = samples
            samples += frame.samples
            _check_length(samples / track.sample_rate)
            yield from encoder.encode(frame)
        yield from encoder.encode(None)

    half = track.frame_samples // 2
    for packet in encode():
        # Its middle is where audio is: not what the encoder puts in front to begin with, nor behind.
        if packet.pts is None or 0 <= packet.pts + half < max(samples, 1):
            yield frame_data(bytes(packet))


def _write(
    path: Path, track: Track, bitrate_kbps: float | None, json_path: Path, title: str
) -> None:
    """Write the three files under temporary names, and rename them when all is on the disk."""
    finals = [json_path.with_suffix(suffix) for suffix in (".audio", ".index", ".json")]
    parts = [final.with_name(f".{final.name}.part") for final in finals]
    audio_part, index_part, json_part = parts
    head = {"version": FORMAT_VERSION, "title": title, "track": track_to_json(track)}
    sizes = array(SIZE_TYPE)
    try:
        with _open(path) as container, audio_part.open("wb") as audio:
            for frame in _encode(_decode(container), track, bitrate_kbps):
                audio.write(frame)
                sizes.append(len(frame))
        index_part.write_bytes(sizes.tobytes())
        json_part.write_text(json.dumps(head))
        for part, final in zip(parts, finals, strict=True):
            _flush_to_disk(part)
            part.rename(final)
    finally:
        for part in parts:
            part.unlink(missing_ok=True)


def _flush_to_disk(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _name_of(path: Path, track: Track, bitrate_kbps: float | None) -> str:
    """Return a name that another file, track or bitrate does not have."""
    try:
        status = path.stat()
    except OSError as error:
        raise UnusableFile(f"{path.name} cannot be opened: {error.strerror}") from error
    source = [str(path.resolve()), status.st_size, status.st_mtime_ns]
    told = json.dumps([FORMAT_VERSION, source, track_to_json(track), bitrate_kbps])
    return hashlib.sha256(told.encode()).hexdigest()[:24]


def _remove_leftovers(out_dir: Path) -> None:
    """Remove what a crash has left: there is one worker, so nobody else is writing."""
    for part in out_dir.glob(".*.part"):
        part.unlink(missing_ok=True)
    for file in (*out_dir.glob("*.audio"), *out_dir.glob("*.index")):
        if not file.with_suffix(".json").exists():
            file.unlink(missing_ok=True)


def _remove_old(out_dir: Path, newest: Path) -> None:
    """Remove all but those used last; one that is played is open, and plays on."""
    others = [file for file in out_dir.glob("*.json") if file != newest]
    others.sort(key=lambda file: file.stat().st_mtime, reverse=True)
    for json_path in others[MAX_KEPT - 1 :]:
        for suffix in (".json", ".audio", ".index"):  # in this order: without JSON it is not there
            json_path.with_suffix(suffix).unlink(missing_ok=True)
