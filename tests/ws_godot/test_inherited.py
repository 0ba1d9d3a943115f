"""Sockets that the engine was started with: a server node takes them over, as from a systemd .socket unit."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest
from websockets.sync.client import connect, unix_connect

from tests.godot_process import GodotProcess, assert_clean_log
from tests.ws_python.net.test_inherited import as_systemd

SCRIPT = """
extends SceneTree

func _initialize() -> void:
	var server := WebSocketServer.new()
	var untyped: Variant = server
	untyped.bind_address = OS.get_cmdline_user_args()[0]
	server.message_received.connect(func(id: int, message: String) -> void: server.send(id, message.to_upper()))
	server.client_disconnected.connect(func(_id: int) -> void: quit())
	root.add_child(server)
	print("listen ", server.listen(0), " ", server.get_local_port(), " ", untyped.get_bind_address())
	server.stop()
	print("again ", untyped.listen(), " ", server.is_listening())
	if not server.is_listening():
		quit()
"""


@pytest.fixture
def script(tmp_path: Path) -> str:
    path = tmp_path / "main.gd"
    path.write_text(SCRIPT)
    return str(path)


@pytest.mark.parametrize("kind", ["tcp", "unix"])
@pytest.mark.parametrize("address", ["systemd", "fd:3"])
def test_a_server_node_takes_over_a_socket(script: str, kind: str, address: str, tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET if kind == "tcp" else socket.AF_UNIX) as listening:
        listening.bind(("127.0.0.1", 0) if kind == "tcp" else str(tmp_path / "socket"))
        listening.listen()
        name = listening.getsockname()
        port = name[1] if kind == "tcp" else 0
        within = as_systemd([listening.fileno()])
        arguments = ["--script", script, "--", address]
        with GodotProcess(arguments, within=within, pass_fds=[listening.fileno()]) as engine:
            engine.wait_for(f"^listen 0 {port} {re.escape(address)}$")
            engine.wait_for("^again 0 true$")
            made = connect(f"ws://127.0.0.1:{port}") if kind == "tcp" else unix_connect(str(name))
            with made as client:
                client.send("hello")
                assert client.recv(30) == "HELLO"
            assert engine.wait() == 0
        assert_clean_log(engine.log)


def test_an_engine_that_was_started_with_none_says_so(script: str) -> None:
    with GodotProcess(["--script", script, "--", "systemd"]) as engine:
        engine.wait_for("^listen 2 0 systemd$")  # ERR_UNAVAILABLE
        assert engine.wait() == 0
    lines = [line for line in engine.log.splitlines() if "ERROR" in line]
    assert len(lines) == 2
    assert all(
        line.startswith("ERROR: listen: cannot listen on systemd: this process was not started") for line in lines
    )
