"""Tool classes, `class X(Node, tool=True)`: in the editor they are what they are in a game; others are placeholders."""

from __future__ import annotations

import re

import pytest

from tests.godot_process import run_godot
from tests.pythonscript.conftest import add_plugin, make_project

CLASSES = """
from pythonscript import export, signal
from pythonscript.godot import Engine, Node, Resource

class Gauge(Node, tool=True):
    changed_to = signal(level=int)
    level: int = export(3)

    def __init__(self) -> None:
        self.seen: list[int] = []
        self.events: list[str] = []

    def rise(self, by: int = 1) -> int:
        self.level += by
        self.changed_to.emit(self.level)
        return self.level

    def get_events(self) -> list[str]:
        return self.events

    @property
    def is_edited(self) -> bool:
        return Engine.is_editor_hint() and self.is_part_of_edited_scene()

    def _enter_tree(self) -> None:
        self.events.append("enter")

    def _ready(self) -> None:
        self.events.append("ready")

    def _process(self, delta: float) -> None:
        if "process" not in self.events:
            self.events.append("process")

    def _exit_tree(self) -> None:
        self.events.append("exit")

    def _notification(self, what: int) -> None:
        if what == Node.NOTIFICATION_POST_ENTER_TREE:
            self.events.append("notified")


class Fine(Gauge, tool=True):
    def rise(self, by: int = 1) -> int:
        return super().rise(by * 10)


class Stats(Resource, tool=True):
    level: int = export(3)
    inner: Resource | None = export(None)

    def rise(self) -> int:
        self.level += 1
        return self.level


class SleepingStats(Resource):
    level: int = export(3)

    def rise(self) -> int:
        raise AssertionError("a game's own resource does not run in the editor")


class Asleep(Node):
    level: int = export(3)

    def rise(self) -> int:
        raise AssertionError("a game's own node does not run in the editor")

    def _ready(self) -> None:
        raise AssertionError("nor does its _ready")

    @property
    def getter(self) -> int:
        raise AssertionError("nor its getters")


class Woken(Asleep, tool=True):
    def rise(self) -> int:
        self.level += 1
        return self.level

    @property
    def getter(self) -> int:
        return 0
"""

SCENE = """[gd_scene format=3]

[node name="Root" type="Node"]

[node name="Gauge" type="Gauge" parent="."]
level = 8

[node name="Asleep" type="Asleep" parent="."]
level = 9
"""

STATS = """[gd_resource type="{name}" format=3]

[resource]
level = 20
"""

