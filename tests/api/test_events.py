"""Events by server-sent events and by WebSocket, over a real connection."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientResponse, WSMsgType, WSServerHandshakeError

from api import event_lines
from api.event_clients import EventClients
from awazpulse.channels.events import ChannelChange, ChannelEvent
from awazpulse.events.hub import MAX_KEPT
from awazpulse.refusals import ServiceUnavailable, TooManyReaders
from tests.api.conftest import Panel, read_error
from tests.awazpulse.channels.support import OWNER, OWNER_PASSWORD
from tests.awazpulse.relay.station import until

DEADLINE_S = 5.0


class Stream:
    """A reader of server-sent events."""

    def __init__(self, response: ClientResponse) -> None:
        self.response = response
        self.comments: list[str] = []

    async def next(self) -> dict[str, Any]:
        """Return the next event; its fields are checked against its JSON."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(DEADLINE_S):
            while True:
                line = (await self.response.content.readline()).decode()
                assert line, "the stream has ended"
                name, _, value = line.rstrip("\n").partition(": ")
                if line == "\n" and "data" in fields:
                    break
                if line.startswith(":"):
                    self.comments.append(line)
                fields[name] = value
        event: dict[str, Any] = json.loads(fields["data"])
        assert (fields["id"], fields["event"]) == (event["id"], event["type"])
        return event


@asynccontextmanager
async def following(
    panel: Panel, path: str = "/events", headers: dict[str, str] | None = None, **query: str
) -> AsyncIterator[Stream]:
    async with panel.client.get(path, params=query, headers=headers or {}) as response:
        assert response.status == 200, await response.text()
        assert response.content_type == "text/event-stream"
        stream = Stream(response)
        assert (await stream.next())["type"] == "hello"
        yield stream


def note(panel: Panel, title: str, channel: str = "demo") -> None:
    facts = {"title": title, "artist": "", "track": title, "url": ""}
    panel.services.events.note(ChannelEvent(ChannelChange.TITLE, channel, "hls", facts=facts))


async def test_what_happens_to_ones_channels_comes_as_it_happens(panel: Panel) -> None:
    headers = await panel.log_in()
    async with following(panel, headers=headers) as stream:
        assert stream.response.headers["Cache-Control"] == "no-store"
        assert stream.response.headers["Access-Control-Allow-Origin"] == "*"
        broadcast = await panel.radio.go_live()
        kinds = [(await stream.next())["type"] for _ in range(2)]
        assert set(kinds) == {"on_air", "source_connected"}
        note(panel, "someone else's", "other")
        await panel.client.put(
            "/streams/channel/demo/metadata", json={"title": "Geet"}, headers=headers
        )
        event = await stream.next()
        assert (event["type"], event["data"]["title"]) == ("title", "Geet")
        await panel.client.post("/streams/channel/demo/stop", headers=headers)
        event = await stream.next()
        while event["type"] != "off_air":
            event = await stream.next()
        assert event["data"]["reason"] == "stopped"
        assert broadcast.is_closed


async def test_a_web_socket_tells_the_same(panel: Panel) -> None:
    headers = await panel.log_in()
    token = headers["Authorization"].partition(" ")[2]
    async with panel.client.ws_connect("/events", protocols=("bearer", token)) as socket:
        assert socket.protocol == "bearer"
        async with asyncio.timeout(DEADLINE_S):
            assert (await socket.receive_json())["type"] == "hello"
            await socket.send_str("nobody reads this")
            note(panel, "Geet")
            event = await socket.receive_json()
            assert event["data"]["title"] == "Geet"
            await socket.send_str("x" * (event_lines.MAX_MESSAGE_BYTES + 1))
            message = await socket.receive()
            assert message.type is WSMsgType.CLOSE
    await until(lambda: not panel.services.event_clients.count)


async def test_a_web_socket_without_a_token_is_refused(panel: Panel) -> None:
    for protocols in ((), ("bearer", "nonsense"), ("chat",)):
        with pytest.raises(WSServerHandshakeError) as caught:
            await panel.client.ws_connect("/events", protocols=protocols)
        assert caught.value.status == 401


