"""`autostart` and `autoconnect` with handlers connected in the scene file, in the engine that the editor runs and in an
exported game: a release template checks nothing, and a handler that comes too early ends it with a crash."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import engine
import pytest

from tests.addon.projects import EXPORT_PRESET
from tests.godot_process import LAUNCHER, ROOT, assert_clean_log, run_godot

# In this order: nothing is told to a scene that is not ready.
TOLD = [
    *("server is ready", "client is ready", "main is ready"),
    *("server 1", "main hears 1", "client 1", "client 2", "client 2, connected"),
]

PROJECT = """
config_version=5
[application]
run/main_scene="res://main.tscn"
"""

# Both nodes stand in scenes of their own. No containers: at exit, Debian's template complains of each, in any game.
SCENE = """
[gd_scene load_steps=4 format=3]
[ext_resource type="Script" path="res://main.gd" id="1"]
[ext_resource type="PackedScene" path="res://server.tscn" id="2"]
[ext_resource type="PackedScene" path="res://client.tscn" id="3"]
[node name="Main" type="Node"]
script = ExtResource("1")
[node name="Early" parent="." instance=ExtResource("2")]
[node name="Late" parent="." instance=ExtResource("3")]
[node name="Log" type="Label" parent="."]
[connection signal="status_changed" from="Early/Server" to="." method="_on_server_status_changed"]
[editable path="Early"]
"""

SERVER = """
[gd_scene load_steps=2 format=3]
[ext_resource type="Script" path="res://server.gd" id="1"]
[node name="Early" type="Node"]
script = ExtResource("1")
[node name="Server" type="WebSocketServer" parent="."]
port = 0
bind_address = "localhost"
autostart = true
[node name="Status" type="Label" parent="."]
[connection signal="status_changed" from="Server" to="." method="_on_server_status_changed"]
"""

CLIENT = """
[gd_scene load_steps=2 format=3]
[ext_resource type="Script" path="res://client.gd" id="1"]
[node name="Late" type="Node"]
script = ExtResource("1")
[node name="Client" type="WebSocketClient" parent="."]
autoconnect = true
[node name="Status" type="Label" parent="."]
[connection signal="status_changed" from="Client" to="." method="_on_client_status_changed"]
[connection signal="connected_to_server" from="Client" to="." method="_on_client_connected_to_server"]
"""

MAIN_SCRIPT = """
extends Node

@onready var _log: Label = $Log
@onready var _server: WebSocketServer = $Early/Server
@onready var _client: WebSocketClient = $Late/Client


func _ready() -> void:
	print("main is ready")


func _on_server_status_changed(status: int) -> void:
	_log.text = "main hears %d" % status
	print(_log.text)
	# The client is ready after the server, and connects after it.
	_client.url = "ws://localhost:%d" % _server.get_local_port()
"""

SERVER_SCRIPT = """
extends Node

@onready var _status: Label = $Status


func _ready() -> void:
	print("server is ready")


func _on_server_status_changed(status: int) -> void:
	_status.text = "server %d" % status
	print(_status.text)
"""

CLIENT_SCRIPT = """
extends Node

@onready var _status: Label = $Status
@onready var _client: WebSocketClient = $Client


func _ready() -> void:
	print("client is ready")


func _on_client_status_changed(status: int) -> void:
	_status.text = "client %d" % status
	print(_status.text)


func _on_client_connected_to_server() -> void:
	print(_status.text, ", connected")
	get_tree().quit()
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A game of a server with `autostart` and a client with `autoconnect`."""
    project = tmp_path_factory.mktemp("autostart") / "project"
    (project / ".godot").mkdir(parents=True)
    (project / "addons").mkdir()
    (project / "addons/ws_python").symlink_to(ROOT / "addons/ws_python", target_is_directory=True)
    files = {
        "project.godot": PROJECT,
        "main.tscn": SCENE,
        "main.gd": MAIN_SCRIPT,
        "server.tscn": SERVER,
        "server.gd": SERVER_SCRIPT,
        "client.tscn": CLIENT,
        "client.gd": CLIENT_SCRIPT,
        ".godot/extension_list.cfg": "res://addons/ws_python/ws_python.gdextension\n",
    }
    for name, text in files.items():
        (project / name).write_text(text.lstrip())
    return project


def told(log: str) -> list[str]:
    """What the scripts printed."""
    return [line for line in log.splitlines() if re.match("client |server |main ", line)]


def test_in_a_game_that_the_editor_runs(project: Path) -> None:
    assert told(run_godot(path=project)) == TOLD


def test_in_an_exported_game(project: Path, tmp_path: Path) -> None:
    program = subprocess.run([str(LAUNCHER), "--which"], capture_output=True, text=True, check=True).stdout.strip()
    template = engine.release_template(program)
    if template is None:
        pytest.skip(f"{program} has no release template beside it")
    architecture = {"aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
    preset = EXPORT_PRESET.format(include="", template=template, architecture=architecture)
    (project / "export_presets.cfg").write_text(preset.lstrip())
    run_godot("--export-release", "Linux", str(tmp_path / "game"), path=project)
    homes = {name: str(tmp_path / "home") for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")}
    done = subprocess.run(
        [str(tmp_path / "game"), "--headless"],
        cwd=tmp_path,
        env={**os.environ, **homes},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout
    assert_clean_log(done.stdout)
    assert told(done.stdout) == TOLD
