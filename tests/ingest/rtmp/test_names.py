import pytest

from awazpulse.refusals import Refusal
from ingest.rtmp.names import (
    InvalidStreamName,
    StreamName,
    UnknownApp,
    is_known_app,
    parse_stream_name,
)


@pytest.mark.parametrize(
    ("app", "name"),
    [
        ("live", "demo?key=SECRET"),
        ("live/", "demo?key=SECRET"),
        ("/live", "/demo?key=SECRET"),
        ("live?key=SECRET", "demo"),
        ("live", "demo?x=1&key=SECRET&y"),
        ("live/demo?key=SECRET", ""),
        ("live/demo", "?key=SECRET"),
        ("live", "live/demo?key=SECRET"),
        ("live/_definst_", "demo?key=SECRET"),
        ("live?key=wrong", "demo?key=SECRET"),
        ("live?key=SECRET", "demo?key="),
        ("live", "demo?key=%53ECRET"),
        ("Live", "demo?key=SECRET"),
        ("", "demo?key=SECRET"),
        ("", "live/demo?key=SECRET"),
        ("/", "/LIVE/demo/?key=SECRET"),
        ("live", "demo?key=SECRET/"),
        ("live", "demo?key=SECRET "),
        ("live ", " demo?key=SECRET\r\n"),
        ("live", "demo%3Fkey%3DSECRET"),
        ("live", "live%2fdemo%3fkey%3dSECRET"),
        ("live", "mp3:demo?key=SECRET"),
        ("live", "FLV:demo?key=SECRET"),
        ("live", "demo?key=SECRET?key=SECRET"),
        ("live?key=SECRET", "demo?key=SECRET"),
        ("live/demo", "SECRET"),
        ("live", "demo/SECRET"),
        ("live", "demo/SECRET/"),
        ("live/demo/SECRET", ""),
    ],
)
def test_channel_and_key_are_found_where_encoders_put_them(app: str, name: str) -> None:
    assert is_known_app(app)
    assert parse_stream_name(app, name) == StreamName("demo", "SECRET")


def test_a_channel_may_be_called_as_the_app() -> None:
    assert parse_stream_name("live", "live?key=a") == StreamName("live", "a")


def test_a_plus_sign_in_a_key_is_a_plus_sign() -> None:
    assert parse_stream_name("live", "demo?key=a+b=c").secret == "a+b=c"


@pytest.mark.parametrize("app", ["foo", "live2", "foo/live"])
def test_another_app_is_unknown(app: str) -> None:
    assert not is_known_app(app)
    with pytest.raises(UnknownApp, match=r"rtmp://HOST/live"):
        parse_stream_name(app, "demo?key=SECRET")


@pytest.mark.parametrize(
    ("app", "name"),
    [
        ("live", ""),
        ("live", "?key=SECRET"),
        ("live", "a/b?key=SECRET"),
        ("live/a/b/c", ""),
        ("", ""),
        ("", "SECRET"),
        ("?key=SECRET", ""),
        ("live", "demo/"),
        ("live", "two words?key=SECRET"),
        ("live", "bell\x07?key=SECRET"),
        ("live", "line\nbreak"),
        ("live", "demo&key=SECRET"),
        ("live", "demo=SECRET"),
        ("live", "SECRET"),
        ("live", "demo?key="),
        ("live", "demo?Key=SECRET"),
        ("live/demo", ""),
    ],
)
def test_a_name_without_one_channel_and_a_key_is_refused_with_what_to_type(
    app: str, name: str
) -> None:
    with pytest.raises(InvalidStreamName, match=r"CHANNEL\?key=SECRET") as refused:
        parse_stream_name(app, name)
    assert isinstance(refused.value, Refusal)


def test_a_channel_id_at_the_limit_is_taken_and_a_longer_one_is_not() -> None:
    channel_id = "c" * 36
    assert parse_stream_name("live", channel_id + "?key=a").channel_id == channel_id
    with pytest.raises(InvalidStreamName):
        parse_stream_name("live", channel_id + "c?key=a")


@pytest.mark.parametrize("name", ["demo?key=SECRET", "SECRET?key=SECRET", "SECRET?key=wrong"])
def test_neither_the_key_nor_what_may_be_one_is_in_a_repr(name: str) -> None:
    assert "SECRET" not in repr(parse_stream_name("live", name))


@pytest.mark.parametrize("name", ["SECRET", "SECRET?key=", "?key=SECRET", "demo&key=SECRET"])
def test_a_refusal_does_not_show_what_was_typed(name: str) -> None:
    with pytest.raises(InvalidStreamName) as refused:
        parse_stream_name("live", name)
    said = f"{refused.value!r} {refused.value}".replace("CHANNEL?key=SECRET", "")
    assert "SECRET" not in said
