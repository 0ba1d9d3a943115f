"""Runs suites of tests/godot/ over the portable nodes, without the tests that are of the native ones."""

from __future__ import annotations

import re
from pathlib import Path

from tests.godot_process import GodotProcess
from tests.portable.native_only import TESTS
from tests.portable.project import SUITES
from tests.test_godot_suites import RUNNER, problems

#: All that are not of the native nodes as a whole.
PORTABLE_SUITES = sorted(path.stem for path in SUITES.glob("test_*.gd") if path.stem not in TESTS)
_WITHOUT = [f"--without={name}" for name in TESTS if "." in name]


def run_suites(suites: list[str], project: Path, timeout: float = 100.0) -> None:
    """Run them in one engine; fail as tests/test_godot_suites.py does."""
    with GodotProcess([*RUNNER, *suites, *_WITHOUT], path=project) as engine:
        code = engine.wait(timeout)
        log = engine.log
    assert not problems(log), "\n".join([*problems(log), "in this log:", log])
    assert re.search(r"^godot: [1-9]\d* passed, 0 failed$", log, re.MULTILINE), log
    assert code == 0, f"the engine exited with {code}; its log:\n{log}"
