"""The nodes in the editor: at work for a plugin, asleep in a scene that merely holds them, saved as they were set."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.godot_process import run_godot
from tests.pythonscript.conftest import add_plugin, make_project

SCENE = """[gd_scene format=3]

[node name="Root" type="Node"]

[node name="Server" type="WebSocketServer" parent="."]
port = 0
bind_address = "localhost"
autostart = true
low_latency = true

[node name="Client" type="WebSocketClient" parent="."]
url = "ws://localhost:1"
autoconnect = true
"""

MODES = """[gd_scene format=3]

[node name="Root" type="Node"]

[node name="Default" type="WebSocketServer" parent="."]

[node name="Inherit" type="WebSocketServer" parent="."]
process_mode = 0

[node name="Pausable" type="WebSocketClient" parent="."]
process_mode = 1

[node name="Always" type="WebSocketClient" parent="."]
process_mode = 3
"""

# Prints what it finds as "name: value" lines.
PLUGIN = """@tool
extends EditorPlugin

const DEADLINE_MSEC := 30_000

var _received: Array = []


func _ready() -> void:
	_run.call_deferred()


func tell(what: String, value: Variant) -> void:
	print("%s: %s" % [what, value])


func until(what: String, condition: Callable) -> void:
	var deadline := Time.get_ticks_msec() + DEADLINE_MSEC
	while not condition.call():
		if Time.get_ticks_msec() > deadline:
			push_error("waited in vain: " + what)
			return
		await get_tree().process_frame


func frames(count: int) -> void:
	for _i: int in count:
		await get_tree().process_frame


func _run() -> void:
	await _in_a_plugin()
	await _in_a_scene()
	await _modes()
	await _create_dialog()
	await _left_open()
	get_tree().quit()


func _pair() -> Array[Node]:
	var server := WebSocketServer.new()
	server.bind_address = "localhost"
	server.autostart = true
	add_child(server)
	var client := WebSocketClient.new()
	client.autoconnect = true
	client.url = "ws://localhost:1"
	add_child(client)
	await frames(2)
	return [server, client]


func _in_a_plugin() -> void:
	var pair := await _pair()
	var server: WebSocketServer = pair[0]
	var client: WebSocketClient = pair[1]
	tell("autostart", [server.status, client.status])
	tell("unused", [server.is_processing_internal(), client.is_processing_internal()])
	tell("listen", server.listen(0))
	server.message_received.connect(func(id: int, message: Variant) -> void: server.send(id, "%s back" % message))
	client.message_received.connect(func(message: Variant) -> void: _received.append(message))
	client.connected_to_server.connect(func() -> void: client.send("there"))
	client.connect_to_url("ws://localhost:%d" % server.get_local_port())
	tell("used", [server.is_processing_internal(), client.is_processing_internal()])
	await until("an echo", func() -> bool: return _received.size() == 1)
	tell("received", _received)
	var sleep := OS.low_processor_usage_mode_sleep_usec
	server.low_latency = true
	tell("low latency", OS.low_processor_usage_mode_sleep_usec == sleep)
	server.process_callback = WebSocketServer.PROCESS_PHYSICS
	tell("physics", [server.is_processing_internal(), server.is_physics_processing_internal()])
	server.queue_free()
	await until("a goodbye", func() -> bool: return client.status == WebSocketClient.STATUS_IDLE)
	tell("goodbye", client.get_close_code())
	client.queue_free()
	for _i: int in 3:
		EditorInterface.set_plugin_enabled("remote", true)
		var remote := WebSocketClient.new()
		add_child(remote)
		remote.connect_to_url("ws://localhost:%d" % Engine.get_meta("remote_port"))
		await until("the remote plugin", func() -> bool: return remote.status == WebSocketClient.STATUS_ACTIVE)
		EditorInterface.set_plugin_enabled("remote", false)
		await until("its goodbye", func() -> bool: return remote.status == WebSocketClient.STATUS_IDLE)
		tell("plugin off", remote.get_close_code())
		remote.queue_free()


func _opened(path: String) -> Node:
	EditorInterface.open_scene_from_path(path)
	await until(path, func() -> bool: return EditorInterface.get_edited_scene_root() != null)
	await frames(2)
	return EditorInterface.get_edited_scene_root()


func _in_a_scene() -> void:
	var root := await _opened("res://scene.tscn")
	var server: WebSocketServer = root.get_node("Server")
	var client: WebSocketClient = root.get_node("Client")
	await frames(5)
	tell("in a scene", [server.status, client.status, server.is_part_of_edited_scene()])
	tell("asleep", [server.is_processing_internal(), client.is_processing_internal()])
	var visitor := WebSocketClient.new()
	add_child(visitor)
	server.listen()
	visitor.connect_to_url("ws://localhost:%d" % server.get_local_port())
	await until("a peer", func() -> bool: return server.get_peer_count() == 1)
	var peer: Node = server.get_child(0)
	tell("peer", [peer.get_class(), peer.owner])
	EditorInterface.mark_scene_as_unsaved()
	tell("saved", error_string(EditorInterface.save_scene()))
	EditorInterface.close_scene()
	await until("a goodbye", func() -> bool: return visitor.status == WebSocketClient.STATUS_IDLE)
	tell("closed scene", [visitor.get_close_code(), is_instance_valid(server)])
	visitor.queue_free()


