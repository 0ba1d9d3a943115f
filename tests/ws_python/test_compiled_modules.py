"""Without the compiled modules, or with those of another Python, `import ws_python` says in one line what to do."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest
import ws_python

PACKAGE = Path(ws_python.__file__).parent
OTHER = "wire.cpython-39-riscv64-linux-gnu.so"


def imported(root: Path) -> str:
    """What Python says when it imports the package that lies in `root`: the last line of the traceback."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(root)!r}); import ws_python"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "During handling" not in done.stderr and "direct cause" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ImportError: the compiled modules of ws_python, for cpython 3."), done.stderr
    assert "pip install" in last and "make build" in last
    return last


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with the package as it is in a clone in which nothing is built."""
    shutil.copytree(PACKAGE, tmp_path / "ws_python", ignore=shutil.ignore_patterns("*.so", "*.pyd", "__pycache__"))
    return tmp_path


def test_there_are_none(root: Path) -> None:
    assert "are missing" in imported(root)


def test_those_of_another_python(root: Path) -> None:
    (root / "ws_python/protocol" / OTHER).touch()
    assert f"another Python or system ({OTHER})" in imported(root)


def test_one_that_cannot_be_loaded(root: Path) -> None:
    (root / f"ws_python/protocol/wire{EXTENSION_SUFFIXES[0]}").write_bytes(b"")
    assert "cannot be loaded (" in imported(root)
