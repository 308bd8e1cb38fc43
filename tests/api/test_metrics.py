"""Who may read /metrics."""

import pytest

from api.metrics import _is_loopback
from awazpulse.kinds import MetricsAccess
from tests.api.conftest import Panel, read_error


async def test_a_program_on_this_machine_reads_it_without_a_login(panel: Panel) -> None:
    await panel.radio.go_live()
    response = await panel.client.get("/metrics")
    assert response.status == 200
    assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert response.headers["Cache-Control"] == "no-store"
    assert 'awazpulse_channel_sources{channel="demo"} 1.0' in await response.text()


async def test_openmetrics_is_answered_to_who_asks_for_it(panel: Panel) -> None:
    headers = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"}
    response = await panel.client.get("/metrics", headers=headers)
    assert response.content_type == "application/openmetrics-text"
    assert (await response.text()).endswith("# EOF\n")


@pytest.mark.parametrize(
    "header",
    ["Forwarded", "X-Forwarded-For", "x-real-ip", "X-FORWARDED-PROTO", "X-Forwarded-Host", "Via"],
)
async def test_what_comes_through_a_proxy_is_refused(panel: Panel, header: str) -> None:
    response = await panel.client.get("/metrics", headers={header: "127.0.0.1"})
    detail = await read_error(response, 403)
    assert "metrics_access" in detail


@pytest.mark.parametrize(
    ("address", "is_ours"),
    [
        ("127.0.0.1", True),
        ("127.9.8.7", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("192.0.2.1", False),
        ("10.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("0.0.0.0", False),
        ("", False),
        ("localhost.evil.example", False),
    ],
)
def test_loopback_is_this_machine_and_nothing_else(address: str, is_ours: bool) -> None:
    assert _is_loopback(address) is is_ours


async def test_with_anybody_a_proxy_may_ask_too(panel: Panel) -> None:
    panel.metrics.access = MetricsAccess.ANYBODY
    response = await panel.client.get("/metrics", headers={"X-Forwarded-For": "192.0.2.1"})
    assert response.status == 200


async def test_with_admin_it_needs_an_administrators_token(panel: Panel) -> None:
    panel.metrics.access = MetricsAccess.ADMIN
    await read_error(await panel.client.get("/metrics"), 401)
    owner = await panel.log_in()
    await read_error(await panel.client.get("/metrics", headers=owner), 403)
    admin = await panel.add_user("admin@radio.example", "admin")
    admin |= {"X-Forwarded-For": "192.0.2.1"}
    assert (await panel.client.get("/metrics", headers=admin)).status == 200
