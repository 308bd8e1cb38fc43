"""Real audio for tests, encoded by ffmpeg, and what is in it according to ffmpeg's own parsers."""

import functools
import io
import subprocess

import av

TONE_HZ = 440

_ENCODERS = {
    "mp3": ("-c:a", "libmp3lame", "-write_xing", "0", "-id3v2_version", "0", "-f", "mp3"),
    "mp2": ("-c:a", "mp2", "-f", "mp2"),
    "aac": ("-c:a", "aac", "-f", "adts"),
}


@functools.cache
def encode_tone(
    codec: str,
    seconds: float = 3,
    *,
    sample_rate: int = 44_100,
    bitrate_kbps: int = 128,
    channels: int = 2,
    layout: str = "",
) -> bytes:
    """Return a 440 Hz tone as a byte stream of MP3, MP2 or ADTS frames; `layout` as ffmpeg names it."""
    speakers = ("-af", f"aformat=channel_layouts={layout}") if layout else ("-ac", str(channels))
    return subprocess.run(
        [
            *("ffmpeg", "-v", "error", "-f", "lavfi"),
            *("-i", f"sine=frequency={TONE_HZ}:sample_rate={sample_rate}:duration={seconds}"),
            *(*speakers, "-b:a", f"{bitrate_kbps}k", *_ENCODERS[codec], "-"),
        ],
        check=True,
        capture_output=True,
    ).stdout


def split_frames(data: bytes, container_format: str) -> list[bytes]:
    """Return the frames in a byte stream, cut by libavformat; `container_format` as it names it."""
    with av.open(io.BytesIO(data), "r", format=container_format) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]
