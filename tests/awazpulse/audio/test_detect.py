from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from awazpulse.audio import Codec, MalformedAudio
from awazpulse.audio.detect import audio_splitter
from awazpulse.audio.splitter import MAX_JUNK_BYTES
from tests.audio import encode_tone, split_frames
from tests.awazpulse.audio.pieces import feed, frames, stamped, tracks

CODECS = ("mp3", "mp2", "aac")


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("size", [1, 7, 418, 16_384, 1_000_000])
def test_what_the_audio_is_is_found_by_its_bytes(codec: str, size: int) -> None:
    tone = encode_tone(codec, 1)
    events = feed(audio_splitter(), tone, size)
    assert [track.codec for track in tracks(events)] == [Codec(codec)]
    assert b"".join(frames(events)) == tone


@pytest.mark.parametrize("first", CODECS)
@pytest.mark.parametrize("second", CODECS)
@pytest.mark.parametrize("size", [1, 418, 1_000_000])
def test_another_codec_on_the_way_is_another_track_and_time_goes_on(
    first: str, second: str, size: int
) -> None:
    one, other = encode_tone(first, 1), encode_tone(second, 1)
    events = feed(audio_splitter(), one + other, size)
    assert [t.codec for t in tracks(events)] == list(dict.fromkeys([Codec(first), Codec(second)]))
    assert b"".join(frames(events)) == one + other
    stamps = [frame.timestamp_ms for frame in stamped(events)]
    assert all(20 <= after - before <= 27 for before, after in pairwise(stamps))


@pytest.mark.parametrize("codec", CODECS)
@settings(max_examples=40, deadline=None)
@given(junk=st.binary(max_size=400), size=st.integers(1, 3000))
def test_frames_behind_any_junk_are_found(codec: str, junk: bytes, size: int) -> None:
    expected = split_frames(encode_tone(codec, 1), "mp3" if codec == "mp2" else codec)
    events = feed(audio_splitter(), junk + encode_tone(codec, 1), size)
    assert frames(events)[-20:] == expected[-20:]


def test_junk_up_to_the_limit_is_borne_and_one_byte_more_is_told() -> None:
    splitter = audio_splitter()
    assert feed(splitter, bytes(MAX_JUNK_BYTES), 1000) == []
    assert frames(splitter.receive_data(encode_tone("aac", 1)))
    splitter = audio_splitter()
    with pytest.raises(
        MalformedAudio, match=r"65537 bytes without a frame, expected MP3 or AAC \(ADTS\) audio"
    ):
        splitter.receive_data(bytes(MAX_JUNK_BYTES + 1))
