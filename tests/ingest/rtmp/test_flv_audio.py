import itertools
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awazpulse.audio import AudioError, Codec, Frame, MalformedAudio, Track, UnsupportedAudio
from awazpulse.audio.aac import AdtsFramer, parse_audio_specific_config
from ingest.rtmp.flv_audio import AudioReceiver, Packet, parse_enhanced

from .wire import AAC_CONFIG, adts

TRACK = parse_audio_specific_config(AAC_CONFIG)
MP3_HEADER = bytes((0xFF, 0xFB, 0x90, 0x00))  # 128 kbit/s, 44.1 kHz, stereo: 417 bytes
MP3_FRAME = MP3_HEADER + bytes(413)


def _aac(access_unit: bytes, time: int) -> Frame:
    return Frame(time, 1024, AdtsFramer(TRACK).frame(access_unit), 7)


def _receive(*messages: tuple[bytes, int]) -> list[Track | Frame]:
    receiver = AudioReceiver()
    return [event for body, time in messages for event in receiver.receive_message(body, time)]


def test_aac_is_a_track_and_adts_frames() -> None:
    events = _receive(
        (b"\xaf\x00" + AAC_CONFIG, 0), (b"\xaf\x01" + b"one", 10), (b"\xaf\x01two", 33)
    )
    assert events == [TRACK, _aac(b"one", 10), _aac(b"two", 33)]
    assert TRACK.config == AAC_CONFIG


def test_aac_before_its_configuration_is_passed_over() -> None:
    assert _receive((b"\xaf\x01one", 0), (b"\xaf\x00" + AAC_CONFIG, 5)) == [TRACK]


def test_adts_in_access_units_is_a_configuration_where_there_is_none() -> None:
    unit = adts(b"one")
    for message in (b"\xaf\x01" + unit, b"\x91mp4a" + unit):
        assert _receive((message, 5)) == [TRACK, _aac(b"one", 5)]
    assert _receive((b"\xaf\x00" + AAC_CONFIG, 0), (b"\xaf\x01" + unit, 5)) == [
        TRACK, _aac(b"one", 5),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([b"\xaf\x01bare"], "got AAC without its configuration"),
        ([b"\x91mp4abare"], "got AAC without its configuration"),
        ([b"\x2f" + MP3_FRAME, b"\xaf\x01bare"], "got AAC without its configuration"),
        ([b"\xaf\x00" + AAC_CONFIG, b"\x2f" + bytes(100)], "no frame can be found"),
        ([b"\x95\x01mp4a\x01other"], "extra audio tracks only"),
    ],
)
def test_what_cannot_be_played_is_named(messages: list[bytes], reason: str) -> None:
    receiver = AudioReceiver()
    for message in messages:
        receiver.receive_message(message, 0)
    assert reason in receiver.unplayable
    receiver.receive_message(b"\xaf\x00" + AAC_CONFIG, 0)
    receiver.receive_message(b"\xaf\x01bare", 0)
    assert receiver.unplayable == ""


@pytest.mark.parametrize(
    "message", [b"", b"\xaf\x01", b"\xaf\x00" + AAC_CONFIG, b"\x90.mp3", b"\x92mp4a", b"\x94mp4ax"]
)
def test_silence_and_what_comes_beside_audio_are_no_reason_to_complain(message: bytes) -> None:
    receiver = AudioReceiver()
    receiver.receive_message(message, 0)
    assert receiver.unplayable == ""


def test_a_new_configuration_is_a_new_track() -> None:
    mono = bytes((0x12, 0x08))
    events = _receive((b"\xaf\x00" + AAC_CONFIG, 0), (b"\xaf\x00" + mono, 0))
    assert events == [TRACK, parse_audio_specific_config(mono)]


@pytest.mark.parametrize("body", [b"", b"\xaf", b"\x2f", b"\xaf\x01", b"\xaf\x00"])
def test_an_empty_message_is_silence(body: bytes) -> None:
    assert _receive((b"\xaf\x00" + AAC_CONFIG, 0), (body, 1)) == [TRACK]


def test_times_go_on_over_the_wrap() -> None:
    events = _receive((b"\xaf\x00" + AAC_CONFIG, 0), (b"\xaf\x01a", 2**32 - 1), (b"\xaf\x01a", 22))
    assert [event.timestamp_ms for event in events if isinstance(event, Frame)] == [
        2**32 - 1, 2**32 + 22,
    ]  # fmt: skip


def test_a_configuration_that_cannot_go_on_air_is_refused() -> None:
    with pytest.raises(MalformedAudio):
        _receive((b"\xaf\x00\x12", 0))
    with pytest.raises(UnsupportedAudio):
        _receive((b"\xaf\x00" + bytes((0xF8, 0x80, 0x00, 0x00)), 0))


