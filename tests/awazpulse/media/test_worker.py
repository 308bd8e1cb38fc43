"""The child as a process: how it lives and ends."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from awazpulse.media.values import track_to_json
from awazpulse.media.wire import LENGTHS, Head, parse_head, parse_lengths, serialize_message
from tests.audio import encode_tone

from .players import track_of

COMMAND = [sys.executable, "-m", "awazpulse.media.worker"]


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        yield child
        child.kill()


def answer_of(child: subprocess.Popen[bytes], message: bytes) -> dict[str, object]:
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(message)
    child.stdin.flush()
    head, body = parse_lengths(child.stdout.read(LENGTHS.size))
    assert body == 0
    return parse_head(child.stdout.read(head))


PROBE_NOTHING = serialize_message({"do": "probe", "path": "/nowhere/x.mp3"})


def test_it_ends_with_its_input(child: subprocess.Popen[bytes]) -> None:
    assert answer_of(child, PROBE_NOTHING)["error"] == "unusable_file"
    assert child.stdin is not None
    child.stdin.close()
    assert child.wait(timeout=5) == 0


@pytest.mark.parametrize("part", [4, len(PROBE_NOTHING) - 1])
def test_it_ends_with_its_input_in_the_middle_of_a_request(
    part: int, child: subprocess.Popen[bytes]
) -> None:
    answer_of(child, PROBE_NOTHING)
    assert child.stdin is not None
    child.stdin.write(PROBE_NOTHING[:part])
    child.stdin.close()
    assert child.wait(timeout=5) == 0


def test_it_ends_with_its_input_in_the_middle_of_a_file(
    child: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    file = tmp_path / "long.mp3"
    file.write_bytes(encode_tone("mp3", 1) * 600)
    track = track_to_json(track_of(encode_tone("mp3", 1), "mp3"))
    head: Head = {"do": "prepare", "path": str(file), "track": track}
    head |= {"bitrate_kbps": 128, "out_dir": str(tmp_path / "out")}
    assert child.stdin is not None
    child.stdin.write(serialize_message(head))
    child.stdin.flush()
    while not [*tmp_path.glob("out/.*.audio.part")]:
        time.sleep(0.02)
    child.stdin.close()
    assert child.wait(timeout=2) == 0


def test_ctrl_c_on_the_terminal_does_not_end_it(child: subprocess.Popen[bytes]) -> None:
    answer_of(child, PROBE_NOTHING)
    child.send_signal(signal.SIGINT)
    assert answer_of(child, PROBE_NOTHING)["error"] == "unusable_file"


def test_it_gives_way_to_the_server(child: subprocess.Popen[bytes]) -> None:
    answer_of(child, PROBE_NOTHING)
    fields = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
    assert fields[16] == "10"  # proc(5): nice
    limits = Path(f"/proc/{child.pid}/limits").read_text()
    assert f"{2 << 30}" in limits


def test_it_says_nothing_of_a_damaged_file(tmp_path: Path) -> None:
    data = bytearray(encode_tone("aac", 1))
    for at in range(3000, len(data), 700):
        data[at : at + 20] = bytes(20)
    file = tmp_path / "x.aac"
    file.write_bytes(data)
    message = serialize_message({"do": "probe", "path": str(file)})
    head: Head = {
        "do": "prepare",
        "path": str(file),
        "bitrate_kbps": None,
        "out_dir": str(tmp_path),
    }
    head["track"] = track_to_json(track_of(encode_tone("mp3", 1), "mp3"))
    with subprocess.Popen(
        COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        assert answer_of(child, message).keys() == {"result"}
        assert answer_of(child, serialize_message(head)).keys() == {"result"}
        assert child.stdin is not None
        assert child.stderr is not None
        child.stdin.close()
        assert child.stderr.read() == b""
