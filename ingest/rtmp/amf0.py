"""AMF0 values between bytes and Python. No I/O. Action Message Format 0 (2007), §2.

    number float | boolean bool | string, long string and XML str | null, undefined, unsupported None
    object dict | typed object dict, its class name dropped | ECMA array EcmaArray, a dict
    strict array list | date Date | reference None: it points into a graph that no encoder sends

Contract: `parse_values` consumes all of its input or raises `MalformedAmf`. The count of an ECMA
array is a hint that encoders get wrong (§2.10): its end marker alone ends it. Text that is no
UTF-8 is kept with replacement characters.
"""

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from .errors import MalformedAmf

MAX_DEPTH = 16  # nested values; encoders nest three deep, and each level costs stack
_MAX_SHORT_BYTES = 0xFFFF

_NUMBER, _BOOLEAN, _STRING, _OBJECT, _NULL, _UNDEFINED, _REFERENCE = 0, 1, 2, 3, 5, 6, 7
_ECMA_ARRAY, _OBJECT_END, _STRICT_ARRAY, _DATE, _LONG_STRING = 8, 9, 10, 11, 12
_UNSUPPORTED, _XML, _TYPED_OBJECT = 13, 15, 16
_DOUBLE = struct.Struct(">d")
_DATE_BODY = struct.Struct(">dh")


@dataclass(frozen=True, slots=True)
class Date:
    """Milliseconds since 1970 in UTC; `zone_minutes` is reserved and 0 (§2.13)."""

    timestamp_ms: float
    zone_minutes: int = 0


Value = (
    float | bool | str | None | Date | Mapping[str, "Value"] | Sequence["Value"]
)  # str is a Sequence too, so test for str first


class EcmaArray(dict[str, Value]):
    """An object that is written as an ECMA array (§2.10), as onMetaData is."""


def parse_values(data: bytes) -> list[Value]:
    """Return all values that stand one after another in `data`."""
    reader = _Reader(data)
    values: list[Value] = []
    while reader.at < len(data):
        values.append(reader.read_value(0))
    return values


def serialize_values(*values: Value) -> bytes:
    """Return the values one after another."""
    return b"".join(map(_serialize, values))


class _Reader:
    """Reads values from `at`; a read past the end is the peer's fault."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def read_value(self, depth: int) -> Value:
        if depth > MAX_DEPTH:
            raise MalformedAmf(f"AMF0 is nested more than {MAX_DEPTH} deep")
        marker = self._read_uint(1)
        container = _CONTAINERS.get(marker)
        if container is not None:
            return container(self, depth + 1)
        scalar = _SCALARS.get(marker)
        if scalar is None:
            raise MalformedAmf(f"got AMF0 marker {marker}, expected a value")
        return scalar(self)

    def read_number(self) -> float:
        number: float = _DOUBLE.unpack(self._read(8))[0]
        return number

    def read_boolean(self) -> bool:
        return self._read_uint(1) != 0

    def read_string(self) -> str:
        return self._read(self._read_uint(2)).decode(errors="replace")

    def read_long_string(self) -> str:
        return self._read(self._read_uint(4)).decode(errors="replace")

    def read_nothing(self) -> None:
        """null, undefined and unsupported have no body."""

    def read_reference(self) -> None:
        self._read(2)

    def read_date(self) -> Date:
        return Date(*_DATE_BODY.unpack(self._read(10)))

    def read_object(self, depth: int) -> dict[str, Value]:
        """Pairs of a name and a value up to the empty name and the end marker (§2.5)."""
        pairs: dict[str, Value] = {}
        while True:
            name = self.read_string()
            if not name and self._next_byte() == _OBJECT_END:
                self.at += 1
                return pairs
            pairs[name] = self.read_value(depth)

    def read_typed_object(self, depth: int) -> dict[str, Value]:
        self.read_string()
        return self.read_object(depth)

    def read_ecma_array(self, depth: int) -> EcmaArray:
        self._read(4)
        return EcmaArray(self.read_object(depth))

    def read_strict_array(self, depth: int) -> list[Value]:
        # Each value takes at least a byte, so that a hostile count ends with the data.
        return [self.read_value(depth) for _ in range(self._read_uint(4))]

    def _next_byte(self) -> int | None:
        return self._data[self.at] if self.at < len(self._data) else None

    def _read_uint(self, size: int) -> int:
        return int.from_bytes(self._read(size), "big")

    def _read(self, size: int) -> bytes:
        end = self.at + size
        if end > len(self._data):
            raise MalformedAmf(
                f"AMF0 is cut off: got {len(self._data) - self.at} bytes more, expected {size}"
            )
        piece = self._data[self.at : end]
        self.at = end
        return piece


_SCALARS: Final[dict[int, Callable[[_Reader], Value]]] = {
    _NUMBER: _Reader.read_number,
    _BOOLEAN: _Reader.read_boolean,
    _STRING: _Reader.read_string,
    _NULL: _Reader.read_nothing,
    _UNDEFINED: _Reader.read_nothing,
    _REFERENCE: _Reader.read_reference,
    _DATE: _Reader.read_date,
    _LONG_STRING: _Reader.read_long_string,
    _UNSUPPORTED: _Reader.read_nothing,
    _XML: _Reader.read_long_string,
}
_CONTAINERS: Final[dict[int, Callable[[_Reader, int], Value]]] = {
    _OBJECT: _Reader.read_object,
    _ECMA_ARRAY: _Reader.read_ecma_array,
    _STRICT_ARRAY: _Reader.read_strict_array,
    _TYPED_OBJECT: _Reader.read_typed_object,
}


def _serialize(value: Value) -> bytes:
    match value:
        case None:
            return bytes((_NULL,))
        case bool():
            return bytes((_BOOLEAN, value))
        case int() | float():
            return bytes((_NUMBER,)) + _DOUBLE.pack(value)
        case str():
            return _serialize_string(value)
        case Date():
            return bytes((_DATE,)) + _DATE_BODY.pack(value.timestamp_ms, value.zone_minutes)
        case Mapping():
            return _serialize_mapping(value)
        case _:
            head = bytes((_STRICT_ARRAY,)) + len(value).to_bytes(4, "big")
            return head + serialize_values(*value)


def _serialize_string(text: str) -> bytes:
    encoded = text.encode()
    if len(encoded) <= _MAX_SHORT_BYTES:
        return bytes((_STRING,)) + len(encoded).to_bytes(2, "big") + encoded
    return bytes((_LONG_STRING,)) + len(encoded).to_bytes(4, "big") + encoded


def _serialize_mapping(pairs: Mapping[str, Value]) -> bytes:
    parts = [bytes((_OBJECT,))]
    if isinstance(pairs, EcmaArray):
        parts = [bytes((_ECMA_ARRAY,)), len(pairs).to_bytes(4, "big")]
    for name, value in pairs.items():
        encoded = name.encode()
        parts += (len(encoded).to_bytes(2, "big"), encoded, _serialize(value))
    parts.append(bytes((0, 0, _OBJECT_END)))
    return b"".join(parts)


def read_text(value: Value) -> str:
    """Return a string value, or the empty string for anything else."""
    return value if isinstance(value, str) else ""


def read_number(value: Value) -> float | None:
    """Return a finite number, or None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value
