"""The command line: `awazpulse serve` and what an operator does beside a running server.

Each command has `--json`: one object on standard output and nothing else there. What goes wrong is
one line on standard error and exit status 2 (the operator's to mend) or 1 (anything else).
"""

import argparse
import json
import logging
import shutil
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import uvloop

from awazpulse import card
from awazpulse.app import Rooms, Started, serve
from awazpulse.channels.errors import Refusal, UnknownChannel
from awazpulse.errors import AwazPulseError
from awazpulse.first_start import generate_password
from awazpulse.settings import SettingsError, find_unknown_variables, load_settings
from awazpulse.store import Role, StreamType

logger = logging.getLogger(__name__)

EXIT_FAILED = 1
EXIT_OPERATOR = 2

Result = dict[str, object]
Command = Callable[[Rooms, argparse.Namespace], Awaitable[tuple[Result, str]]]


async def add_user(rooms: Rooms, args: argparse.Namespace) -> tuple[Result, str]:
    """Make a user; the password comes from standard input, or is generated and shown."""
    given = "" if sys.stdin is None or sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    password = given or generate_password()
    user = await rooms.accounts.create(args.email, password, args.role)
    result: Result = {"id": user.id, "email": user.email, "role": str(user.role)}
    text = f"user {user.email} ({user.role}) made"
    if not given:
        result["password"] = password
        text += f", password {password}"
    return result, text


async def add_channel(rooms: Rooms, args: argparse.Namespace) -> tuple[Result, str]:
    """Make a channel with new secrets."""
    channel = await rooms.catalog.create(args.id, args.name, args.owner)
    result: Result = {"id": channel.id, "name": channel.name, "ownerId": channel.owner_id}
    return result, f"channel {channel.id} made; its secrets: awazpulse credentials {channel.id}"


async def set_channel(rooms: Rooms, args: argparse.Namespace) -> tuple[Result, str]:
    """Change settings of a channel, and have a running server take them up."""
    pairs = [pair.partition("=") for pair in args.settings]
    wrong = next((name for name, equals, _ in pairs if not equals), None)
    if wrong is not None:
        raise SettingsError(f"got {wrong!r}, expected NAME=VALUE")
    settings: Result = {name: value for name, _, value in pairs}
    await rooms.catalog.set(args.id, settings)
    await rooms.running.post(
        f"/internal/channels/{args.id}/refresh", rooms.tokens.issue_refresh(args.id)
    )
    return {"id": args.id, **settings}, f"channel {args.id}: {', '.join(args.settings)}"


async def show_credentials(rooms: Rooms, args: argparse.Namespace) -> tuple[Result, str]:
    """Show what encoders must be told."""
    credentials = await rooms.catalog.get_credentials(args.id)
    result: Result = dict(credentials.to_json())
    lines = [
        f"{kind:<8} {name:<13} {value}"
        for kind, fields in credentials.to_json().items()
        for name, value in fields.items()
        if name != "streamType"
    ]
    return result, "\n".join(lines)


async def show_token(rooms: Rooms, args: argparse.Namespace) -> tuple[Result, str]:
    """Make an access token for a user."""
    token = rooms.tokens.issue(await rooms.accounts.find(args.email))
    return {"accessToken": token.text}, token.text


async def switch_channel(rooms: Rooms, args: argparse.Namespace) -> tuple[Result, str]:
    """Set a channel to a type: by the running server if there is one, which ends what is live."""
    record = await rooms.catalog.get(args.id)
    token = rooms.tokens.issue(await rooms.accounts.get(record.channel.owner_id)).text
    answer = await rooms.running.post(
        f"/streams/channel/{args.id}/switch-type", token, {"streamType": args.type}
    )
    if answer is None:
        await rooms.manager.switch_stream_type(args.id, args.type)
    elif answer[0] >= 400:
        raise SettingsError(f"the server said: {answer[1].get('message', answer[0])}")
    return (
        {"id": args.id, "streamType": args.type},
        f"channel {args.id} is set to {StreamType(args.type).label}",
    )


async def migrate_database(_rooms: Rooms, _args: argparse.Namespace) -> tuple[Result, str]:
    """Bring the database to the newest schema, which every command does anyway."""
    return {"migrated": True}, "the database has the newest schema"


