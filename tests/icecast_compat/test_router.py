import base64
from dataclasses import dataclass, field

import pytest

from awazpulse.proxies import Client
from awazpulse.relay import Broadcast, Title
from awazpulse.relay.listener_count import ListenerCount
from icecast_compat.login import Login
from icecast_compat.responses import Reply
from icecast_compat.router import (
    MAX_BODY_BYTES,
    MAX_PROBE_BYTES,
    Listen,
    NeedsBody,
    Outcome,
    Router,
    TitleUpdate,
)
from tests.icecast_compat.workbench import make_request, open_broadcast

AUTH = "Authorization: Basic " + base64.b64encode(b"source:pw").decode()
UPDATE = "/admin/metadata?mode=updinfo&mount=/demo.mp3"


@dataclass
class Mount:
    broadcast: Broadcast
    path: str = "/demo.mp3"
    content_type: str = "audio/mpeg"
    started: float = 0.0
    asked: list[int] = field(default_factory=list)

    @property
    def count(self) -> ListenerCount:
        return self.broadcast.listeners_of("icecast")

    @property
    def has_room(self) -> bool:
        return self.count.has_room

    def listener_head(self, *, icy: bool) -> bytes:
        return b"HTTP/1.0 200 OK\r\nicy: %d\r\n\r\n" % icy

    def first_bytes(self, count: int) -> bytes:
        self.asked.append(count)
        return bytes(count)


@pytest.fixture
def mount() -> Mount:
    return Mount(open_broadcast()[0])


@pytest.fixture
def router(mount: Mount) -> Router:
    return Router({"demo": mount}, "radio.example", lambda: 8000, 0.0)


def ask(router: Router, first: str, *lines: str, body: bytes | None = None) -> Outcome:
    return router.route(make_request(f"{first} HTTP/1.1", *lines), Client("192.0.2.1"), body)


def answer(router: Router, first: str, *lines: str) -> str:
    outcome = ask(router, first, *lines)
    assert isinstance(outcome, Reply), outcome
    return outcome.data.decode()


def update(router: Router, fields: str, legacy_charset: str = "latin-1") -> Title:
    outcome = ask(router, f"GET {UPDATE}&{fields}", AUTH)
    assert isinstance(outcome, TitleUpdate), outcome
    return outcome.read_title(legacy_charset)


@pytest.mark.parametrize("path", ["/demo.mp3", "/demo.aac", "/demo"])
def test_a_get_of_a_mount_is_a_listener(router: Router, path: str) -> None:
    outcome = ask(router, f"GET {path}", "User-Agent: VLC")
    assert outcome == Listen("demo", icy=False, user_agent="VLC")


@pytest.mark.parametrize(
    ("value", "icy"), [("1", True), (" 1 ", True), ("0", False), ("", False), ("yes", True)]
)
def test_metadata_is_for_those_who_ask_for_it(router: Router, value: str, icy: bool) -> None:
    outcome = ask(router, "GET /demo.mp3", f"Icy-MetaData: {value}")
    assert isinstance(outcome, Listen)
    assert outcome.icy is icy


@pytest.mark.parametrize("path", ["/nobody.mp3", "/", "/favicon.ico", "/nobody.mp3.m3u"])
def test_what_is_not_on_air_is_not_found(router: Router, path: str) -> None:
    assert answer(router, f"GET {path}").startswith("HTTP/1.0 404 ")


def test_a_full_mount_takes_nobody(router: Router, mount: Mount) -> None:
    mount.count.max_listeners = 1
    assert isinstance(ask(router, "GET /demo.mp3"), Listen)
    mount.count.listener_joined()
    assert answer(router, "GET /demo.mp3").startswith("HTTP/1.0 403 max listeners reached\r\n")


@pytest.mark.parametrize(
    ("wanted", "is_probe"),
    [
        ("bytes=0-1", True),
        (f"bytes=0-{MAX_PROBE_BYTES - 1}", True),
        (f"bytes=0-{MAX_PROBE_BYTES}", False),
        ("bytes=5-5", True),
        ("bytes=5-4", False),
        ("bytes=0-", False),
        ("bytes=-2", False),
    ],
)
def test_a_range_of_a_few_bytes_is_a_probe_and_no_listener(
    router: Router, mount: Mount, wanted: str, is_probe: bool
) -> None:
    outcome = ask(router, "GET /demo.mp3", f"Range: {wanted}")
    assert isinstance(outcome, Reply if is_probe else Listen)
    assert bool(mount.asked) is is_probe


