import pytest
from hypothesis import given
from hypothesis import strategies as st

from icecast_compat.charset import decode_title


@pytest.mark.parametrize(
    ("data", "charset", "legacy", "expected"),
    [
        ("نور جہاں".encode(), "", "latin-1", "نور جہاں"),
        ("Пугачёва".encode("cp1251"), "", "cp1251", "Пугачёва"),
        ("Пугачёва".encode("cp1251"), "windows-1251", "latin-1", "Пугачёва"),
        ("Пугачёва".encode("koi8-r"), "KOI8-R", "cp1251", "Пугачёва"),
        ("Beyoncé".encode("latin-1"), "", "latin-1", "Beyoncé"),
        ("Beyoncé".encode("latin-1"), "ISO-8859-1", "cp1256", "Beyoncé"),
        ("Beyoncé".encode(), "utf8", "cp1256", "Beyoncé"),
        ("فيروز".encode("cp1256"), "", "cp1256", "فيروز"),
        # A wrong charset, one that is none, and ones that are no charsets at all.
        ("Beyoncé".encode(), "ascii", "cp1256", "Beyoncé"),
        ("Beyoncé".encode(), "klingon", "cp1256", "Beyoncé"),
        (b"abc", "zip", "latin-1", "abc"),
        (b"abc", "unicode_escape", "latin-1", "abc"),
        (b"abc", "a\0b", "latin-1", "abc"),
        (b"\x81\x8d", "", "cp1252", "\x81\x8d"),
    ],
)
def test_titles(data: bytes, charset: str, legacy: str, expected: str) -> None:
    assert decode_title(data, charset, legacy) == expected


@given(st.binary(), st.text())
def test_no_title_and_no_charset_raises(data: bytes, charset: str) -> None:
    decode_title(data, charset, "cp1256")
