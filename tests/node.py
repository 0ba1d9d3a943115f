"""The Node that tests use, one that is on PATH, and the packages that tests have it use, of pinned versions."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.godot_process import ROOT

_CACHE = ROOT / "build" / "npm"


def find() -> str:
    """Its path. A test that needs it is skipped where it is missing, and fails in CI."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        message = "Node (node and npm) is missing: install it to test with it"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return node


def install(folder: Path) -> Path:
    """Install what the package-lock.json of a folder pins, unless it is there: its node_modules."""
    modules = folder / "node_modules"
    with open(folder / "package-lock.json") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Tests run at the same time.
        if not (modules / ".package-lock.json").exists():
            # Its cache and log in the clone, too: set-up leaves nothing outside of it.
            command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--cache", str(_CACHE)]
            subprocess.run(command, cwd=folder, check=True, timeout=100)
    return modules
