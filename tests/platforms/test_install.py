"""`make install` into a project that the editor has open: it says so, and nothing that it did is undone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.godot_process import ROOT, GodotProcess, unclean_lines

pytestmark = [pytest.mark.platforms, pytest.mark.timeout(600)]

PLUGIN = """@tool
extends EditorPlugin

func _ready() -> void:
	print("the editor is open")
	while not FileAccess.file_exists("res://end"):
		await get_tree().process_frame
	get_tree().quit()
"""


def test_the_editor_is_open(tmp_path: Path) -> None:
    (tmp_path / "addons/open").mkdir(parents=True)
    (tmp_path / "addons/open/plugin.cfg").write_text(
        '[plugin]\nname="open"\ndescription=""\nauthor=""\nversion="1"\nscript="plugin.gd"\n'
    )
    (tmp_path / "addons/open/plugin.gd").write_text(PLUGIN)
    (tmp_path / "project.godot").write_text(
        'config_version=5\n[editor_plugins]\nenabled=PackedStringArray("res://addons/open/plugin.cfg")\n'
    )
    command = [sys.executable, str(ROOT / "tools/install.py"), str(tmp_path)]
    with GodotProcess(["--editor"], path=tmp_path) as engine:
        engine.wait_for("^the editor is open", 120)
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        assert "the editor has this project open: reload it there" in done.stderr
        (tmp_path / "end").touch()
        engine.wait(120)
        assert not unclean_lines(engine.log), engine.log
    enabled = 'PackedStringArray("res://addons/open/plugin.cfg", "res://addons/ws_python/plugin.cfg")'
    assert f"enabled={enabled}" in (tmp_path / "project.godot").read_text()
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert "its plugin was enabled already" in done.stderr
    assert "the editor" not in done.stderr
