"""The command line: `awazpulse serve` and what an operator does beside a running server.

Each command has `--json`: one object on standard output and nothing else there. What goes wrong is
one line on standard error and an exit status: 2 for what was asked or set (arguments, settings, and
every `Refusal`, an unknown channel or user among them), 1 for anything else, such as a running
server that does not answer.
"""

import argparse
import asyncio
import json
import logging
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO, TypeAlias

import uvloop

from awazpulse import card
from awazpulse.app import Core, Started, serve
from awazpulse.channels.channel_settings import describe_settings
from awazpulse.channels.credentials import HlsCredentials, IcecastCredentials
from awazpulse.channels.passwords import generate_password
from awazpulse.channels.tokens import InternalAction
from awazpulse.errors import AwazPulseError
from awazpulse.kinds import Role, StreamType
from awazpulse.logs import start_logging
from awazpulse.refusals import Refusal
from awazpulse.running import RunningServer, ServerFailed
from awazpulse.settings import SettingsError, find_unknown_variables, load_settings

logger = logging.getLogger(__name__)

EXIT_FAILED = 1
EXIT_OPERATOR = 2

FALLBACK_PATH = "fallbackPath"  # the operator's alone: it would read any file of the server
FALLBACK_BLOCK_BYTES = 256 * 1024  # read, and written, at a time

Result = dict[str, object]
Command = Callable[[Core, argparse.Namespace], Awaitable[tuple[Result, str]]]
Run = Callable[[argparse.Namespace], Coroutine[None, None, None]]
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001  # it has no other name


class UsageError(AwazPulseError):
    """An argument that cannot be read. The operator's fault; `str()` says what is expected."""


async def add_user(core: Core, args: argparse.Namespace) -> tuple[Result, str]:
    """Make a user; the password comes from standard input, or is generated and shown."""
    password, generated = _choose_password()
    user = await core.accounts.create(args.email, password, args.role)
    result: Result = {"id": user.id, "email": user.email, "role": str(user.role), **generated}
    return result, _show_password(f"user {user.email} ({user.role}) made", generated)


async def set_password(core: Core, args: argparse.Namespace) -> tuple[Result, str]:
    """Give a user another password, from standard input, or generated and shown."""
    password, generated = _choose_password()
    user = await core.accounts.set_password(args.email, password)
    result: Result = {"id": user.id, "email": user.email, **generated}
    return result, _show_password(f"user {user.email} has a new password", generated)


def _choose_password() -> tuple[str, dict[str, str]]:
    """Return a password, and what there is to show of it: nothing if it was given."""
    given = "" if sys.stdin is None or sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    password = given or generate_password()
    return password, {} if given else {"password": password}


def _show_password(text: str, generated: dict[str, str]) -> str:
    return f"{text}, password {generated['password']}" if generated else text


async def add_channel(core: Core, args: argparse.Namespace) -> tuple[Result, str]:
    """Make a channel with new secrets."""
    channel = await core.catalog.create(args.id, args.name, args.owner)
    result: Result = {"id": channel.id, "name": channel.name, "ownerId": channel.owner_id}
    return result, f"channel {channel.id} made; its secrets: awazpulse credentials {channel.id}"


async def set_channel(core: Core, args: argparse.Namespace) -> tuple[Result, str]:
    """Change settings of a channel, and have a running server take them up."""
    pairs = [pair.partition("=") for pair in args.settings]
    wrong = next((name for name, equals, _ in pairs if not equals), None)
    if wrong is not None:
        raise UsageError(f"got {wrong!r}, expected NAME=VALUE")
    settings = {name: value for name, _, value in pairs}
    path = settings.pop(FALLBACK_PATH, None)
    shown = describe_settings(settings)
    if path is not None:
        path = _spell_out(path)
        await _name_fallback(core, args.id, path)
        shown[FALLBACK_PATH] = path
    await core.catalog.set(args.id, settings)
    await _refresh(core, args.id)
    return {"id": args.id, **shown}, f"channel {args.id}: {', '.join(args.settings)}"


def _spell_out(path: str) -> str:
    """Return a path as the server, which runs in another folder, must read it."""
    return str(Path(path).absolute()) if path else ""


async def _name_fallback(core: Core, channel_id: str, path: str) -> None:
    """Have a channel fall back to a file where it is, or to none."""
    if path:
        await core.fallbacks.refer(channel_id, path)
    else:
        await core.fallbacks.remove(channel_id)


async def _refresh(core: Core, channel_id: str) -> None:
    """Have a running server take up what has been changed."""
    token = core.tokens.issue_internal(channel_id, InternalAction.REFRESH)
    try:
        answer = await core.running.post(f"/internal/channels/{channel_id}/refresh", token)
        if answer is not None and answer.status != HTTPStatus.NO_CONTENT:
            raise answer.fail()
    except ServerFailed as error:
        _complain(f"warning: the change is saved, but {error}")


