import math
import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.rtmp.amf0 import (
    MAX_DEPTH,
    Date,
    EcmaArray,
    Value,
    parse_values,
    read_number,
    read_text,
    serialize_values,
)
from ingest.rtmp.errors import MalformedAmf

from . import wire


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (wire.number(1.5), 1.5),
        (b"\x01\x00", False),
        (b"\x01\x02", True),
        (wire.string("añb"), "añb"),
        (b"\x02\x00\x02\xff\xfe", "��"),
        (wire.amf_object(app="live", id=2.0), {"app": "live", "id": 2.0}),
        (b"\x03\x00\x00\x09", {}),
        (b"\x05", None),
        (b"\x06", None),
        (b"\x07\x00\x01", None),
        (b"\x0d", None),
        (wire.ecma_array(1, a="b"), {"a": "b"}),
        (b"\x0a\x00\x00\x00\x02\x05\x01\x01", [None, True]),
        (b"\x0a\x00\x00\x00\x00", []),
        (b"\x0b" + struct.pack(">dh", 1e12, -60), Date(1e12, -60)),
        (b"\x0c\x00\x00\x00\x03abc", "abc"),
        (b"\x0f\x00\x00\x00\x04<a/>", "<a/>"),
        (b"\x10\x00\x01C" + wire.pairs(a="b"), {"a": "b"}),
    ],
)
def test_each_kind_of_value_is_read(data: bytes, value: Value) -> None:
    assert parse_values(data) == [value]
    assert parse_values(data + b"\x05" + data) == [value, None, value]


@pytest.mark.parametrize("declared", [0, 1, 2, 200, 2**32 - 1])
def test_ecma_array_ends_at_its_marker_whatever_it_declares(declared: int) -> None:
    [value] = parse_values(wire.ecma_array(declared, a="b", c=1.0))
    assert value == {"a": "b", "c": 1.0}
    assert isinstance(value, EcmaArray)


def test_objects_nest_and_keep_all_their_keys() -> None:
    inner = b"\x00\x05inner" + wire.amf_object(x=1.0) + b"\x00\x05after" + wire.number(2)
    [value] = parse_values(b"\x03" + inner + b"\x00\x00\x09")
    assert value == {"inner": {"x": 1.0}, "after": 2.0}


def test_an_empty_name_with_a_value_is_a_pair() -> None:
    assert parse_values(b"\x03\x00\x00\x05\x00\x00\x09") == [{"": None}]


def test_nothing_is_no_value() -> None:
    assert parse_values(b"") == []


@pytest.mark.parametrize(
    "data",
    [
        wire.number(1),
        b"\x01\x01",
        wire.string("abc"),
        wire.amf_object(a="b"),
        wire.ecma_array(1, a="b"),
        b"\x0a\x00\x00\x00\x02\x05\x05",
        b"\x0b" + bytes(10),
        b"\x0c\x00\x00\x00\x03abc",
        b"\x07\x00\x01",
    ],
)
def test_truncation_anywhere_is_malformed(data: bytes) -> None:
    for size in range(1, len(data)):
        with pytest.raises(MalformedAmf, match="cut off"):
            parse_values(data[:size])


@pytest.mark.parametrize("marker", [4, 9, 14, 17, 18, 255])
def test_unknown_marker_is_malformed(marker: int) -> None:
    with pytest.raises(MalformedAmf, match=f"marker {marker}"):
        parse_values(bytes((marker,)) + bytes(20))


def test_hostile_count_of_a_strict_array_ends_with_the_data() -> None:
    with pytest.raises(MalformedAmf):
        parse_values(b"\x0a\xff\xff\xff\xff\x05\x05")


def test_nesting_at_the_limit_is_read_and_one_deeper_is_not() -> None:
    level = b"\x0a\x00\x00\x00\x01"
    parse_values(level * MAX_DEPTH + b"\x05")
    with pytest.raises(MalformedAmf, match="deep"):
        parse_values(level * (MAX_DEPTH + 1) + b"\x05")


def test_long_texts_are_written_as_long_strings() -> None:
    for size, marker in ((0xFFFF, 2), (0x10000, 12)):
        data = serialize_values("x" * size)
        assert data[0] == marker
        assert parse_values(data) == ["x" * size]


def test_numbers_and_texts_of_a_peer_are_read_with_care() -> None:
    assert read_text("a") == "a"
    others: list[Value] = [None, 1.0, {}, []]
    assert [read_text(value) for value in others] == [""] * 4
    assert read_number(2.5) == 2.5
    odd: list[Value] = [None, "1", True, math.nan, math.inf, -math.inf]
    assert [read_number(value) for value in odd] == [None] * 6


_NAMES = st.text(max_size=20)
_SCALARS = (
    st.none()
    | st.booleans()
    | st.floats(allow_nan=False)
    | st.text(max_size=50)
    | st.builds(Date, st.floats(allow_nan=False), st.integers(-720, 720))
)
_VALUES: st.SearchStrategy[Value] = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(_NAMES, inner, max_size=4)
        | st.dictionaries(_NAMES, inner, max_size=4).map(EcmaArray)
    ),
    max_leaves=12,
).filter(lambda v: _depth(v) <= MAX_DEPTH)


def _depth(value: Value) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0


@given(st.lists(_VALUES, max_size=4))
def test_what_is_written_is_read_back(values: list[Value]) -> None:
    assert parse_values(serialize_values(*values)) == values


@given(st.binary(max_size=300))
def test_random_bytes_raise_the_documented_exception_only(data: bytes) -> None:
    with suppress(MalformedAmf):
        parse_values(data)
