"""What a new user meets: the first start, later starts, the end, and starts that cannot be."""

import asyncio
import signal
import socket
import sqlite3
import time
from pathlib import Path

import pytest

from tests.on_air.clients import ffmpeg_tone, icecast_output, listen, rtmp_output, running
from tests.on_air.server import AWAZPULSE, Server, environment, run, serving, until


async def test_the_first_start_makes_an_owner_and_a_channel_and_shows_their_secrets_once(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path / "data") as server:
        assert server.card["channels"] == ["demo"]
        assert server.card["owner"]["email"] == "owner@localhost"
        assert server.card["credentials"] == await server.cli("credentials", "demo")
        assert await server.token()
        assert await server.stop() == 0
    async with serving(tmp_path / "data") as server:
        assert server.card["channels"] == ["demo"]
        assert "owner" not in server.card
        assert "credentials" not in server.card


async def test_the_card_for_people_holds_all_that_is_typed_into_obs_and_butt(
    tmp_path: Path,
) -> None:
    env = environment(tmp_path / "data", PUBLIC_HOST="radio.example")
    process = await asyncio.create_subprocess_exec(
        *AWAZPULSE, "serve", env=env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(20):
        card = (await process.stdout.readuntil(b"Ctrl-C ends it.\n")).decode()
    process.send_signal(signal.SIGINT)
    _, log = await process.communicate()
    assert process.returncode == 0
    _, out, _ = await run(*AWAZPULSE, "credentials", "demo", "--json", env=env)
    for secret in (out.split('"streamKey": "')[1], out.split('"password": "')[1]):
        assert secret.split('"')[0] in card
        assert secret.split('"')[0] not in log.decode()
    for word in ("rtmp://radio.example:", "/hls/demo.m3u8", "/demo.mp3", "source", "owner@"):
        assert word in card


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_the_end_closes_sources_and_listeners_and_leaves_the_rows_offline(
    tmp_path: Path, number: signal.Signals
) -> None:
    async with serving(tmp_path / "data") as server:
        icecast = (await server.add_channel("two", "icecast"))["icecast"]
        key = server.card["credentials"]["hls"]["streamKey"]
        url = f"icecast://source:{icecast['password']}@127.0.0.1:{icecast['port']}/two.mp3"
        async with (
            running(*ffmpeg_tone("aac", rtmp_output(server, key))) as obs,
            running(*ffmpeg_tone("mp3", ("-content_type", "audio/mpeg", "-f", "mp3", url))) as butt,
        ):
            await until(lambda: server.rows("two")["icecast"]["status"] == "live")
            await until(lambda: server.rows()["hls"]["status"] == "live")
            listener = asyncio.create_task(listen(server.url("icecast", "/two.mp3")))
            await until(lambda: server.rows("two")["icecast"]["currentListeners"] == 1)
            assert await server.stop(number) == 0
            assert await listener
            async with asyncio.timeout(10):
                await asyncio.gather(obs.wait(), butt.wait())
        for row in (server.rows()["hls"], server.rows("two")["icecast"]):
            assert (row["status"], row["currentListeners"]) == ("offline", 0)
            assert row["lastOnlineAt"]
        assert not (server.data_dir / "server.json").exists()


async def test_after_a_crash_the_next_start_repairs_the_rows(tmp_path: Path) -> None:
    async with serving(tmp_path / "data") as server:
        key = server.card["credentials"]["hls"]["streamKey"]
        async with running(*ffmpeg_tone("aac", rtmp_output(server, key))):
            await until(lambda: server.rows()["hls"]["status"] == "live")
            server.process.kill()
            await server.process.wait()
        assert server.rows()["hls"]["status"] == "live"
    async with serving(tmp_path / "data") as server:
        assert server.rows()["hls"]["status"] == "offline"


async def refused_start(env: dict[str, str], cwd: Path | None = None) -> str:
    """Start a server that cannot start; return its one line of complaint."""
    process = await asyncio.create_subprocess_exec(
        *AWAZPULSE,
        "serve",
        env=env,
        cwd=cwd,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(20):
        out, err = await process.communicate()
    assert process.returncode == 2, err
    assert out == b""
    lines = [line for line in err.decode().splitlines() if line.startswith("awazpulse: ")]
    assert len(lines) == 1, err
    assert err.decode().splitlines()[-1] == lines[0]
    assert "Traceback" not in err.decode()
    return lines[0]


@pytest.mark.parametrize("port", ["RTMP_PORT", "ICECAST_PORT", "HLS_PORT", "API_PORT"])
async def test_a_port_in_use_is_one_line_that_says_what_to_change(
    tmp_path: Path, port: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        line = await refused_start(environment(tmp_path / "data", **{port: number}))
    assert f"port {number} for " in line
    assert f"set AWAZPULSE_{port} to another port" in line
    # Nothing was made that only this start could have shown.
    async with serving(tmp_path / "data") as server:
        assert server.card["owner"]


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("RTMP_PORT", "many", "AWAZPULSE_RTMP_PORT"),
        ("HLS_PORT", "70000", "AWAZPULSE_HLS_PORT"),
        ("LOG_LEVEL", "loud", "AWAZPULSE_LOG_LEVEL"),
        ("SECRET_KEY", "short", "AWAZPULSE_SECRET_KEY has 5 characters"),
        ("DATABASE_URL", "postgres://x/y", "AWAZPULSE_DATABASE_URL"),
        ("DATABASE_URL", "mysql://u:topsecret@127.0.0.1:1/x", "AWAZPULSE_DATABASE_URL"),
        ("PUBLIC_HOST", "ftp://radio.example", "AWAZPULSE_PUBLIC_HOST"),
        ("BIND", "203.0.113.7", "AWAZPULSE_BIND"),
        ("SOURCE_TIMEOUT_S", "0", "AWAZPULSE_SOURCE_TIMEOUT_S"),
    ],
)
async def test_a_wrong_setting_is_one_line_that_names_it(
    tmp_path: Path, setting: str, value: str, words: str
) -> None:
    line = await refused_start(environment(tmp_path / "data", **{setting: value}))
    assert words in line
    assert "topsecret" not in line


async def test_a_database_of_a_newer_program_is_one_line(tmp_path: Path) -> None:
    env = environment(tmp_path / "data")
    assert (await run(*AWAZPULSE, "migrate", env=env))[0] == 0
    database = sqlite3.connect(tmp_path / "data" / "awazpulse.db")
    database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.commit()
    database.close()
    assert "its schema is newer than this program" in await refused_start(env)


async def test_after_a_crash_commands_work_on_the_database(tmp_path: Path) -> None:
    async with serving(tmp_path / "data") as server:
        server.process.kill()
        await server.process.wait()
        assert (server.data_dir / "server.json").exists()
        await server.cli("switch", "demo", "icecast")
        status, _, err = await run(*AWAZPULSE, "channel", "set", "demo", "name=X", env=server.env)
        assert (status, err) == (0, "")
    assert server.rows()["icecast"]["isMainStream"] == 1


async def test_two_ports_that_are_the_same_are_refused(tmp_path: Path) -> None:
    env = environment(tmp_path / "data", RTMP_PORT=4711, HLS_PORT=4711)
    assert "two of the four ports are the same" in await refused_start(env)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rtmp_prot = 1", "there is no setting 'rtmp_prot'"),
        ("rtmp_port = ", "awazpulse.toml"),
        ("rtmp_port = 'x'", "RTMP_PORT (or rtmp_port in awazpulse.toml)"),
    ],
)
async def test_a_wrong_file_is_one_line_that_names_it(
    tmp_path: Path, text: str, words: str
) -> None:
    (tmp_path / "awazpulse.toml").write_text(text)
    env = environment(tmp_path / "data")
    del env["AWAZPULSE_RTMP_PORT"]
    assert words in await refused_start(env, cwd=tmp_path)


