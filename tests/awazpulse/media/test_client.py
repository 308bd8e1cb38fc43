"""The real child, and stand-ins that misbehave; on both event loops."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from awazpulse.audio import Codec, Track
from awazpulse.media import child as module
from awazpulse.media.child import Child, ChildLimits
from awazpulse.media.client import LOOK, PREPARE, QUICK, MediaWorker
from awazpulse.media.errors import MediaBusy, MediaFailed, UnusableFile
from awazpulse.media.prepared import FallbackReel
from awazpulse.media.silence import encode_silence
from awazpulse.media.values import SILENCE_DBFS, Levels
from awazpulse.media.wire import MAX_BODY_BYTES
from tests.audio import encode_tone, split_frames

from .players import track_of

MUTE = (sys.executable, "-c", "import time; time.sleep(600)")  # takes nothing, says nothing
ECHO = """
import sys, json, struct
i, o = sys.stdin.buffer, sys.stdout.buffer
while lengths := i.read(8):
    head, body = (i.read(n) for n in struct.unpack(">II", lengths))
    answer = json.dumps({"result": json.loads(head)["do"]}).encode()
    o.write(struct.pack(">II", len(answer), 0) + answer)
    o.flush()
"""
LIMITS = ChildLimits(deadline_s=10, turn_s=10, idle_s=None, max_requests=4)


def says(text: str) -> tuple[str, ...]:
    """A child that answers all it is asked with this, and goes on."""
    script = f"import sys, time; sys.stdin.buffer.read(8); sys.stdout.buffer.write({text}); "
    return (sys.executable, "-c", script + "sys.stdout.flush(); time.sleep(600)")


@pytest.fixture
async def worker() -> AsyncIterator[MediaWorker]:
    worker = MediaWorker()
    yield worker
    await worker.close()


@pytest.fixture(params=["mp3", "aac"])
def sample(request: pytest.FixtureRequest) -> tuple[Track, bytes]:
    data = encode_tone(request.param, 1)
    return track_of(data, request.param), b"".join(split_frames(data, request.param)[10:18])


def is_running(pid: int | None) -> bool:
    assert pid is not None
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        # The second one is read(2)'s answer for a process that ended after its file was opened.
        return False
    return not status.rpartition(")")[2].startswith(" Z")


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110  # what another process does has no event
            await asyncio.sleep(0.01)


async def until_ended(pid: int | None) -> None:
    await until(lambda: not is_running(pid))


def tone_file(directory: Path, seconds: int = 3) -> Path:
    file = directory / "tone.mp3"
    file.write_bytes(encode_tone("mp3", 1) * seconds)
    return file


def test_the_client_does_not_load_pyav() -> None:
    code = "import sys, awazpulse.media.client; sys.exit('av' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


async def test_levels_of_many_channels_come_in_one_answer(
    worker: MediaWorker, sample: tuple[Track, bytes]
) -> None:
    track, _ = sample
    silence = encode_silence(track, 128) * 8
    found = await worker.measure([sample, (track, silence), (track, b"nonsense"), sample] * 20)
    assert len(found) == 80
    heard, quiet, nothing, again = found[:4]
    assert isinstance(heard, Levels)
    assert heard == again
    assert heard.rms_dbfs == pytest.approx((-21, -21), abs=4)
    assert quiet is not None
    assert quiet.rms_dbfs == (SILENCE_DBFS, SILENCE_DBFS)
    assert nothing is None
    assert worker.look.pid is None is worker.prepare.pid


async def test_nothing_is_started_for_nothing(worker: MediaWorker) -> None:
    assert await worker.measure([]) == []
    assert worker.quick.pid is None


async def test_a_file_is_looked_at_and_prepared(
    worker: MediaWorker, sample: tuple[Track, bytes], tmp_path: Path
) -> None:
    file = tone_file(tmp_path)
    info = await worker.probe(file)
    assert info.title == "tone"
    prepared = await worker.prepare_fallback(file, sample[0], None, tmp_path / "out")
    assert prepared.track == sample[0]
    assert prepared.duration_s == pytest.approx(3, abs=0.2)
    reel = FallbackReel(prepared)
    run = reel.take(8)
    reel.close()
    (levels,) = await worker.measure([(prepared.track, run.data)])
    assert levels is not None
    assert worker.quick.pid not in (None, worker.prepare.pid)


async def test_the_owner_is_told_what_is_wrong_with_a_file(
    worker: MediaWorker, tmp_path: Path
) -> None:
    file = tmp_path / "x.mp3"
    file.write_text("no audio")
    with pytest.raises(UnusableFile, match="is not MP3, AAC"):
        await worker.probe(file)
    with pytest.raises(UnusableFile, match="is not MP3, AAC"):
        await worker.prepare_fallback(file, track_of(encode_tone("mp3", 1), "mp3"), 128, tmp_path)
    pid = worker.look.pid
    with pytest.raises(UnusableFile, match="cannot be opened"):
        await worker.probe(tmp_path / "missing")
    assert worker.look.pid == pid


async def test_a_track_that_nobody_encodes_fails_and_the_child_lives(
    worker: MediaWorker, tmp_path: Path
) -> None:
    odd = Track(Codec.AAC, 44_100, 2, 1024, b"")
    with pytest.raises(MediaFailed, match="not described"):
        await worker.prepare_fallback(tone_file(tmp_path), odd, 128, tmp_path / "out")
    assert is_running(worker.prepare.pid)
    assert await worker.measure([(odd, b"nonsense")]) == [None]


async def test_a_directory_that_cannot_be_written_fails(
    worker: MediaWorker, sample: tuple[Track, bytes], tmp_path: Path
) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(MediaFailed, match="exists"):
        await worker.prepare_fallback(tone_file(tmp_path), sample[0], 128, tmp_path / "out")


async def test_a_child_that_was_killed_is_started_again(
    worker: MediaWorker, sample: tuple[Track, bytes]
) -> None:
    await worker.measure([sample])
    pid = worker.quick.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    await until_ended(pid)
    await asyncio.sleep(0.1)  # the loop hears of it, too
    assert await worker.measure([sample])
    assert worker.quick.pid != pid


async def test_a_crash_fails_the_request_under_way_and_no_other(tmp_path: Path) -> None:
    once = tmp_path / "once"
    script = f"import os, pathlib, sys\nif not os.path.exists({str(once)!r}):\n"
    script += f" sys.stdin.buffer.read(8); pathlib.Path({str(once)!r}).touch(); os._exit(3)\n"
    child = Child((sys.executable, "-c", script + ECHO), "test", LIMITS)
    asked = [child.ask({"do": n}) for n in range(4)]
    first, *others = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(first, MediaFailed)
    assert others == [1, 2, 3]
    await child.close()


async def test_a_crash_in_the_middle_of_a_file_leaves_nothing(
    worker: MediaWorker, sample: tuple[Track, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    file = tone_file(tmp_path, 600)
    asked = asyncio.create_task(worker.prepare_fallback(file, sample[0], 128, out))
    await until(lambda: [*out.glob(".*.part")])
    pid = worker.prepare.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(MediaFailed, match="failed"):
        await asked
    assert not [name for name in out.iterdir() if not name.name.endswith(".part")]
    await worker.prepare_fallback(tone_file(tmp_path, 1), sample[0], 128, out)
    assert not [*out.glob(".*.part")]


def test_children_end_when_the_server_is_killed_in_the_middle_of_their_work(tmp_path: Path) -> None:
    script = f"""
