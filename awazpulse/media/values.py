"""What the worker tells the server, as values and as JSON. No I/O."""

from dataclasses import asdict, dataclass
from typing import Any

from awazpulse.audio import Codec, Track

SILENCE_DBFS = -120.0  # what digital silence is given as: JSON has no infinity


@dataclass(frozen=True, slots=True)
class Levels:
    """How loud a stretch of audio is, by channel; 0 dBFS is a full-scale sine's peak, and its RMS is -3."""

    peak_dbfs: tuple[float, ...]
    rms_dbfs: tuple[float, ...]
    is_clipped: bool  # several samples in a row stand at the top
    is_mono: bool  # two channels with the same audio

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` takes."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "Levels":
        """Return the levels that `to_json` gave."""
        return cls(
            tuple(fields["peak_dbfs"]),
            tuple(fields["rms_dbfs"]),
            fields["is_clipped"],
            fields["is_mono"],
        )


@dataclass(frozen=True, slots=True)
class FallbackInfo:
    """What a file is, before it is prepared. The duration is what the file says."""

    codec: str  # libav's name: mp3, aac, flac, vorbis, opus, pcm_s16le ..
    duration_s: float
    title: str  # 'Artist - Title', or the file's name without its ending

    def to_json(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)


def track_to_json(track: Track) -> dict[str, Any]:
    """Return what `track_from_json` takes."""
    return {**asdict(track), "config": track.config.hex()}


def track_from_json(fields: dict[str, Any]) -> Track:
    """Return the track that `track_to_json` gave."""
    return Track(
        Codec(fields["codec"]),
        fields["sample_rate"],
        fields["channels"],
        fields["frame_samples"],
        bytes.fromhex(fields["config"]),
    )
