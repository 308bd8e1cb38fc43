"""What a reload takes up, what it keeps, and what it says."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from awazpulse.reload import NEEDS_RESTART, Reloader, find_changes
from awazpulse.settings import Settings, SettingsError

PRESENT = Settings(data_dir=Path("/data"), rtmp_port=1935, log_level="info")


class Server:
    """Takes up whatever it is given, unless it is told not to."""

    def __init__(self) -> None:
        self.taken: list[Settings] = []
        self.fault = ""

    def prepare(self, settings: Settings) -> Callable[[], None]:
        if self.fault:
            raise SettingsError(self.fault)
        return lambda: self.taken.append(settings)


def reload(server: Server, load: Callable[[], Settings], times: int = 1) -> Reloader:
    reloader = Reloader(PRESENT, server.prepare, load)
    for _ in range(times):
        reloader.reload()
    return reloader


def raise_fault() -> Settings:
    raise SettingsError("AWAZPULSE_LOG_LEVEL: got loud")


def test_all_that_needs_a_restart_is_a_setting() -> None:
    assert Settings.model_fields.keys() > NEEDS_RESTART


def test_what_can_change_is_taken_up_and_what_cannot_is_kept() -> None:
    read = Settings(data_dir=Path("/other"), rtmp_port=1936, log_level="debug", ledger_days=3)
    changes = find_changes(PRESENT, read)
    assert set(changes.live) == {"log_level", "ledger_days"}
    assert set(changes.needs_restart) == {"data_dir", "rtmp_port"}
    assert (changes.settings.data_dir, changes.settings.rtmp_port) == (Path("/data"), 1935)
    assert (changes.settings.log_level, changes.settings.ledger_days) == ("debug", 3)


def test_one_line_names_what_needs_a_restart_each_time_and_no_value(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = Server()
    read = Settings.model_validate(
        {"data_dir": "/data", "rtmp_port": 1936, "secret_key": "topsecret" * 3}
    )
    with caplog.at_level(logging.INFO):
        reload(server, lambda: read, times=2)
    warnings = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert warnings == ["changed, but needs a restart: rtmp_port, secret_key"] * 2
    assert "topsecret" not in caplog.text
    assert [settings.rtmp_port for settings in server.taken] == [1935, 1935]


def test_what_was_taken_up_is_no_change_the_next_time(caplog: pytest.LogCaptureFixture) -> None:
    read = PRESENT.model_copy(update={"cors_origins": "https://a.example"})
    with caplog.at_level(logging.INFO):
        reload(Server(), lambda: read, times=2)
    assert [r.getMessage().rpartition(": ")[2] for r in caplog.records] == [
        "cors_origins",
        "nothing",
    ]


@pytest.mark.parametrize("where", ["load", "prepare"])
def test_a_fault_leaves_all_as_it_was_and_is_one_line(
    where: str, caplog: pytest.LogCaptureFixture
) -> None:
    server = Server()
    if where == "prepare":
        server.fault = "AWAZPULSE_LOG_LEVEL: got loud"
    read = PRESENT.model_copy(update={"ledger_days": 3})
    reloader = reload(server, raise_fault if where == "load" else lambda: read)
    assert (reloader.settings, server.taken) == (PRESENT, [])
    (line,) = caplog.records
    assert line.levelno == logging.ERROR
    assert "AWAZPULSE_LOG_LEVEL: got loud" in line.getMessage()
    assert line.exc_info is None
