"""A connection with a server that only writes down what it is told."""

import base64
import socket
from collections.abc import Iterator
from typing import cast

import pytest

from awazpulse.errors import MisuseError
from awazpulse.proxies import parse_trusted_proxies
from awazpulse.relay.fanout import FanOut
from icecast_compat import responses
from icecast_compat.connection import (
    LINGER_TIMEOUT_S,
    MAX_LINGER_BYTES,
    MAX_REQUESTS,
    REPLY_TIMEOUT_S,
    Connection,
)
from icecast_compat.login import Login
from icecast_compat.mount import Mount
from icecast_compat.responses import Reply, respond
from icecast_compat.router import Listen, Router, TitleUpdate
from icecast_compat.state import State
from tests.icecast_compat.workbench import open_broadcast

AUTH = b"Authorization: Basic " + base64.b64encode(b"source:pw") + b"\r\n"
OPTIONS = b"OPTIONS * HTTP/1.1\r\n\r\n"
LOGIN = b"SOURCE /demo.mp3 HTTP/1.0\r\n" + AUTH + b"\r\n"
UPDATE = b"/admin/metadata?mode=updinfo&mount=/demo.mp3&song=x"


class Server:
    """What a connection needs, with a clock that stands still."""

    def __init__(self) -> None:
        self.mounts: dict[str, Mount] = {}
        self.router = Router(self.mounts, "radio.example", lambda: 8000, 0.0)
        self.proxies = parse_trusted_proxies("10.0.0.0/8")
        self.head_timeout_s = 15.0
        self.clock = 100.0
        self.has_room = True
        self.is_on_air = True
        self.admitted: list[Listen] = []
        self.forgotten: list[Connection] = []
        self.watched_writable: list[bool] = []
        self.logins: list[tuple[Login, bytes]] = []
        self.updates: list[TitleUpdate] = []

    def now(self) -> float:
        return self.clock

    def wall(self) -> float:
        return 0.0

    def forget(self, connection: Connection) -> None:
        self.forgotten.append(connection)

    def has_room_for_listener(self) -> bool:
        return self.has_room

    def watch(self, connection: Connection, *, writable: bool) -> None:
        self.watched_writable.append(writable)

    def admit_listener(self, connection: Connection, listen: Listen) -> bool:
        self.admitted.append(listen)
        if self.is_on_air:
            connection.hand_over()
        return self.is_on_air

    def log_in(self, connection: Connection, login: Login, rest: bytes) -> None:
        self.logins.append((login, rest))

    def report_refusal(self, connection: Connection, reply: Reply) -> None:
        raise AssertionError("no source is refused here")

    def update_title(self, connection: Connection, update: TitleUpdate) -> None:
        self.updates.append(update)


class Client:
    """The far end of a connection."""

    def __init__(self, server: Server) -> None:
        ours, self.socket = socket.socketpair()
        ours.setblocking(False)
        self.socket.settimeout(2)
        self.server = server
        self.connection = Connection(ours, "192.0.2.1", server)

    def put_on_air(self) -> None:
        """Have a channel on air whose mount nobody looks into."""
        self.server.mounts["demo"] = Mount(open_broadcast()[0], cast("FanOut", None), 0.0)

    def state(self) -> State:
        return self.connection.state

    def send(self, data: bytes) -> None:
        """Send, and have the connection take it."""
        self.socket.sendall(data)
        self.connection.on_ready()

    def read(self) -> bytes:
        """Return what has come, without waiting."""
        self.socket.setblocking(False)
        data = b""
        try:
            while piece := self.socket.recv(65_536):
                data += piece
        except BlockingIOError:
            pass
        return data

    def has_ended(self) -> bool:
        self.read()
        try:
            return self.socket.recv(1) == b""
        except BlockingIOError:
            return False

    def answer_slowly(self, monkeypatch: pytest.MonkeyPatch, *, keeps_alive: bool) -> bytes:
        """Have the next request answered with more than the socket takes; return the answer."""
        reply = responses.Reply(respond(200, "x" * 3_000_000, keep_alive=keeps_alive), keeps_alive)
        monkeypatch.setattr(self.server.router, "route", lambda *_: reply)
        return reply.data


@pytest.fixture
def client() -> Iterator[Client]:
    client = Client(Server())
    yield client
    client.connection.socket.close()
    client.socket.close()


# -- requests


