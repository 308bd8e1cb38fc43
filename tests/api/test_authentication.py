import time

import jwt
import pytest
from aiohttp.test_utils import TestClient, TestServer

from api import create_app
from awazpulse.channels.tokens import InternalAction, Tokens
from awazpulse.proxies import parse_trusted_proxies
from awazpulse.refusals import WrongLogin
from awazpulse.store import User
from tests.api.conftest import Panel, read_error
from tests.awazpulse.channels.support import OWNER, OWNER_PASSWORD, SECRET_KEY


async def test_login_answers_with_a_token_and_who_it_is(panel: Panel) -> None:
    response = await panel.client.post(
        "/auth/login", json={"email": " Owner@Radio.example", "password": OWNER_PASSWORD}
    )
    assert response.status == 200
    assert response.headers["Cache-Control"] == "no-store"
    body = await response.json()
    assert body["tokenType"] == "Bearer"
    assert body["expiresIn"] == 3600
    assert body["user"] == {"id": panel.radio.owner.id, "email": OWNER, "role": "station_owner"}
    headers = {"Authorization": f"bearer {body['accessToken']}"}
    assert await (await panel.client.get("/auth/me", headers=headers)).json() == body["user"]


@pytest.mark.parametrize(
    ("email", "password"),
    [(OWNER, "wrong password"), ("nobody@radio.example", OWNER_PASSWORD), ("", "")],
)
async def test_wrong_login_is_unauthorized_and_never_says_which_part(
    panel: Panel, email: str, password: str
) -> None:
    response = await panel.client.post("/auth/login", json={"email": email, "password": password})
    assert await read_error(response, 401) == "the e-mail address or the password is wrong"


async def test_malformed_login_is_a_bad_request_that_repeats_no_password(panel: Panel) -> None:
    for body in ({"email": OWNER}, {"email": 5, "password": "hidden"}, {"password": ["hidden"]}):
        response = await panel.client.post("/auth/login", json=body)
        assert "hidden" not in await read_error(response, 400)


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic abc", "Bearer abc", "Bearer a.b.c", "Bearer \xe9"]
)
async def test_anything_but_a_token_of_ours_is_unauthorized(panel: Panel, header: str) -> None:
    await read_error(await panel.client.get("/auth/me", headers={"Authorization": header}), 401)


async def test_token_of_another_key_or_algorithm_is_unauthorized(panel: Panel) -> None:
    other = Tokens("another secret key").issue(panel.radio.owner).text
    claims = jwt.decode(other, options={"verify_signature": False})
    unsigned = jwt.encode(claims, "", algorithm="none")
    for token in (
        other,
        unsigned,
        Tokens(SECRET_KEY).issue_internal("demo", InternalAction.REFRESH),
    ):
        headers = {"Authorization": f"Bearer {token}"}
        await read_error(await panel.client.get("/auth/me", headers=headers), 401)


async def test_expired_token_is_unauthorized(panel: Panel) -> None:
    old = Tokens(SECRET_KEY, wall_clock=lambda: 1e9).issue(panel.radio.owner).text
    response = await panel.client.get("/auth/me", headers={"Authorization": f"Bearer {old}"})
    assert "expired" in await read_error(response, 401)


async def sign_in(panel: Panel) -> dict[str, str]:
    login = {"email": OWNER, "password": OWNER_PASSWORD}
    body: dict[str, str] = await (await panel.client.post("/auth/login", json=login)).json()
    return body


def bearing(answer: dict[str, str]) -> dict[str, str]:
    return {"Authorization": f"Bearer {answer['accessToken']}"}


async def test_refreshing_makes_new_tokens_of_the_same_sign_in(panel: Panel) -> None:
    first = await sign_in(panel)
    body = {"refreshToken": first["refreshToken"]}
    response = await panel.client.post("/auth/refresh", json=body)
    assert response.headers["Cache-Control"] == "no-store"
    second = await response.json()
    assert second["refreshToken"] != first["refreshToken"]
    for answer in (first, second):
        assert (await panel.client.get("/auth/me", headers=bearing(answer))).status == 200
    response = await panel.client.post("/auth/refresh", json={"refreshToken": "x.y"})
    assert "sign in again" in await read_error(response, 401)


