"""Tests of the engine runner: a log that is not clean must fail, in each way that it can be unclean."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.godot_process import GodotProcess, run_godot, unclean_lines

SCRIPT = "extends SceneTree\nfunc _initialize() -> void:\n\t{}\n\tquit({})\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "project.godot").write_text("config_version=5\n")
    return tmp_path


def run(project: Path, statement: str, code: int = 0, **options: object) -> str:
    (project / "main.gd").write_text(SCRIPT.format(statement, code))
    return run_godot("--script", "main.gd", path=project, **options)  # type: ignore[arg-type]


def test_returns_the_log(project: Path) -> None:
    assert "hello from the engine" in run(project, 'print("hello from the engine")')


@pytest.mark.parametrize(
    ("statement", "reported"),
    [
        ('push_error("mine")', "ERROR: mine"),
        ("(func() -> void: print(Array()[0])).call()", "SCRIPT ERROR: Out of bounds"),
        ("Node.new()", "ObjectDB instances leaked"),
    ],
)
def test_fails_on_an_error_or_a_leak(project: Path, statement: str, reported: str) -> None:
    with pytest.raises(AssertionError, match=f"the engine reported:\n.*{reported}"):
        run(project, statement)


def test_passes_over_an_expected_error(project: Path) -> None:
    run(project, 'push_error("mine")', expected=["ERROR: mine"])


def test_fails_on_an_exit_code(project: Path) -> None:
    with pytest.raises(AssertionError, match="exited with 3"):
        run(project, "pass", 3)


def test_fails_on_a_hang(project: Path) -> None:
    with pytest.raises(AssertionError, match="still ran"):
        run(project, "while true: pass", timeout=1)


def test_fails_on_a_crash(project: Path) -> None:
    with pytest.raises(AssertionError, match="exited with -"):
        run(project, 'OS.crash("on purpose")')


def test_waits_for_a_line(project: Path, start_godot: Callable[..., GodotProcess]) -> None:
    (project / "main.gd").write_text(SCRIPT.format('print("port ", 1234); return', 0))
    process = start_godot("--script", "main.gd", path=project)
    assert process.wait_for(r"port (\d+)")[1] == "1234"
    with pytest.raises(AssertionError, match="nothing matched"):
        process.wait_for("never", timeout=0.1)


@pytest.mark.parametrize(
    "line",
    [
        "SCRIPT ERROR: Invalid call",
        "ERROR: Condition failed",
        "WARNING: ObjectDB instances leaked at exit (run with --verbose for details).",
        "Leaked instance: Node:123",
        "ERROR: 2 RID allocations of type 'x' were leaked at exit.",
        "handle_crash: Program crashed with signal 11",
    ],
)
def test_knows_an_unclean_line(line: str) -> None:
    assert unclean_lines(f"fine\n{line}\nfine") == [line]