def test_a_request_in_pieces_is_answered_when_it_is_whole(client: Client) -> None:
    for at in range(len(OPTIONS) - 1):
        client.send(OPTIONS[at : at + 1])
        assert client.read() == b""
    client.send(OPTIONS[-1:])
    assert client.read().startswith(b"HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n")
    assert client.state() is State.HEAD


def test_requests_sent_at_once_are_answered_one_after_the_other_up_to_the_limit(
    client: Client,
) -> None:
    client.send(OPTIONS * (MAX_REQUESTS - 1))
    assert client.read().count(b"HTTP/1.1 200 OK") == MAX_REQUESTS - 1
    assert client.state() is State.HEAD
    client.send(OPTIONS * 2)
    assert client.read().count(b"HTTP/1.1 200 OK") == 1
    assert client.state() is State.LINGERING


def test_what_is_no_request_is_refused(client: Client) -> None:
    client.send(b"\x03 an RTMP handshake")
    assert client.read().startswith(b"HTTP/1.0 400 got no HTTP request\r\n")
    assert client.state() is State.LINGERING


def test_a_form_is_read_when_its_body_has_come_and_what_follows_is_the_next_request(
    client: Client,
) -> None:
    client.put_on_air()
    form = b"mode=updinfo&mount=/demo.mp3&song=y"
    head = b"POST /admin/metadata HTTP/1.1\r\nContent-Length: %d\r\n" % len(form) + AUTH + b"\r\n"
    client.send(head + form[:-1])
    assert client.state() is State.BODY
    assert client.server.updates == []
    client.send(form[-1:] + OPTIONS)
    assert client.state() is State.CHECKING
    (update,) = client.server.updates
    assert update.read_title("latin-1").text == "y"
    assert client.read() == b""  # nothing is served while the server checks


def test_a_form_without_a_password_is_answered_and_the_next_request_too(client: Client) -> None:
    client.send(
        b"POST /admin/metadata HTTP/1.1\r\nContent-Length: 4\r\n\r\nsong"
        b"GET /status-json.xsl HTTP/1.0\r\n\r\n"
    )
    assert client.read().count(b"HTTP/1.0 401 ") == 1
    assert client.state() is State.LINGERING


def test_a_login_is_the_servers_to_decide_with_the_audio_that_came_behind_it(
    client: Client,
) -> None:
    client.send(LOGIN + b"audio")
    ((login, rest),) = client.server.logins
    assert (login.channel_id, rest) == ("demo", b"audio")
    assert client.state() is State.CHECKING
    client.connection.reply(responses.refuse(403, responses.MOUNT_IN_USE))
    assert client.read().startswith(b"HTTP/1.0 403 Mountpoint in use\r\n")
    assert client.state() is State.LINGERING


def test_a_title_update_is_the_servers_to_decide(client: Client) -> None:
    client.put_on_air()
    client.send(b"GET " + UPDATE + b" HTTP/1.0\r\n" + AUTH + b"\r\n")
    assert [update.channel_id for update in client.server.updates] == ["demo"]
    assert client.state() is State.CHECKING


# -- listeners


def test_a_listener_is_admitted_by_the_server(client: Client) -> None:
    client.put_on_air()
    client.send(b"GET /demo.mp3 HTTP/1.0\r\nUser-Agent: VLC\r\n\r\n")
    assert client.server.admitted == [Listen("demo", icy=False, user_agent="VLC")]
    assert client.state() is State.HANDED_OVER
    assert client.server.forgotten == [client.connection]


def test_without_room_in_the_process_a_listener_is_refused_before_its_mount_is_asked(
    client: Client,
) -> None:
    client.put_on_air()
    client.server.has_room = False
    client.send(b"GET /demo.mp3 HTTP/1.0\r\n\r\n")
    assert client.read().startswith(b"HTTP/1.0 403 Icecast connection limit reached\r\n")
    assert client.server.admitted == []


def test_a_listener_whose_mount_is_over_by_now_is_told_so(client: Client) -> None:
    client.put_on_air()
    client.server.is_on_air = False
    client.send(b"GET /demo.mp3 HTTP/1.0\r\n\r\n")
    assert client.read().startswith(b"HTTP/1.0 404 ")
    assert client.state() is State.LINGERING


# -- answers


