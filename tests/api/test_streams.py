import asyncio
import logging
import re

import pytest

from api.bodies import MAX_BODY_BYTES
from awazpulse.refusals import UnknownChannel
from awazpulse.relay.title import MAX_TITLE_CHARACTERS
from tests.api.conftest import Panel, read_error
from tests.awazpulse.channels.support import FakeSource

COLUMNS = {
    "id", "name", "description", "streamUrl", "backupStreamUrl", "streamType", "icecastMountPoint",
    "status", "quality", "bitrate", "format", "currentListeners", "maxListeners", "isActive",
    "isMainStream", "lastOnlineAt", "totalUptime", "currentShowId", "currentTrack", "currentArtist",
    "metadata", "channelId", "createdAt", "updatedAt",
}  # fmt: skip
SWITCH = "/streams/channel/demo/switch-type"
CREDENTIALS = "/streams/channel/demo/credentials"
ACTIVE_TYPE = "/streams/channel/demo/active-type"


async def test_switch_answers_with_the_row_that_is_selected_now(panel: Panel) -> None:
    headers = await panel.log_in()
    response = await panel.client.post(SWITCH, json={"streamType": "icecast"}, headers=headers)
    assert response.status == 200
    row = await response.json()
    assert row.keys() == COLUMNS | {"isChanged"}
    assert (row["streamType"], row["isMainStream"], row["status"]) == ("icecast", True, "offline")
    assert row["icecastMountPoint"] == "/demo.mp3"
    assert row["streamUrl"] == "http://radio.example:8000/demo.mp3"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", row["createdAt"])
    assert row["lastOnlineAt"] is None


async def test_switch_cuts_off_what_is_on_air(panel: Panel) -> None:
    source = FakeSource()
    await panel.radio.go_live(source=source)
    headers = await panel.log_in()
    await panel.client.post(SWITCH, json={"streamType": "icecast"}, headers=headers)
    assert source.closed == ["switched: the channel is set to Icecast"]


async def test_administrator_may_switch_and_a_stranger_may_not(panel: Panel) -> None:
    body = {"streamType": "icecast"}
    stranger = await panel.add_user("stranger@radio.example")
    response = await panel.client.post(SWITCH, json=body, headers=stranger)
    assert "owner" in await read_error(response, 403)
    admin = await panel.add_user("admin@radio.example", "admin")
    assert (await panel.client.post(SWITCH, json=body, headers=admin)).status == 200


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'"hls"', b"{}", b'{"streamType": "rtmp"}', b'{"streamType": 1}', b"\xff"],
)
async def test_malformed_body_is_a_bad_request(panel: Panel, body: bytes) -> None:
    headers = await panel.log_in()
    await read_error(await panel.client.post(SWITCH, data=body, headers=headers), 400)


async def test_body_is_taken_up_to_its_limit_and_refused_past_it(panel: Panel) -> None:
    headers = await panel.log_in()
    body = b'{"streamType": "hls"}'
    response = await panel.client.post(SWITCH, data=body.ljust(MAX_BODY_BYTES), headers=headers)
    assert response.status == 200
    response = await panel.client.post(SWITCH, data=body.ljust(MAX_BODY_BYTES + 1), headers=headers)
    await read_error(response, 413)


async def test_credentials_are_what_encoders_must_be_told(panel: Panel) -> None:
    radio, headers = panel.radio, await panel.log_in()
    response = await panel.client.get(CREDENTIALS, headers=headers)
    assert response.headers["Cache-Control"] == "no-store"
    hls = {
        "streamType": "hls",
        "rtmpUrl": "rtmp://radio.example:1935/live",
        "streamKey": f"demo?key={radio.stream_key}",
        "playbackUrl": "http://radio.example:8088/hls/demo.m3u8",
    }
    icecast = {
        "streamType": "icecast",
        "server": "radio.example",
        "port": 8000,
        "mountPoint": "/demo.mp3",
        "username": "source",
        "password": radio.source_password,
        "playbackUrl": "http://radio.example:8000/demo.mp3",
    }
    assert await response.json() == {"hls": hls, "icecast": icecast}
    for expected in (hls, icecast):
        params = {"streamType": str(expected["streamType"])}
        response = await panel.client.get(CREDENTIALS, params=params, headers=headers)
        assert await response.json() == expected
        assert response.headers["Cache-Control"] == "no-store"
    response = await panel.client.get(f"{CREDENTIALS}?streamType=rtmp", headers=headers)
    await read_error(response, 400)