async def test_one_who_comes_back_gets_what_it_missed(panel: Panel) -> None:
    headers = await panel.log_in()
    note(panel, "a")
    last = panel.services.events.last_id
    note(panel, "b")
    async with panel.client.get("/events", headers=headers | {"Last-Event-ID": last}) as response:
        stream = Stream(response)
        hello, event = [await stream.next() for _ in range(2)]
        # One who is cut off before the rest has come asks for the same again.
        assert (hello["id"], hello["data"]["lastEventId"]) == (last, event["id"])
        assert event["data"]["title"] == "b"
    async with following(panel, headers=headers, lastEventId=last) as stream:
        assert (await stream.next())["data"]["title"] == "b"
    async with following(panel, headers=headers, lastEventId="another-5") as stream:
        assert (await stream.next())["type"] == "missed"


async def test_one_channel_of_several(panel: Panel) -> None:
    headers = await panel.log_in()
    created = await panel.client.post(
        "/channels", json={"id": "two", "name": "Two"}, headers=headers
    )
    assert created.status == 201, await created.text()
    async with following(panel, headers=headers, channel="two") as stream:
        note(panel, "a")
        note(panel, "b", "two")
        assert (await stream.next())["data"]["title"] == "b"


async def test_an_owner_reads_of_no_other_channel(panel: Panel) -> None:
    stranger = await panel.add_user("stranger@radio.example")
    async with following(panel, headers=stranger) as stream:
        note(panel, "a")
        panel.services.events.close()
        with pytest.raises(AssertionError, match="ended"):
            await stream.next()
    response = await panel.client.get("/events?channel=demo", headers=stranger)
    await read_error(response, 403)
    response = await panel.client.get("/events?channel=nowhere", headers=stranger)
    await read_error(response, 404)
    assert (await panel.client.get("/events?channel=a/b", headers=stranger)).status == 400


async def test_an_administrator_reads_of_all_channels(panel: Panel) -> None:
    admin = await panel.add_user("admin@radio.example", "admin")
    async with following(panel, headers=admin) as stream:
        note(panel, "a")
        note(panel, "b", "of nobody")
        assert [(await stream.next())["data"]["title"] for _ in range(2)] == ["a", "b"]


async def test_a_right_that_is_lost_ends_the_stream(
    panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_lines, "RECHECK_S", 0.0)
    monkeypatch.setattr(event_lines, "HEARTBEAT_S", 0.05)
    headers = await panel.log_in()
    async with following(panel, headers=headers) as stream:
        response = await panel.client.put(
            "/auth/password",
            json={"currentPassword": "owner's password", "newPassword": "another password"},
            headers=headers,
        )
        assert response.status == 200
        with pytest.raises(AssertionError, match="ended"):
            await stream.next()
        assert len(stream.comments) > 0


async def test_a_sign_out_ends_the_stream_at_once(panel: Panel) -> None:
    body = {"email": OWNER, "password": OWNER_PASSWORD}
    signed_in = await (await panel.client.post("/auth/login", json=body)).json()
    headers = {"Authorization": f"Bearer {signed_in['accessToken']}"}
    async with (
        following(panel, headers=headers) as stream,
        following(panel, "/public/channels/demo/events") as public,
    ):
        token = {"refreshToken": signed_in["refreshToken"]}
        assert (await panel.client.post("/auth/logout", json=token)).status == 204
        with pytest.raises(AssertionError, match="ended"):
            await stream.next()
        assert "signed out" in stream.comments[-1]
        note(panel, "a")
        assert (await public.next())["data"]["title"] == "a"


async def test_readers_who_have_left_give_their_places_back(panel: Panel) -> None:
    headers = await panel.log_in()
    async with following(panel, headers=headers) as stream:
        assert panel.services.event_clients.count == 1
        stream.response.close()

        def are_gone() -> bool:
            panel.services.event_clients.sweep()
            return not panel.services.event_clients.count

        await until(are_gone)
    assert not panel.services.event_clients.lines


@pytest.mark.parametrize("path", ["/events", "/public/channels/demo/events"])
async def test_there_is_no_head_of_what_has_no_end(panel: Panel, path: str) -> None:
    headers = await panel.log_in()
    assert (await panel.client.head(path, headers=headers)).status == 405


