"""What an operator does with a server that runs: signals, reloads, checks and figures."""

import asyncio
import base64
import json
import os
import pty
import signal
import socket
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.on_air.clients import fetch, ffmpeg_tone, icecast_output, listen, rtmp_output, running
from tests.on_air.server import AWAZPULSE, Server, environment, serving, until


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration file of the server that the test starts."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "awazpulse.toml"


def configure(config: Path, text: str) -> None:
    config.write_text(text)


def log_has(server: Server, *words: str) -> Callable[[], bool]:
    return lambda: any(all(word in line for word in words) for line in server.log)


async def reload(server: Server, *words: str) -> None:
    """Send SIGHUP, and wait for a line with these words."""
    server.log.clear()
    server.process.send_signal(signal.SIGHUP)
    await until(log_has(server, *words))


async def allowed_origin(server: Server, origin: str) -> str | None:
    async with (
        aiohttp.ClientSession() as session,
        session.get(server.url("api", "/healthz"), headers={"Origin": origin}) as response,
    ):
        return response.headers.get("Access-Control-Allow-Origin")


@pytest.mark.needs("ffmpeg")
async def test_sighup_takes_up_settings_and_what_is_on_air_stays_so(
    config: Path, tmp_path: Path
) -> None:
    async with serving(tmp_path / "data") as server:
        key = server.card["credentials"]["hls"]["streamKey"]
        async with running(*ffmpeg_tone("aac", rtmp_output(server, key))) as encoder:
            await until(lambda: server.rows()["hls"]["status"] == "live")
            assert await allowed_origin(server, "https://a.example") == "*"
            configure(
                config,
                "cors_origins = 'https://a.example'\npublic_host = 'radio.example'\n"
                "rtmp_timeout_s = 5\nlog_level = 'debug'\nledger_days = 1\n",
            )
            await reload(
                server, "settings read again", "public_host", "cors_origins", "ledger_days"
            )
            assert await allowed_origin(server, "https://a.example") == "https://a.example"
            assert await allowed_origin(server, "https://b.example") is None
            await until(lambda: "//radio.example:" in (server.rows()["hls"]["streamUrl"] or ""))
            assert "radio.example" in str(await server.cli("credentials", "demo"))
            await until(log_has(server, " DEBUG "))
            assert encoder.returncode is None
            assert server.rows()["hls"]["status"] == "live"


async def test_sighup_names_what_needs_a_restart_and_keeps_it(config: Path, tmp_path: Path) -> None:
    async with serving(tmp_path / "data") as server:
        configure(config, f"database_url = 'sqlite:///{tmp_path}/other.db'\n")
        await reload(server, "WARNING", "needs a restart: database_url")
        assert (await server.request("GET", "/health"))[0] == 200
        assert not (tmp_path / "other.db").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("log_level = 'loud'\ncors_origins = 'https://a.example'\n", "AWAZPULSE_LOG_LEVEL"),
        ("cors_origins = ", "awazpulse.toml"),
        ("corz = 'https://a.example'\n", "'corz'"),
        ("country_database = 'none.mmdb'\ncors_origins = 'https://a.example'\n", "none.mmdb"),
    ],
)
async def test_a_bad_file_changes_nothing_and_the_next_good_one_does(
    config: Path, tmp_path: Path, text: str, words: str
) -> None:
    async with serving(tmp_path / "data") as server:
        configure(config, text)
        await reload(server, "ERROR", "the settings stay as they were", words)
        assert await allowed_origin(server, "https://a.example") == "*"
        configure(config, "cors_origins = 'https://b.example'\n")
        await reload(server, "settings read again; changed: cors_origins")
        assert await allowed_origin(server, "https://a.example") is None
        assert await server.stop() == 0
        assert not (server.data_dir / "server.json").exists()


@asynccontextmanager
async def terminal() -> AsyncIterator[tuple[int, Callable[[], None]]]:
    """A terminal to start a program on, and what closes it."""
    ours, theirs = pty.openpty()
    closed = False

    def close() -> None:
        nonlocal closed
        closed = True
        os.close(ours)

    try:
        yield theirs, close
    finally:
        os.close(theirs)
        if not closed:
            os.close(ours)


