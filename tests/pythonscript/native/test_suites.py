"""Runs the GDScript suites of tests/godot/bridge/, each in an engine of its own, as tests/test_godot_suites.py does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.godot_process import GodotProcess
from tests.pythonscript.conftest import SUITES
from tests.test_godot_suites import RUNNER, problems

NAMES = sorted(path.stem for path in SUITES.glob("test_*.gd"))


@pytest.mark.parametrize("suite", NAMES)
def test_suite(bridge_project: Path, suite: str) -> None:
    with GodotProcess([*RUNNER, suite], path=bridge_project) as engine:
        code = engine.wait(60)
        log = engine.log
    # A script error from Python goes on with its traceback.
    found = [problem for problem in problems(log) if not problem.startswith("has more than one line: ")]
    assert not found, "\n".join([*found, "in this log:", log])
    assert re.search(r"^godot: [1-9]\d* passed, 0 failed$", log, re.MULTILINE), log
    assert code == 0, f"the engine exited with {code}; its log:\n{log}"


def test_every_suite_was_found() -> None:
    assert len(NAMES) >= 7
