"""The rooms and the direction of imports between them (see the README's design section)."""

import ast
import subprocess
import sys
from collections.abc import Iterable, Iterator
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
    "awazpulse.events": {"awazpulse.channels", "awazpulse.relay"},
    "awazpulse.webhooks": {"awazpulse.channels", "awazpulse.events", "awazpulse.store"},
    "awazpulse.ledger": {"awazpulse.channels", "awazpulse.relay", "awazpulse.store"},
    "awazpulse.metrics": {"awazpulse.channels", "awazpulse.relay"},
    "ingest": {"awazpulse.audio", "awazpulse.relay", "awazpulse.channels"},
    "icecast_compat": {"awazpulse.audio", "awazpulse.relay", "awazpulse.channels"},
    "hls": {"awazpulse.audio", "awazpulse.relay"},
    "api": {
        "awazpulse.channels",
        "awazpulse.events",
        "awazpulse.ledger",
        "awazpulse.webhooks",
        "awazpulse.relay",
        "awazpulse.store",
    },
}
FOR_ALL = (
    "awazpulse.addresses", "awazpulse.errors", "awazpulse.http_date", "awazpulse.iso_date", "awazpulse.kinds",
    "awazpulse.network", "awazpulse.proxies", "awazpulse.refusals", "awazpulse.state_table", "awazpulse.turns", "awazpulse.waiting",
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
    "awazpulse.proxies", "awazpulse.refusals", "awazpulse.relay", "awazpulse.state_table", "hls", "icecast_compat", "ingest",
)  # fmt: skip


def room_of(module: str) -> str | None:
    """The room that a module is in; the longest name that fits."""
    fits = [room for room in ROOMS if module == room or module.startswith(f"{room}.")]
    return max(fits, key=len, default=None)


def module_name(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(file: Path) -> Iterator[tuple[str, str | None]]:
    """What a file imports, wherever it does: modules by absolute name, and the name that it takes from each."""
    package = file.relative_to(ROOT).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((module, alias.name) for alias in node.names)


def names_of(imports: Iterable[tuple[str, str | None]]) -> set[str]:
    """The modules, and the names in them, which may be modules too."""
    return {
        part for module, name in imports for part in (module, f"{module}.{name or ''}".rstrip("."))
    }


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
        for module in names_of(imports_of(file)):
            target = room_of(module)
            if target is not None and not module.startswith(FOR_ALL):
                assert target in allowed, f"{file.relative_to(ROOT)} imports {module}"


def packages_above(module: str) -> set[str]:
    parts = module.split(".")
    return {".".join(parts[:end]) for end in range(1, len(parts))}


def graph_of(files: Iterable[Path]) -> dict[str, set[str]]:
    """Each module with the others that it imports: at its head, in functions, and for types alone.

    `from a import b` imports `a.b` if that is a module. Who imports `a.b` imports `a` as well, unless it
    is a part of `a` itself.
    """
    modules = {module_name(file): file for file in files}
    graph = {}
    for own, file in modules.items():
        pairs = list(imports_of(file))
        found = {
            deep if (deep := f"{module}.{name}") in modules else module for module, name in pairs
        }
        implied = {above for module in found for above in packages_above(module)}
        graph[own] = (found | implied - packages_above(own) - {own}) & modules.keys()
    return graph


def circles_in(graph: dict[str, set[str]]) -> set[frozenset[str]]:
    """The groups of modules each of which imports, by whatever way, all the others of its group."""

    def reach(module: str) -> set[str]:
        reached: set[str] = set()
        following = [module]
        while following:
            new = graph[following.pop()] - reached
            reached |= new
            following += new
        return reached

    reached = {module: reach(module) for module in graph}
    return {
        frozenset(other for other in reached[module] if module in reached[other])
        for module in graph
        if module in reached[module]
    }


def test_no_modules_import_each_other_in_a_circle() -> None:
    circles = circles_in(graph_of(file for room in ROOMS for file in files_of(room)))
    assert sorted(map(sorted, circles)) == []


def test_a_circle_is_found_also_in_functions_and_in_imports_for_types(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    texts = {
        "a": "if TYPE_CHECKING:\n    from room.b import B",
        "b": "def f():\n    from . import c",
        "c": "import room.a",
        "d": "from . import a, E",  # E is of the package itself, which imports d
        "f": "from . import d",
    }
    (tmp_path / "room").mkdir()
    for name, text in texts.items():
        (tmp_path / "room" / f"{name}.py").write_text(text)
    (tmp_path / "room" / "__init__.py").write_text("from .d import D")
    graph = graph_of((tmp_path / "room").iterdir())
    assert circles_in(graph) == {
        frozenset({"room.a", "room.b", "room.c"}),
        frozenset({"room", "room.d"}),
    }


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
