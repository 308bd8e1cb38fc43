import pytest
from hypothesis import given
from hypothesis import strategies as st

from awazpulse.audio.tags import measure_ape_item, measure_tag
from tests.awazpulse.audio.tag_files import ape, ape_item, id3v1, id3v2

ITEM = ape_item(b"Title", b"A song")
TAGS = {
    "ID3v1": id3v1(),
    "ID3v1 enhanced": id3v1(enhanced=True)[:227],
    "ID3v2.2": id3v2(b"body", version=2),
    "ID3v2.3": id3v2(bytes(70_000), version=3),
    "ID3v2.4 with a footer": id3v2(b"body", footer=True),
    "empty ID3v2": id3v2(b""),
    "APEv2": ape(ITEM, ITEM),
    "APEv2 without a footer": ape(ITEM, footer=False),
    "the footer of an APEv1": ape(version=1000, header=False),
}


@pytest.mark.parametrize("name", TAGS)
@pytest.mark.parametrize("behind", [b"", b"\xff\xfb\x90\x00" * 200])
def test_a_tag_has_the_length_that_it_says_whatever_stands_around_it(
    name: str, behind: bytes
) -> None:
    assert measure_tag(b"before" + TAGS[name] + behind, 6) == len(TAGS[name])


@pytest.mark.parametrize("name", TAGS)
def test_a_tag_that_comes_byte_by_byte_needs_more_data_until_its_header_is_whole(
    name: str,
) -> None:
    tag = TAGS[name]
    measured = [measure_tag(tag[:size], 0) for size in range(1, 40)]
    header_bytes = measured.count(None) + 1
    assert header_bytes == {b"TAG": 4, b"ID3": 10, b"APE": 32}[tag[:3]]
    assert measured == [None] * (header_bytes - 1) + [len(tag)] * (40 - header_bytes)


def test_a_length_that_is_not_in_sevens_is_a_plain_number() -> None:
    assert measure_tag(b"ID3\3\0\0\0\x04\x93\xe0", 0) == 300_010


@pytest.mark.parametrize(
    "data", [b"ID3\x05\0\0\0\0\0\0", b"ID3\x01\0\0\0\0\0\0", b"ID3\x04\xff\0\0\0\0\0", b"APX", b"ID4",
             b"TEG", b"\xff\xfb", b"\0"],
)  # fmt: skip
def test_what_is_no_tag(data: bytes) -> None:
    assert measure_tag(data, 0) == 0


@pytest.mark.parametrize("value", [b"", b"x", bytes(100_000)])
@pytest.mark.parametrize("key", [b"Ti", b"Cover Art (Front)", b"k" * 255])
def test_an_item_of_ape_is_measured_without_a_header(key: bytes, value: bytes) -> None:
    item = ape_item(key, value)
    head = len(item) - len(value)
    measured = [measure_ape_item(item[:size], 0) for size in range(1, head + 1)]
    assert measured == [None] * (head - 1) + [len(item)]
    assert measure_ape_item(b"before" + item + b"behind", 6) == len(item)


@pytest.mark.parametrize(
    "data",
    [
        ape_item(b"k", b""),  # a key has 2 characters or more
        ape_item(b"k" * 256, b""),  # and 255 at most
        ape_item(b"K\xc3\xb6nig", b""),
        bytes(9),
        b"\1\0\0\0\x08\0\0\0Title\0x",  # a flag that nobody has defined
    ],
)
def test_what_is_no_item_of_ape(data: bytes) -> None:
    assert measure_ape_item(data, 0) == 0


@given(st.binary(min_size=1, max_size=300))
def test_any_bytes_are_measured(data: bytes) -> None:
    for measure in (measure_tag, measure_ape_item):
        size = measure(data, 0)
        assert size is None or size >= 0
