"""Runs the GDScript suites of tests/godot/, each in an engine of its own, and reads their logs.

A suite passes when its engine ends by itself with exit code 0, ran at least one test, and printed no error, leak or
crash, except the errors that a test has announced with expect_error(): of these, each must come, once, in that very
test; one that ws_python logs must be a single line.
"""

from __future__ import annotations

import re
import resource
from collections.abc import Iterator

import pytest

from tests.godot_process import ROOT, UNCLEAN, GodotProcess, run_godot

FOLDER = ROOT / "tests" / "godot"
SUITES = sorted(path.stem for path in FOLDER.glob("test_*.gd"))
RUNNER = ("--script", "res://tests/godot/runner.gd", "--")
TIMEOUT = 60.0
# What follows the line of an error: where it is from. Of threads that report at once, the engine mixes the lines.
FOLLOWS = re.compile(r"   at: |   GDScript backtrace |       \[\d+\] |ERROR: ")


@pytest.fixture(autouse=True)
def _many_open_files() -> Iterator[None]:
    """Both ends of 1,000 connections are in one process, and the usual limit is 1,024 files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def problems(log: str) -> list[str]:
    """What is wrong with the log of a run: errors that were not expected, and expected ones that did not come."""
    found = []
    expected: list[str] = []
    lines = log.splitlines()
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith("expects "):
            expected.append(line.removeprefix("expects "))
        elif line.startswith(("test ", "ok ", "FAIL ", "godot: ")):
            found += [f"did not come: {pattern}" for pattern in expected]
            expected.clear()
            if line.startswith("FAIL "):
                found.append(line)
        elif UNCLEAN.search(line):
            announced = next((pattern for pattern in expected if re.search(pattern, line)), None)
            if announced is None:
                found.append(line)
            else:
                expected.remove(announced)
                if line.startswith("ERROR: ") and not FOLLOWS.match(following):
                    found.append(f"has more than one line: {line}")
    return found


@pytest.mark.parametrize("suite", SUITES)
def test_suite(suite: str) -> None:
    with GodotProcess([*RUNNER, suite]) as engine:
        code = engine.wait(TIMEOUT)
        log = engine.log
    assert not problems(log), "\n".join([*problems(log), "in this log:", log])
    assert re.search(r"^godot: [1-9]\d* passed, 0 failed$", log, re.MULTILINE), log
    assert code == 0, f"the engine exited with {code}; its log:\n{log}"


def test_every_suite_was_found() -> None:
    assert len(SUITES) >= 12


def test_no_tests_are_a_failure() -> None:
    log = run_godot(*RUNNER, "suite", exit_code=1)
    assert "godot: 0 passed, 0 failed" in log


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (["test a", "ERROR: mine", "   at: there", "ok a"], "ERROR: mine"),
        (["test a", "expects ERROR: mine", "ok a"], "did not come: ERROR: mine"),
        (["test a", "expects ERROR: m", "ERROR: mine", "more", "ok a"], "has more than one line: ERROR: mine"),
        (["test a", "expects ERROR: m", "ERROR: mine", "   at: b", "ERROR: mine", "   at: b", "ok a"], "ERROR: mine"),
        (["test a", "expects ERROR: mine", "ok a", "ERROR: mine"], "did not come: ERROR: mine"),
        (["FAIL a: b"], "FAIL a: b"),
        (["ok a", "WARNING: ObjectDB instances leaked at exit"], "WARNING: ObjectDB instances leaked at exit"),
    ],
)
def test_knows_a_log_with_a_problem(lines: list[str], problem: str) -> None:
    assert problems("\n".join(lines))[0] == problem


@pytest.mark.parametrize(
    "lines",
    [
        ["test a", "expects ERROR: m.ne", "ERROR: mine", "   at: there", "ok a", "godot: 1 passed, 0 failed"],
        ["test a", "expects ERROR: m", "expects ERROR: m", "ERROR: me", "ERROR: mine", "   at: b", "   at: b", "ok a"],
    ],
)
def test_knows_a_log_without_a_problem(lines: list[str]) -> None:
    assert problems("\n".join(lines)) == []
