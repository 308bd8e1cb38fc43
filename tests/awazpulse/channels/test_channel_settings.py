import pytest

from awazpulse.channels.channel_settings import (
    JSON_NAMES,
    MAX_DESCRIPTION_CHARACTERS,
    MAX_MAX_LISTENERS,
    OF_CHANNEL,
    OF_STREAMS,
    ChannelSettings,
    describe_settings,
    parse_settings,
)
from awazpulse.refusals import InvalidValue


def test_every_setting_belongs_somewhere() -> None:
    assert set(ChannelSettings.model_fields) == OF_CHANNEL | OF_STREAMS


@pytest.mark.parametrize(
    ("name", "text", "attribute", "value"),
    [
        ("maxListeners", "0", "max_listeners", 0),
        ("maxListeners", str(MAX_MAX_LISTENERS), "max_listeners", MAX_MAX_LISTENERS),
        ("maxListeners", 5, "max_listeners", 5),
        ("isActive", "false", "is_active", False),
        ("isActive", True, "is_active", True),
        ("titleCharset", "cp1256", "title_charset", "cp1256"),
        ("quality", "hd", "quality", "hd"),
        ("bitrate", "320", "bitrate", 320),
        ("name", "  راديو ", "name", "راديو"),
        ("description", "", "description", ""),
        ("backupStreamUrl", "http://x", "backup_stream_url", "http://x"),
    ],
)
def test_setting_is_understood_as_text_and_as_json(
    name: str, text: object, attribute: str, value: object
) -> None:
    assert parse_settings({name: text}) == {attribute: value}


def test_description_is_taken_up_to_its_limit() -> None:
    text = "x" * MAX_DESCRIPTION_CHARACTERS
    assert parse_settings({"description": text}) == {"description": text}


def test_settings_are_described_by_json_name_as_what_they_are() -> None:
    given = {"maxListeners": "5", "isActive": "no", "quality": "hd", "name": " Demo "}
    shown = {"maxListeners": 5, "isActive": False, "quality": "hd", "name": "Demo"}
    assert describe_settings(given) == shown
    assert type(describe_settings(given)["quality"]) is str


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("maxListeners", "many"),
        ("maxListeners", -1),
        ("maxListeners", MAX_MAX_LISTENERS + 1),
        ("maxListeners", None),
        ("isActive", "perhaps"),
        ("titleCharset", "utf-16"),
        ("quality", "best"),
        ("bitrate", 7),
        ("bitrate", 2049),
        ("name", ""),
        ("description", "x" * (MAX_DESCRIPTION_CHARACTERS + 1)),
    ],
)
def test_wrong_value_is_an_error_that_names_the_setting(name: str, value: object) -> None:
    with pytest.raises(InvalidValue, match=f"^{name}: got "):
        parse_settings({name: value})


@pytest.mark.parametrize("name", ["max_listeners", "id", "ownerId", "encryptedStreamKey", ""])
def test_unknown_setting_is_an_error_that_lists_those_there_are(name: str) -> None:
    with pytest.raises(InvalidValue) as error:
        parse_settings({name: "1"})
    assert all(known in str(error.value) for known in JSON_NAMES)
