"""The splitter against real encoders' output, cut and spoiled in every way a network can."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from awazpulse.audio import Codec, MalformedAudio, Track
from awazpulse.audio.aac import adts_splitter
from awazpulse.audio.mpeg_audio import mp3_splitter
from awazpulse.audio.splitter import MAX_JUNK_BYTES, FrameSplitter, SplitEvents
from tests.audio import encode_tone, split_frames
from tests.awazpulse.audio.pieces import feed, frames, stamped, tracks

MAKE: dict[str, Callable[[], FrameSplitter]] = {"mp3": mp3_splitter, "aac": adts_splitter}
CODECS = pytest.mark.parametrize("codec", ["mp3", "aac"])


@CODECS
@pytest.mark.parametrize("size", [1, 3, 417, 10_000, 1_000_000])
def test_frames_come_out_as_the_encoder_made_them_however_they_are_cut(
    codec: str, size: int
) -> None:
    data = encode_tone(codec)
    events = feed(MAKE[codec](), data, size)
    assert isinstance(events[0], Track)
    assert frames(events) == split_frames(data, codec)
    assert b"".join(frames(events)) == data


@CODECS
def test_the_track_says_what_was_encoded(codec: str) -> None:
    data = encode_tone(codec, 1, sample_rate=48_000, channels=1)
    (track,) = tracks(feed(MAKE[codec](), data, 4096))
    assert (track.codec, track.sample_rate, track.channels) == (Codec(codec), 48_000, 1)
    assert track.frame_samples == {"mp3": 1152, "aac": 1024}[codec]


@CODECS
def test_timestamps_count_samples(codec: str) -> None:
    events = feed(MAKE[codec](), encode_tone(codec), 4096)
    stamps = [frame.timestamp_ms for frame in stamped(events)]
    samples = {"mp3": 1152, "aac": 1024}[codec]
    assert stamps == [n * samples * 1000 // 44_100 for n in range(len(stamps))]


@CODECS
def test_a_frame_is_delivered_as_soon_as_it_is_whole_once_in_step(codec: str) -> None:
    data = encode_tone(codec)
    first, second, third = split_frames(data, codec)[:3]
    splitter = MAKE[codec]()
    confirming = 7  # bytes of the next header
    assert frames(splitter.receive_data(first + second[:confirming])) == [first]
    assert frames(splitter.receive_data(second[confirming:])) == [second]
    assert frames(splitter.receive_data(third)) == [third]


@CODECS
def test_frames_that_come_at_once_are_one_run_behind_whatever_precedes_them(codec: str) -> None:
    parts = split_frames(encode_tone(codec, 1), codec)
    splitter = MAKE[codec]()
    track, *runs = splitter.receive_data(b"".join(parts[:12]))
    assert isinstance(track, Track)
    assert [len(frames([run])) for run in runs] == [12]
    junk = bytes(50)
    runs = splitter.receive_data(b"".join((*parts[12:20], junk, *parts[20:30])))
    assert [len(frames([run])) for run in runs] == [8, 10]
    assert splitter.skipped_bytes == len(junk)


def test_frames_of_another_kind_are_a_run_of_their_own() -> None:
    plain = split_frames(encode_tone("aac", 1), "aac")
    # With a CRC, which nobody looks at: the header is two bytes longer.
    size = [len(part) + 2 for part in plain]
    with_crc = [
        bytes([0xFF, part[1] & 0xFE, part[2], part[3] & 0xFC | n >> 11, n >> 3 & 0xFF])
        + bytes([(n & 7) << 5 | part[5] & 0x1F, part[6], 0, 0])
        + part[7:]
        for part, n in zip(plain, size, strict=True)
    ]
    track, *runs = adts_splitter().receive_data(b"".join(plain[:4] + with_crc[4:9] + plain[9:12]))
    assert isinstance(track, Track)
    assert [[f.header_bytes for f in stamped([run])] for run in runs] == [[7] * 4, [9] * 5, [7] * 3]
    stamps = [frame.timestamp_ms for frame in stamped(runs)]
    assert stamps == [n * 1024 * 1000 // 44_100 for n in range(12)]
    assert [f.data[f.header_bytes :] for f in stamped(runs)] == [part[7:] for part in plain[:12]]


@CODECS
def test_a_join_in_the_middle_of_a_frame_begins_with_the_next_whole_one(codec: str) -> None:
    data = encode_tone(codec)
    expected = split_frames(data, codec)
    events = feed(MAKE[codec](), data[100:], 1000)
    assert frames(events) == expected[1:]


@CODECS
def test_junk_between_frames_costs_no_frame_behind_it(codec: str) -> None:
    parts = split_frames(encode_tone(codec), codec)
    junk = b"not audio \xff\xfb\x90\x00 \xff\xf1\x50\x80 " * 20
    data = b"".join(parts[:10]) + junk + b"".join(parts[10:])
    splitter = MAKE[codec]()
    assert frames(feed(splitter, data, 100)) == parts
    assert splitter.skipped_bytes == len(junk)


@CODECS
def test_another_rate_on_the_way_is_another_track_and_time_goes_on(codec: str) -> None:
    first = encode_tone(codec, 1)
    second = encode_tone(codec, 1, sample_rate=48_000)
    events = feed(MAKE[codec](), first + second, 512)
    assert [t.sample_rate for t in tracks(events)] == [44_100, 48_000]
    assert frames(events) == split_frames(first, codec) + split_frames(second, codec)
    stamps = [frame.timestamp_ms for frame in stamped(events)]
    assert stamps == sorted(stamps)
    at = len(split_frames(first, codec))
    assert stamps[at] - stamps[at - 1] in range(20, 27)


def test_one_header_of_another_rate_is_not_believed() -> None:
    parts = split_frames(encode_tone("mp3", 1), "mp3")
    stray = split_frames(encode_tone("mp3", 1, sample_rate=48_000), "mp3")[:2]
    events = feed(mp3_splitter(), b"".join(parts[:9] + stray + parts[9:]), 300)
    assert len(tracks(events)) == 1
    assert frames(events) == parts


@CODECS
def test_junk_up_to_the_limit_is_borne_and_one_byte_more_is_not(codec: str) -> None:
    data = encode_tone(codec, 1)
    splitter = MAKE[codec]()
    assert feed(splitter, bytes(MAX_JUNK_BYTES), 1000) == []
    assert frames(splitter.receive_data(data)) == split_frames(data, codec)
    splitter = MAKE[codec]()
    feed(splitter, bytes(MAX_JUNK_BYTES - 7), 1000)
    with pytest.raises(MalformedAudio, match="got 65537 bytes without a frame, expected"):
        splitter.receive_data(bytes(8))


@CODECS
@settings(max_examples=60, deadline=None)
@given(pieces=st.lists(st.binary(max_size=300), max_size=40))
def test_random_bytes_are_refused_or_ignored(codec: str, pieces: list[bytes]) -> None:
    splitter = MAKE[codec]()
    for piece in pieces:
        splitter.receive_data(piece)


@CODECS
@settings(max_examples=40, deadline=None)
@given(
    junk=st.binary(max_size=400),
    cuts=st.lists(st.integers(1, 2000), min_size=1, max_size=50),
)
def test_frames_behind_any_junk_are_found(codec: str, junk: bytes, cuts: list[int]) -> None:
    data = junk + encode_tone(codec, 1)
    splitter = MAKE[codec]()
    events: SplitEvents = []
    at = 0
    for cut in cuts:
        events += splitter.receive_data(data[at : at + cut])
        at += cut
    events += splitter.receive_data(data[at:])
    # A header inside the junk may be confirmed by chance; it costs no more than the frame it claims.
    assert frames(events)[-20:] == split_frames(encode_tone(codec, 1), codec)[-20:]