async def set_fallback(core: Core, args: argparse.Namespace) -> tuple[Result, str]:
    """Copy a file into the data folder for the channel to fall back to, or remove that one."""
    if args.remove and args.title:
        raise UsageError("got --title with --remove, expected one of them")
    if args.remove:
        await core.fallbacks.remove(args.id)
        result: Result = {"id": args.id, "fallback": None}
        text = f"channel {args.id} has no fallback"
    else:
        with await asyncio.to_thread(_open_file, args.file) as file:
            info = await core.fallbacks.store(
                args.id,
                _read_blocks(file),
                suffix=Path(args.file).suffix.lower(),
                title=args.title,
                untitled=Path(args.file).stem,
            )
        result = {"id": args.id, "fallback": info.to_json()}
        text = f"channel {args.id} falls back to {info.title!r}"
    await _refresh(core, args.id)
    return result, text


def _open_file(name: str) -> BinaryIO:
    """Open a file of the operator's. Raises `UsageError`."""
    path = Path(name)
    try:
        if path.exists() and not path.is_file():  # opening a pipe would wait for its writer
            raise UsageError(f"cannot read {name}: it is no file")
        return path.open("rb")
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {name}: {error}") from None


async def _read_blocks(file: BinaryIO) -> AsyncIterator[bytes]:
    try:
        while block := await asyncio.to_thread(file.read, FALLBACK_BLOCK_BYTES):
            yield block
    except OSError as error:
        raise UsageError(f"cannot read {file.name}: {error}") from None


async def rotate_secret(core: Core, args: argparse.Namespace) -> tuple[Result, str]:
    """Make a channel's stream key or source password anew; what is on air stays on air."""
    credentials = await core.catalog.rotate(args.id, StreamType(args.type))
    await _refresh(core, args.id)
    return dict(credentials.to_json()), _tabulate(credentials)


async def show_credentials(core: Core, args: argparse.Namespace) -> tuple[Result, str]:
    """Show what encoders must be told."""
    credentials = await core.catalog.get_credentials(args.id)
    return dict(credentials.to_json()), _tabulate(credentials.hls, credentials.icecast)


def _tabulate(*shown: HlsCredentials | IcecastCredentials) -> str:
    return "\n".join(
        f"{credentials.to_json()['streamType']:<8} {name:<13} {value}"
        for credentials in shown
        for name, value in credentials.to_json().items()
        if name != "streamType"
    )


async def show_token(core: Core, args: argparse.Namespace) -> tuple[Result, str]:
    """Make an access token for a user."""
    token = core.tokens.issue(await core.accounts.find(args.email))
    return {"accessToken": token.text}, token.text


async def switch_channel(core: Core, args: argparse.Namespace) -> tuple[Result, str]:
    """Set a channel to a type: by the running server if there is one, which ends what is live."""
    await core.catalog.get(args.id)  # an id that is none has no place in the path
    answer = await core.running.post(
        f"/internal/channels/{args.id}/switch-type",
        core.tokens.issue_internal(args.id, InternalAction.SWITCH_TYPE),
        {"streamType": args.type},
    )
    if answer is None:
        await core.manager.switch_stream_type(args.id, args.type)
    else:
        row = (answer.body.get("channelId"), answer.body.get("streamType"))
        if answer.status != HTTPStatus.OK or row != (args.id, args.type):
            raise answer.fail()
    return (
        {"id": args.id, "streamType": args.type},
        f"channel {args.id} is set to {StreamType(args.type).label}",
    )


async def migrate_database(_rooms: Core, _args: argparse.Namespace) -> tuple[Result, str]:
    """Bring the database to the newest schema, which every command does anyway."""
    return {"migrated": True}, "the database has the newest schema"


def _add_command(to: Commands, name: str, text: str, command: Command) -> argparse.ArgumentParser:
    """Add what works on the database, beside a running server or without one."""
    return _add_program(to, name, text, partial(_run_command, command))


def _add_program(to: Commands, name: str, text: str, run: Run) -> argparse.ArgumentParser:
    parser = to.add_parser(name, help=text, description=text)
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.set_defaults(run=run)
    return parser


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="awazpulse", description="Radio media server.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_program(commands, "serve", "run the server until Ctrl-C", _serve)
    _add_program(commands, "health", "ask the running server how it is", _check_health)
    users = commands.add_parser("user", help="users")
    _add_user_commands(users.add_subparsers(required=True, metavar="ACTION"))
    channels = commands.add_parser("channel", help="channels")
    _add_channel_commands(channels.add_subparsers(required=True, metavar="ACTION"))
    command = _add_command(
        commands, "credentials", "show what encoders must be told", show_credentials
    )
    command.add_argument("id", metavar="ID")
    command = _add_command(commands, "token", "make an access token for the API", show_token)
    command.add_argument("email", metavar="EMAIL")
    command = _add_command(
        commands, "switch", "set a channel to the other stream type", switch_channel
    )
    command.add_argument("id", metavar="ID")
    command.add_argument("type", choices=[kind.value for kind in StreamType])
    _add_command(commands, "migrate", "bring the database to the newest schema", migrate_database)
    return parser


