"""Tests of `make install`: the addon comes into a project as a whole, and whatever is in the way is one clear line."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.addon.test_file_systems import NAMESPACE, READ_ONLY
from tests.godot_process import ROOT, run_godot
from tests.tools.clones import one_line

ADDON = ROOT / "addons/ws_python"
SETTINGS = 'config_version=5\n\n; Mine.\n[application]\n\nconfig/name="Mine"\n'
MAIN = """extends SceneTree

func _initialize() -> void:
	print("plugins: ", ProjectSettings.get_setting("editor_plugins/enabled"))
	print("nodes: ", ClassDB.class_exists("WebSocketServer"), ClassDB.class_exists("WebSocketClient"))
	quit()
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "a \"project\" `of` 'mine' é"
    folder.mkdir()
    (folder / "project.godot").write_text(SETTINGS)
    (folder / "main.gd").write_text(MAIN)
    return folder


def install(
    project: object, *, within: Sequence[str] = (), cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    command = [*within, sys.executable, str(ROOT / "tools/install.py"), str(project)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def built() -> dict[str, bytes]:
    """The addon of this clone, less what an older build may have left in lib/."""
    runtimes = tuple(f"lib/{path.parent.name}/" for path in ADDON.glob("lib/*/runtime.txt"))
    return {name: text for name, text in contents(ADDON).items() if name.startswith(runtimes) or name[:4] != "lib/"}


def test_the_nodes_are_there_and_the_plugin_is_enabled(project: Path) -> None:
    """By the target of the Makefile; what it builds first is there."""
    make = ["make", "-o", "build", "install", f"PROJECT={project}"]
    done = subprocess.run(make, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert f"the addon is in {project}/addons/ws_python, its plugin is enabled" in done.stderr
    assert contents(project / "addons/ws_python") == built()
    assert (project / "project.godot").read_text().startswith(SETTINGS)
    log = run_godot("--script", "main.gd", path=project).splitlines()
    assert 'plugins: ["res://addons/ws_python/plugin.cfg"]' in log
    assert "nodes: truetrue" in log


def test_twice_is_the_same_as_once(project: Path) -> None:
    assert install(project).returncode == 0
    once = contents(project)
    done = install(project / "project.godot")
    assert done.returncode == 0, done.stderr
    assert "its plugin was enabled already" in done.stderr
    assert contents(project) == once


def test_an_older_version_is_replaced(project: Path) -> None:
    older = project / "addons/ws_python"
    (older / "lib/python3.10").mkdir(parents=True)
    (older / "lib/python3.10/gone.pyc").touch()
    (project / "addons/.ws_python.new").mkdir()  # of one that was killed
    (project / "addons/other").mkdir()
    (project / ".godot").mkdir()
    (project / ".godot/extension_list.cfg").write_text("res://other.gdextension\n")
    assert install(".", cwd=project).returncode == 0
    assert contents(older) == built()
    assert sorted(os.listdir(project / "addons")) == ["other", "ws_python"]
    listed = (project / ".godot/extension_list.cfg").read_text()
    assert listed == "res://other.gdextension\nres://addons/ws_python/ws_python.gdextension\n"


def test_a_link_is_replaced_and_not_what_it_points_to(project: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").touch()
    (project / "addons").mkdir()
    (project / "addons/ws_python").symlink_to(elsewhere)
    (project / "project.godot").rename(project / "settings")
    (project / "project.godot").symlink_to("settings")
    assert install(project).returncode == 0
    assert contents(elsewhere) == {"precious": b""}
    assert not (project / "addons/ws_python").is_symlink()
    assert (project / "project.godot").is_symlink()
    assert "editor_plugins" in (project / "settings").read_text()


def test_without_a_project_it_says_how() -> None:
    done = subprocess.run(["make", "-o", "build", "install"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert one_line(done) == "install: error: into which project? `make install PROJECT=/path/to/the/project`"


def test_where_there_is_no_project(tmp_path: Path) -> None:
    assert "nowhere does not exist: `make install PROJECT=" in one_line(install(tmp_path / "nowhere"))
    assert f"{tmp_path} is no Godot project, as it has no project.godot" in one_line(install(tmp_path))


def test_into_this_project_itself(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(ROOT)
    before = ADDON.stat().st_ctime_ns
    for name in (str(ROOT), str(tmp_path / "link")):
        assert "is this project itself, which has the addon already" in one_line(install(name))
    assert ADDON.stat().st_ctime_ns == before


def test_addons_is_a_file(project: Path) -> None:
    (project / "addons").touch()
    assert f"{project}/addons is no folder: rename it" in one_line(install(project))


def test_a_project_file_that_cannot_be_read_stays_as_it_is(project: Path) -> None:
    (project / "project.godot").write_text('a="b')
    assert "cannot be read (line 1: a string does not end)" in one_line(install(project))
    assert (project / "project.godot").read_text() == 'a="b'


def test_a_read_only_project_stays_as_it_is(project: Path) -> None:
    if not shutil.which("unshare"):
        pytest.skip("there is no unshare")
    within = [*NAMESPACE, f'{READ_ONLY} exec "$@"', str(project)]
    done = install(project, within=within)
    if done.returncode == 77 or "unshare: " in done.stderr:
        pytest.skip("this machine lets nobody mount a read-only file system")
    assert f"{project} cannot be written to (" in one_line(done)
    assert set(contents(project)) == {"project.godot", "main.gd"}


def test_a_full_disk(project: Path) -> None:
    """Nothing half-made is left."""
    fill = 'mount -t tmpfs -o size=4m full "$0"; echo config_version=5 > "$0/project.godot"; '
    within = [*NAMESPACE, f'{fill} "$@" || code=$?; ls -A "$0" "$0/addons"; exit $code', str(project)]
    done = install(project, within=within)
    if "unshare: " in done.stderr or "mount: " in done.stderr:
        pytest.skip("this machine lets nobody mount a small file system")
    assert "the disk is full: make room on the file system of" in one_line(done)
    assert done.stdout.split() == [*f"{project}:".split(), "addons", "project.godot", *f"{project}/addons:".split()]
