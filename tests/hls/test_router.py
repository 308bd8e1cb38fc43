import pytest

from hls import answers
from hls.answers import Answer
from hls.channel import Channel
from hls.limits import Limits
from hls.recent_listeners import RecentListeners
from hls.request import Request
from hls.router import Router
from tests.hls.workbench import WALL, Crowd, parse_playlist


class Port:
    """A router with one channel, `demo-1`, on air with one segment."""

    def __init__(self, *, room: int = 100, segments: int = 1) -> None:
        self.crowd = Crowd(room)
        self.router = Router()
        self.channel = Channel("demo-1", Limits(), media_sequence=7, discontinuity_sequence=0)
        self.channel.open("5e55", RecentListeners(self.crowd, expiry_s=10, max_clients=100))
        self.router.channels["demo-1"] = self.channel
        for _ in range(segments):
            self.channel.add(b"0123", duration_s=2.0, wall=WALL, discontinuity=False, now=0.0)

    def ask(
        self, path: str, method: str = "GET", *, agent: bytes = b"VLC", ranged: bytes | None = None
    ) -> Answer:
        request = Request(method, path, agent, accepts_gzip=False, range=ranged, keep_alive=True)
        answer = self.router.respond(request, "10.0.0.1", 0.0)
        assert isinstance(answer, Answer)
        return answer


PLAYLIST = "/hls/demo-1.m3u8"
SEGMENT = "/hls/demo-1-5e55-7.ts"


def test_a_playlist_and_the_segment_that_it_names() -> None:
    port = Port()
    playlist = parse_playlist(port.ask(PLAYLIST))
    assert playlist.uris == ["demo-1-5e55-7.ts"]
    answer = port.ask(SEGMENT)
    assert (answer.status, answer.body) == (200, b"0123")
    assert port.ask(SEGMENT) is answer


@pytest.mark.parametrize("path", [
    "/hls/other.m3u8", "/hls/.m3u8", "/hls/demo-1-5e55-8.ts", "/hls/demo-1-beef-7.ts",
    "/hls/demo-5e55-7.ts", "/hls/7.ts", "/hls/.ts", "/hls/", "/", "*", "/hls/demo-1.mp4",
    "/hlsdemo-1.m3u8", "/HLS/demo-1.m3u8", "/hls/../hls/demo-1.m3u8",
])  # fmt: skip
def test_what_is_not_there(path: str) -> None:
    assert Port().ask(path).status == 404


def test_a_name_with_characters_that_urls_cannot_carry() -> None:
    port = Port(segments=0)
    channel = Channel("a b", Limits(), media_sequence=7, discontinuity_sequence=0)
    channel.open("5e55", RecentListeners(port.crowd, expiry_s=10, max_clients=100))
    channel.add(b"x", duration_s=2.0, wall=WALL, discontinuity=False, now=0.0)
    port.router.channels["a b"] = channel
    assert port.ask("/hls/a b.m3u8").status == 200
    assert port.ask("/hls/a b-5e55-7.ts").body == b"x"


def test_a_channel_that_has_just_gone_on_air_makes_the_request_wait() -> None:
    port = Port(segments=0)
    request = Request("GET", PLAYLIST, b"", accepts_gzip=False, range=None, keep_alive=True)
    assert port.router.respond(request, "10.0.0.1", 0.0) is port.channel
    port.channel.close(0.0)
    assert port.router.respond(request, "10.0.0.1", 0.0) is answers.OFF_AIR


def test_methods() -> None:
    port = Port()
    assert port.ask(PLAYLIST, "HEAD").status == 200
    assert port.ask(PLAYLIST, "OPTIONS").status == 204
    assert port.ask("*", "OPTIONS").status == 204
    for method in ("POST", "PUT", "DELETE", "SOURCE"):
        assert port.ask(PLAYLIST, method).status == 405


def test_ranges_of_segments_only() -> None:
    port = Port()
    assert bytes(port.ask(SEGMENT, ranged=b"bytes=1-2").body) == b"12"
    assert port.ask(SEGMENT, ranged=b"bytes=9-").status == 416
    assert port.ask(SEGMENT, ranged=b"nonsense") is port.ask(SEGMENT)
    assert port.ask(PLAYLIST, ranged=b"bytes=0-").status == 200


def test_listeners_are_counted_by_what_they_fetch() -> None:
    port = Port()
    port.ask(PLAYLIST)
    port.ask(SEGMENT)
    assert port.crowd.listeners == 1
    port.ask(SEGMENT, agent=b"mpv")
    assert port.crowd.listeners == 2


def test_heads_preflights_and_failures_are_no_listeners() -> None:
    port = Port()
    port.ask(PLAYLIST, "HEAD")
    port.ask(PLAYLIST, "OPTIONS")
    port.ask("/hls/demo-1-5e55-8.ts")
    port.ask("/hls/other.m3u8")
    assert port.crowd.listeners == 0


def test_a_full_channel_refuses_a_new_listener_and_keeps_the_old_ones() -> None:
    port = Port(room=1)
    assert port.ask(PLAYLIST, agent=b"first").status == 200
    assert port.ask(PLAYLIST, agent=b"second") is answers.FULL
    assert port.ask(SEGMENT, agent=b"second") is answers.FULL
    assert port.ask(SEGMENT, agent=b"first").status == 200


def test_a_channel_off_air_serves_what_it_has_and_counts_nobody() -> None:
    port = Port(room=0)
    port.channel.close(0.0)
    assert port.ask(PLAYLIST).status == 200
    assert port.ask(SEGMENT).status == 200
    assert port.crowd.listeners == 0
