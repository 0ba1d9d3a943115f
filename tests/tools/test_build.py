"""Tests of the build: a second one has nothing to do, and what it stages is what a game needs."""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig

import platforms
import pytest

from tests.tools.clones import ROOT

LIB = ROOT / "addons/ws_python" / platforms.machine().runtime


def scons(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "SCons", "-Q", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60
    )


def test_nothing_is_stale_after_a_build() -> None:
    done = scons("--question")
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_unknown_option_is_one_line() -> None:
    done = scons("dbeug=1")
    assert done.returncode != 0
    assert "unknown option dbeug" in done.stderr and "Traceback" not in done.stderr


def test_help_names_every_target() -> None:
    targets = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert targets
    shown = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, timeout=60).stdout
    assert set(re.findall(r"^make (\w+) +\S", shown, re.MULTILINE)) == set(targets[1].split()) - {"setup"}


class TestRuntime:
    """The Python that a game ships, started without the machine's own standard library."""

    @pytest.mark.parametrize(
        "module",
        [
            "asyncio",
            "ssl",
            "json",
            "logging",
            "ctypes",
            "zoneinfo",
            "websockets.speedups",
            "idna.uts46data",
            "ws_python",
        ],
    )
    def test_imports(self, module: str) -> None:
        version = f"python{sysconfig.get_python_version()}"
        path = [str(LIB / version), str(LIB / version / "lib-dynload"), str(LIB / "site-packages")]
        code = f"import sys; sys.path[:] = {path}; import {module} as m; print(m.__file__)"
        done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(str(LIB)) or module in ("json",)

    @pytest.mark.parametrize("file", ["pythonscript/godot.pyi", "pythonscript/_bridge.pyi", "pythonscript/py.typed"])
    def test_has_what_an_editor_of_python_reads(self, file: str) -> None:
        assert (LIB / "site-packages" / file).read_bytes() == (ROOT / "python" / file).read_bytes()

    def test_says_what_it_is(self) -> None:
        lines = (LIB / "runtime.txt").read_text().splitlines()
        assert lines[0] == f"Python {sys.version.split()[0]}"
        assert {"aiohappyeyeballs", "idna", "websockets"} <= {line.split()[0] for line in lines[1:]}

    def test_holds_no_path_of_this_machine(self) -> None:
        for path in (LIB / f"python{sysconfig.get_python_version()}").rglob("asyncio/*.pyc"):
            assert str(ROOT).encode() not in path.read_bytes()
