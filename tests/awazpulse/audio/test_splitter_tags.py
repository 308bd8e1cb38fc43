"""The splitter and what stands between the frames of files that are streamed one behind the other."""

import random
from itertools import cycle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from awazpulse.audio import Codec, MalformedAudio
from awazpulse.audio.detect import audio_splitter
from awazpulse.audio.splitter import (
    FRAMES_BETWEEN_LOOKS,
    FRAMES_IN_TAG,
    MAX_BUFFERED_BYTES,
    MAX_CHAIN_BYTES,
    MAX_JUNK_BYTES,
    SplitEvents,
)
from tests.audio import encode_tone, split_frames
from tests.awazpulse.audio.pieces import feed, frames, stamped, tracks
from tests.awazpulse.audio.tag_files import ape, ape_item, id3v1, id3v2, lyrics3, picture

COVER = ape_item(b"Cover Art (Front)", picture(200_000))
ITEM = ape_item(b"Title", b"A song")
TAGS = {
    "ID3v1": id3v1(),
    "ID3v1 enhanced": id3v1(enhanced=True),
    "ID3v2": id3v2(picture(300_000)),
    "ID3v2 with a footer": id3v2(picture(300_000), footer=True),
    "APEv1": ape(ITEM, version=1000, header=False),
    "APEv2": ape(ITEM, COVER),
    "APEv2 without a footer": ape(COVER, ITEM, footer=False),
    "APEv2 without a header": ape(ITEM, COVER, ITEM, header=False),
    "APE, ID3v1, ID3v2": ape(COVER) + id3v1() + id3v2(picture(300_000)),
    "Lyrics3, ID3v1": lyrics3(40_000) + id3v1(),
    "two covers": id3v2(picture(90_000)) + id3v2(picture(90_001)),
}
ALL_TAGS = pytest.mark.parametrize("tag", TAGS.values(), ids=TAGS)
CODECS = pytest.mark.parametrize("codec", ["mp3", "mp2", "aac"])
SIZES = pytest.mark.parametrize("size", [61, 418, 16_384, 1_000_000])
CUT = 200  # bytes that a frame lacks
MEASURED_IN_FRONT = [name for name in TAGS if name not in ("APEv1", "APEv2 without a header")]


def parts_of(codec: str) -> list[bytes]:
    """Return frames of which each has about 400 bytes."""
    return split_frames(encode_tone(codec, 1), "mp3" if codec == "mp2" else codec)[:38]


@ALL_TAGS
@CODECS
@SIZES
def test_tags_between_files_are_stepped_over(tag: bytes, codec: str, size: int) -> None:
    parts = parts_of(codec)
    splitter = audio_splitter()
    events = feed(splitter, b"".join(parts) + tag + b"".join(parts), size)
    assert frames(events) == parts + parts
    assert len(tracks(events)) == 1
    assert splitter.skipped_bytes == len(tag)


@pytest.mark.parametrize("tag", [id3v1(enhanced=True), id3v2(picture(900)), ape(ITEM) + id3v1()])
@CODECS
def test_tags_that_come_byte_by_byte_are_stepped_over(tag: bytes, codec: str) -> None:
    parts = parts_of(codec)[:12]
    assert frames(feed(audio_splitter(), b"".join(parts) + tag + b"".join(parts), 1)) == parts * 2


@ALL_TAGS
@CODECS
@SIZES
def test_a_source_may_begin_with_a_tag(tag: bytes, codec: str, size: int) -> None:
    parts = parts_of(codec)
    if tag.startswith((b"APE", b"ID3", b"TAG")):
        assert frames(feed(audio_splitter(), tag + b"".join(parts), size)) == parts


@pytest.mark.parametrize("name", MEASURED_IN_FRONT)
@CODECS
@SIZES
def test_tags_behind_a_frame_that_is_cut_short_are_known(name: str, codec: str, size: int) -> None:
    parts = parts_of(codec)
    data = b"".join(parts)[:-CUT] + TAGS[name] + b"".join(parts)
    out = frames(feed(audio_splitter(), data, size))
    # The frame that is cut takes the bytes that it lacks from what follows, as it always did.
    assert [out[: len(parts) - 1], out[len(parts) :]] == [parts[:-1], parts]


@CODECS
@SIZES
@pytest.mark.parametrize("between", [b"", id3v1()])
def test_a_file_that_begins_inside_the_frame_before_loses_nothing(
    codec: str, size: int, between: bytes
) -> None:
    parts = parts_of(codec)
    data = b"".join(parts)[:-CUT] + between + b"".join(parts)
    splitter = audio_splitter()
    out = frames(feed(splitter, data, size))
    assert [out[: len(parts) - 1], out[len(parts) :]] == [parts[:-1], parts]
    assert splitter.skipped_bytes == len(data) - len(b"".join(out))


@CODECS
def test_a_tag_behind_junk_is_known(codec: str) -> None:
    parts = parts_of(codec)
    junk = random.Random(1).randbytes(20_000)
    data = b"".join(parts) + junk + id3v2(picture(100_000)) + junk + b"".join(parts)
    for size in (700, 1_000_000):
        assert frames(feed(audio_splitter(), data, size)) == parts + parts