def test_an_access_unit_at_the_limit_of_adts_is_taken_and_one_byte_more_is_not() -> None:
    config = (b"\xaf\x00" + AAC_CONFIG, 0)
    assert len(_receive(config, (b"\xaf\x01" + bytes(8184), 0))) == 2
    with pytest.raises(MalformedAudio, match="8185"):
        _receive(config, (b"\xaf\x01" + bytes(8185), 0))


@pytest.mark.parametrize(
    ("first_byte", "name"), [(0x3F, "PCM"), (0xB2, "Speex"), (0x7F, "G.711"), (0xCF, "format 12")]
)
def test_another_codec_is_refused_by_its_name(first_byte: int, name: str) -> None:
    with pytest.raises(UnsupportedAudio, match=rf"{name}.*expected AAC or MP3.*set the encoder"):
        _receive((bytes((first_byte, 0, 1)), 0))


# MP3

MP3_TRACK = Track(Codec.MP3, 44100, 2, 1152)


def test_an_mp3_message_is_a_frame_as_it_came() -> None:
    events = _receive((b"\x2f" + MP3_FRAME, 24), (b"\x2f" + MP3_FRAME, 50))
    assert events == [MP3_TRACK, Frame(24, 1152, MP3_FRAME), Frame(50, 1152, MP3_FRAME)]


def test_several_whole_mp3_frames_in_one_message_follow_each_other_in_time() -> None:
    events = _receive((b"\x2f" + MP3_FRAME * 3, 100))
    assert events[1:] == [Frame(time, 1152, MP3_FRAME) for time in (100, 126, 152)]


def test_another_rate_of_mp3_is_another_track() -> None:
    other = bytes((0xFF, 0xFB, 0x94, 0x00)) + bytes(380)  # 48 kHz: 384 bytes
    events = _receive((b"\x2f" + MP3_FRAME, 0), (b"\x2f" + other, 26), (b"\x2f" + other, 50))
    assert [type(event) for event in events] == [Track, Frame, Track, Frame, Frame]


def test_mp3_that_is_cut_anywhere_is_put_together() -> None:
    stream = MP3_FRAME * 6
    pieces = [stream[at : at + 300] for at in range(0, len(stream), 300)]
    events = _receive(*((b"\x2f" + piece, 1000 + 20 * n) for n, piece in enumerate(pieces)))
    assert events[0] == MP3_TRACK
    assert [event.data for event in events if isinstance(event, Frame)] == [MP3_FRAME] * 6
    assert [event.timestamp_ms for event in events if isinstance(event, Frame)][:3] == [
        1000, 1026, 1052,
    ]  # fmt: skip


def test_junk_as_mp3_is_refused_before_long() -> None:
    with pytest.raises(MalformedAudio, match="expected MP3"):
        _receive(*((b"\x2f" + bytes(1000), time) for time in range(70)))


def test_aac_after_mp3_and_mp3_after_aac_are_new_tracks() -> None:
    events = _receive(
        (b"\x2f" + MP3_FRAME, 0),
        (b"\xaf\x00" + AAC_CONFIG, 26),
        (b"\xaf\x01a", 26),
        (b"\x2f" + MP3_FRAME, 50),
        (b"\xaf\x01a", 60),
    )
    assert [type(event) for event in events] == [Track, Frame, Track, Frame, Track, Frame]


# Changes of codec

_KINDS = {
    "AAC with its configuration": [b"\xaf\x00" + AAC_CONFIG, b"\xaf\x01one", b"\xaf\x01two"],
    "AAC without": [b"\xaf\x01three", b"\xaf\x01four"],
    "AAC under ADTS headers": [b"\xaf\x01" + adts(b"seven"), b"\xaf\x01" + adts(b"eight")],
    "enhanced AAC": [b"\x90mp4a" + AAC_CONFIG, b"\x91mp4afive", b"\x91mp4asix"],
    "whole MP3": [b"\x2f" + MP3_FRAME, b"\x2f" + MP3_FRAME],
    "split MP3": [b"\x2f" + (MP3_FRAME * 3)[at : at + 300] for at in range(0, 1251, 300)],
    "enhanced MP3": [b"\x90.mp3", b"\x91.mp3" + MP3_FRAME, b"\x91.mp3" + MP3_FRAME],
}


def _codec_of(frame: Frame) -> Codec:
    is_aac = frame.data[0] == 0xFF and frame.data[1] & 0xF6 == 0xF0
    assert frame.header_bytes == (7 if is_aac else 0)
    return Codec.AAC if is_aac else Codec.MP3


