"""A server that is freed on another thread, with nobody left who polls: it says goodbye, and its port is free."""

from __future__ import annotations

from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.godot_process import GodotProcess, assert_clean_log

SCRIPT = """extends SceneTree


func _initialize() -> void:
	var server := WebSocketServer.new()
	server.bind_address = "localhost"
	root.add_child(server)
	server.listen(0)
	var port := server.get_local_port()
	print("port %d" % port)
	await server.client_connected
	await process_frame  # While it emits nobody can free it.
	root.remove_child(server)
	var thread := Thread.new()
	thread.start(server.free)
	while thread.is_alive():
		await process_frame
	thread.wait_to_finish()
	var free_port := TCPServer.new()
	while free_port.listen(port, "127.0.0.1") != OK:
		await process_frame
	free_port.stop()
	print("free")
	quit()
"""
TIMEOUT = 30.0


def test_it_goes_away(tmp_path: Path) -> None:
    (tmp_path / "main.gd").write_text(SCRIPT)
    with GodotProcess(["--script", str(tmp_path / "main.gd")]) as engine:
        port = int(engine.wait_for(r"^port (\d+)$")[1])
        with connect(f"ws://127.0.0.1:{port}") as client:
            with pytest.raises(ConnectionClosed):
                client.recv(TIMEOUT)
            assert client.close_code == 1001
        engine.wait_for("^free$")
        assert engine.wait() == 0
        assert_clean_log(engine.log)
