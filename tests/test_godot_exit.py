"""Quitting with sockets open: the engine exits cleanly and at once, and the other side is told goodbye."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import ssl
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect, unix_connect

from tests.godot_process import GodotProcess, assert_clean_log


def test_quitting_with_open_sockets(start_godot: Callable[..., GodotProcess]) -> None:
    engine = start_godot("--script", "res://tests/godot/quit_with_open_sockets.gd")
    port = engine.wait_for(r"^port (\d+)$")[1]
    with connect(f"ws://127.0.0.1:{port}", max_size=None, compression=None) as connection:
        connection.send("quit")
        told = time.monotonic()
        assert len(connection.recv(10)) == 1_000_000
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(10)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1001
    assert engine.wait(10) == 0
    assert time.monotonic() - told < 5
    assert_clean_log(engine.log)


def test_quitting_with_every_feature_in_the_middle_of_something(start_godot: Callable[..., GodotProcess]) -> None:
    engine = start_godot("--script", "res://tests/godot/quit_with_everything.gd")
    secure, plain = map(int, engine.wait_for(r"^ports (\d+) (\d+)$").groups())
    with contextlib.ExitStack() as stack:
        strangers = [stack.enter_context(socket.create_connection(("127.0.0.1", secure))) for _ in range(3)]
        strangers[0].sendall(b"PROXY TCP4 203.0.113.9 ")
        strangers[1].sendall(b"PROXY TCP4 203.0.113.9 192.0.2.1 4711 443\r\n\x16\x03\x01")
        stalled = stack.enter_context(connect(f"ws://127.0.0.1:{plain}", max_size=None, max_queue=1))
        stalled.send(["begun", "and never ended"])
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        by_tls = stack.enter_context(connect(f"wss://127.0.0.1:{secure}", ssl=context, max_size=None))
        by_tls.send("quit")
        assert engine.wait(15) == 0
    assert_clean_log(engine.log)


LISTENING = """extends SceneTree

func _initialize() -> void:
	var server := WebSocketServer.new()
	root.add_child(server)
	server.bind_address = "unix:" + OS.get_environment("SOCKET")
	server.message_received.connect(func(_id: int, _message: Variant) -> void: quit())
	print("listens: ", server.listen())
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """One whose path is short enough for that of a socket."""
    with tempfile.TemporaryDirectory(prefix="ws") as path:
        yield Path(path)


def test_a_unix_socket_goes_with_the_game(start_godot: Callable[..., GodotProcess], folder: Path) -> None:
    (folder / "main.gd").write_text(LISTENING)
    path = folder / "s"
    for left in ("by a killed game", "by nobody"):
        engine = start_godot("--script", str(folder / "main.gd"), env={"SOCKET": str(path)})
        engine.wait_for(r"^listens: 0$")
        if left == "by a killed game":
            os.kill(engine.pid, signal.SIGKILL)
            engine.wait(10)
            assert path.exists()
            continue
        with unix_connect(str(path), "ws://localhost/") as connection:
            connection.send("quit")
            assert engine.wait(10) == 0
        assert not path.exists()
        assert_clean_log(engine.log)
