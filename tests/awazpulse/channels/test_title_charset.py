import pytest
from hypothesis import given
from hypothesis import strategies as st

from awazpulse.channels.title_charset import CHARSETS, check_charset, decode_station, decode_title
from awazpulse.refusals import InvalidValue
from awazpulse.relay import Station


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
        # Windows' quotes and dashes, which are control characters in Latin-1.
        (b"Queen \x96 Don\x92t Stop \x805", "", "cp1252", "Queen \u2013 Don\u2019t Stop €5"),
        (b"Queen \x96 Don\x92t Stop", "latin-1", "cp1251", "Queen \u2013 Don\u2019t Stop"),
        (b"Queen \x96 \x81", "iso-8859-1", "cp1252", "Queen \u2013 \x81"),
        # The channel's own charset.
        ("Žluťoučký kůň".encode("iso-8859-2"), "", "iso8859-2", "Žluťoučký kůň"),
        ("Żółw".encode("cp1250"), "", "cp1250", "Żółw"),
        ("Алла".encode("koi8-r"), "", "koi8-r", "Алла"),
        ("宇多田".encode("shift_jis"), "", "shift_jis", "宇多田"),
        ("周杰伦".encode("gbk"), "", "gbk", "周杰伦"),
        # What is declared and plainly wrong.
        ("Beyoncé".encode(), "latin-1", "cp1252", "Beyoncé"),
        ("Beyoncé".encode(), "cp1251", "cp1252", "Beyoncé"),
        (b"plain", "utf16", "cp1252", "plain"),
        ("plain".encode("utf-16-le"), "utf-16-le", "cp1252", "plain"),
        ("中文".encode("gbk"), "gbk", "cp1252", "中文"),
        ("茅".encode("gbk"), "gbk", "cp1252", "茅"),  # which is valid UTF-8, too
    ],
)
def test_titles(data: bytes, charset: str, legacy: str, expected: str) -> None:
    assert decode_title(data, charset, legacy) == expected


@given(st.binary(), st.text())
def test_no_title_and_no_charset_raises(data: bytes, charset: str) -> None:
    decode_title(data, charset, "cp1256")


@given(st.binary(), st.sampled_from(CHARSETS), st.sampled_from(CHARSETS))
def test_no_title_raises_in_any_charset(data: bytes, declared: str, own: str) -> None:
    decode_title(data, declared, own)


@given(st.text(), st.sampled_from(["", "latin-1", "cp1251", "utf-8", "klingon"]))
def test_utf8_is_never_garbled(text: str, declared: str) -> None:
    assert (
        decode_title(text.encode(errors="ignore"), declared)
        == text.encode(errors="ignore").decode()
    )


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("windows-1251", "cp1251"),
        ("latin1", "iso8859-1"),
        ("ISO-8859-2", "iso8859-2"),
        ("gbk", "gbk"),
    ],
)
def test_a_charset_by_any_of_its_names(name: str, found: str) -> None:
    assert check_charset(name) == found


@pytest.mark.parametrize(
    "name", ["klingon", "zip", "rot13", "idna", "unicode_escape", "a\0b", "", "mbcs"]
)
def test_what_is_no_charset_is_refused(name: str) -> None:
    with pytest.raises(InvalidValue, match="expected such as"):
        check_charset(name)


def test_a_stations_name_is_in_the_channels_charset() -> None:
    name = "Радио".encode("cp1251")
    station = Station(name="???", genre="pop", undecoded={"name": name})
    assert decode_station(station, "cp1251") == Station(name="Радио", genre="pop")
    assert decode_station(Station(name="نور"), "cp1251").name == "نور"
