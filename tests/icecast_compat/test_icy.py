from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awazpulse.audio import Frame
from awazpulse.relay import Title
from awazpulse.relay.feed import QUEUE_BYTES, PlainFeed
from icecast_compat.icy import MAX_BLOCK_BYTES, METAINT, IcyFeed, serialize_metadata_block


def frame(n: int, size: int = 417) -> Frame:
    return Frame(0, 1152, f"<{n:06d}>".encode().ljust(size, b"."))


class Feed(IcyFeed):
    """One that is fed directly, in batches of `at_once` frames."""

    def __init__(self, queue_bytes: int = QUEUE_BYTES, at_once: int = 1) -> None:
        self._source = PlainFeed(queue_bytes)
        super().__init__(self._source)
        self._at_once = at_once
        self._batch: list[Frame] = []

    def append(self, new: Frame) -> None:
        self._batch.append(new)
        if len(self._batch) == self._at_once:
            self._source.append(self._batch)
            self.follow()
            self._batch = []


def strip_metadata(data: bytes) -> tuple[bytes, list[bytes]]:
    """Read what a player reads: audio, and the contents of the blocks."""
    audio, blocks = b"", []
    while len(data) > METAINT:
        audio += data[:METAINT]
        end = METAINT + 1 + 16 * data[METAINT]
        blocks.append(data[METAINT + 1 : end])
        data = data[end:]
    return audio + data, blocks


def numbers(audio: bytes) -> list[int]:
    return [int(part[:6]) for part in audio.split(b"<")[1:] if part[6:7] == b">"]


def read_from(feed: Feed, prefix: bytes, position: int) -> bytes:
    return prefix + bytes(feed.read(position, feed.end))


def test_a_block_holds_the_title_padded_to_sixteen() -> None:
    block = serialize_metadata_block(Title.from_text("A - B", url="http://x/"))
    assert block[0] * 16 == len(block) - 1
    assert block[1:].rstrip(b"\0") == b"StreamTitle='A - B';StreamUrl='http://x/';"
    assert serialize_metadata_block(Title()) == b"\0"


def test_the_pair_that_ends_a_value_is_parted() -> None:
    block = serialize_metadata_block(Title.from_text("It's 'quoted';StreamUrl='evil"))
    assert block[1:].rstrip(b"\0") == b"StreamTitle='It's 'quoted' ;StreamUrl='evil';"


@given(st.text(max_size=3000), st.text(max_size=5000))
def test_any_title_fits_and_is_utf_8(text: str, url: str) -> None:
    block = serialize_metadata_block(Title.from_text(text, url))
    assert len(block) == 1 + 16 * block[0] <= 1 + MAX_BLOCK_BYTES
    content = block[1:].rstrip(b"\0").decode()
    if content:  # what a player takes for the title ends where we ended it
        title, rest = content.removeprefix("StreamTitle='").split("';", 1)
        assert Title.from_text(text).text.replace("';", "' ;").startswith(title)
        assert not rest or (rest.startswith("StreamUrl='") and rest.endswith("';"))


def test_an_over_long_title_is_cut_on_a_characters_boundary() -> None:
    title = Title(text="ی" * 3000)
    content = serialize_metadata_block(title)[1:].rstrip(b"\0").decode()
    assert content.startswith("StreamTitle='یی")
    assert content.endswith("ی';")


@pytest.mark.parametrize("size", [8, 100, 417, 16_000, 20_000])
def test_a_listener_from_the_start_reads_the_audio_unchanged(size: int) -> None:
    feed = Feed(queue_bytes=300_000)
    feed.set_title(Title.from_text("one"))
    count = 100_000 // size
    for n in range(count):
        feed.append(frame(n, size))
        if n == count // 2:
            feed.set_title(Title.from_text("two"))
    audio, blocks = strip_metadata(bytes(feed.read(0, feed.end)))
    assert audio == b"".join(frame(n, size).data for n in range(count))
    titles = [block.rstrip(b"\0") for block in blocks]
    assert titles[0] == b"StreamTitle='one';"
    assert titles[-1] == b"StreamTitle='two';"


def test_a_joiner_counts_from_its_first_byte_and_hears_whole_frames_only() -> None:
    feed = Feed()
    feed.set_title(Title.from_text("now"))
    for n in range(1000):
        feed.append(frame(n))
        if n % 37 == 0:
            entry = feed.join()
            audio, blocks = strip_metadata(read_from(feed, entry.prefix, entry.position))
            assert audio[: len(entry.prefix)] == bytes(len(entry.prefix))
            assert len(entry.prefix) < 417
            heard = numbers(audio)
            assert heard == list(range(heard[0], n + 1))
            assert audio[len(entry.prefix) :] == b"".join(frame(i).data for i in heard)
            assert all(block.startswith(b"StreamTitle='now';") for block in blocks)
            burst = len(audio) - len(entry.prefix)
            assert burst > min(65_535 - METAINT - 600, n * 417 - METAINT)
            assert burst <= 65_535


@pytest.mark.parametrize(
    "lag", [0, 1, 100, 15_999, 16_000, 16_001, 16_010, 30_000, 200_000, 299_000]
)
def test_a_listener_that_is_moved_to_the_live_edge_counts_on(lag: int) -> None:
    feed = Feed(queue_bytes=300_000)
    feed.set_title(Title.from_text("a title of some length, for a block of some length"))
    for n in range(2000):
        feed.append(frame(n))
    position = feed.end - lag
    before = feed.join()  # a listener who has read from a join point to `position`
    start = before.position
    if position < start:
        entries = [0]
        start, prefix = entries[0], b""
        history = Feed(queue_bytes=10_000_000)
        history.set_title(Title.from_text("a title of some length, for a block of some length"))
        for n in range(2000):
            history.append(frame(n))
        had = bytes(history.read(0, position))
    else:
        prefix = before.prefix
        had = prefix + bytes(feed.read(start, position))
    entry = feed.rejoin(position)
    assert entry is not None
    for n in range(2000, 2100):
        feed.append(frame(n))
    got = read_from(feed, entry.prefix, entry.position)
    audio, blocks = strip_metadata(had + got)
    assert all(not block or block.startswith(b"StreamTitle='a title") for block in blocks)
    heard = numbers(audio)
    assert heard[-100:] == list(range(2000, 2100))
    jumps = [(a, b) for a, b in pairwise(heard) if b != a + 1]
    assert len(jumps) <= 1


def test_a_position_behind_the_rings_end_is_still_counted_right() -> None:
    feed = Feed(queue_bytes=100_000)
    for n in range(200):
        feed.append(frame(n))
    position = feed.end - 5000
    had = bytes(feed.read(feed.join().position, position))
    prefix = feed.join().prefix
    for n in range(200, 600):
        feed.append(frame(n))
    assert position < feed.start
    entry = feed.rejoin(position)
    assert entry is not None
    for n in range(600, 700):
        feed.append(frame(n))
    audio, _ = strip_metadata(prefix + had + read_from(feed, entry.prefix, entry.position))
    assert numbers(audio)[-100:] == list(range(600, 700))


def test_a_position_that_nothing_is_known_of_any_more_is_not_guessed_at() -> None:
    feed = Feed(queue_bytes=100_000)
    for n in range(100):
        feed.append(frame(n))
    position = feed.end
    sent = 0
    while sent <= 4 * feed.capacity - METAINT:
        assert feed.rejoin(position) is not None
        feed.append(frame(0))
        sent += 417
    for n in range(100):
        feed.append(frame(n))
    assert feed.rejoin(position) is None
