import pytest
from hypothesis import given
from hypothesis import strategies as st

from hls.errors import RequestRefused
from hls.request import Request, RequestReader

HEAD_BYTES = 512
PLAYLIST = b"GET /hls/demo.m3u8 HTTP/1.1\r\nHost: radio\r\nUser-Agent: VLC/3.0\r\n\r\n"


def read(data: bytes, step: int | None = None) -> list[Request]:
    """Read `data` in pieces of `step` bytes."""
    reader = RequestReader(HEAD_BYTES)
    requests = []
    for at in range(0, len(data), step or len(data) or 1):
        reader.receive_data(data[at : at + (step or len(data))])
        while (request := reader.next_request()) is not None:
            requests.append(request)
    return requests


def read_one(data: bytes) -> Request:
    """Read one request whole, byte by byte, and with another behind it: always the same."""
    (request,) = read(data)
    assert read(data, 1) == [request]
    if request.keep_alive:
        assert read(data + PLAYLIST) == [request, *read(PLAYLIST)]
    return request


def refusal_of(data: bytes, step: int | None = None) -> RequestRefused:
    with pytest.raises(RequestRefused) as caught:
        read(data, step)
    return caught.value


def test_what_a_player_asks() -> None:
    request = read_one(PLAYLIST)
    assert request == Request(
        method="GET",
        path="/hls/demo.m3u8",
        user_agent=b"VLC/3.0",
        accepts_gzip=False,
        range=None,
        keep_alive=True,
    )


def test_requests_that_follow_each_other_are_all_read() -> None:
    other = PLAYLIST.replace(b"demo", b"other")
    assert [r.path for r in read(PLAYLIST + other + PLAYLIST, 7)] == [
        "/hls/demo.m3u8",
        "/hls/other.m3u8",
        "/hls/demo.m3u8",
    ]


@pytest.mark.parametrize(("target", "path"), [
    (b"/hls/a.m3u8?t=1&x=/../", "/hls/a.m3u8"), (b"/hls/a%20b.m3u8", "/hls/a b.m3u8"),
    (b"http://radio:8088/hls/a.m3u8?x", "/hls/a.m3u8"), (b"/", "/"), (b"*", "*"),
    (b"http://radio", "/"), (b"/%ff%zz", "/\ufffd%zz"),
])  # fmt: skip
def test_the_path_of_a_target(target: bytes, path: str) -> None:
    assert read_one(PLAYLIST.replace(b"/hls/demo.m3u8", target)).path == path


@pytest.mark.parametrize(("header", "accepts"), [
    (b"gzip", True), (b"deflate, gzip", True), (b"gzip;q=1.0, br", True), (b"GZIP;q=0.5", False),
    (b"gzip; q=0", False), (b"gzip;q=0.000", False), (b"br", False), (b"x-gzip-like", False),
])  # fmt: skip
def test_whether_gzip_is_accepted(header: bytes, *, accepts: bool) -> None:
    request = read_one(PLAYLIST[:-2] + b"Accept-Encoding: " + header + b"\r\n\r\n")
    assert request.accepts_gzip == accepts


def test_a_range_counts_unless_it_depends_on_an_etag() -> None:
    ranged = PLAYLIST[:-2] + b"Range: bytes=0-\r\n"
    assert read_one(ranged + b"\r\n").range == b"bytes=0-"
    assert read_one(ranged + b'If-Range: "x"\r\n\r\n').range is None


