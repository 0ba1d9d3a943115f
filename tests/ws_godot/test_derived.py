"""Node classes of a project's own, written in Python and derived from those of ws_godot: what they override counts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.godot_process import run_godot
from tests.pythonscript.conftest import new_project  # noqa: F401 - a fixture

LOUD = '''
"""A server and a client with a way of sending of their own, and a server that counts its frames."""
from ws_godot import WebSocketClient, WebSocketServer


class LoudServer(WebSocketServer):
    def send(self, peer_id: int, message: object) -> int:
        return super().send(peer_id, message.upper())


class LoudClient(WebSocketClient):
    def send(self, message: object) -> int:
        return super().send(message.upper())


class CountingServer(WebSocketServer):
    def __init__(self) -> None:
        super().__init__()
        self.frames = 0

    def _notification(self, what: int) -> None:
        if what == self.NOTIFICATION_INTERNAL_PROCESS:
            self.frames += 1
        super()._notification(what)

    def counted(self) -> int:
        return self.frames

    def half(self) -> str:
        return "half a surrogate pair: \\ud800"
'''

PROGRAM = """
extends SceneTree

var _counting: WebSocketServer = CountingServer.new()

func _initialize() -> void:
	_check.call_deferred()

func _exchange(server: WebSocketServer, client: WebSocketClient) -> void:
	root.add_child(server)
	root.add_child(client)
	server.bind_address = "localhost"
	server.listen(0)
	server.message_received.connect(func(id: int, message: Variant) -> void: server.send(id, "and %s" % message))
	client.connected_to_server.connect(func() -> void: client.send("hello"))
	client.connect_to_url("ws://127.0.0.1:%d" % server.get_local_port())
	var answer: Variant = await client.message_received
	print("answer: ", answer)

func _check() -> void:
	await _exchange(LoudServer.new(), WebSocketClient.new())
	await _exchange(WebSocketServer.new(), LoudClient.new())
	await _exchange(_counting, WebSocketClient.new())
	print("frames were counted: ", _counting.call("counted") > 0)
	# No String of the engine's own making holds it.
	var id: int = _counting.get_peer_ids()[0]
	print("half: ", _counting.send(id, _counting.call("half")) == ERR_INVALID_DATA)
	quit()
"""


def test_what_a_derived_class_overrides_counts(new_project: Callable[..., Path]) -> None:  # noqa: F811
    project = new_project({"loud.py": LOUD})
    (project / "program.gd").write_text(PROGRAM)
    refused = "ERROR: send: the text holds half a surrogate pair"
    log = run_godot("--script", "res://program.gd", path=project, expected=[refused])
    assert [line for line in log.splitlines() if line.startswith(("answer", "frames", "half"))] == [
        "answer: AND HELLO",
        "answer: and HELLO",
        "answer: and hello",
        "frames were counted: true",
        "half: true",
    ]
    assert refused in log
