"""The export plugin: every way that a scene has a node, what is said, and that a project stays as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.godot_process import GodotProcess, assert_clean_log
from tests.platforms import games

pytestmark = [pytest.mark.platforms, pytest.mark.timeout(600)]

SCENES = {
    "chat_client.gd": """
class_name ChatClient
extends WebSocketClient

@export var nick := "nobody"


func describe() -> String:
	return "%s at %s, %.1f" % [nick, url, close_timeout]
""",
    "louder.gd": """
extends ChatClient

func describe() -> String:
	return super().to_upper()
""",
    "auto.gd": "extends WebSocketClient\n",
    "part.tscn": """
[gd_scene load_steps=2 format=3]
[ext_resource type="Script" path="res://chat_client.gd" id="1"]
[node name="Part" type="WebSocketClient" groups=["clients"]]
script = ExtResource("1")
url = "ws://part"
close_timeout = 7.0
nick = "part"
""",
    "heir.tscn": """
[gd_scene load_steps=3 format=3]
[ext_resource type="PackedScene" path="res://part.tscn" id="1"]
[ext_resource type="Script" path="res://louder.gd" id="2"]
[node name="Heir" instance=ExtResource("1")]
script = ExtResource("2")
nick = "heir"
""",
    "main.tscn": """
[gd_scene load_steps=6 format=3]
[ext_resource type="Script" path="res://main.gd" id="1"]
[ext_resource type="PackedScene" path="res://part.tscn" id="2"]
[ext_resource type="PackedScene" path="res://heir.tscn" id="3"]
[sub_resource type="GDScript" id="inner"]
script/source = "extends WebSocketClient

func built_in() -> String:
	return \\"built in \\" + url
"
[sub_resource type="PackedScene" id="packed"]
_bundled = {
"conn_count": 0,
"conns": PackedInt32Array(),
"editable_instances": [],
"names": PackedStringArray("Packed", "WebSocketClient"),
"node_count": 1,
"node_paths": [],
"nodes": PackedInt32Array(-1, -1, 1, 0, -1, 0, 0),
"variants": [],
"version": 3
}
[node name="Main" type="Node" node_paths=PackedStringArray("picked", "many")]
script = ExtResource("1")
picked = NodePath("Plain")
many = [NodePath("Plain"), NodePath("Part")]
packed = SubResource("packed")
[node name="Plain" type="WebSocketClient" parent="."]
unique_name_in_owner = true
url = "ws://plain"
[node name="BuiltIn" type="WebSocketClient" parent="."]
script = SubResource("inner")
url = "ws://inner"
[node name="Part" parent="." instance=ExtResource("2")]
url = "ws://other"
[node name="Heir" parent="." instance=ExtResource("3")]
[node name="UI" type="Control" parent="."]
[node name="Under" type="WebSocketServer" parent="UI"]
port = 0
bind_address = "127.0.0.1"
[connection signal="connected_to_server" from="Plain" to="." method="_on_connected"]
""",
    "main.gd": """
extends Node

@export var picked: WebSocketClient
@export var many: Array[WebSocketClient]
@export var packed: PackedScene

var by_status: Dictionary[WebSocketClient.Status, String] = {WebSocketClient.STATUS_IDLE: "idle"}


func _ready() -> void:
	print("native: ", picked.get_script() == null)
	print("picked ", picked.url, ", many ", many.size(), ", ", by_status[picked.status])
	print("part: ", ($Part as ChatClient).describe(), " ", get_tree().get_nodes_in_group("clients").size())
	print("heir: ", ($Heir as ChatClient).describe())
	print("inner: ", $BuiltIn.call("built_in"))
	var unpacked := packed.instantiate()
	print("packed: ", unpacked is WebSocketClient)
	unpacked.free()
	print("auto: ", Auto is WebSocketClient, " ", Auto.process_mode == Node.PROCESS_MODE_ALWAYS)
	match picked.status:
		WebSocketClient.STATUS_IDLE:
			print("matched")
	var server: WebSocketServer = $UI/Under
	server.message_received.connect(func(id: int, message: Variant) -> void: server.send(id, "echo " + str(message)))
	print("listen: ", error_string(server.listen()))
	%Plain.connect_to_url("ws://127.0.0.1:%d" % server.get_local_port())
	%Plain.message_received.connect(func(message: Variant) -> void: print(message); get_tree().quit())


func _on_connected() -> void:
	%Plain.send("hello")
