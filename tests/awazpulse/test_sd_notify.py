"""What a service manager is told, over real sockets."""

import asyncio
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from awazpulse.sd_notify import ServiceManager


class Manager:
    """The manager's end of the socket."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self.socket.setblocking(False)

    def read(self) -> list[list[str]]:
        """Return the lines of each message that has come."""
        messages = []
        while True:
            try:
                messages.append(self.socket.recv(4096).decode().split("\n"))
            except BlockingIOError:
                return messages

    def environment(self, **others: str) -> dict[str, str]:
        return {"NOTIFY_SOCKET": self.address, **others}


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    is_path = request.param == "path"
    manager = Manager(
        f"{tmp_path}/notify" if is_path else f"@awazpulse-{os.getpid()}-{tmp_path.name}"
    )
    yield manager
    manager.socket.close()


def test_the_start_a_reload_and_the_end_are_told_in_order(manager: Manager) -> None:
    service = ServiceManager.from_environment(manager.environment())
    before_us = time.monotonic_ns() // 1000
    service.tell_ready("2 channels\non air")
    service.tell_reloading()
    service.tell_ready("well")
    service.tell_stopping("stopping")
    service.tell_stopping("draining", needs_s=90.5)
    ready, reloading, again, stopping, draining = manager.read()
    assert ready == ["READY=1", "STATUS=2 channels on air"]
    assert reloading[0] == "RELOADING=1"
    name, _, now_us = reloading[1].partition("=")
    assert name == "MONOTONIC_USEC"
    assert before_us <= int(now_us) <= time.monotonic_ns() // 1000
    assert again == ["READY=1", "STATUS=well"]
    assert stopping == ["STOPPING=1", "STATUS=stopping"]
    assert draining == ["STOPPING=1", "STATUS=draining", "EXTEND_TIMEOUT_USEC=90500000"]


async def test_the_watchdog_is_fed_twice_in_its_time_from_the_loop(manager: Manager) -> None:
    environment = manager.environment(WATCHDOG_USEC="200000", WATCHDOG_PID=str(os.getpid()))
    service = ServiceManager.from_environment(environment)
    service.start_beating(asyncio.get_running_loop(), lambda: "well")
    begun = time.monotonic()
    await asyncio.sleep(0.55)
    expected = (time.monotonic() - begun) / 0.1
    messages = manager.read()
    assert messages[0] == ["WATCHDOG=1", "STATUS=well"]
    assert all(message == ["WATCHDOG=1"] for message in messages[1:])
    assert 4 <= len(messages) <= expected + 1
    time.sleep(0.3)  # noqa: ASYNC251  # a loop that does not turn feeds nobody
    assert manager.read() == []
    service.close()
    service.close()
    await asyncio.sleep(0.2)
    assert manager.read() == []


async def test_a_status_is_told_when_it_is_new(
    manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("awazpulse.sd_notify.STATUS_INTERVAL_S", 0.02)
    status = "one"
    service = ServiceManager.from_environment(manager.environment())
    service.tell_ready("one")
    service.start_beating(asyncio.get_running_loop(), lambda: status)
    await asyncio.sleep(0.1)
    status = "two"
    await asyncio.sleep(0.1)
    service.tell_stopping("stopping")
    await asyncio.sleep(0.1)
    service.close()
    assert [lines[-1] for lines in manager.read()] == [
        "STATUS=one",
        "STATUS=two",
        "STATUS=stopping",
    ]


@pytest.mark.parametrize(
    ("usec", "pid"),
    [("", ""), ("0", ""), ("-5", ""), ("soon", ""), ("1000000", "1"), ("1000000", "x")],
)
async def test_a_watchdog_of_another_process_or_of_no_time_is_not_fed(
    manager: Manager, monkeypatch: pytest.MonkeyPatch, usec: str, pid: str
) -> None:
    monkeypatch.setattr("awazpulse.sd_notify.STATUS_INTERVAL_S", 0.01)
    others = {"WATCHDOG_USEC": usec} | ({"WATCHDOG_PID": pid} if pid else {})
    service = ServiceManager.from_environment(manager.environment(**others))
    service.start_beating(asyncio.get_running_loop(), lambda: "well")
    await asyncio.sleep(0.05)
    service.close()
    assert manager.read() == [["STATUS=well"]]


@pytest.mark.parametrize("address", ["", "@", "relative", "vsock:2:1234", "/nowhere/notify"])
async def test_without_a_manager_nothing_is_done_and_nothing_fails(address: str) -> None:
    service = ServiceManager.from_environment({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "20000"})
    service.tell_ready("")
    service.tell_reloading()
    service.start_beating(asyncio.get_running_loop(), lambda: "well")
    await asyncio.sleep(0.05)
    service.tell_stopping("")
    service.close()


def test_a_manager_that_reads_nothing_is_not_waited_for(
    manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("awazpulse.sd_notify.SEND_TIMEOUT_S", 0.01)
    service = ServiceManager.from_environment(manager.environment())
    begun = time.monotonic()
    for _ in range(200):  # the kernel's queue holds some tens
        service.tell_ready("well")
    assert time.monotonic() - begun < 10
    assert 0 < len(manager.read()) < 200
