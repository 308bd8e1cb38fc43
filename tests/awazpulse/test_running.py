"""The word to a running server: which may be gone, another program, or out of its mind."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from awazpulse import running
from awazpulse.channels.public_urls import PublicUrls
from awazpulse.running import MAX_ANSWER_BYTES, Answer, RunningServer, ServerFailed

only_with_proc = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="nothing tells when a process started"
)


@asynccontextmanager
async def stranger(answer: bytes | None) -> AsyncIterator[tuple[int, list[bytes]]]:
    """Answer whatever comes with some bytes, or with nothing at all; yield the port."""
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        if answer is None:
            await reader.read()
        else:
            writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], heads


def respond(body: bytes, status: str = "200 OK", header: str = "X-A: b") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{header}\r\n\r\n"
    return head.encode() + body


def announce(folder: Path, port: int) -> RunningServer:
    server = RunningServer(folder)
    server.announce(
        "127.0.0.1", PublicUrls("radio.example", api_port=port, origin="https://radio.example")
    )
    return server


def is_found(server: RunningServer) -> bool:
    return server.urls is not None


def edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / running.FILE
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


async def test_server_that_runs_is_found_and_answers(tmp_path: Path) -> None:
    async with stranger(respond(b'{"a": 1}')) as (port, heads):
        server = announce(tmp_path, port)
        assert server.urls == PublicUrls(
            "radio.example", api_port=port, origin="https://radio.example"
        )
        assert await server.post("/path", "a-token", {"b": 2}) == Answer(200, {"a": 1})
    assert heads[0].startswith(b"POST /path HTTP/1.1\r\n")
    assert b"Authorization: Bearer a-token\r\n" in heads[0]
    server.withdraw()
    assert not is_found(server)
    assert await server.post("/path", "a-token") is None


async def test_file_of_a_process_that_is_gone_means_that_no_server_runs(tmp_path: Path) -> None:
    gone = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    await gone.wait()
    async with stranger(respond(b"{}")) as (port, heads):
        server = announce(tmp_path, port)
        for pid in (gone.pid, 0, -1, 2**80):
            edit(tmp_path, lambda content, pid=pid: content.update(pid=pid))  # type: ignore[misc]
            assert not is_found(server)
            assert await server.post("/path", "a-token") is None
    assert heads == []


@only_with_proc
async def test_process_that_has_got_the_number_of_a_server_is_told_nothing(tmp_path: Path) -> None:
    async with stranger(respond(b"{}")) as (port, heads):
        server = announce(tmp_path, port)
        assert is_found(server)
        edit(tmp_path, lambda c: c.update(start_ticks=c["start_ticks"] - 1))
        assert not is_found(server)
        assert await server.post("/path", "a-token") is None
    assert heads == []


@only_with_proc
def test_process_that_has_ended_and_that_nobody_has_waited_for_is_no_server(
    tmp_path: Path,
) -> None:
    server = announce(tmp_path, 1)
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
        edit(tmp_path, lambda content: content.update(pid=ended.pid, start_ticks=None))
        assert not is_found(server)


def test_withdrawn_file_is_gone_and_that_of_another_server_stays(tmp_path: Path) -> None:
    server = announce(tmp_path, 1)
    edit(tmp_path, lambda content: content.update(pid=os.getppid(), start_ticks=None))
    server.withdraw()
    assert is_found(server)
    announce(tmp_path, 1).withdraw()
    assert not list(tmp_path.iterdir())


def test_process_of_unknown_start_is_known_by_its_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "_read_start_ticks", lambda _pid: None)
    server = announce(tmp_path, 1)
    assert json.loads((tmp_path / running.FILE).read_text())["pid"] == os.getpid()
    assert is_found(server)


@pytest.mark.parametrize("text", ["", "{", "[]", "5", '{"pid": 1}', "\udcff", '{"pid": "x"}'])
async def test_damaged_file_means_that_no_server_runs(tmp_path: Path, text: str) -> None:
    (tmp_path / running.FILE).write_bytes(text.encode("utf-8", "surrogateescape"))
    server = RunningServer(tmp_path)
    assert not is_found(server)
    assert await server.post("/path", "a-token") is None
    server.withdraw()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        respond(b"<html>"),
        respond(b"[1]"),
        respond(b"\xff"),
        respond(b"[" * 50_000),
        respond(b'"' + b"x" * MAX_ANSWER_BYTES),
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{",
    ],
    ids=["nothing", "ssh", "html", "list", "binary", "deep", "long", "cut off"],
)
async def test_what_is_no_answer_of_ours_is_a_failure(tmp_path: Path, answer: bytes) -> None:
    async with stranger(answer) as (port, _):
        with pytest.raises(ServerFailed, match="no answer of an AwazPulse server") as error:
            await announce(tmp_path, port).post("/path", "a-token")
    assert "a-token" not in str(error.value)


async def test_answer_is_taken_up_to_its_limit(tmp_path: Path) -> None:
    async with stranger(respond(b"{}".ljust(MAX_ANSWER_BYTES))) as (port, _):
        assert await announce(tmp_path, port).post("/path", "a-token") == Answer(200, {})
    async with stranger(respond(b"{}".ljust(MAX_ANSWER_BYTES + 1))) as (port, _):
        with pytest.raises(ServerFailed, match=str(MAX_ANSWER_BYTES)):
            await announce(tmp_path, port).post("/path", "a-token")


async def test_redirect_is_not_followed(tmp_path: Path) -> None:
    async with stranger(respond(b"{}")) as (elsewhere, heads):
        header = f"Location: http://127.0.0.1:{elsewhere}/"
        async with stranger(respond(b"", "307 Temporary Redirect", header)) as (port, _):
            answer = await announce(tmp_path, port).post("/path", "a-token")
    assert answer == Answer(307, {})
    assert heads == []


async def test_silence_and_a_closed_port_are_failures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "TIMEOUT_S", 0.1)
    async with stranger(None) as (port, _):
        with pytest.raises(ServerFailed, match=r"no answer in 0\.1 s"):
            await announce(tmp_path, port).post("/path", "a-token")
    with pytest.raises(ServerFailed, match="no answer"):
        await announce(tmp_path, port).post("/path", "a-token")
