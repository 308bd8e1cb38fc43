"""Which characters a title's bytes stand for. No I/O.

Encoders send UTF-8, or what their operating system is set to, and seldom say which. An explicit
`charset=` decides; else strict UTF-8, which text in another charset hardly ever is by chance; else
the channel's own legacy charset.
"""

import codecs
import re

# What encoders' operating systems use; Python's other codecs (idna, punycode) are not for titles.
_TITLE_CHARSETS = re.compile(
    r"ascii|utf-8|utf-8-sig|utf-16(-le|-be)?|iso8859-\d+|cp125\d|cp866|cp932|koi8-[ru]"
    r"|shift_jis|euc_jp|euc_kr|gbk|gb2312|gb18030|big5|mac-roman"
)


def decode_title(data: bytes, charset: str = "", legacy_charset: str = "latin-1") -> str:
    """Return the text of a title; never raises: a broken title is no reason to lose it all."""
    for candidate in (charset, "utf-8", legacy_charset):
        try:
            if _TITLE_CHARSETS.fullmatch(codecs.lookup(candidate).name):
                return data.decode(candidate)
        except (UnicodeError, LookupError, ValueError):
            continue  # an unknown name, or one with a NUL in it, is like none
    return data.decode("latin-1")