@pytest.mark.parametrize("kinds", list(itertools.permutations(_KINDS, 3)), ids="+".join)
def test_audio_is_never_published_on_a_track_of_another_codec(kinds: tuple[str, ...]) -> None:
    receiver = AudioReceiver()
    track: Track | None = None
    for kind in kinds:
        frames = 0
        for time, body in enumerate(_KINDS[kind]):
            for event in receiver.receive_message(body, time):
                if isinstance(event, Track):
                    track = event
                    continue
                assert track is not None
                assert track.codec is _codec_of(event)
                frames += 1
        assert frames >= 2 or kind == "AAC without"


# Enhanced RTMP


def test_enhanced_aac_is_as_legacy_aac() -> None:
    events = _receive((b"\x90mp4a" + AAC_CONFIG, 0), (b"\x91mp4aone", 10), (b"\x92mp4a", 20))
    assert events == [TRACK, _aac(b"one", 10)]


def test_enhanced_mp3_is_as_legacy_mp3() -> None:
    events = _receive((b"\x90.mp3", 0), (b"\x91.mp3" + MP3_FRAME, 10))
    assert events == [MP3_TRACK, Frame(10, 1152, MP3_FRAME)]


def test_multichannel_configuration_is_passed_over() -> None:
    assert _receive((b"\x94mp4a\x01\x02" + bytes(4), 0)) == []


@pytest.mark.parametrize("four_cc", [b"Opus", b"fLaC", b"ac-3", b"ec-3"])
def test_another_four_cc_is_refused_by_its_name(four_cc: bytes) -> None:
    with pytest.raises(UnsupportedAudio, match=four_cc.decode()):
        _receive((b"\x90" + four_cc + b"OpusHead", 0))


def _sized(track_id: int, body: bytes) -> bytes:
    return bytes((track_id,)) + len(body).to_bytes(3, "big") + body


def test_extra_tracks_of_obs_stay_out_of_the_feed() -> None:
    events = _receive(
        (b"\xaf\x00" + AAC_CONFIG, 0),
        (b"\x95\x00mp4a\x01" + bytes((0x11, 0x88)), 0),
        (b"\x95\x01mp4a\x01other", 5),
        (b"\xaf\x01one", 10),
    )
    assert events == [TRACK, _aac(b"one", 10)]


def test_track_0_of_one_of_many_and_of_many_codecs_is_the_feed() -> None:
    many = b"\x95\x11mp4a" + _sized(1, b"other") + _sized(0, b"feed") + _sized(2, b"x")
    codecs = b"\x95\x21Opus" + _sized(1, b"o") + b"mp4a" + _sized(0, b"feed")
    for multitrack in (b"\x95\x01mp4a\x00feed", many, codecs):
        events = _receive((b"\x95\x00mp4a\x00" + AAC_CONFIG, 0), (multitrack, 7))
        assert events == [TRACK, _aac(b"feed", 7)]


def test_mod_ex_prefixes_are_skipped() -> None:
    nano = b"\x02\x00\x01\x02\x01"  # 3 bytes of data, then type 0 and packet type 1
    assert parse_enhanced(b"\x97" + nano + b"mp4aone") == [Packet(1, b"mp4a", 0, b"one")]
    twice = b"\x02\x00\x01\x02\x07" + nano
    assert parse_enhanced(b"\x97" + twice + b"mp4aone") == [Packet(1, b"mp4a", 0, b"one")]
    long = b"\xff\x01\x2b" + bytes(300) + b"\x01"
    assert parse_enhanced(b"\x97" + long + b"mp4aone") == [Packet(1, b"mp4a", 0, b"one")]


@pytest.mark.parametrize(
    "body", [b"\x95", b"\x97", b"\x97\x02", b"\x97\x02abc", b"\x95\x11mp4a\x00\x00\x00\x09short"]
)
def test_an_enhanced_tag_that_is_cut_off_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedAudio, match="cut off"):
        parse_enhanced(body)


@given(st.lists(st.tuples(st.binary(max_size=60), st.integers(0, 2**32 - 1)), max_size=5))
def test_random_bytes_raise_documented_exceptions_only(messages: list[tuple[bytes, int]]) -> None:
    with suppress(AudioError):
        _receive((b"\xaf\x00" + AAC_CONFIG, 0), *messages)


@given(st.integers(0, 255), st.binary(max_size=60))
def test_random_enhanced_tags_raise_documented_exceptions_only(first: int, body: bytes) -> None:
    with suppress(AudioError):
        _receive((bytes((0x90 | first & 15,)) + body, 0))
