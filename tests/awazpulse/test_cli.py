"""What needs no server, nor a media worker. The other commands are in tests/on_air."""

import argparse
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from awazpulse.app import Core
from awazpulse.channels.fallback_files import FallbackFiles
from awazpulse.channels.tokens import InternalAction
from awazpulse.cli import (
    FALLBACK_BLOCK_BYTES,
    Command,
    UsageError,
    _build_parser,
    _program,
    set_channel,
    set_fallback,
)
from awazpulse.kinds import TakeoverPolicy
from awazpulse.refusals import InvalidValue, UnknownChannel, UnusableFile
from awazpulse.running import Answer, RunningServer, ServerFailed
from awazpulse.settings import Settings
from awazpulse.store import Channel
from tests.awazpulse.channels.probing import AUDIO, FakeProber


def test_program_is_called_by_name_where_that_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "bin" / "awazpulse"
    script.parent.mkdir()
    script.touch(mode=0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/usr/bin")
    assert _program(str(script), sys.executable) == "bin/awazpulse"
    monkeypatch.chdir("/")
    assert _program(str(script), sys.executable) == str(script).removeprefix("/")
    monkeypatch.setenv("PATH", str(script.parent))
    assert _program(str(script), sys.executable) == "awazpulse"


def test_module_is_called_by_its_interpreter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    script = "/somewhere/awazpulse/__main__.py"
    interpreter = str(tmp_path / ".venv/bin/python")
    assert _program(script, interpreter) == ".venv/bin/python -m awazpulse"


class FakeServer(RunningServer):
    """A running server that takes what it is told, or does not answer."""

    def __init__(self, data_dir: Path) -> None:
        super().__init__(data_dir)
        self.told: list[tuple[str, str]] = []
        self.is_silent = False

    async def post(
        self, path: str, token: str, body: Mapping[str, object] | None = None
    ) -> Answer | None:
        if self.is_silent:
            raise ServerFailed("no answer")
        self.told.append((path, token))
        return Answer(204, {})


class Desk:
    """An operator's command line, on a data folder with one channel."""

    def __init__(self, core: Core, server: FakeServer, folder: Path) -> None:
        self.core = core
        self.server = server
        self.folder = folder

    async def run(self, command: Command, *arguments: str) -> tuple[dict[str, Any], str]:
        name = "set" if command is set_channel else "fallback"
        args: argparse.Namespace = _build_parser().parse_args(["channel", name, *arguments])
        return await command(self.core, args)

    async def channel(self) -> Channel:
        return (await self.core.catalog.get("demo")).channel

    def uploads(self) -> list[bytes]:
        return [path.read_bytes() for path in self.folder.glob("data/fallback/*/*")]

    def make_file(self, content: bytes = AUDIO, name: str = "jingle.mp3") -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    core = Core(Settings(data_dir=tmp_path / "data"))
    core.fallbacks = FallbackFiles(core.database, core.settings.data_dir, FakeProber())
    core.running = server = FakeServer(core.settings.data_dir)
    await core.migrate()
    await core.accounts.create("a@b.example", "a good password")
    await core.catalog.create("demo", "Demo", "a@b.example")
    yield Desk(core, server, tmp_path)
    await core.close()


async def test_every_new_setting_of_a_channel_is_set_by_its_json_name(desk: Desk) -> None:
    given = {
        "graceTime": 60,
        "takeover": "refuse",
        "formatChange": "end",
        "fallbackAfter": 0,
        "alwaysOn": True,
        "simulcast": True,
        "deadAirLevel": -40,
        "deadAirAfter": 60,
        "deadAirFallback": True,
        "showListeners": True,
    }
    pairs = [f"{name}={str(value).lower()}" for name, value in given.items()]
    result, text = await desk.run(set_channel, "demo", *pairs)
    assert result == {"id": "demo", **given}
    assert text == f"channel demo: {', '.join(pairs)}"
    channel = await desk.channel()
    assert (channel.grace_time, channel.takeover) == (60, TakeoverPolicy.REFUSE)
    assert (channel.fallback_after, channel.dead_air_level) == (0, -40)
    assert channel.always_on
    assert channel.simulcast


async def test_fallback_is_copied_into_the_data_folder_and_the_server_is_told(desk: Desk) -> None:
    content = AUDIO.ljust(2 * FALLBACK_BLOCK_BYTES + 1, b".")
    file = desk.make_file(content)
    result, text = await desk.run(set_fallback, "demo", str(file), "--title", "Soon again")
    shown = result["fallback"]
    assert (result["id"], shown["title"], shown["bytes"]) == ("demo", "Soon again", len(content))
    assert text == "channel demo falls back to 'Soon again'"
    assert desk.uploads() == [content]
    assert file.exists()
    channel = await desk.channel()
    assert channel.fallback_file == f"fallback/demo/{shown['fileName']}"
    assert channel.fallback_file.endswith(".mp3")
    ((path, token),) = desk.server.told
    assert path == "/internal/channels/demo/refresh"
    desk.core.tokens.verify_internal(token, "demo", InternalAction.REFRESH)


async def test_fallback_is_removed_and_the_server_is_told(desk: Desk) -> None:
    await desk.run(set_fallback, "demo", str(desk.make_file()))
    result, text = await desk.run(set_fallback, "demo", "--remove")
    assert (result, text) == ({"id": "demo", "fallback": None}, "channel demo has no fallback")
    assert desk.uploads() == []
    assert (await desk.channel()).fallback_file is None
    assert len(desk.server.told) == 2


async def test_change_that_a_server_does_not_hear_of_is_saved_and_warned_of(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.server.is_silent = True
    await desk.run(set_fallback, "demo", str(desk.make_file()))
    assert desk.uploads() == [AUDIO]
    assert "warning: the change is saved, but" in capsys.readouterr().err


async def test_file_that_cannot_be_read_or_played_changes_nothing(desk: Desk) -> None:
    for name in (str(desk.folder / "missing"), str(desk.folder), "a\0b"):
        with pytest.raises(UsageError, match="cannot read"):
            await desk.run(set_fallback, "demo", name)
    with pytest.raises(UnusableFile):
        await desk.run(set_fallback, "demo", str(desk.make_file(b"no audio")))
    with pytest.raises(UnknownChannel):
        await desk.run(set_fallback, "nobody", str(desk.make_file()))
    with pytest.raises(UsageError, match="--title with --remove"):
        await desk.run(set_fallback, "demo", "--remove", "--title", "x")
    assert desk.uploads() == []
    assert desk.server.told == []


@pytest.mark.parametrize("arguments", [(), ("x.mp3", "--remove")])
async def test_fallback_command_wants_a_file_or_its_removal(
    desk: Desk, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        await desk.run(set_fallback, "demo", *arguments)
    assert "--remove" in capsys.readouterr().err


async def test_operators_file_is_named_by_its_whole_path_and_unnamed_by_none(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.run(set_fallback, "demo", str(desk.make_file()))
    own = desk.make_file(name="own.mp3")
    monkeypatch.chdir(desk.folder)
    result, _ = await desk.run(set_channel, "demo", "fallbackPath=own.mp3", "graceTime=7")
    assert result == {"id": "demo", "fallbackPath": str(own), "graceTime": 7}
    channel = await desk.channel()
    assert (channel.fallback_file, channel.fallback_title) == (str(own), "Jingle")
    assert channel.grace_time == 7
    assert desk.uploads() == []
    result, _ = await desk.run(set_channel, "demo", "fallbackPath=")
    assert result == {"id": "demo", "fallbackPath": ""}
    assert (await desk.channel()).fallback_file is None
    assert own.exists()


@pytest.mark.parametrize("pairs", [("fallbackPath=/nowhere", "graceTime=7"), ("graceTime=x",)])
async def test_settings_beside_a_wrong_one_are_not_set(desk: Desk, pairs: tuple[str, ...]) -> None:
    own = desk.make_file()
    with pytest.raises(InvalidValue):
        await desk.run(set_channel, "demo", f"fallbackPath={own}", *pairs)
    channel = await desk.channel()
    assert (channel.fallback_file, channel.grace_time) == (None, 30)
