"""A portable node that gets another script, as a node of an inherited scene may: nothing of the first one stays."""

from __future__ import annotations

from pathlib import Path

from tests.godot_process import run_godot

SCRIPT = """extends SceneTree


func _initialize() -> void:
	for node: Node in [WebSocketClient.new(), WebSocketServer.new()]:
		var core: WeakRef = weakref(node.get("_ws_core"))
		node.set_script(null)
		print("gone: ", core.get_ref() == null)
		node.free()
	var server := WebSocketServer.new()
	root.add_child(server)
	print("listens: ", error_string(server.listen(0)))
	var port := server.get_local_port()
	var core: WeakRef = weakref(server.get("_ws_core"))
	(server as Node).set_script(null)
	print("gone: ", core.get_ref() == null)
	var other := WebSocketServer.new()
	root.add_child(other)
	print("listens: ", error_string(other.listen(port)))
	quit()
"""


def test_what_worked_for_the_first_one_ends(portable_project: Path) -> None:
    (portable_project / "replaced_script.gd").write_text(SCRIPT)
    log = run_godot("--script", "res://replaced_script.gd", path=portable_project)
    assert [line for line in log.splitlines() if line.startswith(("gone", "listens"))] == [
        *("gone: true", "gone: true"),
        *("listens: OK", "gone: true", "listens: OK"),
    ]
