import gzip
from pathlib import Path

import pytest

from api.panel_files import PanelFiles
from tests.api.conftest import Panel


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "vendor").mkdir()
    (tmp_path / "main.js").write_text(
        'import { a } from "./one.js";\nexport { b } from "./vendor/two.js";\nimport("./later.js");\n'
    )
    (tmp_path / "one.js").write_text('import "./main.js"; export const a = "from \\"./no.js\\"";')
    (tmp_path / "vendor" / "two.js").write_text('import"../one.js";export const b=1;')
    (tmp_path / "page.html").write_text("<p>$version")
    (tmp_path / "secret.key").write_text("no")
    return tmp_path


async def test_a_module_is_listed_with_all_that_it_imports_at_its_head(folder: Path) -> None:
    listed = await PanelFiles(folder).list_imports("main.js")
    assert listed == ["main.js", "one.js", "vendor/two.js"]


async def test_the_version_is_another_when_any_file_is(folder: Path) -> None:
    before = await PanelFiles(folder).get_version()
    assert await PanelFiles(folder).get_version() == before
    (folder / "one.js").write_text("export const a = 2;")
    assert await PanelFiles(folder).get_version() != before


async def test_a_file_is_compressed_once_and_comes_out_as_it_is(folder: Path) -> None:
    files = PanelFiles(folder)
    file = await files.get("one.js")
    assert file is not None
    assert file.is_compressed
    assert gzip.decompress(file.body) == (folder / "one.js").read_bytes()
    assert await files.get("one.js") is file


@pytest.mark.parametrize(
    "name",
    [
        "missing.js", "secret.key", "page.html", "", ".", "vendor", "../one.js", "vendor/../one.js", "/etc/hosts.js",
        "./one.js", "vendor//two.js", "one.js\0.js", "vendor/.made",
    ],
)  # fmt: skip
async def test_what_is_no_file_of_the_pages_is_not_served(folder: Path, name: str) -> None:
    (folder / "vendor" / ".made").touch()
    assert await PanelFiles(folder).get(name) is None


async def test_it_is_complete_when_the_packages_parts_are_there(folder: Path) -> None:
    files = PanelFiles(folder)
    assert not files.is_complete()
    (folder / "vendor" / ".made").touch()
    assert files.is_complete()


async def test_files_of_this_version_are_kept_for_ever_and_others_are_asked_for_again(
    panel: Panel,
) -> None:
    version = await PanelFiles().get_version()
    response = await panel.client.get(f"/panel/files/{version}/look.css")
    assert response.status == 200
    assert response.content_type == "text/css"
    assert response.headers["Content-Encoding"] == "gzip"
    assert "immutable" in response.headers["Cache-Control"]
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    old = await panel.client.get("/panel/files/0000/look.css")
    assert old.headers["Cache-Control"] == "no-cache"
    headers = {"If-None-Match": old.headers["ETag"]}
    assert (await panel.client.get("/panel/files/0000/look.css", headers=headers)).status == 304


async def test_a_client_without_gzip_gets_the_file_as_it_is(panel: Panel) -> None:
    headers = {"Accept-Encoding": "identity"}
    response = await panel.client.get("/panel/files/0/boot.js", headers=headers)
    assert "Content-Encoding" not in response.headers
    assert "localStorage" in await response.text()


@pytest.mark.parametrize("name", ["../app.py", "%2e%2e/app.py", "..%2fapp.py", "panel.html"])
async def test_nothing_else_is_served(panel: Panel, name: str) -> None:
    assert (await panel.client.get(f"/panel/files/0/{name}")).status == 404
