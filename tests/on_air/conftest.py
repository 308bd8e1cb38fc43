from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.on_air.server import Server, serving


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """A server that has just been started for the first time."""
    async with serving(tmp_path / "data") as server:
        yield server
