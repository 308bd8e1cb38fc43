import asyncio

import pytest

from awazpulse.channels.tokens import InternalAction
from awazpulse.refusals import UnknownChannel
from awazpulse.store import DatabaseUnavailable
from tests.api.conftest import Panel, read_error

REFRESH = "/internal/channels/demo/refresh"
SWITCH = "/internal/channels/demo/switch-type"


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


async def test_alive_is_answered_without_login_cache_or_database(
    panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail() -> None:
        raise AssertionError("asked the database")

    monkeypatch.setattr(panel.radio.database, "ping", fail)
    response = await panel.client.get("/healthz")
    assert (response.status, await response.json()) == (200, {"status": "ok"})
    assert response.headers["Cache-Control"] == "no-store"


async def test_refresh_applies_a_change_at_once(panel: Panel) -> None:
    broadcast = await panel.radio.go_live()
    await panel.radio.catalog.set("demo", {"maxListeners": 5})
    headers = {
        "Authorization": f"Bearer {panel.tokens.issue_internal('demo', InternalAction.REFRESH)}"
    }
    assert (await panel.client.post(REFRESH, headers=headers)).status == 204
    assert broadcast.max_listeners == 5


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_refresh_takes_only_a_refresh_token_for_this_channel(panel: Panel) -> None:
    login = await panel.log_in()
    other = {
        "Authorization": f"Bearer {panel.tokens.issue_internal('other', InternalAction.REFRESH)}"
    }
    switch = bearer(panel.tokens.issue_internal("demo", InternalAction.SWITCH_TYPE))
    for headers in ({}, login, other, switch):
        await read_error(await panel.client.post(REFRESH, headers=headers), 401)


async def test_internal_switch_ends_what_is_on_air_and_answers_with_the_row(panel: Panel) -> None:
    broadcast = await panel.radio.go_live()
    headers = bearer(panel.tokens.issue_internal("demo", InternalAction.SWITCH_TYPE))
    response = await panel.client.post(SWITCH, json={"streamType": "icecast"}, headers=headers)
    assert response.status == 200
    row = await response.json()
    assert (row["channelId"], row["streamType"]) == ("demo", "icecast")
    assert str(broadcast.end) == "switched: the channel is set to Icecast"
    response = await panel.client.post(SWITCH, json={"streamType": "rtmp"}, headers=headers)
    await read_error(response, 400)


async def test_internal_switch_takes_only_a_switch_token_for_this_channel(panel: Panel) -> None:
    login = await panel.log_in()
    other = bearer(panel.tokens.issue_internal("other", InternalAction.SWITCH_TYPE))
    refresh = bearer(panel.tokens.issue_internal("demo", InternalAction.REFRESH))
    for headers in ({}, login, other, refresh):
        response = await panel.client.post(SWITCH, json={"streamType": "hls"}, headers=headers)
        await read_error(response, 401)


async def test_refresh_of_an_unknown_channel_is_not_found(panel: Panel) -> None:
    headers = {
        "Authorization": f"Bearer {panel.tokens.issue_internal('nobody', InternalAction.REFRESH)}"
    }
    response = await panel.client.post("/internal/channels/nobody/refresh", headers=headers)
    assert await read_error(response, 404) == str(UnknownChannel("nobody"))


async def test_ready_is_answered_without_login_or_cache(panel: Panel) -> None:
    response = await panel.client.get("/readyz")
    assert (response.status, await response.json()) == (200, {"status": "ready"})
    assert response.headers["Cache-Control"] == "no-store"


async def test_what_is_missing_is_told_as_a_problem(
    panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail() -> None:
        raise DatabaseUnavailable("gone")

    monkeypatch.setattr(panel.radio.database, "ping", fail)
    panel.readiness.watch_port("HLS", lambda: False)
    panel.readiness.is_draining = True
    response = await panel.client.get("/readyz")
    assert response.headers["Retry-After"]
    problem = (await response.json(content_type=None))["type"]
    assert problem == "urn:awazpulse:problem:not-ready"
    detail = await read_error(response, 503)
    for words in ("HLS does not listen", "about to stop", "database does not answer"):
        assert words in detail


async def test_a_database_that_hangs_is_not_waited_for(
    panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.operations.PING_TIMEOUT_S", 0.05)
    monkeypatch.setattr(panel.radio.database, "ping", asyncio.Event().wait)
    detail = await read_error(await panel.client.get("/readyz"), 503)
    assert detail == "not ready: the database does not answer"