@pytest.mark.parametrize("is_closed", [True, False])
async def test_a_terminal_that_is_closed_ends_the_server_and_a_mere_sighup_does_not(
    tmp_path: Path, is_closed: bool
) -> None:
    async with terminal() as (stdin, close):
        process = await asyncio.create_subprocess_exec(
            *AWAZPULSE, "serve", "--json",
            env=environment(tmp_path / "data"), stdin=stdin, stdout=PIPE, stderr=DEVNULL,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            async with asyncio.timeout(20):
                await process.stdout.readline()
            if is_closed:
                close()
            process.send_signal(signal.SIGHUP)
            if not is_closed:
                await asyncio.sleep(0.5)
                assert process.returncode is None
                process.terminate()
            async with asyncio.timeout(15):
                assert await process.wait() == 0
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    assert not (tmp_path / "data" / "server.json").exists()


@pytest.mark.needs("ffmpeg")
async def test_the_log_is_json_from_the_first_line_on_and_names_the_channel(
    config: Path, tmp_path: Path
) -> None:
    async with serving(tmp_path / "data", LOG_FORMAT="json") as server:
        await server.end_with_encoder()
        key = server.card["credentials"]["hls"]["streamKey"]
        async with running(*ffmpeg_tone("aac", rtmp_output(server, key))):
            await until(lambda: server.rows()["hls"]["status"] == "live")
        await until(log_has(server, "off air after"))
        assert await server.stop() == 0
    lines = [json.loads(line) for line in server.log]
    assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines)
    (on_air,) = [line for line in lines if line["message"] == "on air as hls"]
    assert (on_air["channel"], on_air["level"]) == ("demo", "info")
    assert isinstance(on_air["broadcast"], int)


async def test_the_format_of_the_log_changes_by_sighup(config: Path, tmp_path: Path) -> None:
    async with serving(tmp_path / "data") as server:
        configure(config, "log_format = 'json'\n")
        await reload(server, '"message": "settings read again; changed: log_format"')


async def test_a_server_that_has_started_is_ready(server: Server) -> None:
    assert await server.request("GET", "/readyz") == (200, {"status": "ready"})


