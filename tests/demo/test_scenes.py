"""Tests of the scenes in demo/: they run without an error, and do what their buttons say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.godot_process import ROOT, run_godot

SCENES = sorted(
    str(path.relative_to(ROOT)) for path in (ROOT / "demo").rglob("*.tscn") if path.parent.name != "exchange"
)

CHAT = """
extends SceneTree

var chat: Node

func _initialize() -> void:
	chat = load("res://demo/chat/chat.tscn").instantiate()
	root.add_child(chat)
	await process_frame
	var server := chat.get_node("Columns/ChatServer")
	server.get_node("%Port").value = 0
	server.get_node("%Listen").button_pressed = true
	var port: int = server.get_node("Server").get_local_port()
	for member: String in ["Ann", "Bob"]:
		var panel := chat.get_node("Columns/" + member)
		panel.get_node("%Url").text = "ws://localhost:%d" % port
		panel.get_node("%Connect").button_pressed = true
		await panel.get_node("Client").connected_to_server
	write("Ann", "Hello from Ann")
	await chat.get_node("Columns/Bob/Client").message_received
	write("ChatServer", "Hello from the server")
	await chat.get_node("Columns/Bob/Client").message_received
	chat.get_node("Columns/Ann").get_node("%Connect").button_pressed = false
	await chat.get_node("Columns/Bob/Client").message_received
	server.get_node("%Listen").button_pressed = false
	await chat.get_node("Columns/Bob/Client").connection_closed
	for panel in chat.get_node("Columns").get_children():
		for line: String in panel.get_node("%Log").get_parsed_text().split("\\n", false):
			print(panel.name, " | ", line)
	quit()

func write(panel: String, text: String) -> void:
	chat.get_node("Columns/" + panel).get_node("%Message").text = text
	chat.get_node("Columns/" + panel).get_node("%Send").pressed.emit()
"""

ECHO = """
extends SceneTree

func _initialize() -> void:
	var echo: Node = load("res://demo/echo/echo.tscn").instantiate()
	root.add_child(echo)
	var client: Node = echo.get_node("Client")
	await client.message_received
	for button: String in ["%Text", "%Binary"]:
		echo.get_node(button).pressed.emit()
		await client.message_received
		print(echo.get_node("%EchoLabel").text)
	print(echo.get_node("%CountLabel").text)
	quit()
"""


@pytest.mark.parametrize("scene", SCENES)
def test_runs_without_an_error(scene: str) -> None:
    run_godot(f"res://{scene}", "--quit-after", "30")


def test_the_project_starts_with_the_chat() -> None:
    main_scene = 'run/main_scene="res://demo/chat/chat.tscn"'
    assert main_scene in Path(ROOT, "project.godot").read_text().splitlines()


def test_members_of_the_chat_hear_each_other(godot_script: Callable[[str], str]) -> None:
    log = godot_script(CHAT)
    for line in (
        "ChatServer | Ann: Hello from Ann",
        "ChatServer | Stopped.",
        "Ann | * Somebody joined.",
        "Ann | Server: Hello from the server",
        "Ann | Disconnected (1000 Ann leaves).",
        "Bob | Ann: Hello from Ann",
        "Bob | Server: Hello from the server",
        "Bob | * Somebody left.",
        "Bob | Disconnected (1001 ).",
    ):
        assert line in log.splitlines(), log


def test_echo_comes_back(godot_script: Callable[[str], str]) -> None:
    log = godot_script(ECHO)
    assert ": String Text number 2 👋" in log
    assert ": PackedByteArray [2, 0, 0, 0, 3, 0, 0, 0]" in log
    assert "3 sent, 3 came back" in log
