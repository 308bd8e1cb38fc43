"""Administrators' accounts, by the API."""

from typing import Any

import pytest

from tests.api.conftest import Panel, read_error
from tests.awazpulse.channels.support import OWNER

ADMIN = "admin@radio.example"


@pytest.fixture
async def admin(panel: Panel) -> dict[str, str]:
    return await panel.add_user(ADMIN, "admin")


async def make_user(panel: Panel, admin: dict[str, str], **fields: object) -> dict[str, Any]:
    response = await panel.client.post("/users", json=fields, headers=admin)
    assert response.status == 201, await response.text()
    made: dict[str, Any] = await response.json()
    return made


async def test_user_without_a_password_gets_one_that_is_shown_once(
    panel: Panel, admin: dict[str, str]
) -> None:
    made = await make_user(panel, admin, email="New@Radio.example")
    assert (made["email"], made["role"], made["isActive"]) == (
        "new@radio.example",
        "station_owner",
        True,
    )
    await panel.log_in("new@radio.example", made["password"])
    shown = await (await panel.client.get(f"/users/{made['id']}", headers=admin)).json()
    assert "password" not in shown
    assert shown["maxChannels"] == 10


async def test_making_a_user_again_by_id_changes_nothing(
    panel: Panel, admin: dict[str, str]
) -> None:
    fields = {"id": "backend-7", "email": "seven@radio.example", "password": "a good password"}
    assert (await make_user(panel, admin, **fields))["password"] is None
    again = await panel.client.post(
        "/users", json={**fields, "password": "another one", "role": "admin"}, headers=admin
    )
    assert (again.status, (await again.json())["role"]) == (200, "station_owner")
    await panel.log_in("seven@radio.example", "a good password")
    other = await panel.client.post("/users", json={**fields, "email": "8@x"}, headers=admin)
    assert "another user" in await read_error(other, 409)
    taken = await panel.client.post("/users", json={"email": OWNER}, headers=admin)
    assert OWNER in await read_error(taken, 409)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"email": "no address"},
        {"email": "a@b", "password": "short"},
        {"email": "a@b", "role": "owner"},
        {"email": "a@b", "id": "a/b"},
        {"email": "a@b", "maxChannels": -1},
        {"email": "a@b", "maxChannels": "5"},
        {"email": "a@b", "color": "red"},
    ],
)
async def test_user_that_cannot_be_is_refused(
    panel: Panel, admin: dict[str, str], fields: dict[str, object]
) -> None:
    await read_error(await panel.client.post("/users", json=fields, headers=admin), 400)


async def test_users_come_in_pages(panel: Panel, admin: dict[str, str]) -> None:
    for number in range(3):
        await make_user(panel, admin, email=f"u{number}@radio.example")
    seen, after = [], ""
    for _ in range(5):
        query = {"limit": "2", "after": after}
        page = await (await panel.client.get("/users", params=query, headers=admin)).json()
        seen += [item["email"] for item in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert sorted(seen) == sorted([OWNER, ADMIN, *(f"u{n}@radio.example" for n in range(3))])


async def test_disabled_user_is_signed_out_and_cannot_sign_in_until_enabled(
    panel: Panel, admin: dict[str, str]
) -> None:
    owner = await panel.log_in()
    path = f"/users/{panel.radio.owner.id}"
    changed = await panel.client.patch(path, json={"isActive": False}, headers=admin)
    assert (await changed.json())["isActive"] is False
    assert "disabled" in await read_error(await panel.client.get("/auth/me", headers=owner), 401)
    login = {"email": OWNER, "password": "x"}
    await read_error(await panel.client.post("/auth/login", json=login), 401)
    await panel.client.patch(path, json={"isActive": True}, headers=admin)
    await panel.log_in()


async def test_last_administrator_stays_one(panel: Panel, admin: dict[str, str]) -> None:
    me = await (await panel.client.get("/auth/me", headers=admin)).json()
    for change in ({"isActive": False}, {"role": "station_owner"}):
        refused = await panel.client.patch(f"/users/{me['id']}", json=change, headers=admin)
        assert "last administrator" in await read_error(refused, 409)
    await panel.add_user("second@radio.example", "admin")
    left = await panel.client.patch(
        f"/users/{me['id']}", json={"role": "station_owner"}, headers=admin
    )
    assert left.status == 200
    await read_error(await panel.client.get("/auth/me", headers=admin), 401)


async def test_change_is_checked_and_the_rest_stays(panel: Panel, admin: dict[str, str]) -> None:
    path = f"/users/{panel.radio.owner.id}"
    changed = await panel.client.patch(
        path, json={"email": "Moved@Radio.example", "maxListeners": 500}, headers=admin
    )
    body = await changed.json()
    assert (body["email"], body["maxListeners"], body["maxChannels"]) == (
        "moved@radio.example",
        500,
        10,
    )
    await read_error(await panel.client.patch(path, json={"email": ADMIN}, headers=admin), 409)
    await read_error(await panel.client.patch(path, json={"email": ""}, headers=admin), 400)
    unknown = await panel.client.patch("/users/nobody", json={}, headers=admin)
    assert "nobody" in await read_error(unknown, 404)


@pytest.mark.parametrize("given", [None, "a password of mine"])
async def test_password_that_is_reset_ends_every_sign_in(
    panel: Panel, admin: dict[str, str], given: str | None
) -> None:
    owner = await panel.log_in()
    response = await panel.client.put(
        f"/users/{panel.radio.owner.id}/password",
        json={"password": given} if given else {},
        headers=admin,
    )
    shown = (await response.json())["password"]
    assert (shown is None) is (given is not None)
    await read_error(await panel.client.get("/auth/me", headers=owner), 401)
    await panel.log_in(OWNER, given or shown)