async def test_much_that_was_missed_comes_whole(panel: Panel) -> None:
    headers = await panel.log_in()
    last = panel.services.events.last_id
    for number in range(MAX_KEPT):
        note(panel, f"{number} {'x' * 900}")
    async with following(panel, headers=headers, lastEventId=last) as stream:
        for number in range(MAX_KEPT):
            assert (await stream.next())["data"]["title"].startswith(f"{number} ")


async def test_without_the_database_the_stream_goes_on(
    panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_lines, "RECHECK_S", 0.0)
    headers = await panel.log_in()
    async with following(panel, headers=headers) as stream:
        panel.radio.sessions.is_away = True
        for title in ("a", "b"):
            note(panel, title)
            assert (await stream.next())["data"]["title"] == title


async def test_a_slow_reader_is_cut_off(panel: Panel) -> None:
    headers = await panel.log_in()
    async with following(panel, headers=headers) as stream:
        for number in range(20_000):
            note(panel, f"{number} {'x' * 900}")
            if number % 100 == 0:
                await asyncio.sleep(0)
        await until(lambda: not panel.services.event_clients.count)
        assert stream.response.status == 200


async def test_everybody_reads_the_public_part(panel: Panel) -> None:
    path = "/public/channels/demo/events"
    async with following(panel, path) as stream:
        assert stream.response.headers["Access-Control-Allow-Origin"] == "*"
        hub = panel.services.events
        refused = ChannelEvent(ChannelChange.LOGIN_REFUSED, "demo", "hls", facts={"address": "x"})
        hub.note(refused)
        note(panel, "a")
        event = await stream.next()
        assert (event["type"], event["data"]["title"]) == ("title", "a")
    async with panel.client.ws_connect(path) as socket:
        assert (await socket.receive_json())["type"] == "hello"
    response = await panel.client.get("/public/channels/nowhere/events")
    await read_error(response, 404)


def test_readers_of_one_address_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.event_clients.MAX_CLIENTS_OF_ADDRESS", 2)
    monkeypatch.setattr("api.event_clients.MAX_CLIENTS", 4)
    clients = EventClients()
    with clients.counting("192.0.2.1"), clients.counting("192.0.2.1"):
        with pytest.raises(TooManyReaders), clients.counting("192.0.2.1"):
            pass
        with clients.counting("192.0.2.2"), clients.counting(None):
            with pytest.raises(ServiceUnavailable), clients.counting(None):
                pass
            assert clients.count == 4
    assert clients.count == 0
    with clients.counting("192.0.2.1"):
        pass


async def test_too_many_readers_get_a_clear_error(
    panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.event_clients.MAX_CLIENTS_OF_ADDRESS", 0)
    response = await panel.client.get("/public/channels/demo/events")
    assert "close some" in await read_error(response, 429)


async def test_an_old_client_gets_its_events_without_chunks(panel: Panel) -> None:
    headers = await panel.log_in()
    server = panel.client.server
    reader, writer = await asyncio.open_connection(server.host, server.port)
    token = headers["Authorization"]
    writer.write(f"GET /events HTTP/1.0\r\nAuthorization: {token}\r\n\r\n".encode())
    async with asyncio.timeout(DEADLINE_S):
        await reader.readuntil(b"event: hello")
        note(panel, "Geet")
        text = await reader.readuntil(b'"Geet"')
    assert b"event: title\ndata: {" in text
    writer.close()


@pytest.mark.parametrize("size", [1, 125, 126, 65_535, 65_536, 100_000])
async def test_frames_of_every_size_are_right(panel: Panel, size: int) -> None:
    headers = await panel.log_in()
    token = headers["Authorization"].partition(" ")[2]
    async with panel.client.ws_connect(
        "/events", protocols=("bearer", token), max_msg_size=0
    ) as socket:
        assert (await socket.receive_json())["type"] == "hello"
        note(panel, "x" * size)
        async with asyncio.timeout(DEADLINE_S):
            assert (await socket.receive_json())["data"]["title"] == "x" * size
