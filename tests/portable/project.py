"""A project without the extension, in which the portable scripts are the classes; with the suites of tests/godot."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from tests.godot_process import ROOT

PORTABLE = ROOT / "addons/ws_python/portable"
SUITES = ROOT / "tests/godot"
# Of the classes that are no nodes.
_BASES = {"WebSocketRequest": "RefCounted", "WebSocketReply": "RefCounted", "WebSocketSimulation": "Resource"}


def scripts() -> list[Path]:
    """The portable scripts: those that are written by hand, then those that tools/portable_members.py has written."""
    return sorted(PORTABLE.glob("*.gd")) + sorted(PORTABLE.glob("*/*.gd"))


def make_project(folder: Path) -> Path:
    """Make one in an empty folder."""
    # It has a .gdignore here, lest `class_name WebSocketClient` meet the native class.
    portable = folder / PORTABLE.relative_to(ROOT)
    shutil.copytree(PORTABLE, portable, ignore=shutil.ignore_patterns(".gdignore"))
    shutil.copytree(SUITES, folder / "tests/godot", ignore=shutil.ignore_patterns("*.uid", "bridge", "editor"))
    shutil.copy(ROOT / "tests/portable/classes.gd", folder / "tests/godot/classes.gd")
    (folder / "tests/chaos").mkdir()
    for script in (ROOT / "tests/chaos").glob("run_*.gd"):
        shutil.copy(script, folder / "tests/chaos")
    (folder / "project.godot").write_text('config_version=5\n\n[application]\n\nconfig/name="portable"\n')
    # What the editor would have found: the classes of the project.
    cache = folder / ".godot/global_script_class_cache.cfg"
    cache.parent.mkdir()
    cache.write_text(f"list=[{', '.join(_class_infos(folder))}]\n")
    return folder


def _class_infos(folder: Path) -> list[str]:
    infos = []
    for path in sorted(folder.rglob("*.gd")):
        if found := re.search(r"^class_name (\w+)$", path.read_text(), re.MULTILINE):
            base = _BASES.get(found[1], "Node")
            infos.append(
                f'{{"base": &"{base}", "class": &"{found[1]}", "icon": "", "is_abstract": false, "is_tool": false, '
                f'"language": &"GDScript", "path": "res://{path.relative_to(folder).as_posix()}"}}'
            )
    return infos
