"""Reads media playlists, as far as the benchmark needs them. No I/O."""

from dataclasses import dataclass
from functools import lru_cache

_MEDIA_SEQUENCE = "#EXT-X-MEDIA-SEQUENCE:"


@dataclass(frozen=True, slots=True)
class Playlist:
    """What a playlist names; `first` is the number of its first segment."""

    first: int = 0
    uris: tuple[str, ...] = ()

    @property
    def newest(self) -> int:
        """The number of its last segment."""
        return self.first + len(self.uris) - 1


@lru_cache(maxsize=8)  # thousands of players get the same one
def parse_playlist(text: bytes) -> Playlist:
    """Return what it names. Raises ValueError if it is none."""
    first, uris = -1, []
    for line in text.decode().splitlines():
        if line.startswith(_MEDIA_SEQUENCE):
            first = int(line.removeprefix(_MEDIA_SEQUENCE))
        elif line and not line.startswith("#"):
            uris.append(line)
    if first < 0 or not text.startswith(b"#EXTM3U\n"):
        raise ValueError("this is no media playlist")
    return Playlist(first, tuple(uris))