PLUGIN = """@tool
extends EditorPlugin

var levels: Array[int] = []


func _ready() -> void:
	_run.call_deferred()


func tell(what: String, value: Variant) -> void:
	print("%s: %s" % [what, value])


func _run() -> void:
	await _alone()
	await _in_a_scene()
	await _resources()
	get_tree().quit()


func _alone() -> void:
	var gauge := Gauge.new()
	gauge.changed_to.connect(func(level: int) -> void: levels.append(level))
	gauge.level = 5
	tell("typed", gauge.rise(2))
	tell("untyped", gauge.call("rise"))
	tell("heard", levels)
	tell("outside of the tree", gauge.get_events())
	add_child(gauge)
	await get_tree().process_frame
	await get_tree().process_frame
	tell("in the tree", gauge.get_events())
	tell("edited", gauge.is_edited)
	remove_child(gauge)
	tell("again out", gauge.get_events())
	var copy: Gauge = gauge.duplicate()
	tell("copy", copy.rise())
	copy.free()
	gauge.set_script(load("res://plain.gd"))
	tell("with a script", gauge.rise())
	gauge.set_script(null)
	tell("without", gauge.rise())
	gauge.free()
	var fine: Gauge = ClassDB.instantiate("Fine")
	tell("derived", fine.rise())
	fine.free()
	var woken: Node = ClassDB.instantiate("Woken")
	tell("woken", woken.call("rise"))
	woken.free()
	var asleep: Node = ClassDB.instantiate("Asleep")
	tell("asleep", asleep.get("level"))
	asleep.free()


func _in_a_scene() -> void:
	EditorInterface.open_scene_from_path("res://scene.tscn")
	var gauge := await _opened()
	tell("opened", [gauge.level, gauge.is_edited, gauge.get_events()])
	var undo := get_undo_redo()
	undo.create_action("raise")
	undo.add_do_property(gauge, "level", 100)
	undo.add_undo_property(gauge, "level", gauge.level)
	undo.commit_action()
	tell("done", gauge.level)
	var history := undo.get_history_undo_redo(undo.get_object_history_id(gauge))
	history.undo()
	tell("undone", gauge.level)
	undo.create_action("remove")
	undo.add_do_method(gauge.get_parent(), "remove_child", gauge)
	undo.add_undo_method(gauge.get_parent(), "add_child", gauge)
	undo.add_undo_property(gauge, "owner", gauge.owner)
	undo.add_undo_reference(gauge)
	undo.commit_action()
	tell("removed", gauge.is_inside_tree())
	history.undo()
	tell("put back", [gauge.is_inside_tree(), gauge.level])
	gauge.level = 42
	tell("saved", error_string(EditorInterface.save_scene()))
	EditorInterface.reload_scene_from_path("res://scene.tscn")
	await get_tree().process_frame
	gauge = await _opened()
	tell("reloaded", [gauge.level, gauge.rise()])
	var other: Gauge = (load("res://scene.tscn") as PackedScene).instantiate().get_node("Gauge")
	tell("instantiated", other.rise())
	other.get_parent().free()


func _resources() -> void:
	for path: String in ["res://stats.tres", "res://sleeping.tres"]:
		var loaded: Resource = load(path)
		EditorInterface.edit_resource(loaded)
		for i: int in 3:
			await get_tree().process_frame
		var shown := PackedStringArray()
		for property: Node in EditorInterface.get_inspector().find_children("*", "EditorProperty", true, false):
			shown.append((property as EditorProperty).get_edited_property())
		tell("inspected " + loaded.get_class(), "level" in shown)
		loaded.set("level", loaded.get("level") + 1)
		tell("saved " + loaded.get_class(), error_string(ResourceSaver.save(loaded)))
	var stats: Stats = load("res://stats.tres")
	tell("risen", stats.rise())
	tell("copied", (stats.duplicate(true) as Stats).rise())


func _opened() -> Gauge:
	while EditorInterface.get_edited_scene_root() == null:
		await get_tree().process_frame
	await get_tree().process_frame
	return EditorInterface.get_edited_scene_root().get_node("Gauge")
"""


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], str]:
    """What the plugin told, by its name, and the scene that the editor saved."""
    project = make_project(tmp_path_factory.mktemp("tool") / "project", ["gauge.py"])
    (project / "gauge.py").write_text(CLASSES)
    (project / "scene.tscn").write_text(SCENE)
    for file, name in (("stats", "Stats"), ("sleeping", "SleepingStats")):
        (project / f"{file}.tres").write_text(STATS.format(name=name))
    (project / "plain.gd").write_text("extends Gauge\n")
    add_plugin(project, PLUGIN)
    log = run_godot("--editor", "--verbose", path=project, timeout=120)
    return dict(re.findall(r"^([\w ]+): (.*)$", log, re.MULTILINE)), (project / "scene.tscn").read_text()


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("typed", "7"),
        ("untyped", "8"),
        ("heard", "[7, 8]"),
        ("outside of the tree", "[]"),
        ("in the tree", '["enter", "notified", "ready", "process"]'),
        ("edited", "false"),
        ("again out", '["enter", "notified", "ready", "process", "exit"]'),
        ("copy", "9"),
        ("with a script", "9"),
        ("without", "10"),
        ("derived", "13"),
        ("woken", "4"),
    ],
)
def test_a_tool_class_works_in_an_editor_plugin(edited: tuple[dict[str, str], str], what: str, told: str) -> None:
    assert edited[0][what] == told


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("opened", '[8, true, ["enter", "notified", "ready", "process"]]'),
        ("done", "100"),
        ("undone", "8"),
        ("removed", "false"),
        ("put back", "[true, 8]"),
        ("saved", "OK"),
        ("reloaded", "[42, 43]"),
        ("instantiated", "43"),
    ],
)
def test_a_tool_class_works_in_the_edited_scene(edited: tuple[dict[str, str], str], what: str, told: str) -> None:
    assert edited[0][what] == told


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("inspected Stats", "true"),
        ("saved Stats", "OK"),
        ("inspected SleepingStats", "true"),
        ("saved SleepingStats", "OK"),
        ("risen", "22"),
        ("copied", "23"),
    ],
)
def test_resources(edited: tuple[dict[str, str], str], what: str, told: str) -> None:
    assert edited[0][what] == told


def test_a_class_that_is_no_tool_sleeps_in_the_editor(edited: tuple[dict[str, str], str]) -> None:
    assert edited[0]["asleep"] == "3"


def test_what_the_editor_saves(edited: tuple[dict[str, str], str]) -> None:
    scene = edited[1]
    assert re.search(r'\[node name="Gauge" type="Gauge" .*\]\nlevel = 42\n', scene)
    assert re.search(r'\[node name="Asleep" type="Asleep" .*\]\nlevel = 9\n', scene)
    assert "getter" not in scene
