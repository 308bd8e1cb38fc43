"""The commands beside a server and without one; `--json` is one object and nothing else."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from awazpulse.channels.public_urls import PublicUrls
from awazpulse.channels.tokens import Tokens
from awazpulse.refusals import InvalidToken
from awazpulse.running import RunningServer
from tests.on_air.server import AWAZPULSE, Server, environment, run


async def test_an_operator_makes_users_and_channels_which_the_server_knows_at_once(
    server: Server,
) -> None:
    made = await server.cli(
        "user", "add", "Ada@Radio.example", "--role", "admin", stdin=b"lovelace\n"
    )
    assert made["email"] == "ada@radio.example"
    assert made["role"] == "admin"
    assert "password" not in made
    status, answer = await server.request(
        "POST", "/auth/login", body={"email": "ada@radio.example", "password": "lovelace"}
    )
    assert status == 200
    generated = await server.cli("user", "add", "bob@radio.example")
    login = {"email": generated["email"], "password": generated["password"]}
    assert (await server.request("POST", "/auth/login", body=login))[0] == 200
    token = (await server.cli("token", "bob@radio.example"))["accessToken"]
    channel = await server.cli(
        "channel", "add", "Radio Bob", "--id", "bob", "--owner", "bob@radio.example"
    )
    assert channel["id"] == "bob"
    shown = await server.cli("credentials", "bob")
    path = "/streams/channel/bob/credentials"
    assert await server.request("GET", path, token) == (200, shown)
    assert (await server.request("GET", path, answer["accessToken"]))[
        0
    ] == 403  # no owner, though admin
    changed = await server.cli(
        *("channel", "set", "bob", "maxListeners=30000", "name=Bob FM", "isActive=yes")
    )
    assert changed == {"id": "bob", "maxListeners": 30_000, "name": "Bob FM", "isActive": True}
    row = server.rows("bob")["hls"]
    assert (row["maxListeners"], row["name"]) == (30_000, "Bob FM")


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("credentials", "nobody"), 2, "channel 'nobody' does not exist"),
        (("token", "nobody@x"), 2, "user 'nobody@x' does not exist"),
        (("user", "add", "nonsense"), 2, "expected name@domain"),
        (("channel", "add", "X", "--id", "a b", "--owner", "x@y"), 2, "expected 1 to 36 letters"),
        (("channel", "add", "X", "--id", "x", "--owner", "x@y"), 2, "user 'x@y' does not exist"),
        (("user", "password", "nobody@x"), 2, "user 'nobody@x' does not exist"),
        (("channel", "rotate", "nobody", "hls"), 2, "channel 'nobody' does not exist"),
        (("channel", "set", "nobody", "name=X"), 2, "channel 'nobody' does not exist"),
        (("switch", "../demo", "hls"), 2, "channel '../demo' does not exist"),
        (("channel", "set", "demo", "maxListeners"), 2, "expected NAME=VALUE"),
        (("channel", "fallback", "nobody", __file__), 2, "channel 'nobody' does not exist"),
        (("channel", "fallback", "nobody", "--remove"), 2, "channel 'nobody' does not exist"),
        (("channel", "fallback", "demo", "/nowhere.mp3"), 2, "cannot read /nowhere.mp3"),
    ],
)
async def test_what_cannot_be_done_is_one_line(
    tmp_path: Path, arguments: tuple[str, ...], status: int, words: str
) -> None:
    env = environment(tmp_path / "data")
    got, out, err = await run(*AWAZPULSE, *arguments, "--json", env=env)
    assert (got, out) == (status, "")
    assert words in err
    assert err.count("\n") == 1


async def test_new_password_replaces_the_old_one(server: Server) -> None:
    old = server.card["owner"]
    made = await server.cli("user", "password", old["email"], stdin=b"lovelace\n")
    assert "password" not in made
    login = {"email": old["email"], "password": "lovelace"}
    assert (await server.request("POST", "/auth/login", body=login))[0] == 200
    assert (await server.request("POST", "/auth/login", body=old))[0] == 401
    generated = await server.cli("user", "password", old["email"])
    assert generated["email"] == old["email"]
    login["password"] = generated["password"]
    assert (await server.request("POST", "/auth/login", body=login))[0] == 200


async def test_file_that_is_no_audio_is_told_of_without_the_name_that_it_has_in_the_data_folder(
    server: Server,
) -> None:
    status, out, err = await run(
        *AWAZPULSE, "channel", "fallback", "demo", __file__, env=server.env
    )
    assert (status, out) == (2, "")
    assert err.startswith("awazpulse: the file is not MP3")
    assert err.count("\n") == 1
    assert not list((server.data_dir / "fallback" / "demo").iterdir())


async def test_secret_is_made_anew_and_shown_and_the_other_one_stays(server: Server) -> None:
    before = server.card["credentials"]
    for kind, secret in (("hls", "streamKey"), ("icecast", "password")):
        rotated = await server.cli("channel", "rotate", "demo", kind)
        after = await server.cli("credentials", "demo")
        assert rotated == after[kind]
        assert rotated[secret] != before[kind][secret]
    status, out, _ = await run(*AWAZPULSE, "channel", "rotate", "demo", "hls", env=server.env)
    assert status == 0
    assert "demo?key=" in out
    assert before["hls"]["streamKey"] not in out
    assert after["icecast"]["password"] not in out


@asynccontextmanager
async def out_of_its_mind(data_dir: Path, answer: bytes) -> AsyncIterator[list[str]]:
    """A server of ours, as far as the data folder goes, that answers whatever comes with this."""
    asked: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(answer)
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        announced = RunningServer(data_dir)
        announced.announce("127.0.0.1", PublicUrls("127.0.0.1", api_port=port))
        yield asked
        announced.withdraw()


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b'HTTP/1.1 404 Not Found\r\nContent-Length: 17\r\n\r\n{"message": "no"}',
    ],
    ids=["ssh", "text", "empty", "refused"],
)
async def test_server_that_answers_otherwise_is_told_of_and_gets_no_token_of_the_owner(
    tmp_path: Path, answer: bytes
) -> None:
    data_dir = tmp_path / "data"
    env = environment(data_dir)
    for arguments in (
        ("user", "add", "a@b.example"),
        ("channel", "add", "One", "--id", "one", "--owner", "a@b.example"),
    ):
        assert (await run(*AWAZPULSE, *arguments, env=env))[0] == 0
    async with out_of_its_mind(data_dir, answer) as asked:
        status, out, err = await run(*AWAZPULSE, "switch", "one", "icecast", env=env)
        assert (status, out) == (1, "")
        assert err.startswith("awazpulse: the running server did not take it: ")
        assert err.count("\n") == 1
        status, out, err = await run(*AWAZPULSE, "channel", "set", "one", "name=New", env=env)
        assert (status, out) == (0, "channel one: name=New\n")
        assert err.startswith("awazpulse: warning: the change is saved, but the running server")
        assert err.count("\n") == 1
    key = (data_dir / "secret.key").read_text()
    for head in asked:
        token = head.partition("Bearer ")[2].partition("\r\n")[0]
        with pytest.raises(InvalidToken):
            Tokens(key).verify(token)
    status, out, _ = await run(*AWAZPULSE, "switch", "one", "icecast", "--json", env=env)
    assert json.loads(out) == {"id": "one", "streamType": "icecast"}


async def test_settings_that_do_not_exist_or_fit_name_what_does(server: Server) -> None:
    for pair, words in (("colour=red", "expected one of"), ("maxListeners=-1", "maxListeners")):
        status, _, err = await run(*AWAZPULSE, "channel", "set", "demo", pair, env=server.env)
        assert status == 2
        assert words in err


async def test_without_a_server_everything_works_on_the_database(tmp_path: Path) -> None:
    env = environment(tmp_path / "data")
    for arguments in (
        ("migrate",),
        ("user", "add", "a@b.example"),
        ("channel", "add", "One", "--id", "one", "--owner", "a@b.example"),
        ("switch", "one", "icecast"),
        ("credentials", "one"),
    ):
        status, out, err = await run(*AWAZPULSE, *arguments, "--json", env=env)
        assert (status, err) == (0, "")
        assert isinstance(json.loads(out), dict)


async def test_health_is_that_of_the_running_server(server: Server, tmp_path: Path) -> None:
    assert (await server.cli("health"))["status"] == "ok"
    status, out, err = await run(
        *AWAZPULSE, "health", "--json", env=environment(tmp_path / "none"), timeout_s=10
    )
    assert (status, out) == (1, "")
    assert "no server runs" in err
