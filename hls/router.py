"""Finds the answer to a request. No I/O.

`/hls/{id}.m3u8` is a channel's playlist, `/hls/{id}-{session}-{n}.ts` a segment of it.
"""

from urllib.parse import quote

from . import answers
from .answers import Answer
from .channel import Channel
from .request import Request

_FOLDER = "/hls/"
_PLAYLIST = ".m3u8"
_SEGMENT = ".ts"


class Router:
    """Answers requests from `channels`, which the server fills."""

    def __init__(self) -> None:
        self.channels: dict[str, Channel] = {}
        self.is_draining = False  # then no listener is taken any more; who listens already goes on

    def respond(self, request: Request, address: str, now: float) -> Answer | Channel:
        """Return the answer, or the channel whose first segment the request has to wait for."""
        if request.method not in ("GET", "HEAD"):
            is_preflight = request.method == "OPTIONS"
            return answers.PREFLIGHT if is_preflight else answers.METHOD_NOT_ALLOWED
        path = request.path
        if path.startswith(_FOLDER):
            if path.endswith(_PLAYLIST):
                return self._respond_playlist(request, address, now)
            if path.endswith(_SEGMENT):
                return self._respond_segment(request, address, now)
        return answers.NOT_FOUND

    @property
    def _refusal(self) -> Answer:
        return answers.DRAINING if self.is_draining else answers.FULL

    def _respond_playlist(self, request: Request, address: str, now: float) -> Answer | Channel:
        channel = self.channels.get(request.path[len(_FOLDER) : -len(_PLAYLIST)])
        if channel is None:
            return answers.OFF_AIR
        if not _admits(channel, request, address, now):
            return self._refusal
        playlist = channel.playlist(compressed=request.accepts_gzip)
        if playlist is not None:
            return playlist
        return channel if channel.is_on_air else answers.OFF_AIR

    def _respond_segment(self, request: Request, address: str, now: float) -> Answer:
        name = request.path[len(_FOLDER) :]
        channel_id = name.rsplit("-", 2)[0]  # only the id may have hyphens
        channel = self.channels.get(channel_id)
        if channel is None:
            return answers.SEGMENT_GONE
        segment = channel.find(quote(channel_id, safe="") + name[len(channel_id) :])
        if segment is None:
            return answers.SEGMENT_GONE
        if not _admits(channel, request, address, now, len(segment.body)):
            return self._refusal
        if request.range is not None:
            return answers.build_segment_range(segment.body, request.range) or segment
        return segment


def _admits(
    channel: Channel, request: Request, address: str, now: float, segment_bytes: int = 0
) -> bool:
    """Count the client and say whether it may listen. HEAD does not count, nor a channel off air."""
    if channel.listeners is None or request.method == "HEAD":
        return True
    return channel.listeners.admit((address, request.user_agent), now, segment_bytes)
