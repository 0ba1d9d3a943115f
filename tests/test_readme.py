"""Tests of README.md: its programs run as they stand there, and its tables name everything that there is."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from ws_python import WebSocketClient, WebSocketServer, settings_of
from ws_python.loop.hub import CLOSING_TIME
from ws_python.protocol.http_head import MAX_HEAD

from tests.godot_process import ROOT, run_godot

README = (ROOT / "README.md").read_text(encoding="utf-8")
ADDON = ROOT / "addons/ws_python"
UNITS = {"s": 1, "KiB": 1024, "MiB": 1024 * 1024}

# Two clients, so that the server has somebody to pass a message on to.
RUN_SCRIPTS = """
extends SceneTree

func _initialize() -> void:
	await process_frame  # Before it the root is not in the tree.
	var server := WebSocketServer.new()
	server.set_script(load("res://server.gd"))
	root.add_child(server)
	var url := "ws://localhost:%d" % server.get_local_port()
	var source := FileAccess.get_file_as_string("res://client.gd")
	var script := GDScript.new()
	script.source_code = source.replace("ws://localhost:8080", url)
	script.reload()
	for index in 2:
		var client := WebSocketClient.new()
		client.set_script(script)
		root.add_child(client)
		await client.message_received
	while server.get_peer_count() < 2:
		await process_frame
	var last: Node = root.get_child(-2)
	await last.message_received
	server.stop()
	await last.connection_closed
	quit()
"""

RUN_TURRET = """
extends SceneTree

func _initialize() -> void:
	var turret := Turret.new()
	turret.fired.connect(func(target: Object, damage: float) -> void: print("fired ", target == self, " ", damage))
	print(turret.fire(self), " ", turret.ammo)
	turret.ammo = 0
	print(turret.fire(self))
	turret.free()
	quit()
"""

LIST_API = """
extends SceneTree

func _initialize() -> void:
	for type: String in ["WebSocketServer", "WebSocketClient", "WebSocketPeerNode"]:
		var accessors: Array[String] = []
		for property in ClassDB.class_get_property_list(type, true):
			if not property.usage & (PROPERTY_USAGE_GROUP | PROPERTY_USAGE_SUBGROUP):
				accessors.append("get_" + property.name)
				accessors.append("set_" + property.name)
				print("api %s %s" % [type, property.name])
		for method in ClassDB.class_get_method_list(type, true):
			if method.name not in accessors:
				print("api %s %s" % [type, method.name])
		for event in ClassDB.class_get_signal_list(type, true):
			print("api %s %s" % [type, event.name])
	quit()
"""


def block(language: str, containing: str) -> str:
    """The one code block of README.md in a language that contains a text."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    (found,) = (each for each in blocks if containing in each)
    return str(found)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of somebody else, that the addon was put into."""
    (tmp_path / "project.godot").write_text(
        'config_version=5\n[python]\nmodules=PackedStringArray("res://turret.py")\n'
    )
    (tmp_path / "turret.py").write_text(block("python", "class Turret"))
    (tmp_path / "addons").mkdir()
    (tmp_path / "addons/ws_python").symlink_to(ADDON, target_is_directory=True)
    (tmp_path / ".godot").mkdir()
    (tmp_path / ".godot/extension_list.cfg").write_text("res://addons/ws_python/ws_python.gdextension\n")
    return tmp_path


def run(project: Path, script: str) -> list[str]:
    (project / "main.gd").write_text(script)
    return run_godot("--script", "main.gd", path=project).splitlines()


def test_server_and_client_talk(project: Path) -> None:
    (project / "server.gd").write_text(block("gdscript", "extends WebSocketServer").replace("8080", "0"))
    (project / "client.gd").write_text(block("gdscript", "extends WebSocketClient"))
    log = run(project, RUN_SCRIPTS)
    assert log.count("received: Welcome!") == 2
    assert log.count("received: Hello!") == 1
    assert "closed: 1001 " in log


def test_node_in_python_works(project: Path) -> None:
    log = run(project, RUN_TURRET)
    assert log[-3:] == ["fired true 2.5", "true 19", "false"]


def test_it_is_put_into_a_project_without_addons(tmp_path: Path) -> None:
    project = tmp_path / "my project"
    project.mkdir()
    (project / "project.godot").write_text("config_version=5\n")
    commands = block("sh", "YOUR_PROJECT").replace("YOUR_PROJECT", '"$PROJECT"').replace("make build\n", "")
    environment = {**os.environ, "PROJECT": str(project)}
    subprocess.run(["sh", "-ec", commands], cwd=ROOT, env=environment, check=True)
    (project / ".godot").mkdir()
    (project / ".godot/extension_list.cfg").write_text("res://addons/ws_python/ws_python.gdextension\n")
    script = (
        'extends SceneTree\n\nfunc _initialize() -> void:\n\tprint(ClassDB.class_exists("WebSocketServer"))\n\tquit()\n'
    )
    assert "true" in run(project, script)


def test_tables_name_the_whole_api(project: Path) -> None:
    listed = {tuple(line.split()[1:]) for line in run(project, LIST_API) if line.startswith("api ")}
    assert listed
    named = {
        (section.split("\n", 1)[0], name)
        for section in re.findall(r"^### (WebSocket\w+\n.*?)(?=^##)", README, re.MULTILINE | re.DOTALL)
        for first_column in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
        for name in re.findall(r"`(\w+)[`(]", first_column)
    }
    assert named == listed


def test_what_it_says_of_defaults_is_so() -> None:
    rows = re.findall(r"^\| (`.*`) \| ([\d.]+) (s|MiB) \|", README, re.MULTILINE)
    told = {name: float(size) * UNITS[unit] for names, size, unit in rows for name in re.findall(r"`(\w+)`", names)}
    assert "max_message_size" in told
    settings = settings_of(WebSocketServer)
    assert told == {name: settings[name].default for name in told}
    assert f"A client's is {settings_of(WebSocketClient)['max_message_size'].default // UNITS['MiB']} MiB" in README
    assert f"whose request may have {MAX_HEAD // UNITS['KiB']} KiB" in README
    assert ("at quit one second" in README) == (CLOSING_TIME == 1.0)


def test_links_and_pictures_are_there() -> None:
    links = re.findall(r"\]\(((?!https://)[^)#]+)", README)
    assert links
    assert not [link for link in links if not (ROOT / link).exists()]
