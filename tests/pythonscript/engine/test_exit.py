"""The end of the engine: what still holds something of Python then is let go without a crash."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.godot_process import GodotProcess, unclean_lines

NODE = """
import threading
from pythonscript.godot import Node, RefCounted, Resource
from pythonscript import call_at_shutdown, export

call_at_shutdown(lambda: print("shut down"))

class Holder(Node):
    def function(self) -> object:
        return lambda *arguments: None

    def method(self) -> object:
        return self.nothing

    def nothing(self) -> None: ...

    def start_daemon(self) -> None:
        threading.Thread(target=threading.Event().wait, daemon=True).start()

    def raise_at_shutdown(self) -> None:
        call_at_shutdown(lambda: 1 / 0)

    def keep_everything(self, value: object) -> None:
        KEPT.append((self, value))

class Counted(RefCounted):
    def __init__(self) -> None:
        self.value: object = None

    def set_value(self, value: object) -> None:
        self.value = value

    def get_value(self) -> object:
        return self.value


class Saved(Resource):
    inner: Resource | None = export(None)


KEPT: list[object] = []
"""


def run(project: Path, body: str) -> tuple[str, int]:
    lines = "\n".join(f"\t{line}" for line in body.splitlines())
    source = f"extends SceneTree\n\nstatic var kept: Variant\n\nfunc _initialize() -> void:\n{lines}\n\tquit()\n"
    (project / "main.gd").write_text(source)
    with GodotProcess(["--verbose", "--script", "res://main.gd"], path=project) as engine:
        code = engine.wait(60)
        return engine.log, code


@pytest.mark.parametrize(
    "body",
    [
        "root.add_child(Holder.new())",
        "var holder := Holder.new()\nkept = holder.function()\nholder.free()",
        "var holder := Holder.new()\nroot.add_child(holder)\nkept = [holder.method(), {holder.function(): 1}]",
        "var holder := Holder.new()\nroot.add_child(holder)\nroot.ready.connect(holder.function())",
        "var holder := Holder.new()\nroot.add_child(holder)\nRenderingServer.frame_pre_draw.connect(holder.method())",
        "var holder := Holder.new()\nroot.add_child(holder)\nProjectSettings.settings_changed.connect(holder.method())",
        "var holder := Holder.new()\nroot.add_child(holder)\nholder.start_daemon()",
        "var holder := Holder.new()\nroot.add_child(holder)\nholder.keep_everything(holder.method())",
        "var holder := Holder.new()\nroot.add_child(holder)\nholder.keep_everything(RegEx.new())",
        "var holder := Holder.new()\nroot.add_child(holder)\nholder.keep_everything([RegEx.new()])",
        "var holder := Holder.new()\nroot.add_child(holder)\nholder.keep_everything([[holder.method()], {1: holder}])",
        # The engine ends GDScript before its extensions.
        "var holder := Holder.new()\nroot.add_child(holder)\nholder.keep_everything(func() -> Node: return holder)",
        "var holder := Holder.new()\nroot.add_child(holder)\nholder.keep_everything([func() -> Node: return holder])",
        "var holder := Holder.new()\nroot.add_child(holder)\nholder.keep_everything({1: [func() -> void: pass]})",
        "var holder := Holder.new()\nroot.add_child(holder)\nvar script := GDScript.new()\n"
        "script.source_code = 'extends RefCounted\\nvar kept := func() -> void: pass\\n'\n"
        "script.reload()\nholder.keep_everything(script.new())",
    ],
)
def test_what_is_kept_until_the_end(new_project: Callable[..., Path], body: str) -> None:
    log, code = run(new_project({"holder.py": NODE}), body)
    assert code == 0, log
    assert not unclean_lines(log), log
    assert "shut down" in log


KEEPING = "var holder := Holder.new()\nroot.add_child(holder)\nvar counted := Counted.new()\n"


@pytest.mark.parametrize(
    "body",
    [
        "kept = Counted.new()",
        f"{KEEPING}holder.keep_everything(counted)",
        f"{KEEPING}holder.keep_everything([counted])\nkept = counted",
        f"{KEEPING}counted.set_value(counted)",
        f"{KEEPING}counted.set_value(counted)\nkept = counted",
        f"{KEEPING}counted.set_value(RegEx.new())\nkept = counted\nholder.keep_everything(counted)",
        f"{KEEPING}counted.set_value(holder)\nholder.keep_everything(counted)\nroot.set_meta('counted', counted)",
        f"{KEEPING}Engine.set_meta('counted', counted)\nholder.keep_everything(counted)",
        "var saved := Saved.new()\nsaved.inner = Saved.new()\nsaved.take_over_path('res://saved.tres')\nkept = saved",
        f"{KEEPING}var saved := Saved.new()\nsaved.take_over_path('res://saved.tres')\nholder.keep_everything(saved)",
        "kept = ClassDB.class_get_property_default_value('Saved', 'inner')",
    ],
)
def test_what_counts_and_is_kept_until_the_end(new_project: Callable[..., Path], body: str) -> None:
    log, code = run(new_project({"holder.py": NODE}), body)
    assert code == 0, log
    assert not unclean_lines(log), log
    assert "shut down" in log


def test_no_name_is_left(new_project: Callable[..., Path]) -> None:
    log, code = run(new_project({"holder.py": NODE}), f"{KEEPING}holder.keep_everything(counted)")
    assert code == 0, log
    assert not [line for line in log.splitlines() if "Orphan StringName" in line or "unclaimed" in line]


def test_a_node_that_was_never_freed_is_told_by_the_engine(new_project: Callable[..., Path]) -> None:
    log, code = run(new_project({"holder.py": NODE}), "kept = Holder.new()")
    assert code == 0, log
    leaks = unclean_lines(log)
    assert "ObjectDB instances leaked at exit" in leaks[0]
    assert len([line for line in leaks if line.startswith("Leaked instance: ")]) == 1, leaks


def test_a_shutdown_hook_that_raises(new_project: Callable[..., Path]) -> None:
    project = new_project({"holder.py": NODE})
    log, code = run(project, "var holder := Holder.new()\nroot.add_child(holder)\nholder.raise_at_shutdown()")
    assert code == 0, log
    (line,) = unclean_lines(log)
    assert "A hook of the engine's main loop failed" in line
    assert "ZeroDivisionError" in log
    assert "shut down" in log


def test_a_freed_argument(new_project: Callable[..., Path]) -> None:
    body = "var holder := Holder.new()\nvar node := Node.new()\nnode.free()\nholder.keep_everything(node)"
    log, code = run(new_project({"holder.py": NODE}), f"{body}\nholder.free()")
    assert code == 0, log
    assert not unclean_lines(log), log
