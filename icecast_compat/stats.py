"""`/status-json.xsl`: what is on air, in the shape that Icecast's clients parse. No I/O.

`source` is absent, one object, or an array for 0, 1 or more mounts: existing clients depend on it.
"""

import json
import time
from collections.abc import Collection

from awazpulse.http_date import format_http_date

from .mount_view import MountView
from .responses import SERVER


def _rfc822(seconds: float) -> str:
    # As HTTP writes it but for the zone; `strftime` would speak the language of the machine.
    return format_http_date(seconds).removesuffix("GMT") + "+0000"


def _iso8601(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S+0000", time.gmtime(seconds))


def describe_mount(mount: MountView, base_url: str) -> dict[str, object]:
    """Return a mount's entry; what the source did not say is left out, as Icecast does."""
    broadcast = mount.broadcast
    station = broadcast.station
    optional = {
        "audio_info": station.audio_info,
        "bitrate": broadcast.bitrate_kbps,
        "genre": station.genre,
        "server_description": station.description,
        "server_name": station.name,
        "server_url": station.url,
        "title": broadcast.title.text,
    }
    entry: dict[str, object] = {name: value for name, value in optional.items() if value}
    entry.update(_read_audio_info(station.audio_info))
    entry.update(
        listener_peak=mount.count.peak_listeners,
        listeners=mount.count.listeners,
        listenurl=base_url + mount.path,
        server_type=mount.content_type,
        sound=broadcast.sound.value,  # ours: whether the source is heard, or what stands in for it
        stream_start=_rfc822(mount.started),
        stream_start_iso8601=_iso8601(mount.started),
        dummy=None,
    )
    return dict(sorted(entry.items(), key=lambda item: (item[0] == "dummy", item[0])))


def _read_audio_info(audio_info: str) -> dict[str, object]:
    pairs = (pair.partition("=") for pair in audio_info.split(";"))
    return {
        name.strip(): int(value) if value.strip().isdecimal() else value.strip()
        for name, _, value in pairs
        if name.strip()
    }


def describe_server(
    mounts: Collection[MountView], *, host: str, base_url: str, started: float
) -> bytes:
    """Return the whole document as JSON."""
    sources = [describe_mount(mount, base_url) for mount in mounts]
    stats: dict[str, object] = {
        "admin": f"admin@{host}",
        "host": host,
        "location": "Earth",
        "server_id": SERVER,
        "server_start": _rfc822(started),
        "server_start_iso8601": _iso8601(started),
    }
    if sources:
        stats["source"] = sources[0] if len(sources) == 1 else sources
    return json.dumps({"icestats": stats}, ensure_ascii=False).encode()
