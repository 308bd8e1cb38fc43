import pytest

from tests.api.conftest import Panel, read_error

PATH = "/streams/channel/demo/webhooks"
URL = "https://example.org/hook"


async def test_a_webhook_is_made_shown_changed_and_deleted(panel: Panel) -> None:
    headers = await panel.log_in()
    response = await panel.client.post(
        PATH, json={"url": URL, "events": ["on_air", "off_air"]}, headers=headers
    )
    assert response.status == 201, await response.text()
    assert response.headers["Cache-Control"] == "no-store"
    made = await response.json()
    assert len(made.pop("secret")) == 24
    assert (made["url"], made["events"], made["isActive"]) == (URL, ["on_air", "off_air"], True)
    listed = await (await panel.client.get(PATH, headers=headers)).json()
    assert listed == {"items": [made]}
    path = f"{PATH}/{made['id']}"
    response = await panel.client.patch(
        path, json={"isActive": False, "events": []}, headers=headers
    )
    assert (await response.json()) == made | {"isActive": False, "events": []}
    response = await panel.client.get(f"{path}/deliveries", headers=headers)
    assert await response.json() == {"items": []}
    assert (await panel.client.delete(path, headers=headers)).status == 204
    await read_error(await panel.client.delete(path, headers=headers), 404)
    await read_error(await panel.client.get(f"{path}/deliveries", headers=headers), 404)
    await read_error(await panel.client.patch(path, json={}, headers=headers), 404)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": "ftp://example.org/"},
        {"url": "https://user:x@example.org/"},
        {"url": URL, "events": ["levels"]},
        {"url": URL, "events": ["nonsense"]},
        {"url": URL, "secret": "mine"},
    ],
)
async def test_what_is_no_webhook_is_refused(panel: Panel, body: dict[str, object]) -> None:
    headers = await panel.log_in()
    await read_error(await panel.client.post(PATH, json=body, headers=headers), 400)


async def test_a_channel_has_ten_at_most(panel: Panel) -> None:
    headers = await panel.log_in()
    for _ in range(10):
        assert (await panel.client.post(PATH, json={"url": URL}, headers=headers)).status == 201
    await read_error(await panel.client.post(PATH, json={"url": URL}, headers=headers), 403)


async def test_another_channels_webhook_is_not_there(panel: Panel) -> None:
    headers = await panel.log_in()
    made = await (await panel.client.post(PATH, json={"url": URL}, headers=headers)).json()
    await panel.client.post("/channels", json={"id": "two", "name": "Two"}, headers=headers)
    path = f"/streams/channel/two/webhooks/{made['id']}"
    await read_error(await panel.client.delete(path, headers=headers), 404)
    assert (await panel.client.delete(f"{PATH}/{made['id']}", headers=headers)).status == 204
