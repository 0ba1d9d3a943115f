"""A game for a platform without a library has the nodes in GDScript; `make platforms` tries all platforms and ways."""

from __future__ import annotations

from pathlib import Path

from tests.godot_process import run_godot
from tests.platforms import games

GAME = {
    "main.tscn": """
[gd_scene load_steps=3 format=3]
[ext_resource type="Script" path="res://main.gd" id="1"]
[sub_resource type="WebSocketSimulation" id="2"]
latency = 0.5
[node name="Main" type="Node" node_paths=PackedStringArray("client")]
script = ExtResource("1")
client = NodePath("Client")
[node name="Server" type="WebSocketServer" parent="."]
port = 0
bind_address = "127.0.0.1"
simulation = SubResource("2")
[node name="Client" type="WebSocketClient" parent="."]
""",
    "main.gd": """
extends Node

@export var client: WebSocketClient


func _ready() -> void:
	var server: WebSocketServer = $Server
	server.message_received.connect(server.send)
	print("listen: ", server.listen())
	print("simulation: ", server.simulation)
	print("script: ", client.get_script().resource_path)
	client.connect_to_url("ws://127.0.0.1:%d" % server.get_local_port())
	await client.connected_to_server
	client.send("Grüße")
	print("echo: ", await client.message_received)
	get_tree().quit()
""",
}


def test_a_pack_for_the_web_has_the_nodes_in_gdscript(tmp_path: Path) -> None:
    project = games.make_project(tmp_path / "project", GAME, packs_only=True)
    listed = (project / ".godot/extension_list.cfg").read_text()
    said = games.export(project, "Web", tmp_path / "game.pck", "pack")
    assert "res://main.tscn: the simulation of a bad network is left out: the nodes in GDScript have none." in said
    assert (project / ".godot/extension_list.cfg").read_text() == listed
    log = run_godot("--main-pack", str(tmp_path / "game.pck"), path=tmp_path).splitlines()
    for line in (
        "listen: 0",
        "simulation: <null>",
        "script: res://addons/ws_python/portable/websocket_client.gd",
        "echo: Grüße",
    ):
        assert line in log, log
