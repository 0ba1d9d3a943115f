"""Projects with a copy of the addon that can be broken, and a game that tries all ways to connect."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import platforms
import trustme

from tests.godot_process import ROOT

ADDON = ROOT / "addons/ws_python"
RUNTIME = platforms.machine().runtime  # the folder of the addon with this machine's Python

# How a game is exported, with a template that is at hand; `include` names files that are no resources.
EXPORT_PRESET = """
[preset.0]
name="Linux"
platform="Linux"
runnable=true
export_filter="all_resources"
include_filter="{include}"
exclude_filter=""
export_path=""
[preset.0.options]
custom_template/release="{template}"
binary_format/embed_pck=false
binary_format/architecture="{architecture}"
"""

# Says of each way to connect what comes of it. Of TLS with the property tls_options, and with a typed null for it.
GAME = """extends SceneTree

func _initialize() -> void:
	await process_frame
	var server := WebSocketServer.new()
	root.add_child(server)
	server.bind_address = "localhost"
	print("listen: ", server.listen(0))
	var port := server.get_local_port()
	await attempt("host", "ws://localhost:%d/" % port)
	await attempt("address", "ws://127.0.0.1:%d/" % port)
	await attempt("name", "ws://bücher.test:%d/" % port, "http://127.0.0.1:%d" % port)
	await attempt("http", "ws://game.test:%d/" % port, "http://127.0.0.1:%d" % port)
	await attempt("socks", "ws://game.test:%d/" % port, "socks5h://127.0.0.1:%d" % port)
	var door := WebSocketServer.new()
	root.add_child(door)
	door.bind_address = "unix:@ws_python-%d" % OS.get_process_id()
	print("door: ", door.listen())
	await attempt("unix", door.bind_address)
	var secure := WebSocketServer.new()
	root.add_child(secure)
	secure.tls_certificate = "res://server.crt"
	secure.tls_private_key = "res://server.key"
	print("secure: ", secure.listen(0))
	await attempt("system", "wss://localhost:%d/" % (secure.get_local_port() if secure.is_listening() else port))
	secure.stop()
	secure.tls_certificate = ""
	secure.tls_private_key = ""
	secure.tls_options = TLSOptions.server(load("res://server.key"), load("res://server.crt"))
	print("options: ", secure.listen(0))
	var target := secure.get_local_port() if secure.is_listening() else port
	await attempt("wss", "wss://localhost:%d/" % target, "", TLSOptions.client(load("res://ca.crt")))
	quit()

func attempt(what: String, url: String, proxy := "", options: TLSOptions = null) -> void:
	var client := WebSocketClient.new()
	root.add_child(client)
	client.proxy = proxy
	client.connect_timeout = 300
	var said: Array[String] = []
	client.connected_to_server.connect(func() -> void: said.append("open"))
	client.connection_failed.connect(func(why: String) -> void: said.append(why))
	var error := client.connect_to_url(url, options)
	while error == OK and said.is_empty():
		await process_frame
	print(what, ": ", error, " ", " ".join(said))
	client.queue_free()
"""


def copy_of_addon(folder: Path) -> Path:
    """Its files are hard links: a test removes them, and never writes into one."""
    shutil.copytree(ADDON, folder, copy_function=os.link)
    return folder


def make_game(folder: Path, addon: Path = ADDON, script: str = GAME) -> Path:
    """A project whose game is the script, with certificates in it. The addon is linked, wherever it is."""
    for part in ("addons", ".godot"):
        (folder / part).mkdir(parents=True)
    (folder / "addons/ws_python").symlink_to(addon, target_is_directory=True)
    (folder / ".godot/extension_list.cfg").write_text("res://addons/ws_python/ws_python.gdextension\n")
    # The engine crashes where it cannot write its log.
    (folder / "project.godot").write_text("config_version=5\n[debug]\nfile_logging/enable_file_logging.pc=false\n")
    (folder / "main.gd").write_text(script)
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    (folder / "server.crt").write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(folder / "server.key")
    authority.cert_pem.write_to_path(folder / "ca.crt")
    return folder


def told(log: str) -> dict[str, str]:
    """What the game has printed, by the first word of its lines."""
    lines = (line.partition(": ") for line in log.splitlines())
    return {name: rest for name, colon, rest in lines if colon and name.isalpha() and name.islower()}
