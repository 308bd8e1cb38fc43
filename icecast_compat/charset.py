"""Which characters a title's bytes stand for. No I/O.

Encoders send UTF-8 or the charset of their operating system, and most do not say which. An explicit
`charset=` comes first. Then strict UTF-8 is tried: text in another charset is almost never valid UTF-8.
Then the channel's own legacy charset is taken.
"""

import codecs
import re

# The charsets of encoders' operating systems. Python's other codecs (idna, punycode) are not for titles.
_TITLE_CHARSETS = re.compile(
    r"ascii|utf-8|utf-8-sig|utf-16(-le|-be)?|iso8859-\d+|cp125\d|cp866|cp932|koi8-[ru]"
    r"|shift_jis|euc_jp|euc_kr|gbk|gb2312|gb18030|big5|mac-roman"
)


def decode_title(data: bytes, charset: str = "", legacy_charset: str = "latin-1") -> str:
    """Return the text of a title. Never raises: a title with a few wrong characters is better than none."""
    for candidate in (charset, "utf-8", legacy_charset):
        try:
            if _TITLE_CHARSETS.fullmatch(codecs.lookup(candidate).name):
                return data.decode(candidate)
        except (UnicodeError, LookupError, ValueError):
            continue  # an unknown name, or one with a NUL in it, counts as no charset
    return data.decode("latin-1")