async def test_the_environment_stands_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "awazpulse.toml").write_text("public_host = 'from-file'\nrtmp_port = 'x'\n")
    env = environment(tmp_path / "data")
    process = await asyncio.create_subprocess_exec(
        *AWAZPULSE, "credentials", "x", env=env, cwd=tmp_path, stderr=asyncio.subprocess.PIPE
    )
    _, err = await process.communicate()
    assert b"channel 'x' does not exist" in err


async def test_a_data_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    line = await refused_start(environment(tmp_path / "file" / "data"))
    assert "cannot write to the data folder" in line
    assert "AWAZPULSE_DATA_DIR" in line


async def test_secrets_are_in_no_log_and_unreadable_on_disk(server: Server) -> None:
    key = server.card["credentials"]["hls"]["streamKey"]
    secrets = [
        key.partition("key=")[2],
        server.card["credentials"]["icecast"]["password"],
        server.card["owner"]["password"],
    ]
    async with running(*ffmpeg_tone("aac", rtmp_output(server, key))):
        await until(lambda: server.rows()["hls"]["status"] == "live")
    async with running(*ffmpeg_tone("aac", rtmp_output(server, f"{key}x"))) as encoder:
        await encoder.wait()
    await until(lambda: any("refused" in line for line in server.log))
    for file in server.data_dir.iterdir():
        if file.is_file():
            content = file.read_bytes()
            assert not [secret for secret in secrets if secret.encode() in content], file
    assert not [s for s in secrets for line in server.log if s in line]
    assert (server.data_dir / "secret.key").stat().st_mode & 0o077 == 0


async def test_after_a_crash_at_most_five_seconds_of_the_ledger_are_missing(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path / "data") as server:
        await server.switch("demo", "icecast")
        output = icecast_output(server, server.card["credentials"]["icecast"]["password"])
        async with running(*ffmpeg_tone("mp3", output)):
            await until(lambda: server.rows()["icecast"]["status"] == "live")
            token = await server.token()
            url = server.url("icecast", "/demo.mp3")
            status, _ = await server.request(
                "PUT", "/streams/channel/demo/metadata", token, {"title": "Geet"}
            )
            assert status == 200
            listener = asyncio.create_task(listen(url, {"User-Agent": "Player/1"}))
            begun_s = time.time()
            await asyncio.sleep(7)
            server.process.kill()
            killed_s = time.time()
            await server.process.wait()
            await listener
    async with serving(tmp_path / "data") as server:
        _, page = await server.request("GET", "/streams/channel/demo/sessions", token)
        _, history = await server.request("GET", "/streams/channel/demo/history", token)
        _, now = await server.request("GET", "/streams/channel/demo/listeners", token)
    (session,) = page["items"]
    (title,) = history["items"]
    assert (session["userAgent"], session["address"]) == ("Player/1", "127.0.0.0")
    assert title["track"] == "Geet"
    assert killed_s - begun_s - 5 <= session["seconds"] <= killed_s - begun_s + 0.5
    assert session["endedAt"] is not None
    assert title["endedAt"] is not None
    assert now["sessions"] == []
