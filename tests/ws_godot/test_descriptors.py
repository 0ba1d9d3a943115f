"""A game that has used up its file descriptors: nodes say so in one line each, and work again when there are some."""

from __future__ import annotations

from pathlib import Path

from tests.godot_process import GodotProcess, unclean_lines

LIMIT = 256
STARTER = ("sh", "-c", f'ulimit -n {LIMIT}; exec "$@"', "sh")
SCRIPT = """
extends SceneTree

var _files: Array[FileAccess] = []

func _use_up() -> void:
	while true:
		var file := FileAccess.open("res://project.godot", FileAccess.READ)
		if file == null:
			return
		_files.append(file)

func _initialize() -> void:
	var client := WebSocketClient.new()
	root.add_child(client)
	var server: Variant = WebSocketServer.new()
	root.add_child(server as Node)
	server.bind_address = "localhost"

	_use_up()
	print("used up ", _files.size() > 100)
	print("connect_to_url ", client.connect_to_url("ws://127.0.0.1:1"), " ", client.status)
	print("listen ", server.listen(0), " ", server.status)
	_files.clear()

	print("listen again ", server.listen(0), " ", server.status)
	_use_up()
	for url: String in ["ws://127.0.0.1:%d", "ws://localhost:%d"]:
		url %= server.get_local_port()
		print("connect again ", client.call("connect_to_url", url))
		var reason: String = await client.connection_failed
		print("failed ", reason.replace(url, "URL"))
	client.auto_reconnect = true
	client.reconnect_delay = 0.1
	client.connect_to_url("ws://127.0.0.1:%d" % server.get_local_port())
	await client.reconnecting
	await client.reconnecting
	_files.clear()
	await client.connected_to_server
	print("connected")
	var file := FileAccess.open("res://project.godot", FileAccess.READ)
	print("file ", file != null)
	quit()
"""


def test_nodes_without_descriptors(tmp_path: Path) -> None:
    script = tmp_path / "main.gd"
    script.write_text(SCRIPT)
    with GodotProcess(["--script", str(script)], within=STARTER) as engine:
        assert engine.wait() == 0
        log = engine.log
    advice = "raise the limit of open files (ulimit -n)"
    said = [line for line in log.splitlines() if line and not line.startswith((" ", "Godot", "ERROR"))]
    assert said == [
        "used up true",
        "connect_to_url 20 0",  # ERR_CANT_CREATE, STATUS_IDLE
        "listen 20 0",
        "listen again 0 1",
        "connect again 0",
        f"failed URL: no file descriptor is left for a connection; {advice}",
        "connect again 0",
        f"failed URL: no file descriptor is left for a connection; {advice}",
        "connected",
        "file true",
    ], log
    assert unclean_lines(log) == [
        f"ERROR: connect_to_url: no file descriptor is left for a connection; {advice}",
        f"ERROR: listen: cannot listen on localhost, port 0: all file descriptors are used up; {advice}",
    ]
