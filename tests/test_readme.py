"""Tests of README.md and the pages beside it: their programs run as they stand there, and what they say is so."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
import trustme
from ws_python import WebSocketClient, WebSocketServer, WebSocketSimulation, settings_of
from ws_python.loop.hub import CLOSING_TIME
from ws_python.protocol.http_head import MAX_HEAD

from tests.godot_process import ROOT, run_godot

README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCS = {path.name: path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").glob("*.md"))}
ADDON = ROOT / "addons/ws_python"
NAME = re.compile(r"`(\w+)`")
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

# The scripts of the sections behind that, each with somebody at the other end.
RUN_MORE = """
extends SceneTree

func _initialize() -> void:
	await process_frame
	for name: String in ["tls", "door", "slow", "supervised", "reconnecting"]:
		await call(name)
	quit()

func server_of(script: String, outbound_buffer_size: int = 65536) -> WebSocketServer:
	var server := WebSocketServer.new()
	server.outbound_buffer_size = outbound_buffer_size
	server.set_script(load("res://%s.gd" % script))
	root.add_child(server)
	return server

func client_of(server: WebSocketServer, scheme: String = "ws", options: TLSOptions = null) -> WebSocketClient:
	var client := WebSocketClient.new()
	root.add_child(client)
	client.connect_to_url("%s://localhost:%d" % [scheme, server.get_local_port()], options)
	return client

func tls() -> void:
	var server := server_of("tls")
	var certificate := X509Certificate.new()
	certificate.load("res://authority.crt")
	await client_of(server, "wss", TLSOptions.client(certificate)).connected_to_server
	print("tls is spoken")
	server.queue_free()

func door() -> void:
	var secret := "a secret of more than 32 characters"
	OS.set_environment("TOKEN_SECRET", secret)
	var server := server_of("door")
	print("without a token: ", await client_of(server).connection_failed)
	var client := WebSocketClient.new()
	root.add_child(client)
	client.handshake_headers = ["Authorization: Bearer " + server.sign_token(secret, {"sub": "ada"}, 60.0)]
	client.connect_to_url("ws://localhost:%d" % server.get_local_port())
	await client.connected_to_server
	server.queue_free()

func slow() -> void:
	var server := server_of("slow", 1024)
	var client := client_of(server)
	var next := 0
	var clocks := 0
	while next < 1000 or clocks < 3:
		var message: String = await client.message_received
		if message.begins_with("piece"):
			next += int(message == "piece %d" % next)
		else:
			clocks += 1
	print("all pieces came")
	server.queue_free()

func supervised() -> void:
	var server := server_of("supervised")
	var client := client_of(server)
	await client.connected_to_server
	client.send("x".repeat(201))
	client.send("hi")
	await server.message_received
	server.queue_free()

func reconnecting() -> void:
	var server := WebSocketServer.new()
	root.add_child(server)
	server.listen(0)
	var script := GDScript.new()
	var source := FileAccess.get_file_as_string("res://reconnecting.gd")
	script.source_code = source.replace("wss://example.com", "ws://localhost:%d" % server.get_local_port())
	script.reload()
	var client := WebSocketClient.new()
	client.set_script(script)
	root.add_child(client)
	await client.connected_to_server
	var port := server.get_local_port()
	server.stop()
	await client.reconnecting
	server.listen(port)
	var told: Array = await server.message_received
	print("told ", told[1])
	server.queue_free()
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
	for type in ClassDB.get_class_list():
		if not type.begins_with("WebSocket") or ClassDB.class_get_api_type(type) != ClassDB.API_EXTENSION:
			continue
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


def run(project: Path, script: str, expected: Sequence[str] = ()) -> list[str]:
    (project / "main.gd").write_text(script)
    return run_godot("--script", "main.gd", path=project, expected=expected).splitlines()


def test_server_and_client_talk(project: Path) -> None:
    (project / "server.gd").write_text(block("gdscript", "Welcome!").replace("8080", "0"))
    (project / "client.gd").write_text(block("gdscript", "Hello!"))
    log = run(project, RUN_SCRIPTS)
    assert log.count("received: Welcome!") == 2
    assert log.count("received: Hello!") == 1
    assert "closed: 1001 " in log


