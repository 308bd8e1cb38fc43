from http.cookies import Morsel

import pytest

from api.session_cookies import ACCESS_COOKIE, PANEL_HEADER, REFRESH_COOKIE
from tests.api.conftest import Panel, read_error
from tests.awazpulse.channels.support import OWNER, OWNER_PASSWORD

OURS = {PANEL_HEADER: "1"}
LOGIN = {"email": OWNER, "password": OWNER_PASSWORD}


async def sign_in(panel: Panel) -> dict[str, "Morsel[str]"]:
    """Sign in as a page does; the client keeps the cookies."""
    response = await panel.client.post("/panel/login", json=LOGIN, headers=OURS)
    assert response.status == 200, await response.text()
    assert (await response.json())["email"] == OWNER
    return dict(response.cookies)


async def ask_me(panel: Panel, **headers: str) -> int:
    async with panel.client.get("/auth/me", headers=headers) as response:
        return response.status


async def test_the_session_is_in_cookies_that_scripts_cannot_read(panel: Panel) -> None:
    cookies = await sign_in(panel)
    assert cookies.keys() == {ACCESS_COOKIE, REFRESH_COOKIE}
    for cookie in cookies.values():
        assert cookie["httponly"]
        assert cookie["samesite"] == "Strict"
        assert not cookie["secure"]  # over HTTP a browser would throw it away
    assert cookies[ACCESS_COOKIE]["path"] == "/"
    assert cookies[REFRESH_COOKIE]["path"] == "/panel"


async def test_behind_https_cookies_go_over_https_alone(panel: Panel) -> None:
    headers = {**OURS, "X-Forwarded-Proto": "https"}
    response = await panel.client.post("/panel/login", json=LOGIN, headers=headers)
    assert all(cookie["secure"] for cookie in response.cookies.values())


async def test_a_cookie_opens_the_api_to_our_own_pages(panel: Panel) -> None:
    await sign_in(panel)
    host = f"{panel.client.host}:{panel.client.port}"
    assert await ask_me(panel, **OURS) == 200
    assert await ask_me(panel, **OURS, Origin=f"http://{host}") == 200
    assert await ask_me(panel, **OURS, **{"Sec-Fetch-Site": "same-origin"}) == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},  # a form, an image, a link
        {**OURS, "Origin": "http://evil.example"},
        {**OURS, "Origin": "http://127.0.0.1:1"},  # another port of the same host is the same site
        {**OURS, "Origin": "null"},
        {**OURS, "Origin": "http://["},
        {**OURS, "Sec-Fetch-Site": "same-site"},
        {**OURS, "Sec-Fetch-Site": "cross-site"},
        {**OURS, "Sec-Fetch-Site": "none"},
    ],
)
async def test_a_cookie_opens_nothing_to_other_pages(panel: Panel, headers: dict[str, str]) -> None:
    await sign_in(panel)
    assert await ask_me(panel, **headers) == 403
    for path in ("/panel/refresh", "/panel/logout"):
        response = await panel.client.post(path, headers=headers)
        assert "own pages" in await read_error(response, 403)
    response = await panel.client.post(
        "/streams/channel/demo/switch-type", json={"streamType": "icecast"}, headers=headers
    )
    await read_error(response, 403)
    response = await panel.client.post("/panel/login", json=LOGIN, headers=headers)
    await read_error(response, 403)
    assert await ask_me(panel, **OURS) == 200  # it was not ended either


async def test_a_preflight_lets_no_other_origin_send_our_header(panel: Panel) -> None:
    response = await panel.client.options(
        "/auth/me",
        headers={
            "Origin": "http://evil.example",
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": PANEL_HEADER,
        },
    )
    assert PANEL_HEADER.lower() not in response.headers["Access-Control-Allow-Headers"].lower()
    assert "Access-Control-Allow-Credentials" not in response.headers


async def test_a_websocket_is_judged_by_its_origin(panel: Panel) -> None:
    await sign_in(panel)
    host = f"{panel.client.host}:{panel.client.port}"
    async with panel.client.ws_connect("/events", origin=f"http://{host}") as socket:
        assert (await socket.receive_json())["type"] == "hello"
    same_site = {"Origin": f"http://{host}", "Sec-Fetch-Site": "same-site"}
    for headers in ({}, {"Origin": "http://evil.example"}, OURS, same_site):
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", **headers}
        assert (await panel.client.get("/events", headers=upgrade)).status == 403


async def test_a_bearer_token_counts_before_the_cookie(panel: Panel) -> None:
    await sign_in(panel)
    other = await panel.add_user("other@radio.example")
    response = await panel.client.get("/auth/me", headers=other)
    assert (await response.json())["email"] == "other@radio.example"


async def test_a_session_is_continued_and_ended(panel: Panel) -> None:
    before = await sign_in(panel)
    response = await panel.client.post("/panel/refresh", headers=OURS)
    assert response.status == 200
    assert response.cookies[REFRESH_COOKIE].value != before[REFRESH_COOKIE].value
    response = await panel.client.post("/panel/logout", headers=OURS)
    assert response.status == 204
    assert await ask_me(panel, **OURS) == 401
    await read_error(await panel.client.post("/panel/refresh", headers=OURS), 401)
    # The sign-in itself has ended, and not the cookies alone.
    headers = {"Authorization": f"Bearer {before[ACCESS_COOKIE].value}"}
    assert await ask_me(panel, **headers) == 401


async def test_a_changed_password_keeps_the_session_that_changed_it(panel: Panel) -> None:
    await sign_in(panel)
    body = {"currentPassword": OWNER_PASSWORD, "newPassword": "another good password"}
    response = await panel.client.put("/panel/password", json=body, headers=OURS)
    assert response.status == 200
    assert "accessToken" not in await response.json()
    assert await ask_me(panel, **OURS) == 200
    response = await panel.client.post("/panel/login", json=LOGIN, headers=OURS)
    await read_error(response, 401)
