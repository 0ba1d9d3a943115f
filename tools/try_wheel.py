"""Tries the Python package as a user does: installs it from dist/ into a fresh environment and runs programs with it.

    try_wheel.py [--dist FOLDER] [--source] [-- PYTEST_ARGUMENT ...]

What runs: the program of docs/python.md, then tests/ws_python. --source: compile the source distribution. Needs Python,
and the package index for what the package depends on.
"""

from __future__ import annotations

import argparse
import os
import re
import socket
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import project
import report

TEST_PACKAGES = ("hypothesis", "pytest", "pytest-timeout", "trustme")
TIMEOUT = 1800
EXAMPLE_PORT = "8765"


def example() -> str:
    """The program that docs/python.md shows first."""
    found = re.search(
        r"^```python\n(.*?)^```", (project.ROOT / "docs/python.md").read_text(encoding="utf-8"), re.M | re.S
    )
    assert found
    return found[1]


def free_port() -> int:
    """A port that nobody has."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def pinned(packages: tuple[str, ...]) -> list[str]:
    """The packages in the versions that requirements.lock pins."""
    lock = (project.ROOT / "requirements.lock").read_text(encoding="utf-8")
    return [match for name in packages for match in re.findall(rf"^{re.escape(name)}==[^\s;\\]+", lock, re.MULTILINE)]


def environment() -> dict[str, str]:
    """This one, without what leads a Python astray."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command to its end; what it printed. Raises SetupError if it fails."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        timeout=TIMEOUT,
    )
    if done.returncode:
        print(done.stdout, flush=True)
        raise report.SetupError(f"`{' '.join(map(str, command[:5]))} ...` failed, see above")
    return done.stdout


def install(folder: Path, dist: Path, *, source: bool) -> Path:
    """Make an environment with the package in it; its Python."""
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    pip = (python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--progress-bar=off")
    version = project.version()
    wanted = dist / f"ws_python-{version}.tar.gz" if source else f"ws_python=={version}"
    print(run(*pip, f"--find-links={dist.resolve()}", str(wanted), cwd=folder), flush=True)
    run(*pip, *pinned(TEST_PACKAGES), cwd=folder)
    return python


def try_it(python: Path, folder: Path, arguments: list[str]) -> None:
    """Run the program of the documentation, and the tests."""
    where = run(python, "-c", "import ws_python; print(ws_python.__file__)", cwd=folder).strip()
    if folder.resolve() not in Path(where).resolve().parents:
        raise report.SetupError(f"ws_python comes from {where}, not from the environment {folder}")
    program = folder / "example.py"
    program.write_text(example().replace(EXAMPLE_PORT, str(free_port())), encoding="utf-8")
    said = run(python, "-X", "dev", "-W", "error", program, cwd=folder)
    if said.strip() != "Hello!":
        raise report.SetupError(f"the program of docs/python.md printed {said!r}")
    # Of the clone, nothing but the tests: pytest would put python/ before what is installed.
    options = ["-o", "pythonpath=. tools", "-p", "no:cacheprovider", "-q"]
    print(run(python, "-m", "pytest", *options, *(arguments or ["tests/ws_python"]), cwd=project.ROOT), flush=True)


def main() -> int:
    """Try it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dist", type=Path, default=project.ROOT / "dist")
    parser.add_argument("--source", action="store_true")
    parser.add_argument("arguments", nargs="*")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory).resolve() / "environment"
        python = install(folder, options.dist, source=options.source)
        try_it(python, folder, options.arguments)
    report.progress("try", f"ws_python {project.version()} works in Python {sys.version.split()[0]} on {sys.platform}")
    return 0


if __name__ == "__main__":
    report.run("try", main)
