"""Tests of the editor plugin: an exported game brings Python along, and needs neither the project nor the addon."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.godot_process import LAUNCHER, ROOT, assert_clean_log, run_godot

PROJECT = """
config_version=5
[application]
run/main_scene="res://main.tscn"
[editor_plugins]
enabled=PackedStringArray("res://addons/ws_python/plugin.cfg")
[python]
modules=PackedStringArray("res://turret.py")
"""

# The engine's own program serves as the export template: it runs the pack that it finds beside itself.
PRESET = """
[preset.0]
name="Linux"
platform="Linux"
runnable=true
export_filter="all_resources"
include_filter=""
exclude_filter=""
export_path=""
[preset.0.options]
custom_template/release="{template}"
binary_format/embed_pck=false
binary_format/architecture="{architecture}"
"""

SCENE = """
[gd_scene load_steps=2 format=3]
[ext_resource type="Script" path="res://main.gd" id="1"]
[node name="Main" type="Node"]
script = ExtResource("1")
[node name="Server" type="WebSocketServer" parent="."]
port = 0
autostart = true
[node name="Client" type="WebSocketClient" parent="."]
[node name="Turret" type="Turret" parent="."]
"""

SCRIPT = """
extends Node

func _ready() -> void:
	await $Server.status_changed
	$Client.connect_to_url("ws://localhost:%d" % $Server.get_local_port())
	await $Client.connected_to_server
	$Client.send("from an exported game")
	print((await $Server.message_received)[1])
	print("heading ", $Turret.get_heading())
	get_tree().quit()
"""


@pytest.fixture(scope="module")
def game(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exported game, on its own in its folder."""
    project, folder = tmp_path_factory.mktemp("project"), tmp_path_factory.mktemp("exported")
    template = subprocess.run([str(LAUNCHER), "--which"], capture_output=True, text=True, check=True).stdout.strip()
    architecture = {"aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
    files = {
        "project.godot": PROJECT,
        "export_presets.cfg": PRESET.format(template=template, architecture=architecture),
        "main.tscn": SCENE,
        "main.gd": SCRIPT,
        "turret.py": (ROOT / "demo/bridge/turret.py").read_text(),
        ".godot/extension_list.cfg": "res://addons/ws_python/ws_python.gdextension\n",
    }
    (project / ".godot").mkdir()
    for name, text in files.items():
        (project / name).write_text(text.lstrip())
    (project / "addons").mkdir()
    (project / "addons/ws_python").symlink_to(ROOT / "addons/ws_python", target_is_directory=True)
    run_godot("--export-release", "Linux", str(folder / "game"), path=project)
    project.rename(project.with_name("gone"))
    return folder


def test_holds_the_runtime(game: Path) -> None:
    names = {path.name for path in game.iterdir()}
    assert {"game", "game.pck", "pythonscript"} <= names
    assert any(name.startswith("libpythonscript.") for name in names)


def test_runs_on_its_own(game: Path) -> None:
    program = game / "game"
    engine = Path(subprocess.run([str(LAUNCHER), "--which"], capture_output=True, text=True).stdout.strip())
    # A fetched engine finds its libraries by where it is itself, and this copy of it is elsewhere.
    libraries = [str(path) for path in (engine.parent.parent / "lib").glob("*-linux-gnu*")]
    homes = {name: str(game / "home") for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")}
    done = subprocess.run(
        [str(program), "--headless"],
        cwd=game,
        env={**os.environ, **homes, "LD_LIBRARY_PATH": ":".join(libraries)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    assert_clean_log(done.stdout)
    assert done.returncode == 0, done.stdout
    assert "from an exported game" in done.stdout.splitlines(), done.stdout
    assert "heading 0.0" in done.stdout.splitlines(), done.stdout