def test_junk_before_and_behind_a_tag_is_counted_together() -> None:
    parts = parts_of("mp3")
    tag, half = id3v2(bytes(100)), bytes(MAX_JUNK_BYTES // 2)
    splitter = audio_splitter()
    splitter.receive_data(b"".join(parts) + half + tag + half)
    assert frames(splitter.receive_data(b"".join(parts))) == parts
    splitter.receive_data(half + tag + half[:-7])
    with pytest.raises(MalformedAudio, match="65537 bytes without a frame"):
        splitter.receive_data(bytes(8))


@CODECS
@SIZES
def test_frames_inside_a_tag_are_no_audio_while_they_are_few(codec: str, size: int) -> None:
    parts = parts_of(codec)
    preview = b"".join(parts[: FRAMES_IN_TAG - 1])
    for body in (preview, picture(5000) + preview, preview + picture(5000)):
        data = b"".join(parts) + id3v2(body) + b"".join(parts)
        assert frames(feed(audio_splitter(), data, size)) == parts + parts


@CODECS
@SIZES
def test_so_many_frames_inside_a_tag_are_audio(codec: str, size: int) -> None:
    parts = parts_of(codec)
    data = b"".join(parts) + id3v2(picture(4096) + b"".join(parts[:FRAMES_IN_TAG]))
    assert frames(feed(audio_splitter(), data, size)) == parts + parts[:FRAMES_IN_TAG]


@CODECS
@SIZES
@pytest.mark.parametrize(
    "lie",
    [
        id3v2(picture(4096), declared=2_000_000),
        b"ID3\x03\0\0\xff\xff\xff\xff" + picture(4096),
        ape(ITEM, footer=False, declared=1 << 31),
        b"\xff\xff\xff\x7f" + ITEM[4:],
    ],
    ids=["ID3v2", "ID3v2 of 4 GB", "APEv2", "an item of APE"],
)
def test_a_tag_that_lies_about_its_length_costs_no_audio(codec: str, size: int, lie: bytes) -> None:
    parts = parts_of(codec)
    data = b"".join(parts) + lie + b"".join(parts)
    events = feed(audio_splitter(), data, size)
    assert frames(events) == parts + parts
    assert len(tracks(events)) == 1


@CODECS
@SIZES
def test_a_tag_that_lies_a_little_costs_less_than_a_second(codec: str, size: int) -> None:
    parts = parts_of(codec)
    for taken in (1, 100, 2500, 5000):
        data = b"".join(parts) + id3v2(b"x" * 1000, declared=1000 + taken) + b"".join(parts)
        out = frames(feed(audio_splitter(), data, size))[len(parts) :]
        assert out == parts[-len(out) :]
        assert len(parts) - len(out) <= FRAMES_IN_TAG


def test_audio_of_another_track_inside_a_tag_that_lies_is_found() -> None:
    one, other = parts_of("mp3"), parts_of("aac")
    data = b"".join(one) + id3v2(picture(4096), declared=2_000_000) + b"".join(other)
    events = feed(audio_splitter(), data, 1000)
    assert [track.codec for track in tracks(events)] == [Codec.MP3, Codec.AAC]
    assert frames(events) == one + other


def big_frame(size: int) -> bytes:
    header = 0xFFF1 << 40 | 1 << 38 | 4 << 34 | 2 << 30 | size << 13 | 0x7FF << 2
    return header.to_bytes(7, "big") + bytes(size - 7)


def test_frames_inside_a_tag_are_waited_for_no_longer_than_the_buffer_allows() -> None:
    enough = MAX_CHAIN_BYTES // 8191 + 1
    assert MAX_CHAIN_BYTES + 8191 + 7 < MAX_BUFFERED_BYTES
    lie = id3v2(b"", declared=2_000_000)
    splitter = audio_splitter()
    assert frames(feed(splitter, lie + big_frame(8191) * enough, 999)) == [big_frame(8191)] * enough
    assert frames(feed(audio_splitter(), lie + big_frame(8191) * (enough - 1), 999)) == []


def test_bytes_are_looked_at_again_only_behind_so_many_frames() -> None:
    parts = parts_of("mp3")
    first, cut = b"".join(parts[:FRAMES_BETWEEN_LOOKS]), parts[20][:-CUT]
    for between, lost in ((FRAMES_BETWEEN_LOOKS - 2, 1), (FRAMES_BETWEEN_LOOKS - 1, 0)):
        middle = parts[8 : 8 + between]
        data = b"".join((first, cut, *middle, cut, *parts))
        out = frames(feed(audio_splitter(), data, 1_000_000))
        assert out[FRAMES_BETWEEN_LOOKS + 1 :][:between] == middle
        assert out[FRAMES_BETWEEN_LOOKS + 1 + between + 1 :] == parts[lost:]


def test_tags_without_end_are_neither_audio_nor_junk() -> None:
    splitter = audio_splitter()
    assert frames(feed(splitter, id3v2(bytes(1000)) * 2000, 5000)) == []
    assert frames(splitter.receive_data(b"".join(parts_of("mp3")))) == parts_of("mp3")


PIECES = st.sampled_from(
    [
        *(b"".join(parts_of(codec)[:12]) for codec in ("mp3", "aac")),
        b"".join(parts_of("mp3")[:9])[:-CUT],
        b"".join(parts_of("aac")[:30])[:-CUT],
        id3v1(),
        id3v2(picture(3000)),
        id3v2(picture(3000), declared=90_000),
        ape(ITEM, ape_item(b"Cover Art (Front)", picture(3000)), header=False),
        picture(700),
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(PIECES, max_size=12), st.lists(st.integers(1, 3000), min_size=1, max_size=20))
def test_what_comes_out_does_not_depend_on_how_it_comes_in(
    pieces: list[bytes], sizes: list[int]
) -> None:
    data = b"".join(pieces)
    whole, cut = audio_splitter(), audio_splitter()
    expected = whole.receive_data(data)
    events: SplitEvents = []
    at = 0
    for size in cycle(sizes):
        if at >= len(data):
            break
        events += cut.receive_data(data[at : at + size])
        at += size
    assert tracks(events) == tracks(expected)
    assert stamped(events) == stamped(expected)