import asyncio, pathlib
from awazpulse.audio.mpeg_audio import parse_track
from awazpulse.media.client import MediaWorker
async def main():
    worker = MediaWorker()
    await worker.measure([(track, b"")])
    asyncio.get_running_loop().call_later(1, lambda: print(worker.quick.pid, worker.prepare.pid, flush=True))
    await worker.prepare_fallback(file, track, 128, file.parent / "out")
file = pathlib.Path({str(tone_file(tmp_path, 600))!r})
track = parse_track(bytes.fromhex("fffb9000"))
asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        pids = [int(pid) for pid in server.stdout.readline().split()]
        assert len(pids) == 2
        assert all(is_running(pid) for pid in pids)
        server.kill()
    deadline = time.monotonic() + 3
    while any(is_running(pid) for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.01)


async def test_a_cancelled_request_stops_the_work(
    worker: MediaWorker, sample: tuple[Track, bytes], tmp_path: Path
) -> None:
    file = tone_file(tmp_path, 600)
    asked = asyncio.create_task(worker.prepare_fallback(file, sample[0], 128, tmp_path / "out"))
    await until(lambda: worker.prepare.pid)
    pid = worker.prepare.pid
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    await until_ended(pid)
    await worker.prepare_fallback(tone_file(tmp_path, 1), sample[0], 128, tmp_path / "out")


