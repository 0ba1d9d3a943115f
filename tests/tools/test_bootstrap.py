"""Tests of tools/bootstrap.py: what it asks of a machine, and that it leaves no half-made .venv."""

from __future__ import annotations

import ast
import importlib.util
import sys
import sysconfig
from pathlib import Path

import bootstrap
import pytest
import report

from tests.tools.clones import ROOT, WITHOUT_NETWORK_PIP, Clone, one_line


@pytest.mark.parametrize("name", ["bootstrap.py", "report.py"])
def test_an_old_python_can_read_it(name: str) -> None:
    """Else that Python would answer with a SyntaxError in place of the line that says what to do."""
    ast.parse((ROOT / "tools" / name).read_text(), feature_version=(3, 6))


def test_nothing_to_do_when_venv_is_current() -> None:
    assert bootstrap.is_current(any_python=True)


class TestPython:
    """Machines that this one is not: what Python reports of itself is changed, the checks are the real ones."""

    def test_this_one_serves(self) -> None:
        bootstrap.check_python()

    def test_too_old(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "version_info", (3, 10, 4))
        with pytest.raises(report.SetupError, match=r"is Python 3\.10, but 3\.11 or newer is needed"):
            bootstrap.check_python()

    def test_no_headers(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))
        with pytest.raises(report.SetupError, match=r"headers are missing .*: `apt install python3.*-dev`"):
            bootstrap.check_python()

    @pytest.mark.parametrize("name", ["libpython3.11.a", "libpython3.11.so.9.9"])
    def test_no_shared_library(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        real = sysconfig.get_config_var
        monkeypatch.setattr(sysconfig, "get_config_var", lambda key: name if key == "INSTSONAME" else real(key))
        with pytest.raises(report.SetupError, match=r"no shared libpython.*--enable-shared"):
            bootstrap.check_python()

    def test_no_venv_module(self, monkeypatch: pytest.MonkeyPatch) -> None:
        real = importlib.util.find_spec
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "ensurepip" else real(name))
        with pytest.raises(report.SetupError, match=r"no venv module: `apt install python3.*-venv`"):
            bootstrap.check_python()


class TestMachine:
    """`make build` in a fresh clone, on a machine that lacks something."""

    def test_no_python(self, clone: Clone) -> None:
        error = one_line(clone.run("make", "build", "PYTHON=no-such-python"))
        assert "no no-such-python: install Python 3.11 or newer, or set PYTHON" in error

    @pytest.mark.parametrize(("compiler", "says"), [("no-such-cc", "no C compiler"), ("false", "cannot build C")])
    def test_no_compiler(self, clone: Clone, compiler: str, says: str) -> None:
        error = one_line(clone.run("make", "build", f"PYTHON={sys.executable}", env={"CC": compiler}))
        assert says in error and "apt install gcc libc6-dev" in error
        assert not (clone.root / ".venv").exists()

    def test_no_network(self, clone: Clone) -> None:
        (clone.root / ".venv/bin").mkdir(parents=True)  # half made by a run that was killed
        (clone.root / ".venv/bin/python").symlink_to(sys.executable)
        error = one_line(clone.run("make", "build", f"PYTHON={sys.executable}", env=WITHOUT_NETWORK_PIP))
        assert "pip cannot reach its package index: check the network" in error
        assert not (clone.root / ".venv").exists()

    def test_disk_full(self, clone: Clone) -> None:
        done, left = clone.run_on_full_disk("make", "build", f"PYTHON={sys.executable}")
        assert "the disk is full: make room" in one_line(done)
        assert "Makefile" in left and ".venv" not in left


def test_a_wrong_hash_is_named() -> None:
    error = bootstrap.explained("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.")
    assert "not the one that requirements.lock pins" in str(error)