func _modes() -> void:
	tell("default mode", ClassDB.class_get_property_default_value("WebSocketServer", "process_mode"))
	var root := await _opened("res://modes.tscn")
	tell("modes", root.get_children().map(func(node: Node) -> int: return node.process_mode))
	var added := WebSocketServer.new()
	added.name = "Added"
	root.add_child(added)
	added.owner = root
	EditorInterface.mark_scene_as_unsaved()
	EditorInterface.save_scene()
	EditorInterface.reload_scene_from_path("res://modes.tscn")
	await frames(2)
	root = EditorInterface.get_edited_scene_root()
	tell("modes again", root.get_children().map(func(node: Node) -> int: return node.process_mode))
	EditorInterface.close_scene()


func _create_dialog() -> void:
	var before := get_tree().root.find_children("*", "ConfirmationDialog", true, false)
	EditorInterface.popup_create_dialog(func(_type: Variant) -> void: pass, "Node")
	await frames(2)
	var offered := PackedStringArray()
	for dialog: Node in get_tree().root.find_children("*", "ConfirmationDialog", true, false):
		if before.has(dialog) and not (dialog as Window).visible:
			continue
		for tree: Tree in dialog.find_children("*", "Tree", true, false):
			var item := tree.get_root()
			while item != null:
				if item.get_text(0).begins_with("WebSocket"):
					offered.append(item.get_text(0))
				item = item.get_next_in_tree()
		(dialog as Window).hide()
	tell("offered", offered)


## The editor quits while both ends are open.
func _left_open() -> void:
	var pair := await _pair()
	var server: WebSocketServer = pair[0]
	server.listen(0)
	(pair[1] as WebSocketClient).connect_to_url("ws://localhost:%d" % server.get_local_port())
	await until("a peer", func() -> bool: return server.get_peer_count() == 1)
	tell("left open", server.get_peer_count())
"""

REMOTE = """@tool
extends EditorPlugin

var _server := WebSocketServer.new()


func _enter_tree() -> void:
	add_child(_server)
	_server.bind_address = "localhost"
	_server.listen(0)
	Engine.set_meta("remote_port", _server.get_local_port())


func _exit_tree() -> void:
	_server.queue_free()
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose plugin checks the nodes, once the editor has opened it."""
    project = make_project(tmp_path_factory.mktemp("editor") / "project", [])
    (project / "scene.tscn").write_text(SCENE)
    (project / "modes.tscn").write_text(MODES)
    add_plugin(project, PLUGIN)
    (project / "addons/remote").mkdir()
    (project / "addons/remote/plugin.gd").write_text(REMOTE)
    about = (project / "addons/checker/plugin.cfg").read_text()
    (project / "addons/remote/plugin.cfg").write_text(about.replace("checker", "remote"))
    return project


@pytest.fixture(scope="module")
def told(project: Path) -> dict[str, list[str]]:
    """What the plugin told, by its name. The editor's log is clean, and it quits by itself with everything open."""
    log = run_godot("--editor", path=project, timeout=120)
    found: dict[str, list[str]] = {}
    for what, value in re.findall(r"^([\w ]+): (.*)$", log, re.MULTILINE):
        found.setdefault(what, []).append(value)
    return found


@pytest.mark.parametrize(
    ("what", "values"),
    [
        ("autostart", ["[0, 0]"]),
        ("unused", ["[false, false]"]),
        ("listen", ["0"]),
        ("used", ["[true, true]"]),
        ("received", ['["there back"]']),
        ("low latency", ["true"]),
        ("physics", ["[false, true]"]),
        ("goodbye", ["1001"]),
        ("plugin off", ["1001"] * 3),
        ("left open", ["1"]),
    ],
)
def test_the_nodes_work_in_a_plugin(told: dict[str, list[str]], what: str, values: list[str]) -> None:
    assert told[what] == values


@pytest.mark.parametrize(
    ("what", "values"),
    [
        ("in a scene", ["[0, 0, true]"]),
        ("asleep", ["[false, false]"]),
        ("peer", ['["WebSocketPeerNode", <Object#null>]']),
        ("saved", ["OK"]),
        ("closed scene", ["[1001, false]"]),
    ],
)
def test_a_scene_that_holds_nodes_opens_nothing(told: dict[str, list[str]], what: str, values: list[str]) -> None:
    assert told[what] == values


def test_a_scene_is_saved_without_its_peers(told: dict[str, list[str]], project: Path) -> None:
    assert told["saved"] == ["OK"]
    saved = re.sub(r" (unique_id|uid)=\S+?(?=[ \]])", "", (project / "scene.tscn").read_text())
    assert saved.strip() == SCENE.strip()


def test_the_process_mode_that_was_chosen_is_kept(told: dict[str, list[str]], project: Path) -> None:
    assert told["default mode"] == ["3"]
    assert told["modes"] == ["[3, 0, 1, 3]"]
    assert told["modes again"] == ["[3, 0, 1, 3, 3]"]
    stored = re.findall(
        r'^\[node name="(\w+)".*\]\n(?:process_mode = (\d))?', (project / "modes.tscn").read_text(), re.M
    )
    # Always is the default of the class: it is not stored, and what is can be reverted.
    assert stored == [("Root", ""), ("Default", ""), ("Inherit", "0"), ("Pausable", "1"), ("Always", ""), ("Added", "")]


def test_only_nodes_that_one_can_use_are_offered(told: dict[str, list[str]]) -> None:
    assert told["offered"] == ['["WebSocketClient", "WebSocketServer"]']
