"""What needs no server: how the program calls itself. The commands are in tests/on_air."""

import sys
from pathlib import Path

import pytest

from awazpulse.cli import _program


def test_program_is_called_by_name_where_that_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "bin" / "awazpulse"
    script.parent.mkdir()
    script.touch(mode=0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/usr/bin")
    assert _program(str(script), sys.executable) == "bin/awazpulse"
    monkeypatch.chdir("/")
    assert _program(str(script), sys.executable) == str(script).removeprefix("/")
    monkeypatch.setenv("PATH", str(script.parent))
    assert _program(str(script), sys.executable) == "awazpulse"


def test_module_is_called_by_its_interpreter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    script = "/somewhere/awazpulse/__main__.py"
    interpreter = str(tmp_path / ".venv/bin/python")
    assert _program(script, interpreter) == ".venv/bin/python -m awazpulse"
