"""What says 'No I/O' loads nothing that could do any."""

import subprocess
import sys
from pathlib import Path

import pytest

import hls

FOLDER = Path(hls.__file__).parent
PURE = sorted(
    path.stem for path in FOLDER.glob("*.py") if "No I/O" in path.read_text().split('"""')[1]
)


def test_there_are_such_modules() -> None:
    assert {"segmenter", "dating", "channel", "router", "packager"} <= set(PURE)


@pytest.mark.parametrize("module", PURE)
def test_a_module_without_io_loads_neither_asyncio_nor_sockets(module: str) -> None:
    program = (
        f"import sys, hls.{module};"
        "print(*{'asyncio', 'socket', '_socket', 'select', 'hls.server'} & set(sys.modules))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.split() == []
