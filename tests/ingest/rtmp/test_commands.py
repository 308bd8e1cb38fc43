import pytest

from ingest.rtmp.amf0 import parse_values
from ingest.rtmp.commands import (
    MAX_TEXT_CHARACTERS,
    Command,
    Connect,
    Publish,
    serialize_connect_error,
    serialize_on_fc_publish,
    serialize_on_status,
    serialize_result,
)
from ingest.rtmp.errors import MalformedAmf, MalformedMessage

from . import wire


def _command(*values: bytes) -> Command:
    return Command.parse(b"".join(values), 1)


def test_a_command_is_name_transaction_object_and_arguments() -> None:
    command = _command(wire.string("publish"), wire.number(5), wire.NULL, wire.string("a"))
    assert (command.name, command.transaction_id, command.stream_id) == ("publish", 5, 1)
    assert (command.command_object, command.arguments) == (None, ("a",))
    assert (command.argument(0), command.argument(1)) == ("a", None)


def test_values_that_are_missing_at_the_end_are_null() -> None:
    command = _command(wire.string("FCPublish"))
    assert (command.transaction_id, command.command_object, command.arguments) == (0, None, ())


def test_a_transaction_id_that_is_no_number_is_0() -> None:
    assert _command(wire.string("a"), wire.string("b")).transaction_id == 0


@pytest.mark.parametrize("payload", [b"", wire.number(1), wire.NULL])
def test_a_command_without_a_name_is_malformed(payload: bytes) -> None:
    with pytest.raises(MalformedMessage, match="without a name"):
        _command(payload)


def test_a_command_that_is_cut_off_is_malformed() -> None:
    with pytest.raises(MalformedAmf):
        _command(wire.string("publish")[:-1])


def test_no_key_is_in_the_repr_of_a_command() -> None:
    values = (wire.string("publish"), wire.number(5), wire.NULL, wire.string("a?key=SECRET"))
    command = _command(*values)
    assert "SECRET" not in repr(command)
    assert "SECRET" not in repr(Publish.parse(command))
    connect = _command(wire.string("connect"), wire.number(1), wire.amf_object(app="a?key=SECRET"))
    assert "SECRET" not in repr(connect)
    assert "SECRET" not in repr(Connect.parse(connect))


def _connect(**fields: str | float) -> Connect:
    values = (wire.string("connect"), wire.number(1), wire.amf_object(**fields))
    return Connect.parse(_command(*values))


def test_connect_gives_app_and_version() -> None:
    connect = _connect(app="live", flashVer="FMLE/3.0", objectEncoding=3.0)
    assert connect == Connect("live", "FMLE/3.0", 3.0, is_enhanced=False)


@pytest.mark.parametrize("command_object", [b"", wire.NULL, wire.string("live")])
def test_connect_without_an_object_has_an_empty_app(command_object: bytes) -> None:
    command = _command(wire.string("connect"), wire.number(1), command_object)
    assert Connect.parse(command) == Connect("", "", 0.0, is_enhanced=False)


def test_an_app_at_the_limit_is_kept_and_a_longer_one_cut() -> None:
    assert _connect(app="a" * MAX_TEXT_CHARACTERS).app == "a" * MAX_TEXT_CHARACTERS
    assert _connect(app="a" * (MAX_TEXT_CHARACTERS + 1)).app == "a" * MAX_TEXT_CHARACTERS


def test_success_tells_what_of_enhanced_rtmp_works_to_those_who_ask() -> None:
    plain = parse_values(_connect(app="live").serialize_success(1))
    assert plain[:2] == ["_result", 1.0]
    assert "capsEx" not in str(plain)
    assert "NetConnection.Connect.Success" in str(plain)
    values = parse_values(_connect(app="live", capsEx=15.0).serialize_success(1))
    properties, information = values[2], values[3]
    assert isinstance(properties, dict)
    assert isinstance(information, dict)
    for told in (properties, information):
        assert told["audioFourCcInfoMap"] == {"mp4a": 4.0, ".mp3": 4.0}
        assert told["fourCcList"] == ["mp4a", ".mp3"]
        assert told["capsEx"] == 6.0
        assert "videoFourCcInfoMap" not in told


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        (wire.string("demo?key=a"), Publish("demo?key=a", is_end=False)),
        (wire.NULL, Publish("", is_end=False)),
        (b"", Publish("", is_end=False)),
        (b"\x01\x00", Publish("", is_end=True)),
        (b"\x01\x01", Publish("", is_end=False)),
    ],
)
def test_publish_has_a_name_or_is_the_end(argument: bytes, expected: Publish) -> None:
    command = _command(wire.string("publish"), wire.number(5), wire.NULL, argument)
    assert Publish.parse(command) == expected


def test_answers_say_what_they_answer() -> None:
    assert parse_values(serialize_result(4, 1.0)) == ["_result", 4.0, None, 1.0]
    assert parse_values(serialize_result(2)) == ["_result", 2.0, None, None]
    error = {"level": "error", "code": "C", "description": "D"}
    assert parse_values(serialize_connect_error(1, "C", "D")) == ["_error", 1.0, None, error]
    assert parse_values(serialize_on_status("error", "C", "D")) == ["onStatus", 0.0, None, error]
    status = {"level": "status", "code": "C"}
    assert parse_values(serialize_on_fc_publish("onFCPublish", "C")) == [
        "onFCPublish", 0.0, None, status,
    ]  # fmt: skip
