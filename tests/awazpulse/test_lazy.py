"""What a server that does not need it does not load: memory that listeners have instead."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "package",
    ["av", "alembic", "aiomysql", "jwt", "prometheus_client", "sqlalchemy.dialects.mysql"],
)
def test_a_server_that_has_started_before_on_sqlite_has_not_loaded_it(package: str) -> None:
    code = f"import sys, awazpulse.app; sys.exit({package!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
