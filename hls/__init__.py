"""Port 8088: cuts broadcasts into segments, and serves playlists and segments from ready bytes."""

from hls.limits import Limits
from hls.server import HlsServer

__all__ = ["HlsServer", "Limits"]
