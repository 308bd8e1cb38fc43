"""The names and addresses that the outside world knows this server by. No I/O."""

import re
from dataclasses import dataclass

from awazpulse.addresses import bracket_host

CHANNEL_ID = re.compile(r"[A-Za-z0-9_-]{1,36}")  # stands in URLs, stream keys and file names
SOURCE_USERNAME = "source"  # the one that BUTT and libshout send unless told otherwise


@dataclass(frozen=True, slots=True)
class PublicUrls:
    """One public host, a name or an address (IPv6 without brackets), and the four ports.

    `origin` is what stands in the place of scheme, host and port when one proxy serves players and the
    API, such as `https://radio.example`. Encoders come to the host and the ports all the same.
    """

    host: str
    rtmp_port: int = 1935
    icecast_port: int = 8000
    hls_port: int = 8088
    api_port: int = 3000
    origin: str = ""

    @property
    def bracketed_host(self) -> str:
        """The host as a URL spells it (RFC 3986 §3.2.2)."""
        return bracket_host(self.host)

    @property
    def rtmp(self) -> str:
        """What goes into the encoder's field 'Server'."""
        return f"rtmp://{self.bracketed_host}:{self.rtmp_port}/live"

    @property
    def api(self) -> str:
        """The API's root, without a slash at the end."""
        return self.origin or f"http://{self.bracketed_host}:{self.api_port}"

    def playback(self, channel_id: str, stream_type: str) -> str:
        """Return what a player opens."""
        is_hls = stream_type == "hls"
        path = f"/hls/{channel_id}.m3u8" if is_hls else mount_point(channel_id)
        port = self.hls_port if is_hls else self.icecast_port
        return (self.origin or f"http://{self.bracketed_host}:{port}") + path


def mount_point(channel_id: str) -> str:
    """Return the channel's path on the Icecast port."""
    return f"/{channel_id}.mp3"
