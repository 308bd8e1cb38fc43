"""Which characters the bytes of a title or a station's name stand for. No I/O.

Encoders send UTF-8 or the charset of their operating system. Most do not say which, and some say the wrong one.
Text in another charset is almost never valid UTF-8, so UTF-8 is tried first, unless an East Asian charset
is declared, whose bytes may be valid UTF-8 by chance. Then come the declared charset and the channel's own.
"""

import codecs
import encodings.aliases
import re
from dataclasses import replace

from awazpulse.refusals import InvalidValue
from awazpulse.relay import Station

DEFAULT_CHARSET = (
    "cp1252"  # Windows' Latin-1, with quotes and dashes where Latin-1 has control characters
)
MAX_NAME_CHARACTERS = 20  # of the column

# Python's text codecs that are no charset of an operating system.
_NO_CHARSETS = frozenset({"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined"})
_NOT_EVERYWHERE = frozenset({"mbcs", "oem"})  # Windows alone has them
_EAST_ASIAN = re.compile(r"shift_?jis|cp932|cp949|cp950|euc_|gb|hz|big5|iso2022|johab")
# What is declared or set as Latin-1 is Windows' in truth, as the WHATWG's Encoding Standard has it.
_LATIN = frozenset({"iso8859-1", "cp1252", "ascii"})
_WIDE = re.compile(r"utf-(16|32)")


def _find_charset(name: str) -> str | None:
    """Return Python's name of a charset that text may be in."""
    try:
        codec = codecs.lookup(name)
    except (LookupError, ValueError):
        return None  # unknown, or with a NUL in it
    is_text = getattr(codec, "_is_text_encoding", True)  # Python has no public word for it
    known = codec.name not in _NO_CHARSETS | _NOT_EVERYWHERE
    return codec.name if is_text and known else None


CHARSETS = tuple(
    sorted(
        {
            found
            for name in encodings.aliases.aliases.values()
            if (found := _find_charset(name)) and len(found) <= MAX_NAME_CHARACTERS
        }
    )
)


def check_charset(name: str) -> str:
    """Return Python's name of a charset. Raises `InvalidValue`."""
    found = _find_charset(name)
    if found not in CHARSETS:
        raise InvalidValue(f"got charset {name[:64]!r}, expected such as utf-8, cp1252 or koi8-r")
    return found


def decode_title(data: bytes, declared: str = "", own: str = DEFAULT_CHARSET) -> str:
    """Return the text of a title. Never raises: a title with a few wrong characters is better than none."""
    declared_name = _find_charset(declared) if declared else None
    for charset in _order(data, declared_name, _find_charset(own)):
        if charset in _LATIN:
            break
        try:
            return data.decode(charset)
        except (UnicodeError, LookupError):
            continue
    return _decode_windows(data)


def decode_station(station: Station, own: str) -> Station:
    """Return what an encoder says of itself, in the channel's own charset where it is not UTF-8."""
    if not station.undecoded:
        return station
    texts = {name: decode_title(data, own=own) for name, data in station.undecoded.items()}
    return replace(station, undecoded={}, **texts)  # type: ignore[arg-type]  # texts are of text fields


def _order(data: bytes, declared: str | None, own: str | None) -> list[str]:
    """Return charsets to try; the first that fits is taken."""
    if declared and _WIDE.match(declared) and b"\0" not in data and data.isascii():
        declared = None  # of UTF-16 every second byte would be zero
    first = [declared, "utf-8"] if declared and _EAST_ASIAN.match(declared) else ["utf-8", declared]
    if declared and _WIDE.match(declared) and b"\0" in data:
        first = [declared, "utf-8"]
    return [name for name in (*first, own) if name]


def _decode_windows(data: bytes) -> str:
    """Decode cp1252; its five empty places are Latin-1's control characters."""
    try:
        return data.decode(DEFAULT_CHARSET)
    except UnicodeDecodeError:
        return "".join(
            bytes((byte,)).decode(DEFAULT_CHARSET, "ignore") or chr(byte) for byte in data
        )
