import pytest

from awazpulse.channels.stream_manager import StreamManager
from awazpulse.refusals import ServiceUnavailable, WrongSecret
from tests.api.conftest import Panel, read_error
from tests.awazpulse.channels.support import FakeSource

CREDENTIALS = "/streams/channel/demo/credentials"
ROTATE = f"{CREDENTIALS}/rotate"


async def test_a_rotated_secret_is_the_only_one_that_opens_the_channel(panel: Panel) -> None:
    headers = await panel.log_in()
    before = await (await panel.client.get(CREDENTIALS, headers=headers)).json()
    source = FakeSource()
    await panel.radio.go_live(source=source)
    response = await panel.client.post(ROTATE, json={"streamType": "hls"}, headers=headers)
    assert response.status == 200
    assert response.headers["Cache-Control"] == "no-store"
    made = await response.json()
    after = await (await panel.client.get(CREDENTIALS, headers=headers)).json()
    assert made == after["hls"]
    assert made["streamKey"] != before["hls"]["streamKey"]
    assert after["icecast"] == before["icecast"]
    assert source.closed == []
    manager: StreamManager = panel.radio.manager
    secret = made["streamKey"].partition("key=")[2]
    await manager.authorize_source("demo", "hls", secret, "192.0.2.1")
    manager.stop("demo", "somebody")  # what is on air knows the old one
    old = before["hls"]["streamKey"].partition("key=")[2]
    with pytest.raises(WrongSecret):
        await manager.authorize_source("demo", "hls", old, "192.0.2.1")


async def test_a_secret_is_not_made_anew_by_an_administrator(panel: Panel) -> None:
    admin = await panel.add_user("admin@radio.example", "admin")
    response = await panel.client.post(ROTATE, json={"streamType": "hls"}, headers=admin)
    assert "owner" in await read_error(response, 403)


async def test_addresses_are_the_credentials_without_their_secrets(panel: Panel) -> None:
    owner = await panel.log_in()
    path = "/streams/channel/demo"
    whole = await (await panel.client.get(f"{path}/credentials", headers=owner)).json()
    response = await panel.client.get(f"{path}/addresses", headers=owner)
    addresses = await response.json()
    secrets = {"streamType", "streamKey", "password"}
    for kind in ("hls", "icecast"):
        expected = {name: value for name, value in whole[kind].items() if name not in secrets}
        assert addresses[kind] == expected


@pytest.mark.parametrize("is_away", [False, True])
async def test_rotation_has_the_server_forget_the_old_secret_even_if_the_database_goes(
    panel: Panel, monkeypatch: pytest.MonkeyPatch, is_away: bool
) -> None:
    refreshed: list[str] = []

    async def refresh(channel_id: str) -> None:
        refreshed.append(channel_id)
        if is_away:
            raise ServiceUnavailable("look up the channel")

    monkeypatch.setattr(panel.radio.manager, "refresh", refresh)
    response = await panel.client.post(
        ROTATE,
        json={"streamType": "hls"},
        headers=await panel.log_in(),
    )
    assert response.status == 200
    assert refreshed == ["demo"]