def _add_user_commands(users: Commands) -> None:
    command = _add_command(
        users, "add", "make a user; password from standard input, or generated", add_user
    )
    command.add_argument("email", metavar="EMAIL")
    command.add_argument(
        "--role", choices=[role.value for role in Role], default=Role.STATION_OWNER.value
    )
    command = _add_command(
        users,
        "password",
        "give a user another password; from standard input, or generated",
        set_password,
    )
    command.add_argument("email", metavar="EMAIL")


def _add_channel_commands(channels: Commands) -> None:
    command = _add_command(channels, "add", "make a channel", add_channel)
    command.add_argument("name", metavar="NAME")
    command.add_argument("--id", required=True, help="letters, digits, - and _; part of its URLs")
    command.add_argument("--owner", required=True, metavar="EMAIL")
    command = _add_command(channels, "set", "change settings of a channel", set_channel)
    command.add_argument("id", metavar="ID")
    command.add_argument("settings", nargs="+", metavar="NAME=VALUE")
    command = _add_command(
        channels, "fallback", "set what a channel plays without its source", set_fallback
    )
    command.add_argument("id", metavar="ID")
    chosen = command.add_mutually_exclusive_group(required=True)
    chosen.add_argument("file", metavar="FILE", nargs="?", help="is copied into the data folder")
    chosen.add_argument("--remove", action="store_true", help="play none")
    command.add_argument("--title", metavar="TEXT", default="", help="what listeners see meanwhile")
    command = _add_command(
        channels,
        "rotate",
        "make the stream key (hls) or the source password (icecast) anew and show it",
        rotate_secret,
    )
    command.add_argument("id", metavar="ID")
    command.add_argument("type", choices=[kind.value for kind in StreamType])


async def _run_command(command: Command, args: argparse.Namespace) -> None:
    core = Core(load_settings())
    core.urls = core.running.urls or core.urls
    try:
        await core.migrate()
        result, text = await command(core, args)
    finally:
        await core.close()
    print(json.dumps(result) if args.json else text)  # noqa: T201  # this is a command line


def _program(script: str, interpreter: str) -> str:
    """How this program is called from here, given `sys.argv[0]` and `sys.executable`."""
    if Path(script).name == "__main__.py":
        return f"{_shorten(interpreter)} -m awazpulse"
    return _shorten(script)


def _shorten(path: str) -> str:
    """Return a program's name where that finds it, else its path from here."""
    program = Path(path)
    if shutil.which(program.name) == path:
        return program.name
    here = Path.cwd()
    return str(program.relative_to(here)) if program.is_relative_to(here) else path


async def _serve(args: argparse.Namespace) -> None:
    settings = load_settings()
    log = start_logging(settings.log_level, settings.log_format)
    for name in find_unknown_variables():
        logger.warning("%s is no setting of this server; see the table in the README", name)

    def show(started: Started) -> None:
        facts = (started.urls, started.channels, started.credentials, started.owner)
        if args.json:
            text = json.dumps(card.describe(*facts))
        else:
            text = card.render(*facts, program=_program(sys.argv[0], sys.executable))
        print(text, flush=True)  # noqa: T201  # this is a command line

    try:
        await serve(settings, show)
    finally:
        log.close_queue()


async def _check_health(args: argparse.Namespace) -> None:
    """Say whether the server that runs on this data folder is well."""
    answer = await RunningServer(load_settings().data_dir).get("/health")
    if answer is None:
        raise ServerFailed("no server runs on this data folder")
    if answer.status != HTTPStatus.OK:
        raise answer.fail()
    print(json.dumps(answer.body) if args.json else "the server is well")  # noqa: T201  # this is a command line


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command and exit with its status."""
    args = _build_parser().parse_args(argv)
    try:
        uvloop.run(args.run(args))
    except (UsageError, SettingsError, Refusal) as error:
        _complain(str(error))
        sys.exit(EXIT_OPERATOR)
    except AwazPulseError as error:
        _complain(str(error))
        sys.exit(EXIT_FAILED)
    except KeyboardInterrupt:
        sys.exit(130)


def _complain(text: str) -> None:
    line = " ".join(text.split())
    print(f"awazpulse: {line}", file=sys.stderr)  # noqa: T201  # this is a command line
