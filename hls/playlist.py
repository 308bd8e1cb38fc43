"""Renders media playlists. No I/O, no state.

RFC 8216 and 8216bis; the numbers that must never go down are the caller's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

_VERSION = 3  # RFC 8216 §7: EXTINF with fractions


@dataclass(frozen=True, slots=True)
class Entry:
    """One listed segment: `wall` is the Unix time of its first sample."""

    uri: str
    duration_s: float
    wall: float
    discontinuity: bool = False


def render_media_playlist(
    entries: Sequence[Entry],
    *,
    media_sequence: int,
    discontinuity_sequence: int,
    target_duration_s: int,
    ended: bool,
) -> str:
    """Return the playlist of `entries`, the oldest first.

    No EXT-X-PLAYLIST-TYPE: the window slides (§4.3.3.5). EXT-X-PROGRAM-DATE-TIME stands on the
    first segment and after each discontinuity, for Safari seeks by it on live.
    """
    lines = [
        "#EXTM3U",
        f"#EXT-X-VERSION:{_VERSION}",
        f"#EXT-X-TARGETDURATION:{target_duration_s}",
        f"#EXT-X-MEDIA-SEQUENCE:{media_sequence}",
        f"#EXT-X-DISCONTINUITY-SEQUENCE:{discontinuity_sequence}",
        "#EXT-X-INDEPENDENT-SEGMENTS",
    ]
    for number, entry in enumerate(entries):
        if entry.discontinuity:
            lines.append("#EXT-X-DISCONTINUITY")
        if entry.discontinuity or number == 0:
            lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{_format_time(entry.wall)}")
        lines += (f"#EXTINF:{entry.duration_s:.5f},", entry.uri)
    if ended:
        lines.append("#EXT-X-ENDLIST")
    lines.append("")
    return "\n".join(lines)


def _format_time(wall: float) -> str:
    time = datetime.fromtimestamp(wall, UTC)
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03}Z"
