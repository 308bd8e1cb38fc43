import base64

import pytest

from awazpulse.kinds import StreamType
from awazpulse.refusals import (
    ChannelBusy,
    ChannelDisabled,
    Refusal,
    ServerDraining,
    ServiceUnavailable,
    TypeNotSelected,
    UnknownChannel,
    WrongSecret,
)
from icecast_compat.login import Login, read_login, refuse_login
from icecast_compat.request import split_head
from icecast_compat.responses import Reply

AUTH = "Authorization: Basic " + base64.b64encode(b"source:pw").decode()
BUTT_INFO = "ice-audio-info: ice-bitrate=128;ice-channels=2;ice-samplerate=44100"


def ask(first: str, *lines: str) -> Login | Reply:
    parsed = split_head(("\r\n".join([first, *lines]) + "\r\n\r\n").encode())
    assert parsed is not None
    return read_login(parsed[0], "192.0.2.1")


def accepted(first: str, *lines: str) -> Login:
    answer = ask(first, AUTH, *lines)
    assert isinstance(answer, Login), answer
    return answer


def refused(first: str, *lines: str) -> str:
    answer = ask(first, *lines)
    assert isinstance(answer, Reply), answer
    assert answer.keeps_alive == (b"\r\nConnection: Keep-Alive\r\n" in answer.data)
    return answer.data.decode()


def test_butt_is_told_100_alone() -> None:
    login = accepted(
        "PUT /demo.mp3 HTTP/1.1", "Content-Type: audio/mpeg", BUTT_INFO, "Expect: 100-continue"
    )
    assert login.accepted == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert (login.channel_id, login.password) == ("demo", "pw")
    assert login.station.content_type == "audio/mpeg"
    assert login.station.bitrate_kbps == 128
    assert login.station.audio_info == "ice-bitrate=128;ice-channels=2;ice-samplerate=44100"
    assert (login.is_chunked, login.content_length) == (False, None)


@pytest.mark.parametrize(
    "first", ["PUT /demo.mp3 HTTP/1.1", "SOURCE /demo.mp3 ICE/1.0", "SOURCE /demo.mp3 HTTP/1.0"]
)
def test_without_expect_the_answer_is_200(first: str) -> None:
    assert accepted(first, "Content-Type: audio/mpeg").accepted == b"HTTP/1.0 200 OK\r\n\r\n"


@pytest.mark.parametrize(
    ("spellings", "known"),
    [
        ("mpeg mp3 x-mp3 mpg x-mpg x-mpeg mpeg3 x-mpeg3", "audio/mpeg"),
        ("aac x-aac aac-adts x-hx-aac-adts vnd.dlna.adts", "audio/aac"),
        ("aacp", "audio/aacp"),
    ],
)
def test_each_spelling_of_a_type_that_is_carried_becomes_the_one_that_players_know(
    spellings: str, known: str
) -> None:
    for spelling in spellings.split():
        for value in (f"audio/{spelling}", f"Audio/{spelling.upper()} ; charset=utf-8"):
            login = accepted("PUT /demo.mp3 HTTP/1.1", f"Content-Type: {value}")
            assert login.station.content_type == known


def test_source_without_a_type_is_mp3_and_put_without_one_is_refused() -> None:
    assert accepted("SOURCE /demo.mp3 ICE/1.0").station.content_type == "audio/mpeg"
    answer = refused("PUT /demo.mp3 HTTP/1.1", AUTH)
    assert answer.startswith("HTTP/1.0 403 No Content-type given\r\n")


@pytest.mark.parametrize("content_type", ["video/mp4", "audio/ogg", "application/ogg", "audio/x"])
def test_other_types_are_refused(content_type: str) -> None:
    answer = refused("PUT /demo.mp3 HTTP/1.1", AUTH, f"Content-Type: {content_type}")
    assert answer.startswith("HTTP/1.0 403 Content-type not supported\r\n")


@pytest.mark.parametrize("path", ["/demo.mp3", "/demo.aac", "/demo"])
def test_every_name_of_a_mount(path: str) -> None:
    assert accepted(f"SOURCE {path} ICE/1.0").channel_id == "demo"


@pytest.mark.parametrize("path", ["/", "/demo.ogg", "/a/b.mp3", "/" + "x" * 37, "/admin/metadata"])
def test_a_path_that_is_no_mount_is_not_found(path: str) -> None:
    assert refused(f"SOURCE {path} ICE/1.0", AUTH).startswith("HTTP/1.0 404 ")