async def test_a_request_that_is_cancelled_while_the_child_starts_leaves_none() -> None:
    child = Child(MUTE, "test", LIMITS)
    asked = asyncio.create_task(child.ask({"do": 1}))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert child.pid is None
    await child.close()


async def test_a_child_that_never_answers_is_killed_at_the_deadline() -> None:
    worker = MediaWorker(MUTE, look=replace(LOOK, deadline_s=0.3))
    begin = time.monotonic()
    asked = asyncio.create_task(worker.probe(Path("x")))
    await until(lambda: worker.look.pid)
    pid = worker.look.pid
    with pytest.raises(MediaFailed, match=r"did not answer for 0.3 s"):
        await asked
    assert time.monotonic() - begin < 3
    await until_ended(pid)
    await worker.close()


async def test_a_child_that_takes_nothing_is_killed_at_the_deadline() -> None:
    child = Child(MUTE, "test", replace(LIMITS, deadline_s=0.3))
    with pytest.raises(MediaFailed, match="did not answer"):
        await child.ask({"do": 1}, bytes(10 << 20))
    await child.close()


@pytest.mark.parametrize(
    "text",
    ["b'hello world, this is no answer'", r"b'\0\0\0\2\0\0\0\0[]'", r"b'\0\0\0\2\0\0\0\0{}'",
     r"b'\0\0\0\2\0\0\0\0{{'", r"b'\0' * 10**7", r"b'\xff' * 10**7"],
)  # fmt: skip
async def test_an_answer_that_is_none_fails(text: str) -> None:
    child = Child(says(text), "test", LIMITS)
    with pytest.raises(MediaFailed):
        await child.ask({"do": 1})
    await child.close()


async def test_so_many_may_ask_and_one_more_is_refused_at_once() -> None:
    child = Child(MUTE, "test", LIMITS)
    asked = [asyncio.create_task(child.ask({"do": n})) for n in range(LIMITS.max_requests)]
    await asyncio.sleep(0.05)
    assert not any(task.done() for task in asked)
    with pytest.raises(MediaBusy, match="4 requests"):
        await child.ask({"do": 1})
    await child.close()
    for failed in await asyncio.gather(*asked, return_exceptions=True):
        assert isinstance(failed, MediaFailed)
        assert "closed" in str(failed)


async def test_who_waits_too_long_for_a_turn_is_told_so() -> None:
    child = Child(MUTE, "test", replace(LIMITS, turn_s=0.1))
    first = asyncio.create_task(child.ask({"do": 1}))
    await asyncio.sleep(0)
    with pytest.raises(MediaBusy, match=r"no time for 0.1 s"):
        await child.ask({"do": 2})
    assert not first.done()
    await child.close()
    with pytest.raises(MediaFailed, match="closed"):
        await first


async def test_a_message_of_the_largest_size_is_taken_and_a_larger_one_is_not() -> None:
    child = Child((sys.executable, "-c", ECHO), "test", LIMITS)
    assert await child.ask({"do": 1}, bytes(MAX_BODY_BYTES)) == 1
    with pytest.raises(MediaFailed, match="expected at most"):
        await child.ask({"do": 1}, bytes(MAX_BODY_BYTES + 1))
    await child.close()