""",
}
AUTO = '[autoload]\nAuto="*res://auto.gd"\n'
SAID = [
    "picked ws://plain, many 2, idle",
    "part: part at ws://other, 7.0 2",
    "heir: HEIR AT WS://PART, 7.0",
    "inner: built in ws://inner",
    "packed: true",
    "auto: true true",
    "matched",
    "listen: OK",
    "echo hello",
]
# What GDScript cannot stand in for.
UNCOVERED = {
    "plain.gd": "extends Node\n",
    "asks.gd": 'extends Node\n\n\nfunc ask(node: Node) -> bool:\n\treturn node.is_class("WebSocketClient")\n',
    "names.gd": 'extends Node\n\n\nfunc find() -> Node:\n\treturn get_node("WebSocketClient")\n',
    "Sharp.cs": "// uses WebSocketClient\n",
    "turret.py": "from pythonscript.godot import Node\n\n\nclass Turret(Node):\n    pass\n",
    "main.tscn": """
[gd_scene load_steps=2 format=3]
[ext_resource type="Script" path="res://plain.gd" id="1"]
[node name="Main" type="WebSocketClient"]
script = ExtResource("1")
""",
}
EMPTY = '[gd_scene format=3]\n[node name="Main" type="Node"]\n'
# Tells what the exporter sees of a preset's options.
PROBE = """
@tool
extends EditorPlugin

var probe := Probe.new()


class Probe:
	extends EditorExportPlugin

	func _get_name() -> String:
		return "probe"

	func _export_begin(_features: PackedStringArray, _is_debug: bool, _path: String, _flags: int) -> void:
		for permission: String in ["internet", "camera"]:
			print(permission, ": ", get_export_preset().get("permissions/" + permission))


func _enter_tree() -> void:
	add_export_plugin(probe)


func _exit_tree() -> void:
	remove_export_plugin(probe)
"""
PYTHON = '[python]\nmodules=PackedStringArray("res://turret.py")\n'


def state_of(project: Path) -> dict[str, bytes]:
    """What must not change: the project's files, and the list of its extensions."""
    files = [path for path in project.rglob("*") if path.is_file() and not path.is_relative_to(project / "addons")]
    kept = [path for path in files if ".godot" not in path.parts or path.name == "extension_list.cfg"]
    return {str(path): path.read_bytes() for path in kept if path.suffix != ".uid"}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return games.make_project(tmp_path_factory.mktemp("scenes") / "project", SCENES, more=AUTO)


@pytest.mark.parametrize("preset", ["Android", "Web"])
def test_every_way_of_a_scene(preset: str, project: Path, tmp_path: Path) -> None:
    before = state_of(project)
    log = games.export(project, preset, tmp_path / "game.pck", "pack")
    assert state_of(project) == before
    assert "WARNING: ws_python" not in log, log
    code, said = games.play(games.add_linux_program(tmp_path / "game.pck"))
    assert code == 0, said
    assert_clean_log(said)
    lines = said.splitlines()
    assert "native: false" in lines, said
    assert [line for line in lines if line in SAID] == SAID, said


def test_what_is_not_covered_is_said(tmp_path: Path) -> None:
    project = games.make_project(tmp_path / "project", UNCOVERED, more=PYTHON)
    log = games.export(project, "Web", tmp_path / "game.pck", "pack")
    said = [line for line in log.splitlines() if line.startswith("WARNING: ws_python: ")]
    for file in ("plain.gd", "asks.gd", "Sharp.cs", "turret.py"):
        assert len([line for line in said if f"res://{file}: " in line]) == 1, log
    assert not [line for line in said if "names.gd" in line]


def test_an_android_game_may_use_the_network(tmp_path: Path) -> None:
    config = '[plugin]\nname="probe"\ndescription=""\nauthor=""\nversion="1"\nscript="plugin.gd"\n'
    files = {"addons/probe/plugin.gd": PROBE, "addons/probe/plugin.cfg": config, "main.tscn": EMPTY}
    project = games.make_project(tmp_path / "project", files)
    settings = (project / "project.godot").read_text()
    both = settings.replace('plugin.cfg")', 'plugin.cfg", "res://addons/probe/plugin.cfg")')
    (project / "project.godot").write_text(both)
    log = games.export(project, "Android", tmp_path / "game.pck", "pack").splitlines()
    assert "internet: true" in log and "camera: false" in log, log


def test_a_failed_export_leaves_the_project_as_it_was(project: Path, tmp_path: Path) -> None:
    before = state_of(project)
    with GodotProcess(["--export-pack", "Web", str(tmp_path / "no/such/folder/game.pck")], path=project) as editor:
        assert editor.wait(500) != 0 or not list(tmp_path.rglob("*.pck")), editor.log
    assert state_of(project) == before


def test_without_the_plugin_a_desktop_game_is_as_before(tmp_path: Path) -> None:
    project = games.make_project(tmp_path / "project", SCENES, more=AUTO)
    settings = (project / "project.godot").read_text()
    (project / "project.godot").write_text(settings.replace('"res://addons/ws_python/plugin.cfg"', ""))
    games.export(project, "Linux", tmp_path / "exported/game")
    code, said = games.play(tmp_path / "exported/game")
    assert code == 0, said
    assert_clean_log(said)
    assert [line for line in said.splitlines() if line in SAID] == SAID, said