def test_nothing_is_read_until_the_socket_has_taken_the_answer(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = client.answer_slowly(monkeypatch, keeps_alive=True)
    client.send(b"GET / HTTP/1.1\r\n\r\n")
    assert client.state() is State.REPLYING
    assert client.server.watched_writable == [True]
    answer = client.read()
    while client.state() is State.REPLYING:
        client.connection.on_ready()
        answer += client.read()
    assert client.server.watched_writable == [True, False]
    assert len(answer) == len(expected) + len("Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n")
    assert client.state() is State.HEAD


def test_the_next_request_is_served_when_a_slow_answer_is_out(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.answer_slowly(monkeypatch, keeps_alive=True)
    client.send(b"GET / HTTP/1.1\r\n\r\n" + OPTIONS)
    monkeypatch.undo()
    answer = client.read()
    while client.state() is State.REPLYING:
        client.connection.on_ready()
        answer += client.read()
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 2
    assert b"Allow: " in answer


def test_a_client_that_leaves_before_its_answer_is_forgotten(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.answer_slowly(monkeypatch, keeps_alive=True)
    client.send(b"GET / HTTP/1.1\r\n\r\n")
    client.socket.close()
    client.connection.on_ready()
    assert client.state() is State.CLOSED
    assert client.server.forgotten == [client.connection]


def test_behind_the_last_answer_so_many_bytes_are_thrown_away_and_no_more(client: Client) -> None:
    client.send(b"GET /nobody HTTP/1.0\r\n\r\n")
    assert client.has_ended()  # our side: the client may still send
    piece = 8192
    for _ in range(MAX_LINGER_BYTES // piece):
        client.send(bytes(piece))
    assert client.state() is State.LINGERING
    client.send(b"x")
    assert client.state() is State.CLOSED


# -- deadlines and the end


def test_each_wait_has_its_own_deadline(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    connection, server = client.connection, client.server
    assert connection.deadline == server.clock + server.head_timeout_s
    server.clock = 105.0
    client.send(b"OPTIONS")
    assert connection.deadline == 115.0  # a request in pieces does not put it off
    client.send(OPTIONS.removeprefix(b"OPTIONS"))
    assert connection.deadline == 105.0 + server.head_timeout_s
    client.read()
    client.answer_slowly(monkeypatch, keeps_alive=False)
    client.send(OPTIONS)
    assert connection.deadline == 105.0 + REPLY_TIMEOUT_S
    server.clock = 107.0
    while client.state() is State.PARTING:
        client.read()
        connection.on_ready()
    assert connection.deadline == 107.0 + LINGER_TIMEOUT_S


@pytest.mark.parametrize(
    "begun", [b"GET /", b"POST /admin/metadata HTTP/1.0\r\nContent-Length: 9\r\n\r\n"]
)
def test_one_who_has_begun_a_request_is_told_that_its_time_is_over(
    client: Client, begun: bytes
) -> None:
    client.send(begun)
    client.connection.expire()
    assert client.read().startswith(b"HTTP/1.0 408 got no whole request within 15 s\r\n")
    assert client.state() is State.LINGERING
    client.connection.expire()
    assert client.state() is State.CLOSED


def test_one_who_has_said_nothing_is_told_nothing(client: Client) -> None:
    client.connection.expire()
    assert client.has_ended()
    assert client.state() is State.CLOSED


def test_a_client_that_does_not_take_its_answer_is_cut_off(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.answer_slowly(monkeypatch, keeps_alive=True)
    client.send(b"GET / HTTP/1.1\r\n\r\n")
    client.connection.expire()
    assert client.state() is State.CLOSED


def test_a_client_that_hangs_up_is_closed(client: Client) -> None:
    client.socket.close()
    client.connection.on_ready()
    assert client.state() is State.CLOSED


def test_closing_twice_changes_nothing(client: Client) -> None:
    client.connection.close()
    client.connection.close()
    assert client.server.forgotten == [client.connection]


def test_a_connection_that_was_handed_over_is_not_ours_to_close(client: Client) -> None:
    client.send(LOGIN)
    assert client.connection.hand_over() is client.connection.socket
    with pytest.raises(MisuseError):
        client.connection.close()
    with pytest.raises(MisuseError):
        client.connection.reply(b"")
    assert not client.has_ended()


def test_each_request_is_of_the_client_that_a_proxy_says_it_asks_for(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client.connection, "_peer", "10.0.0.1")
    client.send(b"OPTIONS * HTTP/1.1\r\nX-Forwarded-For: 203.0.113.1\r\n\r\n")
    assert client.connection.address == "203.0.113.1"
    client.send(OPTIONS)
    assert client.connection.address == "10.0.0.1"
    client.send(LOGIN.removesuffix(b"\r\n") + b"X-Real-IP: 203.0.113.2\r\n\r\n")
    (login, _) = client.server.logins[0]
    assert login.station.address == client.connection.address == "203.0.113.2"
