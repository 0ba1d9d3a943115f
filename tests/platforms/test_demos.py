"""A game of each demo, exported for Linux, debug and release, and for the web; a script presses its buttons."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from demo.run_demo import expected_messages
from tests import chromium
from tests.godot_process import GodotProcess, assert_clean_log
from tests.platforms import games
from tests.platforms.browser import Browser, Tab
from tests.platforms.pages import web_page

pytestmark = [pytest.mark.platforms, pytest.mark.timeout(900)]
Serve = Callable[..., tuple[GodotProcess, int]]

# Debian's release template says so of every Container when it quits, in a project without any addon, too.
OF_THE_TEMPLATE = ["Attempt to disconnect a nonexistent connection from .*'(size_flags|visibility)_changed'"]

# Each has the URL of a server, in a browser where the demo's own cannot listen.
DRIVER = """
extends Node

var url := ""


func _ready() -> void:
	for argument in OS.get_cmdline_user_args():
		if argument.begins_with("--url="):
			url = argument.trim_prefix("--url=")
	await get_tree().process_frame
	await drive(get_tree().current_scene)
	print("done")
	if not OS.has_feature("web"):
		get_tree().quit()


func drive(demo: Node) -> void:
"""
CHAT = """
	if url.is_empty():
		var server := demo.get_node("Columns/ChatServer")
		server.get_node("%Port").value = 0
		server.get_node("%Listen").button_pressed = true
		url = "ws://localhost:%d" % server.get_node("Server").get_local_port()
	for member: String in ["Ann", "Bob"]:
		var panel := demo.get_node("Columns/" + member)
		panel.get_node("%Url").text = url
		panel.get_node("%Connect").button_pressed = true
		await panel.get_node("Client").connected_to_server
	demo.get_node("Columns/Ann/%Message").text = "Hello from Ann"
	demo.get_node("Columns/Ann/%Send").pressed.emit()
	await demo.get_node("Columns/Bob/Client").message_received
	for line: String in demo.get_node("Columns/Bob/%Log").get_parsed_text().split("\\n", false):
		print("Bob | ", line)
"""
ECHO = """
	var client: WebSocketClient = demo.get_node("Client")
	if not url.is_empty():
		client.connect_to_url(url)
	await client.message_received
	for button: String in ["%Text", "%Binary"]:
		demo.get_node(button).pressed.emit()
		await client.message_received
		print(demo.get_node("%EchoLabel").text)
	print(demo.get_node("%CountLabel").text)
"""
ARENA = """
	var log: RichTextLabel = demo.get_node("%Chat/Log")
	if url.is_empty():
		demo.get_node("%Port").value = 0
		demo.get_node("%Host").pressed.emit()
	else:
		demo.get_node("%Url").text = url
		demo.get_node("%Join").pressed.emit()
	while not log.get_parsed_text().contains("Ann joins."):
		await get_tree().process_frame
	demo.get_node("%Chat/Line").text_submitted.emit("Hello")
	while not log.get_parsed_text().contains("Ann: Hello"):
		await get_tree().process_frame
	var players: Array = demo.get_node("%Field/Players").get_children()
	print("playing: ", ", ".join(players.map(func(player: Node2D) -> String: return player.player_name)))
