"""The rooms and the direction of imports between them (see the README's design section)."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# What each room may import of the others; every room may import itself and what is FOR_ALL.
MAY_IMPORT = {
    "awazpulse.audio": set[str](),
    "awazpulse.store": set[str](),
    "awazpulse.relay": {"awazpulse.audio"},
    "awazpulse.media": {"awazpulse.audio"},
    "awazpulse.channels": {
        "awazpulse.audio",
        "awazpulse.media",
        "awazpulse.relay",
        "awazpulse.store",
    },
    "ingest": {"awazpulse.audio", "awazpulse.relay", "awazpulse.channels"},
    "icecast_compat": {"awazpulse.audio", "awazpulse.relay", "awazpulse.channels"},
    "hls": {"awazpulse.audio", "awazpulse.relay"},
    "api": {"awazpulse.channels", "awazpulse.store"},
}
FOR_ALL = (
    "awazpulse.addresses", "awazpulse.errors", "awazpulse.http_date", "awazpulse.kinds", "awazpulse.network",
    "awazpulse.refusals",
)  # fmt: skip
ROOMS = [*MAY_IMPORT, "awazpulse"]

# Modules whose head says 'No I/O' load no sockets, no tasks and no database, directly or by way of what they
# import; protocols load nothing of accounts and validation either.
IMPURE = {
    "aiohttp", "aiomysql", "aiosqlite", "alembic", "argon2", "asyncio", "av", "cryptography", "jwt", "pydantic", "select",
    "selectors", "socket", "sqlalchemy", "ssl", "uvloop",
}  # fmt: skip
PURE_ROOMS = (
    "awazpulse.addresses", "awazpulse.audio", "awazpulse.errors", "awazpulse.http_date", "awazpulse.kinds", "awazpulse.media",
    "awazpulse.refusals", "awazpulse.relay", "hls", "icecast_compat", "ingest",
)  # fmt: skip


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


def module_name(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def says_no_io(file: Path) -> bool:
    return "no i/o" in (ast.get_docstring(ast.parse(file.read_text())) or "").lower()


SANS_IO = sorted(
    module_name(file)
    for room in ROOMS
    for file in files_of(room)
    if says_no_io(file) and module_name(file).startswith(PURE_ROOMS)
)


def test_there_are_modules_without_io_in_every_protocol() -> None:
    rooms = {room_of(module) for module in SANS_IO}
    assert rooms >= {"awazpulse.audio", "awazpulse.relay", "hls", "icecast_compat", "ingest"}


@pytest.mark.parametrize("module", SANS_IO)
def test_a_module_without_io_loads_none(module: str) -> None:
    script = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    impure = {name.partition(".")[0] for name in loaded.split()} & IMPURE
    assert not impure
