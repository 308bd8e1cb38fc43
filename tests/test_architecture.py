"""The rooms and the direction of imports between them (see the README's design section)."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# What each room may import of the others; every room may import itself and what is FOR_ALL.
MAY_IMPORT = {
    "awazpulse.audio": set[str](),
    "awazpulse.store": set[str](),
    "awazpulse.relay": {"awazpulse.audio"},
    "awazpulse.channels": {"awazpulse.audio", "awazpulse.relay", "awazpulse.store"},
    "ingest": {"awazpulse.audio", "awazpulse.relay", "awazpulse.channels"},
    "icecast_compat": {"awazpulse.audio", "awazpulse.relay", "awazpulse.channels"},
    "hls": {"awazpulse.audio", "awazpulse.relay"},
    "api": {"awazpulse.channels", "awazpulse.store"},
}
FOR_ALL = ("awazpulse.errors", "awazpulse.network")
ROOMS = [*MAY_IMPORT, "awazpulse"]

# Modules that see bytes, values and `now`: no socket, no task, no clock, no database.
SANS_IO = [
    *(ROOT / "awazpulse/audio").glob("*.py"),
    *(
        ROOT / "icecast_compat" / f"{name}.py"
        for name in ("request", "responses", "login", "body", "charset", "icy")
    ),
    *(
        ROOT / "ingest/rtmp" / f"{name}.py"
        for name in ("handshake", "chunk_stream", "amf0", "messages", "commands", "protocol")
    ),
    *(ROOT / "awazpulse/relay" / f"{name}.py" for name in ("ring", "feed", "rotation", "pacing")),
    *(ROOT / "hls" / f"{name}.py" for name in ("segmenter", "playlist", "request")),
]
IMPURE = {"asyncio", "socket", "selectors", "time", "threading", "sqlalchemy", "aiohttp"}


def room_of(module: str) -> str | None:
    """The room that a module is in; the longest name that fits."""
    fits = [room for room in ROOMS if module == room or module.startswith(f"{room}.")]
    return max(fits, key=len, default=None)


def imports_of(file: Path) -> set[str]:
    """The modules that a file imports, by absolute name."""
    found: set[str] = set()
    package = file.relative_to(ROOT).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            found.update({module, *(f"{module}.{alias.name}" for alias in node.names)})
    return found


def files_of(room: str) -> list[Path]:
    files = (ROOT / room.replace(".", "/")).rglob("*.py")
    return [
        f for f in files if room_of(".".join(f.relative_to(ROOT).with_suffix("").parts)) == room
    ]


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_what_lies_above_it(room: str) -> None:
    allowed = MAY_IMPORT[room] | {room}
    files = files_of(room)
    assert files
    for file in files:
        for module in imports_of(file):
            target = room_of(module)
            if target is not None and not module.startswith(FOR_ALL):
                assert target in allowed, f"{file.relative_to(ROOT)} imports {module}"


@pytest.mark.parametrize("file", SANS_IO, ids=lambda f: str(f.relative_to(ROOT)))
def test_protocol_code_knows_no_socket_no_clock_and_no_database(file: Path) -> None:
    impure = {module.partition(".")[0] for module in imports_of(file)} & IMPURE
    assert not impure