"""
DEMOS = {
    "chat/chat.tscn": (CHAT, ["Bob | Ann: Hello from Ann"]),
    "echo/echo.tscn": (ECHO, ["PackedByteArray [2, 0, 0, 0, 3, 0, 0, 0]", "3 sent, 3 came back"]),
    "multiplayer/arena.tscn": (ARENA, ["playing: Ann"]),
    "bridge/turret_demo.tscn": ("", ["fired at TurretDemo for 2.5"]),
}


def make_project(folder: Path, scene: str, driver: str = "") -> Path:
    return games.make_demo_project(folder, f"res://demo/{scene}", DRIVER + driver if driver else "")


def look_at(tab: Tab, name: str) -> None:
    """A picture for whoever wants to see it, in the folder that $PICTURES names."""
    if folder := os.environ.get("PICTURES"):
        tab.take_picture(Path(folder, f"{name}.png"))


@pytest.mark.parametrize("kind", ["debug", "release"])
@pytest.mark.parametrize("scene", DEMOS)
def test_on_linux(scene: str, kind: str, tmp_path: Path) -> None:
    driver, said = DEMOS[scene]
    games.export(make_project(tmp_path / "project", scene, driver), "Linux", tmp_path / "game/game", kind)
    code, log = games.play(tmp_path / "game/game")
    assert code == 0, log
    assert_clean_log(log, OF_THE_TEMPLATE)
    for line in said:
        assert line in log, log


@pytest.mark.parametrize("kind", ["debug", "release"])
def test_the_exchange_on_linux(kind: str, tmp_path: Path, start_godot: Callable[..., GodotProcess]) -> None:
    games.export(make_project(tmp_path / "project", "exchange/client.tscn"), "Linux", tmp_path / "game/game", kind)
    server, port = exchange_server(start_godot)
    code, log = games.play(tmp_path / "game/game", "--", f"--url=ws://127.0.0.1:{port}")
    assert code == 0, log
    assert_clean_log(log, OF_THE_TEMPLATE)
    assert_exchanged(log)
    assert server.wait() == 0
    assert_exchanged(server.log)


@pytest.mark.parametrize("scene", ["chat/chat.tscn", "echo/echo.tscn"])
def test_on_the_web(scene: str, serve: Serve, browser: Browser, tmp_path: Path) -> None:
    driver, said = DEMOS[scene]
    _, port = serve(0, *(["--relay"] if driver == CHAT else []))
    with web_page(make_project(tmp_path / "project", scene, driver), tmp_path / "web", browser) as page:
        tab = page.open(f"--url=ws://127.0.0.1:{port}")
        tab.wait_for("^done$")
        for line in said:
            assert line in tab.log, tab.log
        look_at(tab, Path(scene).stem)
        tab.close()


def test_the_arena_on_the_web(browser: Browser, tmp_path: Path, start_godot: Callable[..., GodotProcess]) -> None:
    scene = "multiplayer/arena.tscn"
    host = start_godot(f"res://demo/{scene}", "--", "--host", "--name=Bob", "--port=0")
    port = host.wait_for(r"is open on port (\d+)")[1]
    with web_page(make_project(tmp_path / "project", scene, DEMOS[scene][0]), tmp_path / "web", browser) as page:
        tab = page.open(f"--url=ws://127.0.0.1:{port}")
        tab.wait_for("^playing: Bob, Ann$")
        look_at(tab, "arena")
        tab.close()


def test_the_exchange_on_the_web(browser: Browser, tmp_path: Path, start_godot: Callable[..., GodotProcess]) -> None:
    server, port = exchange_server(start_godot)
    with web_page(make_project(tmp_path / "project", "exchange/client.tscn"), tmp_path / "web", browser) as page:
        tab = page.open(f"--url=ws://127.0.0.1:{port}")
        tab.wait_for("^closed: 1000 done$")
        assert_exchanged(tab.log)
        assert server.wait(chromium.DEADLINE) == 0
        assert_exchanged(server.log)
        tab.close()


def test_the_bridge_is_not_there_on_the_web(tmp_path: Path) -> None:
    log = games.export(make_project(tmp_path / "project", "bridge/turret_demo.tscn"), "Web", tmp_path / "index.html")
    assert "res://demo/bridge/turret.py: nodes written in Python are missing here" in log


def exchange_server(start_godot: Callable[..., GodotProcess]) -> tuple[GodotProcess, int]:
    server = start_godot("res://demo/exchange/server.tscn", "--", "--clients=1")
    return server, int(server.wait_for(r"listening on port (\d+)")[1])


def assert_exchanged(log: str) -> None:
    count = len(expected_messages())
    assert len(re.findall(r"^received \d+: .*, as expected", log, re.MULTILINE)) == count, log
    assert len(re.findall(r"^sent \d+: ", log, re.MULTILINE)) == count, log
    assert "CORRUPTED" not in log