async def test_signing_out_ends_the_access_token_of_this_sign_in_alone(panel: Panel) -> None:
    one, other = await sign_in(panel), await sign_in(panel)
    body = {"refreshToken": one["refreshToken"]}
    assert (await panel.client.post("/auth/logout", json=body)).status == 204
    response = await panel.client.get("/auth/me", headers=bearing(one))
    assert "sign in again" in await read_error(response, 401)
    assert (await panel.client.get("/auth/me", headers=bearing(other))).status == 200


async def test_changed_password_ends_every_other_sign_in_and_the_operators_tokens(
    panel: Panel,
) -> None:
    here, elsewhere = await sign_in(panel), await sign_in(panel)
    an_hour_ago = Tokens(SECRET_KEY, wall_clock=lambda: time.time() - 3600)
    script = {"accessToken": an_hour_ago.issue(panel.radio.owner).text}
    assert (await panel.client.get("/auth/me", headers=bearing(script))).status == 200
    body = {"currentPassword": OWNER_PASSWORD, "newPassword": "another good one"}
    response = await panel.client.put("/auth/password", json=body, headers=bearing(here))
    assert response.status == 200, await response.text()
    answer = await response.json()
    for old in (here, elsewhere, script):
        await read_error(await panel.client.get("/auth/me", headers=bearing(old)), 401)
    assert (await panel.client.get("/auth/me", headers=bearing(answer))).status == 200
    await panel.log_in(OWNER, "another good one")


async def test_password_changes_for_who_knows_the_present_one_only(panel: Panel) -> None:
    headers = bearing(await sign_in(panel))
    body = {"currentPassword": "a guess of mine", "newPassword": "another good one"}
    response = await panel.client.put("/auth/password", json=body, headers=headers)
    assert "password is wrong" in await read_error(response, 401)
    body = {"currentPassword": OWNER_PASSWORD, "newPassword": "short"}
    response = await panel.client.put("/auth/password", json=body, headers=headers)
    assert "expected 8" in await read_error(response, 400)
    await panel.log_in()


async def test_user_who_is_gone_is_signed_out(panel: Panel) -> None:
    headers = await panel.add_user("gone@radio.example")
    user = await panel.radio.accounts.find("gone@radio.example")
    async with panel.radio.database.write() as session:
        await session.delete(user)
    await read_error(await panel.client.get("/auth/me", headers=headers), 401)


async def test_while_the_server_drains_nobody_signs_in_and_who_has_may_go_on(panel: Panel) -> None:
    headers = await panel.log_in()
    panel.readiness.is_draining = True
    body = {"email": OWNER, "password": OWNER_PASSWORD}
    detail = await read_error(await panel.client.post("/auth/login", json=body), 503)
    assert "about to stop" in detail
    assert (await panel.client.get("/auth/me", headers=headers)).status == 200


@pytest.mark.parametrize(
    ("proxies", "counted"), [("127.0.0.1", "203.0.113.7"), ("none", "127.0.0.1")]
)
async def test_wrong_logins_are_counted_against_the_client_that_a_trusted_proxy_says(
    panel: Panel, monkeypatch: pytest.MonkeyPatch, proxies: str, counted: str
) -> None:
    asked: list[str] = []

    async def authenticate(_email: str, _password: str, address: str) -> User:
        asked.append(address)
        raise WrongLogin

    monkeypatch.setattr(panel.radio.accounts, "authenticate", authenticate)
    app = create_app(panel.services, proxies=parse_trusted_proxies(proxies))
    async with TestClient(TestServer(app)) as client:
        headers = [("X-Forwarded-For", "198.51.100.9"), ("X-Forwarded-For", "203.0.113.7")]
        body = {"email": OWNER, "password": "wrong password"}
        await read_error(await client.post("/auth/login", json=body, headers=headers), 401)
    assert asked == [counted]
