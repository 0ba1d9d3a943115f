"""A bare copy of the set-up's files, in which a test may break things, and disks that are full."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
# A port on which nobody listens: whatever is fetched through this proxy fails at once.
NOWHERE = "http://127.0.0.1:9"
NO_NETWORK = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), NOWHERE)
WITHOUT_NETWORK_PIP = {
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_EXTRA_INDEX_URL": "",
    "PIP_FIND_LINKS": "",
    "PIP_INDEX_URL": NOWHERE,
    "PIP_RETRIES": "0",
}


class Clone:
    """A copy of what sets a machine up, without .venv, engine or build."""

    def __init__(self, root: Path) -> None:
        self.root = root
        shutil.copytree(ROOT / "tools", root / "tools", ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("Makefile", "requirements.lock"):
            shutil.copy(ROOT / name, root / name)

    @property
    def engine_state(self) -> Path:
        """Where tools/godot keeps the engine and its choice."""
        return self.root / ".engine"

    def environment(self, changes: Mapping[str, str] | None = None) -> dict[str, str]:
        """The environment of the tests without an engine, with changes."""
        inherited = {
            name: value for name, value in os.environ.items() if name not in ("GODOT", "MAKEFLAGS", "MAKELEVEL")
        }
        return {**inherited, **(changes or {})}

    def run(self, *command: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command in the clone to its end."""
        return subprocess.run(
            command, cwd=self.root, env=self.environment(env), capture_output=True, text=True, timeout=60
        )

    def run_on_full_disk(self, *command: str, megabytes: int = 4) -> tuple[subprocess.CompletedProcess[str], list[str]]:
        """Run a command in the clone on a file system of a few megabytes; the result, and what it left behind.

        The file system is mounted in a namespace of its own, which ends with the command.
        """
        mount = self.root.with_name("small")
        mount.mkdir()
        script = (
            f'mount -t tmpfs -o size={megabytes}m small "$1" && cp -r "$0/." "$1" && cd "$1" && shift && "$@"; code=$?'
            '; echo "left: $(ls -A)"; exit $code'
        )
        namespace = ["unshare", "--user", "--map-root-user", "--mount"]
        if subprocess.run([*namespace, "mount", "-t", "tmpfs", "probe", str(mount)], capture_output=True).returncode:
            pytest.skip("this machine lets nobody mount a small file system in a namespace")
        done = self.run(*namespace, "sh", "-c", script, str(self.root), str(mount), *command)
        left = done.stdout.rpartition("left: ")[2].split()
        return done, left


def fake_engine(path: Path, version: str, body: str = "") -> Path:
    """A program that answers `--version` as an engine of that version does; `body` is run for anything else."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\ncase "$*" in *--version*) echo {version}; exit ;; esac\n{body}\n')
    path.chmod(0o755)
    return path


def only_these_programs(folder: Path, *names: str) -> str:
    """A PATH on which there is nothing but the named programs, `python3` and what a shell script needs."""
    folder.mkdir()
    (folder / "python3").symlink_to(sys.executable)
    for name in ("sh", "dirname", "mkdir", "readlink", "stat", *names):
        found = shutil.which(name)
        assert found, name
        (folder / name).symlink_to(found)
    return str(folder)


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """The only error line of a command that failed; progress lines may stand before it, nothing after it."""
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if not re.match(r"make(\[\d+\])?: \*\*\*", line)]
    errors = [line for line in lines if ": error: " in line]
    assert errors == lines[-1:], done.stderr
    return errors[0]