def test_one_who_asks_for_metadata_too_is_a_listener_whatever_the_range(
    router: Router,
) -> None:
    outcome = ask(router, "GET /demo.mp3", "Range: bytes=0-1", "Icy-MetaData: 1")
    assert isinstance(outcome, Listen)  # behind a 206 iOS would drop the titles


def test_head_is_answered_as_get_but_for_the_body(router: Router) -> None:
    head = answer(router, "HEAD /demo.mp3", "Icy-MetaData: 1")
    assert head == "HTTP/1.0 200 OK\r\nicy: 1\r\n\r\n"
    missing = answer(router, "HEAD /nobody.mp3")
    assert missing.startswith("HTTP/1.0 404 ")
    assert missing.endswith("\r\n\r\n")
    assert answer(router, f"HEAD {UPDATE}&song=x", AUTH).startswith("HTTP/1.0 405 ")


def test_a_source_is_read_as_a_login(router: Router) -> None:
    for method in ("PUT", "SOURCE"):
        outcome = ask(router, f"{method} /demo.mp3", AUTH, "Content-Type: audio/mpeg")
        assert isinstance(outcome, Login)
        assert outcome.station.address == "192.0.2.1"


def test_options_keep_the_connection_as_the_client_wishes(router: Router) -> None:
    for connection, keeps_alive in (("keep-alive", True), ("close", False)):
        outcome = ask(router, "OPTIONS *", f"Connection: {connection}")
        assert isinstance(outcome, Reply)
        assert outcome.keeps_alive is keeps_alive
        assert b"Allow: GET, HEAD, OPTIONS, SOURCE, PUT, STATS\r\n" in outcome.data


def test_another_method_is_refused(router: Router) -> None:
    assert answer(router, "DELETE /demo.mp3").startswith("HTTP/1.0 405 unknown method DELETE\r\n")


def test_a_playlist_holds_the_mounts_public_url(router: Router) -> None:
    playlist = answer(router, "GET /demo.mp3.m3u")
    assert playlist.endswith("\r\n\r\nhttp://radio.example:8000/demo.mp3\r\n")
    assert "Content-Type: audio/x-mpegurl\r\n" in playlist


def test_an_ipv6_host_stands_in_brackets_in_urls(mount: Mount) -> None:
    router = Router({"demo": mount}, "2001:db8::1", lambda: 8000, 0.0)
    assert answer(router, "GET /demo.m3u").endswith("\r\n\r\nhttp://[2001:db8::1]:8000/demo\r\n")


@pytest.mark.parametrize(
    ("client", "url"),
    [
        (Client("192.0.2.1", "https"), "https://radio.example/demo.mp3"),
        (Client("192.0.2.1", "https", "", 8443), "https://radio.example:8443/demo.mp3"),
        (Client("192.0.2.1", "", "other.example"), "http://other.example/demo.mp3"),
        (Client("192.0.2.1", "https", "[2001:db8::2]", 1), "https://[2001:db8::2]:1/demo.mp3"),
    ],
)
def test_urls_are_those_by_which_a_client_has_asked_its_proxy(
    router: Router, client: Client, url: str
) -> None:
    for path in ("/demo.mp3.m3u", "/status-json.xsl"):
        outcome = router.route(make_request(f"GET {path} HTTP/1.1"), client)
        assert isinstance(outcome, Reply)
        assert url in outcome.data.decode()


def test_a_public_origin_goes_before_what_a_proxy_says(mount: Mount) -> None:
    router = Router({"demo": mount}, "radio.example", lambda: 8000, 0.0, "https://radio.example")
    client = Client("192.0.2.1", "http", "other.example", 81)
    outcome = router.route(make_request("GET /demo.mp3.m3u HTTP/1.1"), client)
    assert isinstance(outcome, Reply)
    assert outcome.data.endswith(b"\r\n\r\nhttps://radio.example/demo.mp3\r\n")


