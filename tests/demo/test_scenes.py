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

ARENA = """
extends SceneTree

var ann: Node
var bob: Node

func _initialize() -> void:
	await process_frame
	ann = arena("Ann")
	bob = arena("Bob")
	ann.get_node("%Port").value = 0
	await press(ann.get_node("%Host"))
	bob.get_node("%Url").text = "ws://localhost:%d" % ann.get_node("%Port").value
	await press(bob.get_node("%Join"))
	await until(func() -> bool: return "Bob joins." in chat_of(bob))
	say(ann, "Hello from Ann")
	say(bob, "Hello from Bob")
	await until(func() -> bool: return "Ann: Hello from Ann" in chat_of(bob))
	await until(func() -> bool: return "Bob: Hello from Bob" in chat_of(ann))
	await move(bob.get_node("%Field/Players/1"))
	await until(func() -> bool: return seen_by(ann) == seen_by(bob))
	print("moved, with ", seen_by(bob).size(), " on the field")
	await press(bob.get_node("%Leave"))
	await until(func() -> bool: return "Bob leaves." in chat_of(ann))
	await until(func() -> bool: return seen_by(ann).size() == 6 and seen_by(bob).is_empty())
	await press(bob.get_node("%Join"))
	await until(func() -> bool: return seen_by(bob).size() == 7)
	await press(ann.get_node("%Leave"))
	await until(func() -> bool: return seen_by(ann).is_empty() and seen_by(bob).is_empty())
	print("Bob is told: ", bob.get_node("%Status").text)
	await press(bob.get_node("%Join"))
	await until(func() -> bool: return not bob.get_node("%Join").disabled)
	print("Bob is told: ", bob.get_node("%Status").text)
	quit()

func arena(player: String) -> Node:
	# With a multiplayer of its own, as in a process of its own.
	var game := Node.new()
	root.add_child(game)
	set_multiplayer(MultiplayerAPI.create_default_interface(), game.get_path())
	var made: Node = load("res://demo/multiplayer/arena.tscn").instantiate()
	made.get_node("%Name").text = player
	game.add_child(made)
	return made

func until(condition: Callable) -> void:
	while not condition.call():
		await process_frame

func press(button: Button) -> void:
	await until(func() -> bool: return not button.disabled)
	button.pressed.emit()

func move(player: Node2D) -> void:
	var before := player.position
	for pressed: bool in [true, false]:
		for key: StringName in [&"ui_right", &"ui_up"]:
			Input.action_press(key) if pressed else Input.action_release(key)
		if pressed:
			await until(func() -> bool: return player.position != before)

func say(of: Node, text: String) -> void:
	of.get_node("%Chat/Line").text_submitted.emit(text)

func chat_of(of: Node) -> PackedStringArray:
	return of.get_node("%Chat/Log").get_parsed_text().split("\\n")

func seen_by(of: Node) -> Array:
	var nodes: Array = of.get_node("%Field/Gems").get_children() + of.get_node("%Field/Players").get_children()
	return nodes.map(func(node: Node2D) -> Array: return [node.name, node.position])
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


def test_an_arena_is_the_same_for_all(godot_script: Callable[[str], str]) -> None:
    log = godot_script(ARENA).splitlines()
    assert "moved, with 7 on the field" in log
    told = [line.removeprefix("Bob is told: ") for line in log if line.startswith("Bob is told: ")]
    assert told == ["The arena was closed.", "The arena cannot be reached."]
