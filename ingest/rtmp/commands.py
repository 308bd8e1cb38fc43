"""RTMP commands: each request parsed, each answer serialized. No I/O. RTMP 1.0 §7.2.

A command is AMF0 values: name, transaction id, command object, arguments. Type 17 puts one byte
in front, the format selector, which is 0: AMF0 follows (real AMF3 comes from no encoder).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from .amf0 import Value, parse_values, read_number, read_text, serialize_values
from .errors import MalformedMessage
from .flv_audio import FOUR_CC_AAC, FOUR_CC_MP3

MAX_TEXT_CHARACTERS = 1024  # of an app, a stream name or a version; OBS's longest has some 100

_CAN_FORWARD = 4  # Enhanced RTMP v2, FourCcInfoMask
_CAPS_MULTITRACK, _CAPS_MOD_EX = 2, 4  # Enhanced RTMP v2, CapsExMask
_ENHANCED_FIELDS = ("fourCcList", "audioFourCcInfoMap", "videoFourCcInfoMap", "capsEx")


@dataclass(frozen=True, slots=True)
class Command:
    """A request. Its values stay out of its repr because they may hold a stream key."""

    name: str
    transaction_id: float
    stream_id: int  # the message stream that it came on
    command_object: Value = field(default=None, repr=False)
    arguments: tuple[Value, ...] = field(default=(), repr=False)

    @classmethod
    def parse(cls, payload: bytes, stream_id: int) -> Self:
        """Return the command; missing values at the end count as null."""
        values = parse_values(payload)
        if not values or not isinstance(values[0], str):
            raise MalformedMessage("got a command without a name")
        transaction_id = read_number(values[1]) if len(values) > 1 else None
        command_object = values[2] if len(values) > 2 else None
        return cls(values[0], transaction_id or 0.0, stream_id, command_object, tuple(values[3:]))

    def argument(self, index: int) -> Value:
        """Return an argument, or None where there is none."""
        return self.arguments[index] if index < len(self.arguments) else None


@dataclass(frozen=True, slots=True)
class Connect:
    """connect (§7.2.1.1): the app, with its query, and what the encoder calls itself."""

    app: str = field(repr=False)
    flash_version: str
    object_encoding: float
    is_enhanced: bool  # speaks Enhanced RTMP and wants to know what works here

    @classmethod
    def parse(cls, command: Command) -> Self:
        """Return the fields; those that are missing are empty."""
        fields = command.command_object
        if not isinstance(fields, Mapping):
            fields = {}
        return cls(
            read_text(fields.get("app"))[:MAX_TEXT_CHARACTERS],
            read_text(fields.get("flashVer"))[:MAX_TEXT_CHARACTERS],
            read_number(fields.get("objectEncoding")) or 0.0,
            any(name in fields for name in _ENHANCED_FIELDS),
        )

    def serialize_success(self, transaction_id: float) -> bytes:
        """Return `_result`: NetConnection.Connect.Success and what of Enhanced RTMP works."""
        properties: dict[str, Value] = {"fmsVer": "FMS/3,0,1,123", "capabilities": 31.0}
        information: dict[str, Value] = {
            "level": "status",
            "code": "NetConnection.Connect.Success",
            "description": "Connection succeeded.",
            "objectEncoding": self.object_encoding,
        }
        if self.is_enhanced:
            four_ccs = [four_cc.decode() for four_cc in (FOUR_CC_AAC, FOUR_CC_MP3)]
            enhanced: dict[str, Value] = {
                "fourCcList": four_ccs,
                "audioFourCcInfoMap": dict.fromkeys(four_ccs, _CAN_FORWARD),
                "capsEx": _CAPS_MULTITRACK | _CAPS_MOD_EX,
            }
            information |= enhanced
            properties |= enhanced
        return serialize_values("_result", transaction_id, properties, information)


@dataclass(frozen=True, slots=True)
class Publish:
    """publish (§7.2.2.6); `is_end` is the `publish(false)` that Wirecast sends at the end."""

    name: str = field(repr=False)
    is_end: bool

    @classmethod
    def parse(cls, command: Command) -> Self:
        """Return the fields. The type (live, record, append) is ignored: everything is live here."""
        name = command.argument(0)
        return cls(read_text(name)[:MAX_TEXT_CHARACTERS], name is False)


def serialize_connect_error(transaction_id: float, code: str, description: str) -> bytes:
    """Return `_error`, the answer to a connect that is refused."""
    return serialize_values(
        "_error", transaction_id, None, {"level": "error", "code": code, "description": description}
    )


def serialize_result(transaction_id: float, value: Value = None) -> bytes:
    """Return `_result`: createStream's carries the message stream id, others nothing."""
    return serialize_values("_result", transaction_id, None, value)


def serialize_on_fc_publish(command: str, code: str) -> bytes:
    """Return onFCPublish or onFCUnpublish, without which some appliances hang."""
    return serialize_values(command, 0.0, None, {"level": "status", "code": code})


def serialize_on_status(level: str, code: str, description: str) -> bytes:
    """Return onStatus (§7.2.2); its transaction id is 0."""
    return serialize_values(
        "onStatus", 0.0, None, {"level": level, "code": code, "description": description}
    )
