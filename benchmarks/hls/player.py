"""One HLS player: what it asks for, and whether what it gets is right. No I/O.

Contract: `poll()` returns the request for the playlist. `receive(data)` takes what a socket gave, in any
pieces, and says whether the answer is over; then `next_request()` returns what is to be asked for
at once, nothing if the player has all that there is. What is wrong is counted in `faults`.
"""

import re
from collections import Counter

from .playlist import Playlist, parse_playlist

PERIOD_S = 2.0  # between two looks at the playlist: its target duration (RFC 8216 §6.3.4)
_POLLS_IN_VAIN = 2  # a segment may just have missed one
_PACKET_BYTES = 188
_SYNC_BYTE = b"\x47"
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
_END = b"\r\n\r\n"


class Player:
    """A player. One that is `static` takes the last segment of the list again each time."""

    __slots__ = (
        "_body_at",
        "_data",
        "_end",
        "_faults",
        "_folder",
        "_headers",
        "_in_vain",
        "_is_static",
        "_path",
        "asked_at",
        "fd",
        "is_waiting",
        "last",
        "playlist",
        "segment",
    )

    def __init__(self, path: str, number: int, faults: Counter[str], *, is_static: bool) -> None:
        self._path = path
        self._folder = path[: path.rindex("/") + 1]
        # A listener is told from others by its address and this name.
        self._headers = f" HTTP/1.1\r\nHost: bench\r\nUser-Agent: bench{number}\r\n\r\n"
        self._faults = faults
        self._is_static = is_static
        self._data = bytearray()
        self._body_at = self._end = 0  # in `_data`; 0: not known yet
        self._in_vain = 0
        self.playlist = Playlist()
        self.last = -1  # the number of the last segment that was asked for; -1: none
        self.segment = -1  # of the one that is being answered; -1: it is the playlist
        self.is_waiting = False
        self.asked_at = 0.0
        self.fd = -1

    def poll(self) -> bytes:
        """Return the request for the playlist."""
        if self._is_static:
            self.last = -1
        self.segment = -1
        return self._request(self._path)

    def next_request(self) -> bytes:
        """Return the request for the segment that is due; empty if there is none."""
        playlist = self.playlist
        number = playlist.newest if self.last < 0 else self.last + 1
        if number > playlist.newest or not playlist.uris:
            return b""
        if number < playlist.first:
            self.blame("a segment left the playlist before it was asked for")
            number = playlist.first
        self.last = self.segment = number
        return self._request(self._folder + playlist.uris[number - playlist.first])

    def _request(self, path: str) -> bytes:
        self.is_waiting = True
        return f"GET {path}{self._headers}".encode()

    def receive(self, data: memoryview) -> bool:
        """Take the next bytes; return whether the answer is over."""
        self._data += data
        if not self._end:
            self._read_head()
        if not self._end or len(self._data) < self._end:
            return False
        self._check()
        self._data = bytearray()
        self._end = 0
        self.is_waiting = False
        return True

    def blame(self, fault: str) -> None:
        """Count a fault."""
        self._faults[fault] += 1

    def _read_head(self) -> None:
        end = self._data.find(_END)
        if end < 0:
            return
        length = _LENGTH.search(self._data, 0, end)
        if length is None:
            self.blame("an answer without Content-Length")
        self._body_at = end + len(_END)
        self._end = self._body_at + (int(length[1]) if length else 0)

    def _check(self) -> None:
        status, body = bytes(self._data[9:12]), bytes(self._data[self._body_at :])
        if status != b"200":
            self.blame(f"status {status.decode('latin-1')}")
        elif len(self._data) > self._end:
            self.blame("more than the answer's Content-Length")
        elif self.segment < 0:
            self._check_playlist(body)
        elif not body or len(body) % _PACKET_BYTES or body[::_PACKET_BYTES].strip(_SYNC_BYTE):
            self.blame("a segment that is no MPEG-TS")

    def _check_playlist(self, body: bytes) -> None:
        try:
            playlist = parse_playlist(body)
        except ValueError as error:
            self.blame(str(error))
            return
        if playlist.first < self.playlist.first or playlist.newest < self.playlist.newest:
            self.blame("the media sequence went down")
        self._in_vain = self._in_vain + 1 if playlist.newest == self.playlist.newest else 0
        if self._in_vain > _POLLS_IN_VAIN and not self._is_static:
            self.blame("no new segment in the playlist")
        self.playlist = playlist
