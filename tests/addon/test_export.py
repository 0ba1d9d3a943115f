"""An export brings Python along, with nothing enabled for it, and the game needs neither the project nor the addon."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import engine
import platforms
import pytest
import trustme

from tests.addon.projects import EXPORT_PRESET
from tests.godot_process import LAUNCHER, ROOT, assert_clean_log, run_godot

PROJECT = """
config_version=5
[application]
run/main_scene="res://main.tscn"
[python]
modules=PackedStringArray("res://turret.py")
"""

SCENE = """
[gd_scene load_steps=3 format=3]
[ext_resource type="Script" path="res://main.gd" id="1"]
[sub_resource type="WebSocketSimulation" id="2"]
latency = 0.02
[node name="Main" type="Node"]
script = ExtResource("1")
[node name="Server" type="WebSocketServer" parent="."]
port = 0
autostart = true
[node name="Client" type="WebSocketClient" parent="."]
simulation = SubResource("2")
[node name="SecureServer" type="WebSocketServer" parent="."]
port = 0
autostart = true
tls_certificate = "res://tls/server.crt"
tls_private_key = "res://tls/server.key"
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
	print("late ", $Client.latency >= 0.04)
	print("debug build ", OS.is_debug_build())
	var trusted: X509Certificate = load("res://tls/ca.crt")
	$Client.close()
	await $Client.connection_closed
	$Client.connect_to_url("wss://localhost:%d" % $SecureServer.get_local_port(), TLSOptions.client(trusted))
	await $Client.connected_to_server
	$Client.send("over TLS")
	print((await $SecureServer.message_received)[1])
	$Client.close()
	await $Client.connection_closed
	$Client.tls_trusted_ca = "res://tls/other.crt"
	$Client.connect_to_url("wss://localhost:%d" % $SecureServer.get_local_port())
	print(await $Client.connection_failed)
	# Its size is not known to the engine beforehand.
	var maps := FileAccess.open("/proc/self/maps", FileAccess.READ)
	var mapped := {}
	while not maps.eof_reached():
		var line := maps.get_line()
		if "libssl" in line or "libcrypto" in line:
			mapped[line.substr(line.find("/"))] = true
	for path: String in mapped:
		print("mapped ", path)
	get_tree().quit()
"""


@dataclass
class Game:
    """An exported game, on its own in its folder."""

    folder: Path
    libraries: list[str]
    """Where its program finds libraries that this machine may lack."""

    @property
    def runtime(self) -> Path:
        """The Python that came along."""
        return self.folder / "pythonscript" / platforms.machine().name


@pytest.fixture(scope="module")
def game(tmp_path_factory: pytest.TempPathFactory) -> Game:
    """A game, exported and moved, whose project is gone."""
    project, folder = tmp_path_factory.mktemp("project"), tmp_path_factory.mktemp("exported")
    program = subprocess.run([str(LAUNCHER), "--which"], capture_output=True, text=True, check=True).stdout.strip()
    template = engine.release_template(program)
    architecture = {"aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
    files = {
        "project.godot": PROJECT,
        # Without a template, the engine's own program serves as one: it runs the pack that it finds beside itself.
        "export_presets.cfg": EXPORT_PRESET.format(
            include="*.py", template=template or program, architecture=architecture
        ),
        "main.tscn": SCENE,
        "main.gd": SCRIPT,
        "turret.py": (ROOT / "demo/bridge/turret.py").read_text(),
        ".godot/extension_list.cfg": "res://addons/ws_python/ws_python.gdextension\n",
    }
    (project / ".godot").mkdir()
    for name, text in files.items():
        (project / name).write_text(text.lstrip())
    write_certificates(project / "tls")
    shutil.copytree(ROOT / "addons/ws_python", project / "addons/ws_python")
    run_godot("--export-release", "Linux", str(folder / "game"), path=project, timeout=300)
    project.rename(project.with_name("gone"))
    moved = folder.rename(folder.with_name("moved é"))
    # A fetched engine finds its libraries by where it is itself, and its copy is elsewhere; its template knows them.
    near = [] if template else [str(path) for path in Path(program).parent.parent.glob("lib/*-linux-gnu*")]
    return Game(moved, near)


def write_certificates(folder: Path) -> None:
    """What the game ships for its server, and whom its client trusts."""
    folder.mkdir()
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    (folder / "server.crt").write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(folder / "server.key")
    authority.cert_pem.write_to_path(folder / "ca.crt")
    trustme.CA().cert_pem.write_to_path(folder / "other.crt")


def test_holds_the_runtime(game: Game) -> None:
    names = {path.name for path in game.folder.iterdir()}
    assert {"game", "game.pck", "pythonscript"} <= names
    assert any(name.startswith("libpythonscript.") for name in names)
    assert (game.runtime / "licenses/python.txt").exists()


def test_holds_only_the_games_own_sources(game: Game) -> None:
    assert (game.folder / "game.pck").stat().st_size < 100_000


def test_runs_on_its_own(game: Game) -> None:
    homes = {name: str(game.folder / "home") for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")}
    libraries = {"LD_LIBRARY_PATH": ":".join(game.libraries)} if game.libraries else {}
    done = subprocess.run(
        [str(game.folder / "game"), "--headless"],
        cwd="/",
        env={**os.environ, **homes, **libraries},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )
    assert_clean_log(done.stdout)
    assert done.returncode == 0, done.stdout
    assert "from an exported game" in done.stdout.splitlines(), done.stdout
    assert "heading 0.0" in done.stdout.splitlines(), done.stdout
    assert "over TLS" in done.stdout.splitlines(), done.stdout
    assert "late true" in done.stdout.splitlines(), done.stdout
    warnings = [line for line in done.stdout.splitlines() if "this release build simulates a bad network" in line]
    assert len(warnings) == ("debug build false" in done.stdout.splitlines()), done.stdout
    assert "the certificate of localhost is not trusted (" in done.stdout
    mapped = [Path(line.removeprefix("mapped ")) for line in done.stdout.splitlines() if line.startswith("mapped ")]
    if list(game.runtime.glob("libssl-*")):  # Not where Python has an OpenSSL of its own.
        assert {path.parent for path in mapped} == {game.runtime}, done.stdout
