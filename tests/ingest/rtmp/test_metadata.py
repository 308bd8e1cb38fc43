import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.rtmp.amf0 import EcmaArray, Value, serialize_values
from ingest.rtmp.metadata import (
    MAX_BITRATE_KBPS,
    MAX_ENCODER_CHARACTERS,
    Metadata,
    clean_encoder,
    parse_metadata,
)

from . import wire


def _parse(fields: dict[str, Value]) -> Metadata | None:
    return parse_metadata(serialize_values("@setDataFrame", "onMetaData", EcmaArray(fields)))


def test_bitrate_and_encoder_are_read() -> None:
    fields: dict[str, Value] = {"audiodatarate": 160.0, "encoder": "obs-output module"}
    assert _parse(fields) == Metadata(160, "obs-output module")


def test_metadata_is_read_with_and_without_set_data_frame_and_as_an_object() -> None:
    fields = wire.amf_object(audiodatarate=128.0)
    assert parse_metadata(wire.string("onMetaData") + fields) == Metadata(128)
    fields = wire.ecma_array(20, audiodatarate=128.0)
    assert parse_metadata(wire.string("onMetaData") + fields) == Metadata(128)


@pytest.mark.parametrize(
    ("kbps", "expected"),
    [
        (1.0, 1),
        (127.6, 128),
        (float(MAX_BITRATE_KBPS), MAX_BITRATE_KBPS),
        (MAX_BITRATE_KBPS + 1.0, None),
        (0.5, None),
        (-1.0, None),
        (float("nan"), None),
        (float("inf"), None),
        ("128", None),
        (None, None),
    ],
)
def test_a_bitrate_that_makes_no_sense_is_none(kbps: Value, expected: int | None) -> None:
    assert _parse({"audiodatarate": kbps}) == Metadata(expected)


def test_an_encoder_is_one_printable_line_within_the_limit() -> None:
    assert clean_encoder(" a\nb\x00c ") == "abc"
    assert len(clean_encoder("x" * (MAX_ENCODER_CHARACTERS + 1))) == MAX_ENCODER_CHARACTERS
    assert len(clean_encoder("x" * MAX_ENCODER_CHARACTERS)) == MAX_ENCODER_CHARACTERS


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff",
        wire.string("onMetaData"),
        wire.string("@setDataFrame"),
        wire.string("@setDataFrame") + wire.string("onMetaData"),
        wire.string("onMetaData") + wire.NULL,
        wire.string("onMetaData") + wire.ecma_array(1, a="b")[:-3],
        wire.string("onTextData") + wire.amf_object(text="a"),
        wire.number(1) + wire.amf_object(),
    ],
)
def test_other_or_malformed_metadata_is_none(payload: bytes) -> None:
    assert parse_metadata(payload) is None


@given(st.binary(max_size=200))
def test_no_metadata_raises(payload: bytes) -> None:
    parse_metadata(payload)
    parse_metadata(wire.string("onMetaData") + payload)