async def figures(server: Server) -> dict[str, float]:
    """What /metrics answers, by name and labels."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(server.url("api", "/metrics")) as response,
    ):
        assert response.status == 200
        lines = (await response.text()).splitlines()
    pairs = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {name: float(value) for name, _, value in pairs}


@pytest.mark.needs("ffmpeg")
async def test_figures_tell_of_what_is_on_air_and_who_listens(config: Path, tmp_path: Path) -> None:
    async with serving(tmp_path / "data") as server:
        icecast = (await server.add_channel("two", "icecast"))["icecast"]
        wrong = ffmpeg_tone("mp3", icecast_output(server, "wrong", "/two.mp3"))
        async with running(*wrong) as refused:
            await refused.wait()
        right = ffmpeg_tone("mp3", icecast_output(server, icecast["password"], "/two.mp3"))
        async with running(*right):
            await until(lambda: server.rows("two")["icecast"]["status"] == "live")
            listener = asyncio.create_task(listen(server.url("icecast", "/two.mp3")))
            await until(lambda: server.rows("two")["icecast"]["currentListeners"] == 1)
            async with asyncio.timeout(10):
                while not (now := await figures(server)).get(  # noqa: ASYNC110
                    'awazpulse_channel_ingest_bits_per_second{channel="two"}'
                ):
                    await asyncio.sleep(0.5)
            assert now['awazpulse_broadcasts{type="icecast"}'] == 1
            assert now['awazpulse_listeners{type="icecast"}'] == 1
            assert now['awazpulse_channel_listeners{channel="two",type="icecast"}'] == 1
            assert now['awazpulse_sent_bytes_total{type="icecast"}'] > 10_000
            assert now['awazpulse_refused_logins_total{reason="wrong_secret"}'] >= 1
            assert now["awazpulse_database_transaction_seconds_count"] > 10
            assert now["awazpulse_event_loop_lag_seconds_count"] >= 1
            listener.cancel()
        configure(config, "metrics_access = 'admin'\n")
        await reload(server, "changed: metrics_access")
        assert (await server.request("GET", "/metrics"))[0] == 401


async def test_systemd_is_told_of_the_start_each_reload_the_watchdog_and_the_end(
    config: Path, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.setblocking(False)
        loop = asyncio.get_running_loop()

        async def expect(word: str) -> list[str]:
            async with asyncio.timeout(10):
                while True:
                    lines = (await loop.sock_recv(manager, 4096)).decode().split("\n")
                    if word in lines:
                        return lines

        variables = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "400000"}
        with pytest.MonkeyPatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            async with serving(tmp_path / "data") as server:
                assert "STATUS=0 channels on air, 0 listeners" in await expect("READY=1")
                assert await expect("WATCHDOG=1")
                server.process.send_signal(signal.SIGHUP)
                assert (await expect("RELOADING=1"))[1].startswith("MONOTONIC_USEC=")
                assert await expect("READY=1")
                server.process.send_signal(signal.SIGTERM)
                assert await expect("STOPPING=1")
                async with asyncio.timeout(15):
                    assert await server.process.wait() == 0


class Listener:
    """Hears a channel by Icecast, for as long as the server lets it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.received = 0
        self._writer = writer
        self._task = asyncio.create_task(self._read(reader))

    @classmethod
    async def connect(cls, server: Server, path: str) -> "Listener":
        reader, writer = await asyncio.open_connection("127.0.0.1", server.ports["icecast"])
        writer.write(f"GET {path} HTTP/1.1\r\n\r\n".encode())
        assert b" 200 OK\r\n" in await reader.readuntil(b"\r\n\r\n")
        return cls(reader, writer)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(65_536):
            self.received += len(data)

    @property
    def has_ended(self) -> bool:
        return self._task.done()

    async def leave(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()
        await self._task


@asynccontextmanager
async def simulcast(tmp_path: Path, drain_s: float) -> AsyncIterator[tuple[Server, str, Listener]]:
    """A server with one channel on air in both ways, its source's password, and one who listens."""
    async with serving(tmp_path / "data", DRAIN_S=drain_s) as server:
        icecast = (await server.add_channel("two", "icecast"))["icecast"]
        await server.cli("channel", "set", "two", "simulcast=true")
        output = icecast_output(server, icecast["password"], "/two.mp3")
        async with running(*ffmpeg_tone("mp3", output)):
            await until(lambda: server.rows("two")["icecast"]["status"] == "live")
            listener = await Listener.connect(server, "/two.mp3")
            try:
                yield server, icecast["password"], listener
            finally:
                await listener.leave()


async def log_in_source(server: Server, path: str, password: str) -> str:
    """Return the status line that a second source is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.ports["icecast"])
    basic = base64.b64encode(f"source:{password}".encode()).decode()
    lines = [f"PUT {path} HTTP/1.1", f"Authorization: Basic {basic}", "Content-Type: audio/mpeg"]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    line = (await reader.readline()).decode().strip()
    writer.close()
    return line


async def drain(server: Server) -> None:
    server.process.send_signal(signal.SIGTERM)
    await until(log_has(server, "draining for "))


@pytest.mark.needs("ffmpeg")
async def test_while_it_drains_listeners_hear_on_and_everybody_new_is_refused_with_a_reason(
    tmp_path: Path,
) -> None:
    async with simulcast(tmp_path, 30) as (server, password, listener):
        playlist = server.url("hls", "/hls/two.m3u8")
        assert (await fetch(playlist, {"User-Agent": "before"}))[0] == 200
        key = server.card["credentials"]["hls"]["streamKey"]
        await drain(server)
        status, problem = await server.request("GET", "/readyz")
        assert (status, problem["detail"]) == (503, "not ready: the server is about to stop")
        assert (await server.request("GET", "/healthz"))[0] == 200
        assert (await server.request("POST", "/auth/login", body=server.card["owner"]))[0] == 503
        assert (await figures(server))["awazpulse_draining"] == 1
        assert (await fetch(playlist, {"User-Agent": "before"}))[0] == 200
        assert await fetch(playlist, {"User-Agent": "new"}) == (
            503,
            b"The server is about to stop.\n",
        )
        assert (await fetch(server.url("icecast", "/two.mp3")))[0] == 503
        assert await log_in_source(server, "/two.mp3", password) == (
            "HTTP/1.0 503 the server is about to stop and takes nobody new; try again in a moment"
        )
        async with running(*ffmpeg_tone("aac", rtmp_output(server, key))) as encoder:
            await until(log_has(server, "rtmp=", "refused: the server is about to stop"))
            assert await encoder.wait()
        heard = listener.received
        await until(lambda: listener.received > heard + 20_000)
        assert server.process.returncode is None
        assert await server.stop(signal.SIGTERM) == 0  # the second one
        await until(lambda: listener.has_ended)


@pytest.mark.needs("ffmpeg")
@pytest.mark.parametrize("reason", ["the time is over", "nobody listens", "sigint"])
async def test_a_drain_ends_by_its_time_or_with_its_last_listener_or_by_sigint(
    tmp_path: Path, reason: str
) -> None:
    seconds = 2 if reason == "the time is over" else 60
    async with simulcast(tmp_path, seconds) as (server, _, listener):
        begun = asyncio.get_running_loop().time()
        await drain(server)
        if reason == "nobody listens":
            await listener.leave()
        elif reason == "sigint":
            server.process.send_signal(signal.SIGINT)
        async with asyncio.timeout(20):
            assert await server.process.wait() == 0
        took_s = asyncio.get_running_loop().time() - begun
        assert (took_s >= 2) if reason == "the time is over" else (took_s < 20)
        assert server.rows("two")["icecast"]["status"] == "offline"
        assert not (server.data_dir / "server.json").exists()


@pytest.mark.needs("ffmpeg")
@pytest.mark.parametrize(("drain_s", "number"), [(0, signal.SIGTERM), (60, signal.SIGINT)])
async def test_without_a_drain_and_by_sigint_the_end_comes_at_once(
    tmp_path: Path, drain_s: float, number: signal.Signals
) -> None:
    async with simulcast(tmp_path, drain_s) as (server, _, _):
        assert await server.stop(number) == 0
        assert not [line for line in server.log if "draining" in line]