async def test_credentials_are_for_the_owner_alone_not_for_an_administrator(panel: Panel) -> None:
    for email, role in (("stranger@x", "station_owner"), ("admin@x", "admin")):
        headers = await panel.add_user(email, role)
        response = await panel.client.get(CREDENTIALS, headers=headers)
        message = await read_error(response, 403)
        assert panel.radio.stream_key not in message


async def test_active_type_is_what_is_live_and_null_off_air(panel: Panel) -> None:
    headers = await panel.log_in()
    body = await (await panel.client.get(ACTIVE_TYPE, headers=headers)).json()
    assert body == {
        "channelId": "demo",
        "activeType": None,
        "selectedType": "hls",
        "isLive": False,
        "status": "offline",
        "streamId": None,
        "streamUrl": None,
        "currentListeners": None,
        "maxListeners": None,
        "currentTrack": None,
        "currentArtist": None,
        "lastOnlineAt": None,
    }
    await panel.radio.go_live()
    body = await (await panel.client.get(ACTIVE_TYPE, headers=headers)).json()
    assert (body["activeType"], body["selectedType"]) == ("hls", "hls")
    assert (body["status"], body["isLive"], body["currentListeners"]) == ("live", True, 0)
    assert body["streamUrl"] == "http://radio.example:8088/hls/demo.m3u8"


async def test_switching_to_the_selected_type_changes_nothing_and_says_so(panel: Panel) -> None:
    source = FakeSource()
    await panel.radio.go_live(source=source)
    headers = await panel.log_in()
    answers = [
        await (await panel.client.post(SWITCH, json={"streamType": kind}, headers=headers)).json()
        for kind in ("hls", "icecast", "icecast")
    ]
    assert [answer["isChanged"] for answer in answers] == [False, True, False]
    assert len(source.closed) == 1


async def test_a_name_that_a_body_does_not_have_is_refused_for_it_may_be_mistyped(
    panel: Panel,
) -> None:
    body = {"streamType": "hls", "streamtype": "icecast"}
    response = await panel.client.post(SWITCH, json=body, headers=await panel.log_in())
    assert "streamtype" in await read_error(response, 400)


@pytest.mark.parametrize("query", ["streamtype=hls", "streamType=hls&streamType=hls", "a=%ff"])
async def test_a_query_that_is_none_of_ours_is_refused(panel: Panel, query: str) -> None:
    response = await panel.client.get(f"{CREDENTIALS}?{query}", headers=await panel.log_in())
    await read_error(response, 400)


async def test_rows_of_a_channel_are_listed(panel: Panel) -> None:
    headers = await panel.log_in()
    rows = await (await panel.client.get("/streams/channel/demo", headers=headers)).json()
    assert [row["streamType"] for row in rows] == ["hls"]
    assert rows[0].keys() == COLUMNS


async def test_rows_are_for_the_owner_and_administrators(panel: Panel) -> None:
    stranger = await panel.add_user("stranger@radio.example")
    response = await panel.client.get("/streams/channel/demo", headers=stranger)
    assert "owner" in await read_error(response, 403)
    admin = await panel.add_user("admin@radio.example", "admin")
    assert (await panel.client.get("/streams/channel/demo", headers=admin)).status == 200


async def test_active_type_is_for_the_owner_and_administrators(panel: Panel) -> None:
    stranger = await panel.add_user("stranger@radio.example")
    await read_error(await panel.client.get(ACTIVE_TYPE, headers=stranger), 403)
    admin = await panel.add_user("admin@radio.example", "admin")
    assert (await panel.client.get(ACTIVE_TYPE, headers=admin)).status == 200


