"""The radio that the tests of channels share."""

from collections.abc import AsyncIterator

import pytest

from awazpulse.store import Database
from tests.awazpulse.channels.support import Radio, open_radio


@pytest.fixture
async def radio(database: Database) -> AsyncIterator[Radio]:
    """A radio, once on SQLite and once on MariaDB."""
    async with open_radio(database) as it:
        yield it


@pytest.fixture
async def sqlite_radio(sqlite_database: Database) -> AsyncIterator[Radio]:
    """A radio on SQLite, for what does not depend on the database."""
    async with open_radio(sqlite_database) as it:
        yield it
