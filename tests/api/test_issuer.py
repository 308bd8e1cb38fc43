"""Tokens of another issuer at the API, beside our own."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application, Request

from api import create_app
from tests.api.conftest import Panel, read_error
from tests.awazpulse.channels.support import OWNER
from tests.awazpulse.channels.test_issuer_tokens import make, sign

Client = TestClient[Request, Application]


@pytest.fixture
async def client(panel: Panel) -> AsyncIterator[Client]:
    """A client of an API that takes an issuer's tokens."""
    app = create_app(replace(panel.services, issuer=make()))
    async with TestClient(TestServer(app)) as client:
        yield client


async def get(client: Client, path: str, **claims: Any) -> ClientResponse:  # noqa: ANN401  # JSON
    return await client.get(path, headers={"Authorization": f"Bearer {sign(**claims)}"})


async def test_user_is_known_by_id_and_by_e_mail_address(panel: Panel, client: Client) -> None:
    for name in (panel.radio.owner.id, OWNER, f" {OWNER.upper()}"):
        answer = await get(client, "/auth/me", sub=name)
        assert answer.status == 200
        assert (await answer.json())["email"] == OWNER
    answer = await get(client, "/streams/channel/demo/credentials", sub=OWNER)
    assert answer.status == 200


async def test_our_own_tokens_go_on_working_beside_them(panel: Panel, client: Client) -> None:
    own = await panel.log_in()
    assert (await client.get("/auth/me", headers=own)).status == 200
    text = sign(sub=OWNER)
    headers = {"Authorization": f"Bearer {text}"}
    await read_error(await panel.client.get("/auth/me", headers=headers), 401)


@pytest.mark.parametrize("role", [None, "admin"])
async def test_unknown_user_is_refused_whatever_the_role(client: Client, role: str | None) -> None:
    for name in ("nobody@radio.example", "no-id"):
        detail = await read_error(await get(client, "/auth/me", sub=name, role=role), 401)
        assert f"{name!r} does not exist here" in detail


async def test_disabled_user_is_refused(panel: Panel, client: Client) -> None:
    await panel.radio.accounts.change(panel.radio.owner.id, {"is_active": False})
    assert "disabled" in await read_error(await get(client, "/auth/me", sub=OWNER), 401)


async def test_role_of_the_token_goes_before_the_users_own(panel: Panel, client: Client) -> None:
    await panel.add_user("boss@radio.example", "admin")
    for email, role, status in (
        (OWNER, None, 403),
        (OWNER, "admin", 200),
        (OWNER, "user", 403),
        ("boss@radio.example", None, 200),
        ("boss@radio.example", "user", 403),
    ):
        assert (await get(client, "/users", sub=email, role=role)).status == status


async def test_wrong_token_says_why(client: Client) -> None:
    assert "has expired" in await read_error(await get(client, "/auth/me", exp=1), 401)


async def test_absent_database_is_a_503(panel: Panel, client: Client) -> None:
    panel.radio.sessions.is_away = True
    await read_error(await get(client, "/auth/me", sub=OWNER), 503)