def _build_parser() -> argparse.ArgumentParser:
    machine = argparse.ArgumentParser(add_help=False)
    machine.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser = argparse.ArgumentParser(prog="awazpulse", description="Radio media server.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, text: str, to: "argparse._SubParsersAction[argparse.ArgumentParser]" = commands) -> argparse.ArgumentParser:  # fmt: skip
        return to.add_parser(name, help=text, description=text, parents=[machine])

    add("serve", "run the server until Ctrl-C").set_defaults(run=None)

    user = commands.add_parser("user", help="users").add_subparsers(required=True, metavar="ACTION")
    command = add("add", "make a user; password from standard input, or generated", user)
    command.add_argument("email", metavar="EMAIL")
    command.add_argument(
        "--role", choices=[role.value for role in Role], default=Role.STATION_OWNER.value
    )
    command.set_defaults(run=add_user)

    channel = commands.add_parser("channel", help="channels").add_subparsers(
        required=True, metavar="ACTION"
    )
    command = add("add", "make a channel", channel)
    command.add_argument("name", metavar="NAME")
    command.add_argument("--id", required=True, help="letters, digits, - and _; part of its URLs")
    command.add_argument("--owner", required=True, metavar="EMAIL")
    command.set_defaults(run=add_channel)
    command = add("set", "change settings of a channel", channel)
    command.add_argument("id", metavar="ID")
    command.add_argument("settings", nargs="+", metavar="NAME=VALUE")
    command.set_defaults(run=set_channel)

    command = add("credentials", "show what encoders must be told")
    command.add_argument("id", metavar="ID")
    command.set_defaults(run=show_credentials)
    command = add("token", "make an access token for the API")
    command.add_argument("email", metavar="EMAIL")
    command.set_defaults(run=show_token)
    command = add("switch", "set a channel to the other stream type")
    command.add_argument("id", metavar="ID")
    command.add_argument("type", choices=[kind.value for kind in StreamType])
    command.set_defaults(run=switch_channel)
    add("migrate", "bring the database to the newest schema").set_defaults(run=migrate_database)
    return parser


async def _run_command(command: Command, args: argparse.Namespace) -> None:
    rooms = Rooms(load_settings())
    rooms.urls = rooms.running.urls or rooms.urls
    try:
        await rooms.migrate()
        result, text = await command(rooms, args)
    finally:
        await rooms.database.close()
    print(json.dumps(result) if args.json else text)  # noqa: T201  # this is a command line


def _program() -> str:
    """How this program is called from here: by its name, or by its path in an environment."""
    path = Path(sys.argv[0])
    if shutil.which(path.name) == str(path):
        return path.name
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


async def _serve(args: argparse.Namespace) -> None:
    settings = load_settings()
    logging.basicConfig(
        level=settings.log_level.upper(),
        format="%(asctime)s %(levelname)-7s %(name)s: %(message)s",
    )
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells of every start at length
    for name in find_unknown_variables():
        logger.warning("%s is no setting of this server; see the table in the README", name)

    def show(started: Started) -> None:
        facts = (started.urls, started.channels, started.credentials, started.owner)
        if args.json:
            text = json.dumps(card.describe(*facts))
        else:
            text = card.render(*facts, program=_program())
        print(text, flush=True)  # noqa: T201  # this is a command line

    await serve(settings, show)


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command and exit with its status."""
    args = _build_parser().parse_args(argv)
    work = _serve(args) if args.run is None else _run_command(args.run, args)
    try:
        uvloop.run(work)
    except (SettingsError, Refusal) as error:
        status = EXIT_FAILED if isinstance(error, UnknownChannel) else EXIT_OPERATOR
        sys.exit(_complain(error, status))
    except AwazPulseError as error:
        sys.exit(_complain(error, EXIT_FAILED))
    except KeyboardInterrupt:
        sys.exit(130)


def _complain(error: AwazPulseError, status: int) -> int:
    line = " ".join(str(error).split())
    print(f"awazpulse: {line}", file=sys.stderr)  # noqa: T201  # this is a command line
    return status