@pytest.mark.parametrize("path", ["", "/active-type", "/credentials"])
async def test_unknown_channel_is_not_found(panel: Panel, path: str) -> None:
    headers = await panel.log_in()
    for channel_id in ("nobody", "DEMO", "d%2Fe", "x" * 500):
        response = await panel.client.get(f"/streams/channel/{channel_id}{path}", headers=headers)
        await read_error(response, 404)


async def test_switch_of_an_unknown_channel_is_not_found(panel: Panel) -> None:
    response = await panel.client.post(
        "/streams/channel/nobody/switch-type",
        json={"streamType": "hls"},
        headers=await panel.log_in(),
    )
    assert await read_error(response, 404) == str(UnknownChannel("nobody"))


@pytest.mark.parametrize("path", ["", "/active-type", "/credentials"])
async def test_nothing_is_told_to_one_who_has_not_signed_in(panel: Panel, path: str) -> None:
    response = await panel.client.get(f"/streams/channel/demo{path}")
    await read_error(response, 401)
    assert response.headers["WWW-Authenticate"] == "Bearer"


async def test_two_switches_at_once_answer_the_same_row(panel: Panel) -> None:
    headers = await panel.log_in()
    responses = await asyncio.gather(
        *(
            panel.client.post(SWITCH, json={"streamType": "icecast"}, headers=headers)
            for _ in range(5)
        )
    )
    assert len({(await response.json())["id"] for response in responses}) == 1


async def test_absent_database_is_a_503_that_says_when_to_come_back(panel: Panel) -> None:
    headers = await panel.log_in()
    panel.radio.sessions.is_away = True
    response = await panel.client.get(ACTIVE_TYPE, headers=headers)
    assert "try again soon" in await read_error(response, 503)
    assert response.headers["Retry-After"] == "5"


async def test_unexpected_error_shows_nothing_of_itself_and_is_logged_once(
    panel: Panel, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(_channel_id: str) -> None:
        raise RuntimeError("the inner workings")

    headers = await panel.log_in()
    monkeypatch.setattr(panel.radio.manager, "get_streams", fail)
    with caplog.at_level(logging.ERROR):
        response = await panel.client.get("/streams/channel/demo", headers=headers)
    assert await read_error(response, 500) == "Internal server error"
    assert [record.message for record in caplog.records] == ["GET /streams/channel/demo failed"]


async def test_stop_ends_what_is_on_air_and_tells_who_did(panel: Panel) -> None:
    source = FakeSource()
    await panel.radio.go_live(source=source)
    headers = await panel.log_in()
    answers = [
        await (await panel.client.post("/streams/channel/demo/stop", headers=headers)).json()
        for _ in range(2)
    ]
    assert answers == [{"wasLive": True}, {"wasLive": False}]
    assert source.closed == ["stopped by owner@radio.example"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"title": "Nusrat - Allah Hoo"}, ("Nusrat - Allah Hoo", "Nusrat", "Allah Hoo")),
        ({"title": "Allah Hoo", "artist": "Nusrat"}, ("Nusrat - Allah Hoo", "Nusrat", "Allah Hoo")),
        ({"title": ""}, ("", "", "")),
    ],
)
async def test_title_is_shown_to_listeners_and_in_the_row(
    panel: Panel, body: dict[str, str], expected: tuple[str, str, str]
) -> None:
    headers = await panel.log_in()
    metadata = "/streams/channel/demo/metadata"
    message = await read_error(await panel.client.put(metadata, json=body, headers=headers), 409)
    assert "off air" in message
    broadcast = await panel.radio.go_live()
    answer = await (await panel.client.put(metadata, json=body, headers=headers)).json()
    assert (answer["title"], answer["artist"], answer["track"]) == expected
    assert (broadcast.title.text, broadcast.title.artist, broadcast.title.track) == expected


async def test_title_is_taken_up_to_its_limit_and_refused_past_it(panel: Panel) -> None:
    await panel.radio.go_live()
    headers = await panel.log_in()
    for length, status in ((MAX_TITLE_CHARACTERS, 200), (MAX_TITLE_CHARACTERS + 1, 400)):
        response = await panel.client.put(
            "/streams/channel/demo/metadata", json={"title": "x" * length}, headers=headers
        )
        assert response.status == status
