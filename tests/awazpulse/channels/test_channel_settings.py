import pytest
import sqlalchemy as sa

from awazpulse.channels.channel_settings import (
    JSON_NAMES,
    MAX_DEAD_AIR_AFTER_S,
    MAX_DEAD_AIR_LEVEL_DBFS,
    MAX_DESCRIPTION_CHARACTERS,
    MAX_FALLBACK_AFTER_S,
    MAX_GRACE_TIME_S,
    MAX_MAX_LISTENERS,
    MIN_DEAD_AIR_AFTER_S,
    MIN_DEAD_AIR_LEVEL_DBFS,
    OF_CHANNEL,
    OF_STREAMS,
    ChannelSettings,
    describe_settings,
    parse_settings,
)
from awazpulse.kinds import FormatChange, TakeoverPolicy
from awazpulse.refusals import InvalidValue
from awazpulse.store import Channel


def test_every_setting_belongs_somewhere() -> None:
    assert set(ChannelSettings.model_fields) == OF_CHANNEL | OF_STREAMS


@pytest.mark.parametrize("attribute", sorted(OF_CHANNEL - OF_STREAMS))
def test_setting_of_a_channel_is_a_column_of_its_name_and_default(attribute: str) -> None:
    field = ChannelSettings.model_fields[attribute]
    column = sa.inspect(Channel).columns[attribute]
    assert column.name == (field.alias or attribute)
    default = column.default
    assert isinstance(default, sa.ColumnDefault)
    assert default.arg == field.default


@pytest.mark.parametrize(
    ("name", "text", "attribute", "value"),
    [
        ("maxListeners", "0", "max_listeners", 0),
        ("maxListeners", str(MAX_MAX_LISTENERS), "max_listeners", MAX_MAX_LISTENERS),
        ("maxListeners", 5, "max_listeners", 5),
        ("isActive", "false", "is_active", False),
        ("isActive", True, "is_active", True),
        ("titleCharset", "cp1256", "title_charset", "cp1256"),
        ("titleCharset", "windows-1250", "title_charset", "cp1250"),
        ("quality", "hd", "quality", "hd"),
        ("bitrate", "320", "bitrate", 320),
        ("name", "  راديو ", "name", "راديو"),
        ("description", "", "description", ""),
        ("backupStreamUrl", "http://x", "backup_stream_url", "http://x"),
        ("graceTime", "0", "grace_time", 0),
        ("graceTime", MAX_GRACE_TIME_S, "grace_time", MAX_GRACE_TIME_S),
        ("takeover", "refuse", "takeover", TakeoverPolicy.REFUSE),
        ("formatChange", "end", "format_change", FormatChange.END),
        ("fallbackAfter", "0", "fallback_after", 0),
        ("fallbackAfter", MAX_FALLBACK_AFTER_S, "fallback_after", MAX_FALLBACK_AFTER_S),
        ("alwaysOn", "true", "always_on", True),
        ("simulcast", "1", "simulcast", True),
        ("deadAirLevel", "-90", "dead_air_level", MIN_DEAD_AIR_LEVEL_DBFS),
        ("deadAirLevel", -20, "dead_air_level", MAX_DEAD_AIR_LEVEL_DBFS),
        ("deadAirAfter", "5", "dead_air_after", MIN_DEAD_AIR_AFTER_S),
        ("deadAirAfter", 3600, "dead_air_after", MAX_DEAD_AIR_AFTER_S),
        ("deadAirFallback", "yes", "dead_air_fallback", True),
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
        ("titleCharset", "klingon"),
        ("quality", "best"),
        ("bitrate", 7),
        ("bitrate", 2049),
        ("graceTime", -1),
        ("graceTime", MAX_GRACE_TIME_S + 1),
        ("graceTime", "1.5"),
        ("takeover", "steal"),
        ("formatChange", True),
        ("fallbackAfter", -1),
        ("fallbackAfter", MAX_FALLBACK_AFTER_S + 1),
        ("alwaysOn", "sometimes"),
        ("simulcast", None),
        ("deadAirLevel", MIN_DEAD_AIR_LEVEL_DBFS - 1),
        ("deadAirLevel", MAX_DEAD_AIR_LEVEL_DBFS + 1),
        ("deadAirAfter", MIN_DEAD_AIR_AFTER_S - 1),
        ("deadAirAfter", MAX_DEAD_AIR_AFTER_S + 1),
        ("deadAirFallback", 2),
        ("name", ""),
        ("description", "x" * (MAX_DESCRIPTION_CHARACTERS + 1)),
    ],
)
def test_wrong_value_is_an_error_that_names_the_setting(name: str, value: object) -> None:
    with pytest.raises(InvalidValue, match=f"^{name}: got "):
        parse_settings({name: value})


@pytest.mark.parametrize(
    "name",
    [
        "max_listeners",
        "id",
        "ownerId",
        "encryptedStreamKey",
        "fallbackFile",
        "fallbackTitle",
        "fallbackPath",
        "",
    ],
)
def test_unknown_setting_is_an_error_that_lists_those_there_are(name: str) -> None:
    with pytest.raises(InvalidValue) as error:
        parse_settings({name: "1"})
    assert all(known in str(error.value) for known in JSON_NAMES)
