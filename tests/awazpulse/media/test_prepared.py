import json
import os
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from awazpulse.audio import Codec, Track
from awazpulse.audio.aac import parse_audio_specific_config
from awazpulse.media import prepared as module
from awazpulse.media.errors import MediaFailed
from awazpulse.media.prepared import (
    READ_AHEAD_BYTES,
    FallbackReel,
    PreparedFallback,
    load_prepared,
)
from awazpulse.media.values import track_to_json

MP3 = Track(Codec.MP3, 44_100, 2, 1152)


def write(
    directory: Path, frames: list[bytes], track: Track = MP3, fields: dict[str, Any] | None = None
) -> Path:
    (directory / "x.audio").write_bytes(b"".join(frames))
    (directory / "x.index").write_bytes(array("H", map(len, frames)).tobytes())
    file = directory / "x.json"
    head = {"version": 1, "title": "Artist - Title", "track": track_to_json(track)} | (fields or {})
    file.write_text(json.dumps(head))
    return file


FRAMES = [bytes([n]) * (n + 1) for n in range(10)]


@pytest.fixture
def reel(tmp_path: Path) -> Iterator[FallbackReel]:
    reel = FallbackReel(load_prepared(write(tmp_path, FRAMES)))
    yield reel
    reel.close()


def test_what_was_written_is_loaded(tmp_path: Path) -> None:
    prepared = load_prepared(write(tmp_path, FRAMES))
    assert prepared == PreparedFallback(
        MP3, "Artist - Title", 1152, tmp_path / "x.audio", array("H", range(1, 11))
    )
    assert prepared.duration_s == pytest.approx(10 * 1152 / 44_100)


def test_frames_come_in_order_and_begin_anew_with_the_time_going_on(reel: FallbackReel) -> None:
    taken = [frame for _ in range(9) for frame in reel.take(3)]
    assert [frame.data for frame in taken] == [FRAMES[n % 10] for n in range(len(taken))]
    assert [frame.timestamp_ms for frame in taken] == [
        n * 1152 * 1000 // 44_100 for n in range(len(taken))
    ]
    assert {(frame.samples, frame.header_bytes) for frame in taken} == {(1152, 0)}


def test_a_run_does_not_cross_the_end(reel: FallbackReel) -> None:
    assert [len(reel.take(4)) for _ in range(6)] == [4, 4, 2, 4, 4, 2]
    assert len(reel.take(100)) == 10


def test_aac_frames_have_their_header(tmp_path: Path) -> None:
    track = parse_audio_specific_config(bytes.fromhex("1210"))
    reel = FallbackReel(load_prepared(write(tmp_path, [bytes(20)], track)))
    assert [frame.header_bytes for frame in reel.take(1)] == [7]
    reel.close()


def test_a_removed_file_plays_on(reel: FallbackReel) -> None:
    reel.prepared.path.unlink()
    assert reel.take(2).data == FRAMES[0] + FRAMES[1]


def test_a_file_that_was_cut_short_is_an_error(reel: FallbackReel) -> None:
    os.truncate(reel.prepared.path, 5)
    reel.take(2)
    with pytest.raises(MediaFailed, match="got 2 bytes at 3"):
        reel.take(2)


def test_a_closed_reel_gives_nothing_and_closes_again(reel: FallbackReel) -> None:
    reel.close()
    reel.close()
    with pytest.raises(MediaFailed, match="closed"):
        reel.take(1)


@pytest.mark.parametrize("frames", [1, 50, 1500, 1501, 20_000])
def test_every_byte_is_asked_for_before_it_is_taken(
    frames: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = 1044
    reel = FallbackReel(load_prepared(write(tmp_path, [bytes(size)] * frames)))
    # What is on its way or there: counted over all rounds, each round anew.
    asked = [(0, READ_AHEAD_BYTES)]
    monkeypatch.setattr(
        module, "_will_need", lambda _, begin, count: asked.append((begin, begin + count))
    )
    total, taken = frames * size, 0
    for _ in range(3 * frames + 3000):
        first = taken % total
        for byte in (first, first + size - 1):
            assert any(begin <= byte < end for begin, end in asked)
        taken += len(reel.take(1).data)
        # Of the earlier rounds nothing is believed to be there still.
        asked = asked[-4:]
    assert len(asked) < 5
    reel.close()


@pytest.mark.parametrize("suffix", [".json", ".index", ".audio"])
def test_what_misses_a_file_is_not_there(suffix: str, tmp_path: Path) -> None:
    file = write(tmp_path, FRAMES)
    file.with_suffix(suffix).unlink()
    with pytest.raises(MediaFailed):
        load_prepared(file)


@pytest.mark.parametrize(
    "fields", [{"version": 2}, {"track": None}, {"track": {"codec": "vorbis"}}, {"version": None}]
)
def test_what_another_version_wrote_is_refused(fields: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(MediaFailed):
        load_prepared(write(tmp_path, FRAMES, fields=fields))


@pytest.mark.parametrize(("suffix", "content"), [(".audio", b"1234"), (".index", b""), (".index", b"1"), (".json", b"{")])  # fmt: skip
def test_what_does_not_fit_together_is_refused(suffix: str, content: bytes, tmp_path: Path) -> None:
    file = write(tmp_path, FRAMES)
    file.with_suffix(suffix).write_bytes(content)
    with pytest.raises(MediaFailed):
        load_prepared(file)