def test_who_keeps_the_connection() -> None:
    assert not read_one(PLAYLIST[:-2] + b"Connection: close\r\n\r\n").keep_alive
    assert not read_one(b"GET / HTTP/1.0\r\n\r\n").keep_alive
    assert read_one(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").keep_alive


def test_an_upgrade_that_nobody_offers_is_a_plain_request() -> None:
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    assert read_one(PLAYLIST[:-2] + upgrade).path == "/hls/demo.m3u8"


def test_empty_lines_before_a_request_are_skipped() -> None:
    assert read(b"\r\n\r\n\n" + PLAYLIST, 3) == read(PLAYLIST)


def test_post_without_a_body_is_a_request_to_be_answered() -> None:
    request = read_one(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
    assert request.method == "POST"


@pytest.mark.parametrize(("data", "status"), [
    (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", 400),
    (b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", 405),
    (b"GET / HTTP/1.1\r\n\r\n", 400),  # no Host
    (b"GET / HTTP/1.1\r\nBad Header: x\r\nHost: a\r\n\r\n", 400),
    (b"PLAY / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 405),
    (b"GET http:// HTTP/1.1\r\nHost: a\r\n\r\n", 400),
])  # fmt: skip
def test_a_head_that_is_refused(data: bytes, status: int) -> None:
    assert refusal_of(data).status == status
    assert refusal_of(data, 1).status == status


@pytest.mark.parametrize("data", [
    b"\x03", b"\x16\x03\x01\x02\x00", b"get / HTTP/1.1", b"\xff\xfb", b"ABCDEFGHIJKLMNOP",
])  # fmt: skip
def test_what_is_no_http_is_refused_at_its_first_bytes(data: bytes) -> None:
    assert refusal_of(data).status == 400


def test_a_method_at_the_longest_is_waited_for_and_one_letter_more_is_not() -> None:
    assert read(b"A" * 15) == []
    assert refusal_of(b"A" * 16).status == 400


def padded(size: int) -> bytes:
    head = PLAYLIST[:-2] + b"X: " + b"\r\n\r\n"
    return head.replace(b"X: ", b"X: " + b"x" * (size - len(head)))


def test_a_head_of_the_limit_is_read_and_one_byte_more_is_refused() -> None:
    assert len(padded(HEAD_BYTES)) == HEAD_BYTES
    read_one(padded(HEAD_BYTES))
    for step in (None, 1, 100):
        assert refusal_of(padded(HEAD_BYTES + 1), step).status == 431


def test_no_more_than_the_limit_is_kept_of_a_head_without_an_end() -> None:
    reader = RequestReader(HEAD_BYTES)
    reader.receive_data(b"GET /" + b"a" * (HEAD_BYTES - 6))
    assert reader.next_request() is None
    assert reader.has_partial
    reader.receive_data(b"a")
    with pytest.raises(RequestRefused) as caught:
        reader.next_request()
    assert caught.value.status == 431


MUTATED = st.builds(
    lambda head, at, junk: head[:at] + junk + head[at:],
    st.sampled_from([PLAYLIST, PLAYLIST * 3, padded(HEAD_BYTES)]),
    st.integers(0, HEAD_BYTES),
    st.binary(max_size=12),
)


@given(st.binary(max_size=600) | MUTATED, st.integers(1, 64))
def test_any_bytes_are_requests_or_refused_however_they_are_cut(data: bytes, step: int) -> None:
    outcome = outcome_of(data, step)
    assert outcome == outcome_of(data, len(data) or 1)
    assert outcome in ("400", "405", "431") or outcome.startswith("[")


def outcome_of(data: bytes, step: int) -> str:
    try:
        return repr(read(data, step))
    except RequestRefused as refusal:
        return str(refusal.status)


def test_what_a_proxy_says_is_read_only_where_a_proxy_is_believed() -> None:
    head = (
        PLAYLIST.removesuffix(b"\r\n")
        + b"X-Forwarded-For: 203.0.113.1\r\nX-Forwarded-Proto: https\r\n\r\n"
    )
    assert read_one(head).forwarding is None
    reader = RequestReader(HEAD_BYTES)
    reader.is_behind_proxy = True
    reader.receive_data(head + PLAYLIST)
    request, other = reader.next_request(), reader.next_request()
    assert request is not None
    assert request.forwarding == {"x-forwarded-for": "203.0.113.1", "x-forwarded-proto": "https"}
    assert other is not None
    assert other.forwarding is None


def test_lines_of_one_header_are_one_list_as_haproxy_adds_its_own_below() -> None:
    reader = RequestReader(HEAD_BYTES)
    reader.is_behind_proxy = True
    lines = b"X-Forwarded-For: 198.51.100.9\r\nX: 1\r\nx-forwarded-for:203.0.113.1\r\n\r\n"
    reader.receive_data(PLAYLIST.removesuffix(b"\r\n") + lines)
    request = reader.next_request()
    assert request is not None
    assert request.forwarding is not None
    assert request.forwarding["x-forwarded-for"].replace(" ", "") == "198.51.100.9,203.0.113.1"
