"""A real MariaDB of the tests' own: made in a temporary directory, ended by its process id."""

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pymysql  # type: ignore[import-untyped]  # it ships no types
import pymysql.cursors  # type: ignore[import-untyped]

START_TIMEOUT_S = 30.0
_PLACES = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/bin"


def find_program(name: str) -> str | None:
    """Return the program's path; Debian's mariadbd is not on every user's PATH."""
    return shutil.which(name) or shutil.which(name, path=_PLACES)


class MariaDb:
    """One server on 127.0.0.1, on a port that the kernel chose. Nothing it holds is kept."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0

    def install(self) -> None:
        """Make the system tables."""
        subprocess.run(
            [
                _require("mariadb-install-db"),
                "--no-defaults",
                f"--datadir={self.directory}/data",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                "--user=root",
            ],
            check=True,
            capture_output=True,
        )

    def start(self) -> None:
        """Start the server and wait until it answers."""
        arguments = [
            "--no-defaults",
            "--user=root",
            f"--datadir={self.directory}/data",
            f"--socket={self.directory}/s",
            f"--pid-file={self.directory}/pid",
            f"--log-error={self.directory}/log",
            "--bind-address=127.0.0.1",
            f"--port={self.port}",
            "--skip-name-resolve",
            "--skip-log-bin",
            "--innodb-buffer-pool-size=16M",
            "--innodb-flush-log-at-trx-commit=2",  # survives a kill, not a power cut,
            "--innodb-doublewrite=0",
            "--performance-schema=0",
            "--key-buffer-size=1M",
        ]
        self._process = subprocess.Popen([_require("mariadbd"), *arguments])
        self._wait_until_it_answers()

    def stop(self) -> None:
        """End the server at once; `start` brings it back with what it had."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @property
    def is_running(self) -> bool:
        """Whether it has been started and not been stopped."""
        return self._process is not None

    def create_database(self) -> str:
        """Make an empty database and return its URL."""
        self._databases += 1
        name = f"test{self._databases}"
        with self._connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        return f"mysql://root@127.0.0.1:{self.port}/{name}"

    def _connect(self) -> Any:  # noqa: ANN401  # a connection of the untyped driver
        return pymysql.connect(host="127.0.0.1", port=self.port, user="root")

    def _wait_until_it_answers(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + START_TIMEOUT_S
        while self._process.poll() is None and time.monotonic() < deadline:
            try:
                self._connect().close()
            except pymysql.OperationalError:
                time.sleep(0.05)
            else:
                return
        raise RuntimeError(f"mariadbd did not start:\n{(self.directory / 'log').read_text()}")


@contextmanager
def running_mariadb() -> Iterator[MariaDb]:
    """Make a server and end it."""
    # In /tmp, for the path of its socket may have 107 characters only.
    directory = Path(tempfile.mkdtemp(prefix="awazpulse-mariadb-", dir="/tmp"))
    server = MariaDb(directory)
    try:
        server.install()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory)


def read_streams(url: str, channel_id: str) -> list[dict[str, Any]]:
    """Return a channel's rows of `streams`, as another program reads them."""
    place = urlsplit(url)
    connection = pymysql.connect(
        host=place.hostname,
        port=place.port,
        user=place.username,
        database=place.path.strip("/"),
        cursorclass=pymysql.cursors.DictCursor,
    )
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT * FROM streams WHERE channelId = %s", (channel_id,))
        return list(cursor.fetchall())


def _require(name: str) -> str:
    program = find_program(name)
    if program is None:
        raise FileNotFoundError(f"{name} is not installed")
    return program


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