@pytest.mark.parametrize(
    "authorization",
    [
        (),
        ("Authorization: Basic " + base64.b64encode(b"admin:pw").decode(),),
        ("Authorization: Bearer x",),
    ],
)
def test_without_the_source_user_the_answer_asks_for_it(authorization: tuple[str, ...]) -> None:
    answer = refused("PUT /demo.mp3 HTTP/1.1", *authorization, "Content-Type: audio/mpeg")
    head, _, body = answer.partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 401 ")
    assert 'WWW-Authenticate: Basic realm="' in head
    assert f"Content-Length: {len(body)}" in head
    assert "Connection: Keep-Alive" in head  # libshout logs in over the same connection
    assert body == "You need to authenticate\r\n"


def test_libshouts_poke_starts_nothing() -> None:
    poke = ("SOURCE /demo.mp3 HTTP/1.1", "Content-Length: 0", "Connection: keep-alive")
    assert refused(*poke).startswith("HTTP/1.1 401 ")
    assert accepted(*poke).is_poke
    assert not accepted("SOURCE /demo.mp3 HTTP/1.1", "Content-Length: 1").is_poke


def test_a_body_with_a_length_and_one_in_chunks() -> None:
    kind = "Content-Type: audio/mpeg"
    assert accepted("PUT /demo HTTP/1.1", kind, "Content-Length: 99").content_length == 99
    chunked = accepted("PUT /demo HTTP/1.1", kind, "Transfer-Encoding: chunked")
    assert (chunked.is_chunked, chunked.content_length) == (True, None)


def test_what_a_source_says_of_itself() -> None:
    station = accepted(
        "SOURCE /demo.mp3 ICE/1.0",
        "ice-name: Radio Nūr",
        "ice-description: News",
        "icy-genre: talk",
        "ice-url: http://x/",
        "ice-public: 1",
        "ice-bitrate: 96",
        "User-Agent: edcast",
    ).station
    assert (station.name, station.description, station.genre) == ("Radio Nūr", "News", "talk")
    assert (station.url, station.public, station.bitrate_kbps) == ("http://x/", True, 96)
    assert (station.address, station.user_agent) == ("192.0.2.1", "edcast")


@pytest.mark.parametrize(
    ("line", "bitrate"),
    [
        ("ice-audio-info: bitrate=64;samplerate=44100;channels=2", 64),
        ("ice-audio-info: samplerate=44100;ice-bitrate=48", 48),
        ("ice-bitrate: Quality 4", None),
        ("ice-audio-info: bitrate=x", None),
        ("ice-name: x", None),
    ],
)
def test_bitrates_as_clients_write_them(line: str, bitrate: int | None) -> None:
    assert accepted("SOURCE /demo.mp3 ICE/1.0", line).station.bitrate_kbps == bitrate


@pytest.mark.parametrize(
    ("value", "metaint"), [("8192", 8192), ("0", None), ("-1", None), ("x", None), ("", None)]
)
def test_a_source_that_inserts_metadata_says_how_often(value: str, metaint: int | None) -> None:
    assert accepted("SOURCE /demo.mp3 ICE/1.0", f"icy-metaint: {value}").metaint == metaint


def test_the_password_is_in_no_repr() -> None:
    assert "'pw'" not in repr(accepted("SOURCE /demo.mp3 ICE/1.0"))


@pytest.mark.parametrize(
    ("refusal", "line"),
    [
        (WrongSecret("demo", "source password"), "401 You need to authenticate"),
        (UnknownChannel("demo"), "404 channel 'demo' does not exist; check the channel id"),
        (ChannelBusy("demo"), "403 Mountpoint in use"),
        (
            TypeNotSelected("demo", StreamType.ICECAST, StreamType.HLS),
            "403 channel demo is set to HLS; switch it to Icecast first",
        ),
        (
            ChannelDisabled("demo"),
            "403 channel demo is disabled; ask the operator to enable it",
        ),
        (
            ServiceUnavailable(),
            "403 the server cannot check the login just now; try again soon",
        ),
        (
            ServerDraining(),
            "503 the server is about to stop and takes nobody new; try again in a moment",
        ),
    ],
)
def test_each_refusal_says_why_in_the_line_that_encoders_show(refusal: Refusal, line: str) -> None:
    assert refuse_login(refusal).decode().startswith(f"HTTP/1.0 {line}\r\n")
