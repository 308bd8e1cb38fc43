"""What independent decoders say of a byte stream of frames."""

import re
import subprocess
from pathlib import Path

import av

from awazpulse.audio import Track
from awazpulse.audio.aac import adts_splitter
from awazpulse.audio.mpeg_audio import mp3_splitter

_COMPLAINT = re.compile(r"error|warning|note:", re.IGNORECASE)


def complaints_of_ffmpeg(data: bytes, container_format: str, *options: str) -> str:
    """Return what ffmpeg says at its log level 'warning' when it decodes all of it."""
    command = ["ffmpeg", "-v", "warning", *options, "-f", container_format, "-i", "-"]
    command += ["-f", "null", "-"]
    run = subprocess.run(command, input=data, capture_output=True, check=False)
    return run.stderr.decode()


def complaints_of_mpg123(data: bytes, directory: Path) -> str:
    """Return what mpg123 says of an MP3 file of these bytes."""
    file = directory / "played.mp3"
    file.write_bytes(data)
    # Not -q: it hushes the library's errors too.
    command = ["mpg123", "-t", "--no-gapless", str(file)]
    run = subprocess.run(command, capture_output=True, check=False, text=True)
    lines = [line for line in run.stderr.splitlines() if _COMPLAINT.search(line)]
    return "\n".join(lines) + ("" if run.returncode == 0 else f"ended with {run.returncode}")


def encode_noise(
    codec: str, seconds: float, *, sample_rate: int, channels: int, bitrate_kbps: int
) -> bytes:
    """Return noise whose loudness jumps four times a second, which makes an encoder save up bits."""
    source = f"aevalsrc=(random(0)-.5)*(.01+.9*gt(sin(25*t)\\,.5)):s={sample_rate}:d={seconds}"
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, "-ac", str(channels)]
    command += ["-b:a", f"{bitrate_kbps}k", "-write_xing", "0", "-id3v2_version", "0"]
    command += ["-f", {"aac": "adts"}.get(codec, codec), "-"]
    return subprocess.run(command, check=True, capture_output=True).stdout


def decode(frames: list[bytes], codec: str) -> list[bytes]:
    """Return what PyAV's decoder makes of each frame, as the samples' bytes, all channels."""
    decoder = av.CodecContext.create(codec, "r")
    assert isinstance(decoder, av.AudioCodecContext)
    decoded = []
    for frame in frames:
        out = decoder.decode(av.Packet(frame))
        decoded.append(b"".join(bytes(plane) for made in out for plane in made.planes))
    return decoded


def track_of(data: bytes, codec: str) -> Track:
    """Return the track that our own splitter finds first."""
    splitter = adts_splitter() if codec == "aac" else mp3_splitter()
    track = splitter.receive_data(data)[0]
    assert isinstance(track, Track)
    return track
