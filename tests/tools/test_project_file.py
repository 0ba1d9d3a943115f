"""Tests of editing project.godot: the plugin is enabled, and all else stays as it is, as the engine reads it, too."""

from __future__ import annotations

from pathlib import Path

import project_file
import pytest

from tests.godot_process import run_godot

PLUGIN = "res://addons/ws_python/plugin.cfg"
LINE = f'enabled=PackedStringArray("{PLUGIN}")'
# Each value as hard to read as the engine allows.
PROJECT = """; Engine configuration file.
config_version=5

[application]

config/name="A [game]; \\"quoted\\""
config/description="several
[editor_plugins]
enabled=PackedStringArray(\\"no\\")
lines"
config/tags=PackedStringArray("one", ; a comment, with a ")
  "two")

; These are mine.
[input]

jump={
"deadzone": 0.5,
"events": [Object(InputEventKey,"resource_local_to_scene":false,"keycode":32,"script":null)
]
}
"""
READ = """extends SceneTree

func _initialize() -> void:
	var file := ConfigFile.new()
	for name: String in ["before", "after"]:
		print(name, ": ", file.load("res://%s.cfg" % name))
		for section in file.get_sections():
			for key in file.get_section_keys(section):
				print(name, " ", section, " ", key, "=", var_to_str(file.get_value(section, key)).c_escape())
		file.clear()
	quit()
"""


def test_a_section_is_made_where_the_editor_would_put_it() -> None:
    after = project_file.enable_plugin(PROJECT, PLUGIN)
    section = f"[editor_plugins]\n\n{LINE}\n\n"
    assert after == PROJECT.replace("; These are mine.\n[input]", f"{section}; These are mine.\n[input]")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", f"[editor_plugins]\n\n{LINE}\n"),
        ("config_version=5", f"config_version=5\n\n[editor_plugins]\n\n{LINE}\n"),
        ("config_version=5\n\n", f"config_version=5\n\n[editor_plugins]\n\n{LINE}\n"),
        ("[editor]\na=1\n[rendering]\n", f"[editor]\na=1\n[editor_plugins]\n\n{LINE}\n\n[rendering]\n"),
        ("[editor_plugins]", f"[editor_plugins]\n{LINE}\n"),
        ("[editor_plugins]\n\nother=1\n", f"[editor_plugins]\n\n{LINE}\nother=1\n"),
        ("[editor_plugins] ; mine\nother=1\n", f"[editor_plugins] ; mine\n{LINE}\nother=1\n"),
        ("[editor_plugins]\nenabled=PackedStringArray()\n", f"[editor_plugins]\n{LINE}\n"),
        ("[editor_plugins]\nenabled=null ; none\n", f"[editor_plugins]\n{LINE} ; none\n"),
        ("[editor_plugins]\nenabled=[]\n", f'[editor_plugins]\nenabled=["{PLUGIN}"]\n'),
        (
            '[editor_plugins]\nenabled=PackedStringArray( "res://a.cfg" , ; "b"\n"res://é.cfg")\n',
            f'[editor_plugins]\nenabled=PackedStringArray( "res://a.cfg" , ; "b"\n"res://é.cfg", "{PLUGIN}")\n',
        ),
    ],
)
def test_the_plugin_is_added(before: str, after: str) -> None:
    assert project_file.enable_plugin(before, PLUGIN) == after


@pytest.mark.parametrize(
    "text", ["", PROJECT, "[editor_plugins]\nenabled=PackedStringArray()\n", "[z]\n", "\ufeff[z]\n"]
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_twice_is_the_same_as_once(text: str, newline: str) -> None:
    before = text.replace("\n", newline)
    once = project_file.enable_plugin(before, PLUGIN)
    assert project_file.enable_plugin(once, PLUGIN) == once
    if newline in before:
        assert once.count("\n") == once.count(newline)


@pytest.mark.parametrize("text", ['a="b', "a=(\n", "[a", "neither\nnor\n"])
def test_what_cannot_be_read_is_said_with_its_line(text: str) -> None:
    with pytest.raises(ValueError, match=r"^line 2: "):
        project_file.enable_plugin(f"[application]\n{text}", PLUGIN)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_the_engine_reads_the_same_and_one_plugin_more(tmp_path: Path, newline: str) -> None:
    other = f'{PROJECT}[editor_plugins]\nenabled=PackedStringArray("res://addons/other/plugin.cfg")\nkept=[1, 2]\n'
    before = other.replace("\n", newline)
    (tmp_path / "project.godot").write_text("config_version=5\n")
    (tmp_path / "before.cfg").write_bytes(before.encode())
    (tmp_path / "after.cfg").write_bytes(project_file.enable_plugin(before, PLUGIN).encode())
    (tmp_path / "main.gd").write_text(READ)
    log = run_godot("--script", "main.gd", path=tmp_path).splitlines()
    read = {
        name: [line.removeprefix(f"{name} ") for line in log if line.startswith(f"{name} ")]
        for name in ("before", "after")
    }
    assert len(read["before"]) > 5
    assert [line for line in read["after"] if line not in read["before"]] == [
        f'editor_plugins enabled=PackedStringArray(\\"res://addons/other/plugin.cfg\\", \\"{PLUGIN}\\")'
    ]
    assert len(read["after"]) == len(read["before"])
