"""What happens when something cannot be loaded: one error that names the place looked at, and the engine runs on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import platforms
import pytest

from tests.godot_process import ROOT, GodotProcess, unclean_lines

ADDON = ROOT / "addons" / "ws_python"
RUNTIME = platforms.machine().runtime
NewProject = Callable[..., Path]
IMPORT = "from pythonscript.godot import Node, RefCounted\n"
NODE = f"{IMPORT}class Fine(Node):\n    def ok(self) -> int:\n        return 1\n"
CHECK = """extends SceneTree

func _initialize() -> void:
	print("fine: ", ClassDB.class_exists("Fine"), " other: ", ClassDB.class_exists("Other"))
	quit()
"""


@pytest.fixture
def addon(tmp_path: Path) -> Path:
    """A copy of the addon to break. Its files are hard links: a test removes them, and never writes into one."""
    copy = tmp_path / "addon"
    shutil.copytree(ADDON, copy, copy_function=os.link)
    return copy


def python_library(addon: Path) -> Path:
    return next((addon / RUNTIME).glob("libpython*.so*"))


def errors_of(project: Path) -> list[str]:
    """The errors of an engine that runs the project and quits; it has to end by itself and well."""
    return unclean_lines(run(project))


def run(project: Path) -> str:
    """The log of an engine that says which classes there are, and ends well."""
    (project / "check.gd").write_text(CHECK)
    with GodotProcess(["--script", "res://check.gd"], path=project) as engine:
        code = engine.wait(60)
        log = engine.log
    assert code == 0, log
    return log


def remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("lib", "Python cannot be loaded from {runtime}/libpython"),
        (RUNTIME, "Python cannot be loaded from {runtime}/libpython"),
        (f"{RUNTIME}/libpython*", "Python cannot be loaded from {runtime}/libpython"),
        (f"{RUNTIME}/python3.*", "{runtime}"),
        (f"{RUNTIME}/site-packages/pythonscript", "No module named 'pythonscript' (looked in {runtime}"),
        (f"{RUNTIME}/site-packages/pythonscript/_bridge*", "_bridge"),
        (f"{RUNTIME}/site-packages/pythonscript/describe/declare.*", "declare"),
        (
            f"{RUNTIME}/site-packages/websockets",
            "The Python module ws_godot cannot be loaded: No module named 'websockets'",
        ),
        (
            f"{RUNTIME}/site-packages/ws_python",
            "The Python module ws_godot cannot be loaded: No module named 'ws_python'",
        ),
    ],
)
def test_a_missing_part_is_one_error(new_project: NewProject, addon: Path, missing: str, said: str) -> None:
    for path in addon.glob(missing):
        remove(path)
    project = new_project({}, addon)
    errors = errors_of(project)
    assert len(errors) == 1, errors
    assert said.format(runtime=project / "addons" / "ws_python" / RUNTIME) in errors[0]
    assert str(project / "addons" / "ws_python" / RUNTIME) in errors[0], "the path that was looked at"
    assert "again" in errors[0], "what to do"


@pytest.mark.parametrize(
    ("missing", "name"),
    [
        (f"{RUNTIME}/site-packages/websockets", "websockets"),
        pytest.param(
            f"{RUNTIME}/python3.*/lib-dynload/zlib.*",
            "zlib",
            marks=pytest.mark.skipif(
                not list((ADDON / RUNTIME).glob("python3.*/lib-dynload/zlib.*")), reason="this Python has it built in"
            ),
        ),
    ],
)
def test_without_the_nodes_the_projects_own_modules_go_on(
    new_project: NewProject, addon: Path, missing: str, name: str
) -> None:
    """websockets needs zlib, too: without either, all of the nodes are missing, which one error says."""
    for path in addon.glob(missing):
        remove(path)
    log = run(new_project({"fine.py": NODE}, addon))
    (error,) = unclean_lines(log)
    assert f"The Python module ws_godot cannot be loaded: No module named '{name}' (looked in " in error
    assert "Its nodes are missing; copy the whole addon folder again" in error
    assert "fine: true" in log


@pytest.mark.parametrize("content", [b"", b"no library", b"\x7fELF" + bytes(100)])
def test_a_corrupt_library_is_one_error(new_project: NewProject, addon: Path, content: bytes) -> None:
    library = python_library(addon)
    library.unlink()
    library.write_bytes(content)
    project = new_project({}, addon)
    errors = errors_of(project)
    assert len(errors) == 1, errors
    assert f"Python cannot be loaded from {project}/addons/ws_python/{RUNTIME}/{library.name}" in errors[0]


def test_another_library_is_one_error(new_project: NewProject, addon: Path) -> None:
    library = python_library(addon)
    library.unlink()
    shutil.copy(next(addon.glob("bin/*.so")), library)
    errors = errors_of(new_project({}, addon))
    assert len(errors) == 1, errors
    assert "it is not the Python that this addon was built for" in errors[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import no_such_module\n", "No module named 'no_such_module' (looked in "),
        ("class Other:\n  def\n", "The Python module res://bad.py cannot be loaded: invalid syntax"),
        ("raise SystemExit('why')", "The Python module res://bad.py cannot be loaded: why"),
        (
            f"{IMPORT}class Other(Node): ...\n1 / 0\n",
            "The Python module res://bad.py cannot be loaded: division by zero",
        ),
        (
            f"{IMPORT}class Other(RefCounted):\n  def __del__(self): ...\n",
            "write `_notification` for NOTIFICATION_PREDELETE instead",
        ),
        (
            "from pythonscript.godot import AudioStreamPlayback\n"
            "class Other(AudioStreamPlayback):\n  def _mix(self, buffer, rate, frames): ...\n",
            "Other._mix: Python cannot be called through it: its arguments are pointers",
        ),
        (f"{IMPORT}class Timer(Node): ...\n", "Timer: Godot has a class of that name already"),
        (
            f"{IMPORT}class Other(Node):\n  def f(self, a: set) -> None: ...\n",
            "Other.f: set is no type that Godot knows",
        ),
        (f"{IMPORT}class Other(Node):\n  def f(self, *a) -> None: ...\n", "Godot calls with positional arguments only"),
        (f"{IMPORT}class Other(Node):\n  def f(self, a=set()) -> None: ...\n", "a set cannot be passed to Godot"),
        (f"{IMPORT}class Other(Node):\n  def f(self, a: Nope) -> None: ...\n", "Nope"),
        (
            "from pythonscript import signal\nsignal(a=int,b=int,c=int,d=int,e=int,f=int,g=int,h=int,i=int)\n",
            "at most 8",
        ),
    ],
)
def test_a_module_that_cannot_be_loaded_leaves_the_others(new_project: NewProject, text: str, said: str) -> None:
    project = new_project({"bad.py": text, "fine.py": NODE})
    log = run(project)
    errors = unclean_lines(log)
    assert len(errors) == 1, log
    assert said in errors[0]
    assert "fine: true other: false" in log


def test_the_children_of_a_class_that_cannot_be_registered(new_project: NewProject) -> None:
    bad = "class Bad(Node):\n  def f(self, a: set) -> None: ...\n"
    project = new_project({"all.py": f"{NODE}{bad}class Child(Bad): ...\nclass Other(Node): ...\n"})
    log = run(project)
    assert "fine: true other: true" in log
    first, second = unclean_lines(log)
    assert "Bad.f: set is no type that Godot knows" in first
    assert "Child: its parent Bad could not be registered" in second


def test_a_setting_that_names_nothing(new_project: NewProject) -> None:
    project = new_project({"fine.py": NODE})
    (project / "fine.py").unlink()
    (error,) = errors_of(project)
    assert "res://fine.py does not exist: correct the project setting python/modules" in error


def test_a_setting_of_the_wrong_type(new_project: NewProject) -> None:
    project = new_project({})
    (project / "project.godot").write_text('config_version=5\n[python]\nmodules="res://fine.py"\n')
    (error,) = errors_of(project)
    assert "python/modules" in error