def test_the_programs_behind_them_do_what_is_said(project: Path) -> None:
    scripts = {
        "tls": "tls_certificate =",
        "door": "authorizer =",
        "slow": "peer_drained",
        "supervised": "supervisor =",
        "reconnecting": "auto_reconnect =",
    }
    for name, containing in scripts.items():
        source = block("gdscript", containing).replace("/etc/letsencrypt/live/example.com", "res:/")
        (project / f"{name}.gd").write_text(re.sub(r"listen\(\d+\)", "listen(0)", source))
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    authority.cert_pem.write_to_path(project / "authority.crt")
    certificate.cert_chain_pems[0].write_to_path(project / "fullchain.pem")
    certificate.private_key_pem.write_to_path(project / "privkey.pem")
    log = run(project, RUN_MORE, expected=["outbound_buffer_size is reached"])
    assert "tls is spoken" in log
    (refused,) = (line for line in log if line.startswith("without a token: "))
    assert "401" in refused
    assert "welcome ada" in log
    assert "all pieces came" in log
    assert [line.split(" says ")[1] for line in log if " says " in line] == ["hi"]
    assert [line for line in log if line.startswith("again in ")]
    assert "told here I am again" in log


def test_node_in_python_works(project: Path) -> None:
    log = run(project, RUN_TURRET)
    assert log[-3:] == ["fired true 2.5", "true 19", "false"]


@pytest.mark.parametrize("page", [name for name, text in DOCS.items() if "```gdscript" in text])
def test_programs_of_the_other_pages_are_right(project: Path, page: str) -> None:
    sources = re.findall(r"^```gdscript\n(.*?)^```$", DOCS[page], re.MULTILINE | re.DOTALL)
    for number, source in enumerate(sources):
        (project / f"script{number}.gd").write_text(source)
    paths = [f"res://script{number}.gd" for number in range(len(sources))]
    script = (
        "extends SceneTree\n\nfunc _initialize() -> void:\n"
        f"\tfor path: String in {json.dumps(paths)}:\n\t\tprint((load(path) as GDScript).can_instantiate())\n\tquit()\n"
    )
    assert run(project, script).count("true") == len(sources)


def test_it_is_put_into_a_project_without_addons(tmp_path: Path) -> None:
    project = tmp_path / "my project"
    project.mkdir()
    (project / "project.godot").write_text("config_version=5\n")
    commands = block("sh", "make install").replace("/path/to/your/project", '"$PROJECT"')
    environment = {**os.environ, "PROJECT": str(project)}
    subprocess.run(["sh", "-ec", commands.replace("make", "make -o build")], cwd=ROOT, env=environment, check=True)
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


def test_what_is_said_of_defaults_is_so() -> None:
    page = DOCS["server.md"]
    rows = re.findall(r"^\| (`.*`) \| ([\d., a-zA-Z]+) \|", page, re.MULTILINE)
    told = {
        name: size(text)
        for names, texts in rows
        for name, text in zip(NAME.findall(names), texts.split(", "), strict=True)
    }
    assert "max_message_size" in told
    settings = settings_of(WebSocketServer)
    assert told == {name: settings[name].default for name in told}
    limits = {name for name, setting in settings.items() if "Limits" in setting.group or setting.group == "Timeouts"}
    assert limits - set(told) == {"refuse_new_connections"}
    assert f"A client's is {settings_of(WebSocketClient)['max_message_size'].default // UNITS['MiB']} MiB" in page
    assert f"whose request may have {MAX_HEAD // UNITS['KiB']} KiB" in page
    assert ("at quit one second" in README) == (CLOSING_TIME == 1.0)


def test_the_simulation_is_told_whole() -> None:
    first_table = DOCS["simulation.md"].split("\n\n")[2]
    told = {name for row in first_table.splitlines()[2:] for name in NAME.findall(row.split("|")[1])}
    assert told == settings_of(WebSocketSimulation).keys()


def size(text: str) -> float:
    """What a cell says of a default, in the property's own unit."""
    number, _, unit = text.partition(" ")
    return 0 if text == "off" else float(number.replace(" ", "")) * UNITS.get(unit, 1)


@pytest.mark.parametrize("page", ["README.md", *(f"docs/{name}" for name in DOCS)])
def test_links_and_pictures_are_there(page: str) -> None:
    path = ROOT / page
    links = re.findall(r"\]\(((?!https://)[^)#]+)", path.read_text(encoding="utf-8"))
    assert links or page != "README.md"
    assert not [link for link in links if not (path.parent / link).exists()]
