import pytest

from awazpulse.relay import Title
from awazpulse.relay.title import MAX_TITLE_CHARACTERS


@pytest.mark.parametrize(
    ("text", "artist", "track"),
    [
        ("Noor Jehan - Chandni Raatein", "Noor Jehan", "Chandni Raatein"),
        ("AC-DC - Back - Live", "AC-DC", "Back - Live"),
        ("Station ident", "", "Station ident"),
        ("", "", ""),
    ],
)
def test_a_line_is_parted_at_the_first_dash_between_spaces(
    text: str, artist: str, track: str
) -> None:
    title = Title.from_text(text)
    assert (title.text, title.artist, title.track) == (text, artist, track)


def test_parts_make_a_line_and_an_empty_one_leaves_no_dash() -> None:
    assert Title.from_parts("A", "B").text == "A - B"
    assert Title.from_parts("", "B").text == "B"
    assert Title.from_parts("A", "").text == "A"


def test_control_characters_and_excess_length_go() -> None:
    assert Title.from_text(" a\r\nb\0c ").text == "a  b c"
    assert len(Title.from_text("x" * 5000).text) == MAX_TITLE_CHARACTERS
