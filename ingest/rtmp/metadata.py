"""onMetaData: what an encoder says of its stream. No I/O. Adobe FLV 10.1 §E.5.

Metadata is a courtesy: whatever is wrong with it, it is ignored and the audio goes on.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from .amf0 import parse_values, read_number, read_text
from .errors import MalformedAmf

MAX_BITRATE_KBPS = 10_000  # no audio has more; a larger number is in bits, not kilobits
MAX_ENCODER_CHARACTERS = 200  # goes to a log line and the panel


@dataclass(frozen=True, slots=True)
class Metadata:
    """The audio bitrate in kbit/s and the encoder's name, where they were told."""

    bitrate_kbps: int | None = None
    encoder: str = ""


def parse_metadata(payload: bytes) -> Metadata | None:
    """Return the metadata in a data message, or None if it holds none or is malformed."""
    try:
        values = parse_values(payload)
    except MalformedAmf:
        return None
    if values and values[0] == "@setDataFrame":  # which leads an encoder's own onMetaData
        values = values[1:]
    if len(values) < 2 or values[0] != "onMetaData":
        return None
    fields = values[1]
    if not isinstance(fields, Mapping):
        return None
    return Metadata(
        _parse_bitrate(read_number(fields.get("audiodatarate"))),
        clean_encoder(read_text(fields.get("encoder"))),
    )


def _parse_bitrate(kbps: float | None) -> int | None:
    if kbps is None or not 1 <= kbps <= MAX_BITRATE_KBPS:
        return None
    return round(kbps)


def clean_encoder(text: str) -> str:
    """Return one printable line within the limit."""
    printable = "".join(c for c in text[:MAX_ENCODER_CHARACTERS] if c.isprintable())
    return printable.strip()
