"""The commands beside a server and without one; `--json` is one object and nothing else."""

import json
from pathlib import Path

import pytest

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
    await server.cli("channel", "set", "bob", "maxListeners=30000", "name=Bob FM")
    row = server.rows("bob")["hls"]
    assert (row["maxListeners"], row["name"]) == (30_000, "Bob FM")


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("credentials", "nobody"), 1, "channel 'nobody' does not exist"),
        (("token", "nobody@x"), 2, "user 'nobody@x' does not exist"),
        (("user", "add", "nonsense"), 2, "expected name@domain"),
        (("channel", "add", "X", "--id", "a b", "--owner", "x@y"), 2, "expected 1 to 36 letters"),
        (("channel", "add", "X", "--id", "x", "--owner", "x@y"), 2, "user 'x@y' does not exist"),
        (("channel", "set", "demo", "maxListeners"), 2, "expected NAME=VALUE"),
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
