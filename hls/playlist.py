"""Renders media playlists (RFC 8216 and 8216bis). No I/O, no state.

The caller keeps the numbers that must never go down.

EXT-X-PROGRAM-DATE-TIME stands on each segment (§4.3.2.6). Without it a player adds up durations
from the last date before, which is wrong where the source's clock drifts or where the wall clock
was set. A step of the wall clock needs no EXT-X-DISCONTINUITY: that tag is for changes of the media
(§4.3.2.3), and media and PTS go on. hls.js reads each segment's own date, recognizes segments of a
reloaded playlist by MEDIA-SEQUENCE and URI, and falls back to those where it looks for a date that
is not listed; FFmpeg and VLC do not use dates; Safari seeks by them. A segment that is listed keeps
its date, for a listed line must not change (§6.2.1).
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

    No EXT-X-PLAYLIST-TYPE: the window slides (§4.3.3.5).
    """
    lines = [
        "#EXTM3U",
        f"#EXT-X-VERSION:{_VERSION}",
        f"#EXT-X-TARGETDURATION:{target_duration_s}",
        f"#EXT-X-MEDIA-SEQUENCE:{media_sequence}",
        f"#EXT-X-DISCONTINUITY-SEQUENCE:{discontinuity_sequence}",
        "#EXT-X-INDEPENDENT-SEGMENTS",
    ]
    for entry in entries:
        if entry.discontinuity:
            lines.append("#EXT-X-DISCONTINUITY")
        lines += (
            f"#EXT-X-PROGRAM-DATE-TIME:{_format_time(entry.wall)}",
            f"#EXTINF:{entry.duration_s:.5f},",
            entry.uri,
        )
    if ended:
        lines.append("#EXT-X-ENDLIST")
    lines.append("")
    return "\n".join(lines)


def _format_time(wall: float) -> str:
    time = datetime.fromtimestamp(wall, UTC)
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03}Z"
