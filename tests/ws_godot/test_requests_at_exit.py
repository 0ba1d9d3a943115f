"""A game that quits while it waits for replies and handlers wait: nothing hangs, leaks or complains."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.godot_process import GodotProcess, assert_clean_log

SCRIPT = """
extends SceneTree

signal never

class Player:
	extends Node

	var client := WebSocketClient.new()

	func play(url: String) -> void:
		add_child(client)
		client.session = true
		client.connect_to_url(url)
		await client.connected_to_server
		print("asks")
		var reply := await client.request("never", null, 60.0)
		print("node told ", reply.error)

func _wait(client: WebSocketClient) -> void:
	var reply := await client.request("never", null, 60.0)
	print("told ", reply.error)

func _initialize() -> void:
	var server := WebSocketServer.new()
	server.bind_address = "localhost"
	server.session_timeout = 10.0
	root.add_child(server)
	server.listen(0)
	var asked: Array[int] = []
	server.handle("never", func(id: int, _data: Variant) -> Variant:
		asked.append(id)
		return await never)
	var player := Player.new()
	root.add_child(player)
	player.play("ws://127.0.0.1:%d" % server.get_local_port())
	while asked.size() < 1:
		await process_frame
	_wait(player.client)
	while asked.size() < 2:
		await process_frame
	HOW
	print("quits")
	quit()
"""


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("pass", None),
        ("player.free()", None),
        ("player.client.free(); await process_frame; await process_frame", True),
    ],
)
def test_a_game_quits(tmp_path: Path, how: str, told: bool | None) -> None:
    script = tmp_path / "main.gd"
    script.write_text(SCRIPT.replace("HOW", how))
    with GodotProcess(["--script", str(script)]) as engine:
        assert engine.wait(60) == 0
        assert_clean_log(engine.log)
    assert "quits" in engine.log
    if told:
        assert "\ntold 27" in engine.log, engine.log