async def test_a_child_that_crashes_each_time_is_started_ever_later_up_to_a_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "FIRST_BACKOFF_S", 0.1)
    monkeypatch.setattr(module, "MAX_BACKOFF_S", 0.4)
    child = Child((sys.executable, "-S", "-E", "-c", ""), "test", LIMITS)
    begin = time.monotonic()
    for _ in range(5):  # at once, at once, then 0.1, 0.2, 0.4
        with pytest.raises(MediaFailed):
            await child.ask({"do": 1})
    assert 0.7 <= time.monotonic() - begin < 3
    with pytest.raises(MediaFailed):
        await child.ask({"do": 1})
    assert time.monotonic() - begin < 4
    await child.close()


async def test_a_command_that_does_not_exist_fails(tmp_path: Path) -> None:
    worker = MediaWorker([str(tmp_path / "missing")])
    with pytest.raises(MediaFailed, match="No such file"):
        await worker.probe(Path("x"))
    await worker.close()


async def test_a_child_that_has_nothing_to_do_is_ended_and_started_again() -> None:
    child = Child((sys.executable, "-c", ECHO), "test", replace(LIMITS, idle_s=0.2))
    assert await child.ask({"do": 1}) == 1
    pid = child.pid
    assert await child.ask({"do": 2}) == 2
    assert child.pid == pid
    await until_ended(pid)
    assert await child.ask({"do": 3}) == 3
    assert child.pid != pid
    await child.close()


async def test_the_levels_child_stays_and_the_others_end_after_a_minute() -> None:
    assert QUICK.idle_s is None
    assert PREPARE.idle_s == LOOK.idle_s == 60


async def test_closing_ends_the_children_and_again_is_the_same(
    worker: MediaWorker, sample: tuple[Track, bytes], tmp_path: Path
) -> None:
    await worker.measure([sample])
    await worker.probe(tone_file(tmp_path))
    pids = [worker.quick.pid, worker.look.pid]
    await worker.close()
    assert not any(is_running(pid) for pid in pids)
    await worker.close()
    with pytest.raises(MediaFailed, match="closed"):
        await worker.measure([sample])


async def test_closing_fails_what_is_under_way(
    worker: MediaWorker, sample: tuple[Track, bytes], tmp_path: Path
) -> None:
    file = tone_file(tmp_path, 600)
    asked = [
        asyncio.create_task(worker.prepare_fallback(file, sample[0], 128, tmp_path / "out"))
        for _ in range(2)
    ]
    await asyncio.sleep(0.5)
    begin = time.monotonic()
    await worker.close()
    assert time.monotonic() - begin < 1
    for failed in await asyncio.gather(*asked, return_exceptions=True):
        assert isinstance(failed, MediaFailed)


async def test_closing_while_the_child_starts_leaves_none() -> None:
    child = Child(MUTE, "test", LIMITS)
    asked = asyncio.create_task(child.ask({"do": 1}))
    await asyncio.sleep(0)
    await child.close()
    with pytest.raises(MediaFailed, match="closed"):
        await asked
    assert child.pid is None


async def test_closing_does_not_wait_for_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_BACKOFF_S", 60.0)
    monkeypatch.setattr(module, "MAX_BACKOFF_S", 60.0)
    child = Child((sys.executable, "-S", "-c", ""), "test", LIMITS)
    for _ in range(2):
        with pytest.raises(MediaFailed):
            await child.ask({"do": 1})
    asked = asyncio.create_task(child.ask({"do": 1}))
    await asyncio.sleep(0.1)
    async with asyncio.timeout(1):
        await child.close()
    with pytest.raises(MediaFailed, match="closed"):
        await asked


async def test_the_settings_are_not_told_to_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWAZPULSE_SECRET_KEY", "secret")
    script = ECHO.replace('json.loads(head)["do"]', "sorted(__import__('os').environ)")
    child = Child((sys.executable, "-c", script), "test", LIMITS)
    found = await child.ask({"do": 1})
    assert isinstance(found, list)
    assert "PATH" in found
    assert "AWAZPULSE_SECRET_KEY" not in found
    await child.close()
