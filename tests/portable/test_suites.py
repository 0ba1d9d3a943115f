"""Runs the suites of tests/godot/ over the portable nodes, in a project without the extension."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.godot_process import GodotProcess
from tests.portable.native_only import TESTS
from tests.portable.project import SUITES
from tests.test_godot_suites import RUNNER, problems

ALL = sorted(path.stem for path in SUITES.glob("test_*.gd"))
WITHOUT = [f"--without={name}" for name in TESTS if "." in name]
TIMEOUT = 100.0


@pytest.mark.parametrize("suite", [name for name in ALL if name not in TESTS])
def test_suite(suite: str, portable_project: Path) -> None:
    with GodotProcess([*RUNNER, suite, *WITHOUT], path=portable_project) as engine:
        code = engine.wait(TIMEOUT)
        log = engine.log
    assert not problems(log), "\n".join([*problems(log), "in this log:", log])
    assert re.search(r"^godot: [1-9]\d* passed, 0 failed$", log, re.MULTILINE), log
    assert code == 0, f"the engine exited with {code}; its log:\n{log}"


def test_what_is_listed_as_native_only_is_there() -> None:
    for name in TESTS:
        suite, _, test = name.partition(".")
        assert f"func {test}" in (SUITES / f"{suite}.gd").read_text(), name
