import jwt
import pytest

from awazpulse.channels.tokens import InternalAction, Tokens
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
    assert body["expiresIn"] == 12 * 3600
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


async def test_user_who_is_gone_is_signed_out(panel: Panel) -> None:
    headers = await panel.add_user("gone@radio.example")
    user = await panel.radio.accounts.find("gone@radio.example")
    async with panel.radio.database.write() as session:
        await session.delete(user)
    await read_error(await panel.client.get("/auth/me", headers=headers), 401)
