"""Debian's icecast2 with its own defaults, but for the limits of clients and sources."""

import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.machine import (
    STOP_SECONDS,
    free_port,
    pinned,
    running,
    server_core,
    wait_for_port,
)

_USER, _GROUP = "icecast2", "icecast"  # who Debian's package runs it as; root it refuses
_CONFIG = """<icecast>
  <limits>
    <clients>100000</clients> <sources>1000</sources>
    <queue-size>524288</queue-size> <client-timeout>30</client-timeout>
    <header-timeout>15</header-timeout> <source-timeout>10</source-timeout>
    <burst-on-connect>1</burst-on-connect> <burst-size>65535</burst-size>
  </limits>
  <authentication>
    <source-password>{password}</source-password> <relay-password>{password}</relay-password>
    <admin-user>admin</admin-user> <admin-password>{password}</admin-password>
  </authentication>
  <hostname>localhost</hostname>
  <listen-socket> <port>{port}</port> <bind-address>127.0.0.1</bind-address> </listen-socket>
  <fileserve>1</fileserve>
  <paths>
    <basedir>/usr/share/icecast2</basedir> <webroot>/usr/share/icecast2/web</webroot>
    <adminroot>/usr/share/icecast2/admin</adminroot> <logdir>{directory}</logdir>
  </paths>
  <logging>
    <accesslog>access.log</accesslog> <errorlog>error.log</errorlog> <loglevel>3</loglevel>
  </logging>
  <security> <chroot>0</chroot> {owner} </security>
</icecast>
"""
_LAST_THREAD = "YP update thread started"
_OWNER = f"<changeowner><user>{_USER}</user><group>{_GROUP}</group></changeowner>"


@dataclass(frozen=True, slots=True)
class Icecast:
    """A running Icecast; every mount takes `password`."""

    pid: int
    port: int
    password: str


def is_installed() -> bool:
    return shutil.which("icecast2") is not None


def _wait_for_threads(log: Path) -> None:
    """Wait until it has told of the last thread that it starts.

    2.4.4 crashes now and then when a client connects before (9 of 200 starts), so its port is no
    sign. Raises SystemExit after `STOP_SECONDS`.
    """
    deadline = time.monotonic() + STOP_SECONDS
    while not log.exists() or _LAST_THREAD not in log.read_text():
        if time.monotonic() > deadline:
            raise SystemExit("icecast2 does not start")
        time.sleep(0.05)


@contextmanager
def icecast() -> Iterator[Icecast]:
    """Start it on the servers' core."""
    with tempfile.TemporaryDirectory() as directory:
        port, password = free_port(), secrets.token_urlsafe(12)
        is_root = os.geteuid() == 0
        owner = _OWNER if is_root else ""
        config = Path(directory, "icecast.xml")
        config.write_text(
            _CONFIG.format(port=port, password=password, directory=directory, owner=owner)
        )
        if is_root:
            shutil.chown(directory, _USER, _GROUP)
        with running(pinned(server_core(), "icecast2", "-c", str(config))) as process:
            _wait_for_threads(Path(directory, "error.log"))
            wait_for_port(port)
            yield Icecast(process.pid, port, password)
