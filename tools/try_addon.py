"""Tries the packed addon as a developer does: unzips it into an empty project and runs suites of tests/godot in it.

    try_addon.py [--engine VERSION_OR_PATH] [--dist FOLDER] [SUITE ...]

Needs nothing but Python and the engine: on a machine of its own, `--engine 4.6.3-stable` fetches Godot's official one.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import official_engine
import project
import report

# What every platform can do, and no machine is too slow for.
SUITES = (
    "test_messages",
    "test_close",
    "test_compression",
    "test_handshake",
    "test_broadcast",
    "test_peer_nodes",
    "test_reconnect",
    "test_statistics",
    "test_supervisor",
    "test_tls",
    "test_engine_peer",
)
# Spaces and letters beyond ASCII: what a user's folder may have.
FOLDER = "an empty projéct"
PROJECT = """config_version=5

[application]

config/name="ws_python is tried"
"""
TIMEOUT = 600


def make_project(folder: Path, package: Path) -> None:
    """An empty project, the addon unzipped into it, and the suites."""
    folder.mkdir()
    (folder / "project.godot").write_text(PROJECT, encoding="utf-8")
    with zipfile.ZipFile(package) as files:
        files.extractall(folder)
    shutil.copytree(
        project.ROOT / "tests/godot", folder / "tests/godot", ignore=shutil.ignore_patterns("editor", "bridge")
    )


def run(engine: str, folder: Path, *arguments: str) -> tuple[int, str]:
    """Run the engine to its end: its exit code and what it printed, which is shown, too."""
    done = subprocess.run(
        [engine, "--headless", "--path", str(folder), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        timeout=TIMEOUT,
    )
    print(done.stdout, flush=True)
    return done.returncode, done.stdout


def engine_of(named: str) -> str:
    """The engine of that path, or of that version, which is fetched."""
    if not re.fullmatch(r"\d+\.\d+(\.\d+)?-\w+", named):
        return named
    folder = Path(tempfile.gettempdir(), f"godot-{named}")
    return str(official_engine.fetch(named, folder))


def main() -> int:
    """Try it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", default=str(project.ROOT / "tools/godot"))
    parser.add_argument("--dist", type=Path, default=project.ROOT / "dist")
    parser.add_argument("suites", nargs="*")
    options = parser.parse_args()
    package = options.dist / f"ws_python-{project.version()}.zip"
    if not package.exists():
        raise report.SetupError(f"there is no {package}: `make package`")
    engine = engine_of(options.engine)
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory, FOLDER)
        make_project(folder, package)
        # Twice: where it finds a new extension, the engine may crash at its end the first time
        # (https://github.com/godotengine/godot/issues/111048).
        for _ in range(2):
            run(engine, folder, "--import")
        suites = options.suites or SUITES
        code, log = run(engine, folder, "--script", "res://tests/godot/runner.gd", "--", *suites)
    if code or not re.search(r"^godot: [1-9]\d* passed, 0 failed\s*$", log, re.MULTILINE):
        raise report.SetupError(f"the addon does not do what it should here (exit code {code}), see above")
    report.progress("try", f"{package.name} works in {engine} on {sys.platform}")
    return 0


if __name__ == "__main__":
    report.run("try", main)