def test_the_status_is_json(router: Router) -> None:
    status = answer(router, "GET /status-json.xsl")
    assert "Content-Type: application/json\r\n" in status
    assert '"listenurl": "http://radio.example:8000/demo.mp3"' in status


def test_titles_come_as_one_line_or_in_parts(router: Router) -> None:
    assert update(router, "song=A+-+B&url=http://x/") == Title("A - B", "A", "B", "http://x/")
    assert update(router, "artist=A&title=B") == Title("A - B", "A", "B")
    assert update(router, "title=B") == Title("B", "", "B")


def test_the_named_charset_goes_before_the_channels_own(router: Router) -> None:
    assert update(router, "song=%CF%F0%E8", "cp1251").text == "При"
    assert update(router, "song=%F0%D2%C9&charset=KOI8-R", "cp1251").text == "При"


def test_a_mount_may_be_named_without_its_slash(router: Router) -> None:
    request = "GET /admin/metadata?mode=updinfo&mount=demo&song=x"
    assert isinstance(ask(router, request, AUTH), TitleUpdate)


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        ("/admin/metadata?mode=other&mount=/demo.mp3&song=x", "400 Missing parameter"),
        ("/admin/metadata?mode=updinfo&song=x", "400 Missing parameter"),
        (UPDATE, "400 Missing parameter"),
        ("/admin/metadata?mode=updinfo&mount=/b.mp3&song=x", "400 Source does not exist"),
    ],
)
def test_a_title_update_that_lacks_something_is_refused(
    router: Router, request_line: str, status: str
) -> None:
    assert answer(router, f"GET {request_line}", AUTH).startswith(f"HTTP/1.0 {status}\r\n")


def test_a_title_update_needs_the_source_user(router: Router) -> None:
    admin = "Authorization: Basic " + base64.b64encode(b"admin:pw").decode()
    for lines in ((), (admin,)):
        assert " 401 " in answer(router, f"GET {UPDATE}&song=x", *lines)


def test_the_password_of_a_title_update_is_in_no_repr(router: Router) -> None:
    assert "'pw'" not in repr(ask(router, f"GET {UPDATE}&song=x", AUTH))


def test_a_form_is_asked_for_and_then_read(router: Router) -> None:
    form = b"mode=updinfo&mount=%2Fdemo.mp3&song=A+-+B"
    head = ("POST /admin/metadata", AUTH, f"Content-Length: {len(form)}")
    assert ask(router, *head) == NeedsBody(len(form))
    outcome = ask(router, *head, body=form)
    assert isinstance(outcome, TitleUpdate)
    assert outcome.read_title("latin-1").text == "A - B"


@pytest.mark.parametrize(
    ("length", "is_taken"),
    [
        (str(MAX_BODY_BYTES), True),
        (str(MAX_BODY_BYTES + 1), False),
        ("-1", False),
        ("9" * 10, False),
        ("x", False),
    ],
)
def test_a_body_at_the_limit_is_taken_and_a_longer_one_is_not(
    router: Router, length: str, is_taken: bool
) -> None:
    outcome = ask(router, "POST /admin/metadata", AUTH, f"Content-Length: {length}")
    assert isinstance(outcome, NeedsBody if is_taken else Reply)
    if isinstance(outcome, Reply):
        assert b" 413 " in outcome.data


def test_nothing_else_can_be_posted_to(router: Router) -> None:
    assert answer(router, "POST /demo.mp3").startswith("HTTP/1.0 404 ")


def test_while_the_server_drains_a_listener_is_told_so_and_titles_and_status_go_on(
    router: Router,
) -> None:
    router.is_draining = True
    for request in ("GET /demo.mp3", "HEAD /demo.mp3", "GET /nothing.mp3"):
        outcome = ask(router, request)
        assert isinstance(outcome, Reply)
        assert outcome.data.startswith(b"HTTP/1.0 503 The server is about to stop\r\n")
    assert isinstance(ask(router, f"GET {UPDATE}&song=x", AUTH), TitleUpdate)
    status = ask(router, "GET /status-json.xsl")
    assert isinstance(status, Reply)
    assert b" 200 OK\r\n" in status.data
