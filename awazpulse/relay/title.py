"""What is playing now. No I/O."""

from dataclasses import dataclass

MAX_TITLE_CHARACTERS = 1000  # an ICY block holds 4,080 bytes: 1,000 characters of any alphabet fit
_SEPARATOR = " - "


@dataclass(frozen=True, slots=True)
class Title:
    """A title as encoders send it, `Artist - Track`, and its two halves.

    `artist` is empty when the encoder named none; `url` is ICY's StreamUrl.
    """

    text: str = ""
    artist: str = ""
    track: str = ""
    url: str = ""

    @classmethod
    def from_text(cls, text: str, url: str = "") -> "Title":
        """Make a title from one line; the first ` - ` in it parts the artist from the track."""
        text = _clean(text)
        artist, separator, track = text.partition(_SEPARATOR)
        if not separator:
            artist, track = "", text
        return cls(text, artist.strip(), track.strip(), _clean(url))

    def keep_text(self, former: "Title") -> "Title":
        """Return the former title with this one's URL."""
        return Title(former.text, former.artist, former.track, self.url)

    @classmethod
    def from_parts(cls, artist: str, track: str, url: str = "") -> "Title":
        """Make a title from an artist and a track, either of which may be empty."""
        artist, track = _clean(artist), _clean(track)
        text = _SEPARATOR.join(part for part in (artist, track) if part)
        return cls(text, artist, track, _clean(url))


def _clean(text: str) -> str:
    """One line without control characters, within the limit."""
    printable = "".join(c if c >= " " and c != "\x7f" else " " for c in text)
    return printable.strip()[:MAX_TITLE_CHARACTERS]
