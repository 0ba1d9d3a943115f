"""docs/migration-multiplayer.md leaves out nothing that the engine's WebSocketMultiplayerPeer has."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.godot_process import ROOT, run_godot

PAGE = (ROOT / "docs/migration-multiplayer.md").read_text(encoding="utf-8")
CLASSES = ("WebSocketMultiplayerPeer", "MultiplayerPeer", "PacketPeer")

LIST = """
extends SceneTree

func _initialize() -> void:
	var peer := WebSocketMultiplayerPeer.new()
	for type: String in ["WebSocketMultiplayerPeer", "MultiplayerPeer", "PacketPeer"]:
		var names := {}
		for property in ClassDB.class_get_property_list(type, true):
			if property.usage & PROPERTY_USAGE_EDITOR or property.usage & PROPERTY_USAGE_STORAGE:
				names[property.name] = var_to_str(peer.get(property.name))
		for method in ClassDB.class_get_method_list(type, true):
			if method.name not in accessors_of(type):
				names[method.name] = "method"
		for event in ClassDB.class_get_signal_list(type, true):
			names[event.name] = "signal"
		print("class ", JSON.stringify({"name": type, "has": names}))
	quit()

func accessors_of(type: String) -> Array:
	var names := []
	for property in ClassDB.class_get_property_list(type, true):
		names.append(ClassDB.class_get_property_getter(type, property.name))
		names.append(ClassDB.class_get_property_setter(type, property.name))
	return names
"""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """What each class has: its methods and signals, and its properties with their defaults."""
    script: Path = tmp_path_factory.mktemp("list") / "list.gd"
    script.write_text(LIST)
    log = run_godot("--script", str(script))
    found: list[dict[str, Any]] = [
        json.loads(line.removeprefix("class ")) for line in log.splitlines() if line.startswith("class ")
    ]
    return {each["name"]: each["has"] for each in found}


@pytest.mark.parametrize("name", CLASSES)
def test_a_table_has_a_line_for_each_member(engine: dict[str, dict[str, str]], name: str) -> None:
    (table,) = re.findall(rf"^\| `{name}` \|.*\n(?:\|.*\n)+", PAGE, re.MULTILINE)
    told = {
        member: re.sub(r"\W", "", row)
        for row in re.findall(r"^\| ([`–].*?) \|", table, re.MULTILINE)
        for member in re.findall(r"`(\w+)[(`]", row)
    }
    assert engine[name].keys() <= told.keys()
    for member, default in engine[name].items():
        # Lists are empty, and the default of a mode is said by its name.
        if re.fullmatch(r"[1-9][\d.]*", default) and member != "transfer_mode":
            assert f"{member}{float(default):.0f}" in told[member]
