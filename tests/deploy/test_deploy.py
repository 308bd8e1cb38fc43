"""What is shipped for operators is true of the server: units, alerts, dashboard."""

import asyncio
import configparser
import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from awazpulse.relay.departures import Departure
from awazpulse.sd_notify import ServiceManager
from awazpulse.settings import PREFIX, Settings
from tests.on_air.server import Server, serving

DEPLOY = Path(__file__).parents[2] / "deploy"
ALERTS = DEPLOY / "prometheus-alerts.yml"
DASHBOARD = DEPLOY / "grafana-dashboard.json"
METRIC = re.compile(r"\b(?:awazpulse|process)_[a-z0-9_]+")
SELECTOR = re.compile(r"\b((?:awazpulse|process)_[a-z0-9_]+)\{([^}]*)\}")
LABEL = re.compile(r'(\w+)(?:=~|!~|!=|=)"([^"]*)"')
DURATION = re.compile(r"\d+[smhd]")


def read_rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def read_dashboard() -> dict[str, Any]:
    dashboard: dict[str, Any] = json.loads(DASHBOARD.read_text())
    return dashboard


def list_expressions() -> Iterator[str]:
    for rule in read_rules():
        yield rule["expr"]
    dashboard = read_dashboard()
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            yield target["expr"]
    for annotation in dashboard["annotations"]["list"]:
        yield annotation["expr"]
    for variable in dashboard["templating"]["list"]:
        yield variable.get("definition", "")


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with serving(tmp_path / "data") as server:
        yield server


async def read_metrics(server: Server) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.ports["api"])
    writer.write(b"GET /metrics HTTP/1.0\r\n\r\n")
    answer = (await reader.read()).decode()
    writer.close()
    return answer


def list_names(answer: str) -> set[str]:
    """The names of all series that may be in an answer, also of those that nothing is on air for."""
    names = set()
    for name, kind in re.findall(r"^# TYPE (\w+) (\w+)$", answer, re.MULTILINE):
        parts = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
        names |= {name + part for part in parts}
    return names


async def test_every_metric_of_the_alerts_and_the_dashboard_is_one_that_the_server_has(
    server: Server,
) -> None:
    answer = await read_metrics(server)
    known = list_names(answer)
    used = {name for expression in list_expressions() for name in METRIC.findall(expression)}
    assert len(used) > 20
    assert used <= known, used - known
    for expression in list_expressions():
        for name, labels in SELECTOR.findall(expression):
            for label, value in LABEL.findall(labels):
                if label == "reason":
                    assert set(value.split("|")) <= known_reasons(answer, name), (name, value)
                elif label == "type":
                    assert f'{name}{{type="{value}"}}' in answer
                else:
                    assert label in ("channel", "instance", "job", "le")


def known_reasons(answer: str, name: str) -> set[str]:
    return set(re.findall(rf'^{name}\{{reason="(\w+)"\}}', answer, re.MULTILINE))


async def test_reasons_are_there_before_the_first_of_them_happens(server: Server) -> None:
    answer = await read_metrics(server)
    assert known_reasons(answer, "awazpulse_listeners_dropped_total") == set(Departure)
    refused = known_reasons(answer, "awazpulse_refused_logins_total")
    assert {"wrong_secret", "unknown_channel", "server_draining"} <= refused


def test_each_alert_has_a_name_of_its_own_how_bad_it_is_and_what_to_do() -> None:
    rules = read_rules()
    assert len({rule["alert"] for rule in rules}) == len(rules) > 8
    for rule in rules:
        assert rule["labels"]["severity"] in ("critical", "warning", "info")
        assert set(rule["annotations"]) == {"summary", "description"}
        assert DURATION.fullmatch(rule.get("for", "1m"))
        assert rule["expr"].count("(") == rule["expr"].count(")")


def test_each_panel_of_the_dashboard_has_its_place_and_asks_something() -> None:
    panels = read_dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert all(x < 24 for x, _ in cells)
        taken |= cells
        assert panel["type"] == "row" or panel["targets"]


class Unit(configparser.RawConfigParser):
    """A unit's file; its keys are case-sensitive."""

    def __init__(self) -> None:
        super().__init__(strict=False, delimiters=("=",), comment_prefixes=("#", ";"))
        self.read(DEPLOY / "awazpulse.service")

    def optionxform(self, optionstr: str) -> str:
        return optionstr


HARDENING = {
    "CapabilityBoundingSet": "", "LockPersonality": "yes", "NoNewPrivileges": "yes", "PrivateDevices": "yes",
    "PrivateTmp": "yes", "ProtectHome": "yes", "ProtectKernelModules": "yes", "ProtectKernelTunables": "yes",
    "ProtectSystem": "strict", "RestrictNamespaces": "yes", "RestrictSUIDSGID": "yes",
    "SystemCallFilter": "@system-service",
}  # fmt: skip


def test_the_unit_has_what_the_server_and_its_readme_speak_of() -> None:
    unit = Unit()
    assert unit.sections() == ["Unit", "Service", "Install"]
    service = dict(unit["Service"])
    assert service["Type"] == "notify"
    assert service["NotifyAccess"] == "main"
    assert service["ExecStart"].endswith("/awazpulse serve")
    assert service["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert (service["KillSignal"], service["KillMode"]) == ("SIGTERM", "mixed")
    assert service["LimitNOFILE"] == "21000"
    assert service["RestartPreventExitStatus"] == "2"
    assert service["User"] != "root"
    assert service.items() >= HARDENING.items()
    assert {"AF_UNIX", "AF_INET", "AF_INET6"} == set(service["RestrictAddressFamilies"].split())
    watchdog_us = int(service["WatchdogSec"]) * 1_000_000
    manager = ServiceManager.from_environment({"WATCHDOG_USEC": str(watchdog_us)})
    assert manager._watchdog_s == 30


def test_what_the_unit_sets_are_settings_and_the_data_folder_is_its_own() -> None:
    service = Unit()["Service"]
    name, _, value = service["Environment"].partition("=")
    assert name.removeprefix(PREFIX).lower() in Settings.model_fields
    assert value == f"/var/lib/{service['StateDirectory']}"
    assert service["WorkingDirectory"] == f"/etc/{service['ConfigurationDirectory']}"


def test_the_unit_has_no_line_that_is_none_and_no_key_twice() -> None:
    keys = []
    for line in (DEPLOY / "awazpulse.service").read_text().splitlines():
        if line and not line.startswith(("#", "[")):
            assert re.fullmatch(r"[A-Z][A-Za-z]+=.*", line), line
            keys.append(line.partition("=")[0])
    assert len(set(keys)) == len(keys)
