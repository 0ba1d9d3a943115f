"""A small project for the bridge's tests, so that the shipped one holds no classes that are only for tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.godot_process import ROOT

SUITES = ROOT / "tests" / "godot" / "bridge"
RUNNER = tuple(ROOT / "tests" / "godot" / name for name in ("runner.gd", "suite.gd", "classes.gd"))
ICON = '<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16"/>'


def make_project(folder: Path, modules: Iterable[str], addon: Path = ROOT / "addons" / "ws_python") -> Path:
    """Write a project that uses the built addon and loads the Python files `modules` from its folder."""
    suites = folder / "tests" / "godot"
    suites.mkdir(parents=True)
    (folder / "addons").mkdir()
    (folder / ".godot").mkdir()
    (folder / "addons" / "ws_python").symlink_to(addon)
    (folder / ".godot" / "extension_list.cfg").write_text("res://addons/ws_python/ws_python.gdextension\n")
    paths = ", ".join(f'"res://{module}"' for module in modules)
    (folder / "project.godot").write_text(f"config_version=5\n[python]\nmodules=PackedStringArray({paths})\n")
    (folder / "probe.svg").write_text(ICON)
    for path in (*RUNNER, *SUITES.glob("*.gd")):
        (suites / path.name).symlink_to(path)
    for path in SUITES.glob("*.py"):
        (folder / path.name).symlink_to(path)
    return folder


def add_plugin(project: Path, script: str) -> None:
    """Give a project an editor plugin, a GDScript of that text."""
    folder = project / "addons" / "checker"
    folder.mkdir()
    (folder / "plugin.gd").write_text(script)
    about = {"name": "checker", "description": "", "author": "", "version": "1", "script": "plugin.gd"}
    (folder / "plugin.cfg").write_text("[plugin]\n" + "".join(f'{key}="{value}"\n' for key, value in about.items()))
    with (project / "project.godot").open("a") as settings:
        settings.write('[editor_plugins]\nenabled=PackedStringArray("res://addons/checker/plugin.cfg")\n')


@pytest.fixture(scope="session")
def bridge_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project of the suites in tests/godot/bridge/."""
    return make_project(tmp_path_factory.mktemp("bridge") / "project", ["probe.py", "counted.py", "packets.py"])


@pytest.fixture
def new_project(tmp_path: Path) -> Callable[..., Path]:
    """Make a project with Python files of given text: `new_project({"a.py": "..."})`."""

    def make(files: dict[str, str], addon: Path = ROOT / "addons" / "ws_python") -> Path:
        project = make_project(tmp_path / "project", files, addon)
        for name, text in files.items():
            (project / name).write_text(text)
        return project

    return make
