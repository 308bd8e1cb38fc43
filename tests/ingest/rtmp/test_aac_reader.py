import pytest
from hypothesis import given
from hypothesis import strategies as st

from awazpulse.audio import Frame, MalformedAudio, Track
from awazpulse.audio.aac import AdtsFramer, parse_audio_specific_config
from ingest.rtmp.aac_reader import AacReader

from .wire import AAC_CONFIG, adts

TRACK = parse_audio_specific_config(AAC_CONFIG)
MONO_48_KHZ = bytes((0x11, 0x88))
HE_AAC = bytes((0x2B, 0x92, 0x08, 0x00))  # explicit SBR: a core of 22.05 kHz, stereo


def _frame(access_unit: bytes, time: int, track: Track = TRACK) -> Frame:
    return Frame(time, 1024, AdtsFramer(track).frame(access_unit), 7)


def _configured(config: bytes = AAC_CONFIG) -> AacReader:
    reader = AacReader()
    assert reader.configure(config) == [parse_audio_specific_config(config)]
    return reader


# With a sequence header


def test_a_bare_access_unit_gets_a_header() -> None:
    assert _configured().receive(b"one", 5) == [_frame(b"one", 5)]


@pytest.mark.parametrize("unit", [adts(b"one"), adts(b"one", crc=True), adts(b"one", mpeg_2=True)])
def test_an_access_unit_under_an_adts_header_has_one_header_in_the_end(unit: bytes) -> None:
    assert _configured().receive(unit, 5) == [_frame(b"one", 5)]


def test_several_adts_frames_in_one_message_follow_each_other_in_time() -> None:
    message = adts(b"one") + adts(b"two", crc=True) + adts(b"three")
    assert _configured().receive(message, 100) == [
        _frame(b"one", 100), _frame(b"two", 123), _frame(b"three", 146),
    ]  # fmt: skip


def test_several_blocks_under_one_adts_header_stay_as_they_are() -> None:
    message = adts(b"one two", blocks=3)
    [first, second] = _configured().receive(message + adts(b"three"), 0)
    assert first == Frame(0, 3 * 1024, message, 7)
    assert second == _frame(b"three", 69)


@pytest.mark.parametrize(
    "unit",
    [
        adts(b"one")[:-1],  # a byte less than frame_length says
        adts(b"one") + b"x",
        adts(b"one") + adts(b"two")[:-1],
        adts(b"one")[:7],
        b"\xff",
        b"\xff\xf1",
        b"\xff\xf1" + bytes(200),
        b"\xff\xf3" + adts(b"one")[2:],  # layer 1: no ADTS
    ],
)
def test_an_access_unit_that_only_begins_like_adts_is_bare(unit: bytes) -> None:
    assert _configured().receive(unit, 0) == [_frame(unit, 0)]


@given(st.binary(min_size=1, max_size=60))
def test_what_begins_like_no_syncword_is_bare(unit: bytes) -> None:
    if unit[0] != 0xFF:
        assert _configured().receive(unit, 0) == [_frame(unit, 0)]


def test_the_header_of_an_he_aac_core_is_that_of_its_configuration() -> None:
    reader, track = _configured(HE_AAC), parse_audio_specific_config(HE_AAC)
    assert reader.receive(adts(b"one", rate_index=7), 0) == [_frame(b"one", 0, track)]


def test_a_header_that_contradicts_the_configuration_is_a_track_of_its_own() -> None:
    reader, mono = _configured(), parse_audio_specific_config(MONO_48_KHZ)
    unit = adts(b"one", rate_index=3, channels=1)
    assert reader.receive(unit, 0) == [mono, _frame(b"one", 0, mono)]
    assert reader.receive(unit, 21) == [_frame(b"one", 21, mono)]
    # Encoders repeat the sequence header. That must not make the track change to and fro.
    assert reader.configure(AAC_CONFIG) == []
    assert reader.receive(unit, 42) == [_frame(b"one", 42, mono)]


@pytest.mark.parametrize("unit", [adts(b"one", channels=0), adts(b"one", rate_index=15)])
def test_a_header_that_tells_too_little_is_replaced_by_that_of_the_configuration(
    unit: bytes,
) -> None:
    assert _configured().receive(unit, 0) == [_frame(b"one", 0)]


def test_a_new_configuration_holds_for_what_follows() -> None:
    reader, mono = _configured(), parse_audio_specific_config(MONO_48_KHZ)
    assert reader.configure(MONO_48_KHZ) == [mono]
    assert reader.receive(b"one", 0) == [_frame(b"one", 0, mono)]
    assert reader.configure(AAC_CONFIG) == [TRACK]


def test_a_malformed_configuration_changes_nothing() -> None:
    reader = _configured()
    with pytest.raises(MalformedAudio):
        reader.configure(b"\x12")
    assert reader.receive(b"one", 0) == [_frame(b"one", 0)]


def test_an_access_unit_at_the_limit_of_adts_is_taken_under_a_header_as_well() -> None:
    assert _configured().receive(adts(bytes(8184)), 0) == [_frame(bytes(8184), 0)]


# Without one


def test_the_first_adts_header_is_the_configuration() -> None:
    reader = AacReader()
    assert reader.receive(adts(b"one") + adts(b"two"), 0) == [
        TRACK, _frame(b"one", 0), _frame(b"two", 23),
    ]  # fmt: skip
    assert reader.receive(b"bare", 46) == [_frame(b"bare", 46)]
    assert reader.unplayable == ""


def test_a_track_may_change_within_a_message() -> None:
    mono = parse_audio_specific_config(MONO_48_KHZ)
    unit = adts(b"one") + adts(b"two", rate_index=3, channels=1)
    [_, first, track, second] = AacReader().receive(unit, 0)
    assert (first, track) == (_frame(b"one", 0), mono)
    assert isinstance(second, Frame)
    assert second.data == AdtsFramer(mono).frame(b"two")


def test_a_sequence_header_behind_adts_headers_that_says_the_same_changes_no_track() -> None:
    reader = AacReader()
    [track, _] = reader.receive(adts(b"one"), 0)
    assert reader.configure(AAC_CONFIG) == [track]


@pytest.mark.parametrize("unit", [b"bare", b"\xff\xf1\x00", adts(b"one", rate_index=15)])
def test_what_nothing_describes_gives_nothing_and_says_so(unit: bytes) -> None:
    reader = AacReader()
    assert reader.unplayable == ""
    assert reader.receive(unit, 0) == []
    assert "without its configuration" in reader.unplayable
    reader.configure(AAC_CONFIG)
    assert reader.unplayable == ""
