"""What the first start makes, whole or not at all."""

import pytest
from sqlalchemy import func, select

from awazpulse.channels.accounts import Accounts
from awazpulse.channels.catalog import ChannelCatalog
from awazpulse.channels.passwords import Passwords
from awazpulse.channels.secrets import Vault
from awazpulse.first_start import populate_if_empty
from awazpulse.refusals import ServiceUnavailable
from awazpulse.store import Channel, Database, Stream, User
from tests.awazpulse.channels.support import CHEAP_HASHER, SECRET_KEY, URLS, FlakySessions


class Station:
    def __init__(self, database: Database) -> None:
        self.sessions = FlakySessions(database)
        self.accounts = Accounts(self.sessions, Passwords(CHEAP_HASHER))
        self.catalog = ChannelCatalog(self.sessions, Vault(SECRET_KEY), lambda: URLS)

    async def count(self) -> list[int | None]:
        async with self.sessions.database.read() as session:
            return [
                await session.scalar(select(func.count()).select_from(table))
                for table in (User, Channel, Stream)
            ]


async def test_owner_channel_and_stream_are_made_once(database: Database) -> None:
    station = Station(database)
    owner = await populate_if_empty(station.accounts, station.catalog)
    assert owner is not None
    assert owner.password not in repr(owner)
    user = await station.accounts.authenticate(owner.email, owner.password, "192.0.2.7")
    assert (await station.catalog.get("demo")).channel.owner_id == user.id
    assert await populate_if_empty(station.accounts, station.catalog) is None
    assert await station.count() == [1, 1, 1]


async def test_start_that_breaks_off_leaves_nothing_that_only_it_could_have_shown(
    database: Database,
) -> None:
    station = Station(database)
    station.sessions.fail_at_commit = True
    with pytest.raises(ServiceUnavailable):
        await populate_if_empty(station.accounts, station.catalog)
    station.sessions.fail_at_commit = False
    assert await station.count() == [0, 0, 0]
    assert await populate_if_empty(station.accounts, station.catalog)


async def test_another_first_start_that_was_faster_is_no_error(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    station = Station(database)
    assert await populate_if_empty(station.accounts, station.catalog)

    async def see_nobody() -> int:
        return 0

    monkeypatch.setattr(station.accounts, "count", see_nobody)
    assert await populate_if_empty(station.accounts, station.catalog) is None
    assert await station.count() == [1, 1, 1]
