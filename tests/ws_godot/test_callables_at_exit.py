"""A Callable that a node was given does not outlive its script: the engine would free that twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.godot_process import run_godot

ENDS = {
    "freed": "node.free()\n\tquit()",
    "in the tree at quit": "root.add_child(node)\n\tquit()",
    "taken away": "node.supervisor = Callable()\n\tnode.free()\n\tquit()",
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("name_of_class", ["WebSocketServer", "WebSocketClient"])
def test_a_lambda_of_the_main_script(name_of_class: str, end: str, tmp_path: Path) -> None:
    script = tmp_path / "main.gd"
    script.write_text(
        "extends SceneTree\n\nfunc _initialize() -> void:\n"
        f"\tvar node := {name_of_class}.new()\n"
        "\tnode.supervisor = func(_a: Variant, _b: Variant = null) -> bool: return true\n"
        "\tnode.outgoing_supervisor = node.supervisor\n"
        f"\t{ENDS[end]}\n"
    )
    assert "double free" not in run_godot("--script", str(script))
