import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hls import answers
from hls.answers import Answer, build_playlist, build_refusal, build_segment, build_segment_range

SEGMENT = bytes(range(100))


def headers_of(answer: Answer) -> dict[str, str]:
    status, *lines = answer.head.decode("ascii").split("\r\n")
    assert status.startswith(f"HTTP/1.1 {answer.status} ")
    assert lines.pop() == ""
    headers = dict(line.split(": ", 1) for line in lines)
    assert len(headers) == len(lines), "a header stands twice"
    return headers


ALL = [
    answers.PREFLIGHT,
    answers.NOT_FOUND,
    answers.OFF_AIR,
    answers.SEGMENT_GONE,
    answers.METHOD_NOT_ALLOWED,
    answers.FULL,
    answers.NOT_READY,
    answers.TOO_MANY_CONNECTIONS,
    build_refusal(431, "too long"),
    build_playlist("#EXTM3U\n", compressed=False),
    build_playlist("#EXTM3U\n", compressed=True),
    build_segment(SEGMENT),
    *(answer for answer in (build_segment_range(SEGMENT, b"bytes=5-9"),) if answer),
    *(answer for answer in (build_segment_range(SEGMENT, b"bytes=100-"),) if answer),
]


@pytest.mark.parametrize("answer", ALL, ids=lambda answer: str(answer.status))
def test_every_answer_can_be_read_by_pages_of_other_origins(answer: Answer) -> None:
    headers = headers_of(answer)
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert "Content-Range" in headers["Access-Control-Expose-Headers"]
    if answer.status == 204:
        assert "Content-Length" not in headers  # RFC 9110 §8.6
    else:
        assert headers["Content-Length"] == str(len(answer.body))


def test_a_preflight_allows_what_players_ask_with() -> None:
    headers = headers_of(answers.PREFLIGHT)
    assert headers["Access-Control-Allow-Methods"] == "GET, HEAD, OPTIONS"
    assert headers["Access-Control-Allow-Headers"] == "*"


def test_errors_are_one_line_of_text_that_no_cache_keeps() -> None:
    headers = headers_of(answers.OFF_AIR)
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert headers["Cache-Control"] == "no-store"
    assert answers.OFF_AIR.body == b"This channel is not on air.\n"


def test_a_full_channel_says_so_and_when_to_come_again() -> None:
    assert (answers.FULL.status, answers.FULL.body) == (503, b"max listeners reached\n")
    assert headers_of(answers.FULL)["Retry-After"] == "10"


def test_a_method_that_is_not_answered_is_told_which_are() -> None:
    assert headers_of(answers.METHOD_NOT_ALLOWED)["Allow"] == "GET, HEAD, OPTIONS"
    assert headers_of(build_refusal(405, "no body"))["Allow"] == "GET, HEAD, OPTIONS"
    assert "Allow" not in headers_of(build_refusal(400, "what?"))


def test_playlists_are_fresh_for_a_second_and_differ_by_encoding() -> None:
    plain = build_playlist("#EXTM3U\n", compressed=False)
    packed = build_playlist("#EXTM3U\n", compressed=True)
    assert plain.body == gzip.decompress(packed.body) == b"#EXTM3U\n"
    assert headers_of(packed).pop("Content-Encoding") == "gzip"
    for answer in (plain, packed):
        headers = headers_of(answer)
        assert headers["Content-Type"] == "application/vnd.apple.mpegurl"
        assert headers["Cache-Control"] == "public, max-age=1"
        assert headers["Vary"] == "Accept-Encoding"


def test_segments_never_change_under_their_name() -> None:
    headers = headers_of(build_segment(SEGMENT))
    assert headers["Content-Type"] == "video/mp2t"
    assert headers["Cache-Control"].endswith(", immutable")
    assert "Content-Encoding" not in headers


@pytest.mark.parametrize(("header", "start", "end"), [
    (b"bytes=0-", 0, 99), (b"bytes=0-0", 0, 0), (b"bytes=10-19", 10, 19), (b"bytes=99-", 99, 99),
    (b"bytes=90-5000", 90, 99), (b"bytes=-10", 90, 99), (b"bytes=-500", 0, 99),
])  # fmt: skip
def test_a_range_of_a_segment(header: bytes, start: int, end: int) -> None:
    answer = build_segment_range(SEGMENT, header)
    assert answer is not None
    assert (answer.status, bytes(answer.body)) == (206, SEGMENT[start : end + 1])
    assert headers_of(answer)["Content-Range"] == f"bytes {start}-{end}/100"


@pytest.mark.parametrize(
    "header", [b"bytes=100-", b"bytes=100-200", b"bytes=-0", b"bytes=999999999999999-"]
)
def test_a_range_outside_of_the_segment(header: bytes) -> None:
    answer = build_segment_range(SEGMENT, header)
    assert answer is not None
    assert answer.status == 416
    assert headers_of(answer)["Content-Range"] == "bytes */100"


@pytest.mark.parametrize("header", [
    b"", b"bytes", b"bytes=", b"bytes=-", b"bytes=5-2", b"bytes=a-b", b"bytes=0-1,5-6", b"lines=0-",
    b"bytes=1000000000000000-",  # a digit more than is read
])  # fmt: skip
def test_a_range_that_means_nothing_is_answered_in_whole(header: bytes) -> None:
    assert build_segment_range(SEGMENT, header) is None


@given(st.binary(max_size=40) | st.from_regex(rb"bytes=\d{0,4}-\d{0,4}", fullmatch=True))
def test_any_range_is_a_part_or_refused_or_ignored(header: bytes) -> None:
    answer = build_segment_range(SEGMENT, header)
    if answer is not None and answer.status == 206:
        assert bytes(answer.body) in SEGMENT
        assert len(answer.body) > 0
    else:
        assert answer is None or answer.status == 416
