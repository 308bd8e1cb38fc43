"""The card that `serve` prints: what to type into OBS, BUTT and a player. No I/O.

The first start's card carries the secrets; later ones leave them out and say how to see them.
"""

from awazpulse.channels.credentials import ChannelCredentials
from awazpulse.channels.public_urls import SOURCE_USERNAME, PublicUrls, mount_point
from awazpulse.first_start import FirstOwner


def describe(
    urls: PublicUrls,
    channels: list[str],
    credentials: ChannelCredentials | None,
    owner: FirstOwner | None,
) -> dict[str, object]:
    """Return the card for machines. Secrets are in it only with an `owner`, at the first start."""
    card: dict[str, object] = {
        "api": urls.api,
        "rtmp": urls.rtmp,
        "ports": {
            "rtmp": urls.rtmp_port,
            "icecast": urls.icecast_port,
            "hls": urls.hls_port,
            "api": urls.api_port,
        },
        "channels": channels,
    }
    if owner is not None and credentials is not None:
        card["owner"] = {"email": owner.email, "password": owner.password}
        card["credentials"] = credentials.to_json()
    return card


def render(
    urls: PublicUrls,
    channels: list[str],
    credentials: ChannelCredentials | None,
    owner: FirstOwner | None,
    program: str,
) -> str:
    """Return the card for people; `program` is how they call the command line."""
    channel = channels[0] if channels else "[channel-id]"
    hidden = f"({program} credentials {channel})"
    shown = credentials if owner is not None else None
    rows = [
        ("OBS", "Service", "Custom..."),
        ("", "Server", urls.rtmp),
        ("", "Stream Key", shown.hls.stream_key if shown else f"{channel}?key={hidden}"),
        ("", "listen at", urls.playback(channel, "hls")),
        ("BUTT", "Address", urls.host),
        ("", "Port", str(urls.icecast_port)),
        ("", "Mountpoint", mount_point(channel)),
        ("", "User", SOURCE_USERNAME),
        ("", "Password", shown.icecast.password if shown else hidden),
        ("", "listen at", urls.playback(channel, "icecast")),
        ("", "", f"first: {program} switch {channel} icecast"),
        ("Panel", "", f"{urls.api}/"),
        ("API", "", urls.api),
    ]
    if owner is not None:
        rows += [("Owner", "E-mail", owner.email), ("", "Password", owner.password)]
    if len(channels) > 1:
        rows.append(("Channels", "", _enumerate(channels)))
    lines = [f"  {head:<9}{name:<12}{value}".rstrip() for head, name, value in rows]
    title = "AwazPulse is running."
    if owner is not None:
        title += " The passwords below are shown this once."
    return "\n".join([title, "", *lines, "", "Ctrl-C ends it."])


def _enumerate(channels: list[str], most: int = 10) -> str:
    more = f" and {len(channels) - most} more" if len(channels) > most else ""
    return ", ".join(channels[:most]) + more
