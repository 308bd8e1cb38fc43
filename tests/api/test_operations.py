import pytest

from awazpulse.channels.errors import UnknownChannel
from awazpulse.store import DatabaseUnavailable
from tests.api.conftest import Panel, read_error

REFRESH = "/internal/channels/demo/refresh"


async def test_health_needs_no_login(panel: Panel) -> None:
    response = await panel.client.get("/health")
    assert await response.json() == {"status": "ok", "database": "ok"}


async def test_health_is_fine_without_a_database_and_says_so(
    panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail() -> None:
        raise DatabaseUnavailable("gone")

    monkeypatch.setattr(panel.radio.database, "ping", fail)
    response = await panel.client.get("/health")
    assert response.status == 200
    assert await response.json() == {"status": "ok", "database": "unavailable"}


async def test_refresh_applies_a_change_at_once(panel: Panel) -> None:
    broadcast = await panel.radio.go_live()
    await panel.radio.catalog.set("demo", {"maxListeners": 5})
    headers = {"Authorization": f"Bearer {panel.tokens.issue_refresh('demo')}"}
    assert (await panel.client.post(REFRESH, headers=headers)).status == 204
    assert broadcast.max_listeners == 5


async def test_refresh_takes_only_a_refresh_token_for_this_channel(panel: Panel) -> None:
    login = await panel.log_in()
    other = {"Authorization": f"Bearer {panel.tokens.issue_refresh('other')}"}
    for headers in ({}, login, other):
        await read_error(await panel.client.post(REFRESH, headers=headers), 401)


async def test_refresh_of_an_unknown_channel_is_not_found(panel: Panel) -> None:
    headers = {"Authorization": f"Bearer {panel.tokens.issue_refresh('nobody')}"}
    response = await panel.client.post("/internal/channels/nobody/refresh", headers=headers)
    assert await read_error(response, 404) == str(UnknownChannel("nobody"))
