"""Games for other platforms: projects with the addon and its plugin, exported for every preset, and run."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
import report
import templates

from tests.addon.projects import copy_of_addon
from tests.godot_process import ROOT, GodotProcess, assert_clean_log

PROJECT = """config_version=5
[application]
run/main_scene="{main_scene}"
config/name="game"
[debug]
file_logging/enable_file_logging.pc=false
[editor_plugins]
enabled=PackedStringArray("res://addons/ws_python/plugin.cfg")
[rendering]
renderer/rendering_method="gl_compatibility"
renderer/rendering_method.mobile="gl_compatibility"
textures/vram_compression/import_etc2_astc=true
"""

# By name, as Godot's platforms are called, and what differs from an empty preset.
PRESETS = {
    "Linux": ("Linux", 'binary_format/architecture="x86_64"'),
    "Windows": ("Windows Desktop", 'binary_format/architecture="x86_64"'),
    "macOS": ("macOS", 'binary_format/architecture="universal"'),
    "Web": ("Web", "variant/extensions_support=false\nvariant/thread_support=false\nhtml/canvas_resize_policy=1"),
    "Android": ("Android", "architectures/arm64-v8a=true"),
    "iOS": ("iOS", ""),
}
NATIVE = ("Linux", "Windows", "macOS")
PORTABLE = ("Web", "Android", "iOS")

_PRESET = """[preset.{index}]
name="{name}"
platform="{platform}"
runnable=true
export_filter="all_resources"
include_filter="{include}"
exclude_filter=""
export_path=""
[preset.{index}.options]
custom_template/debug="{debug}"
custom_template/release="{release}"
{options}
"""


def fetched(fetch: Callable[[], templates.Templates]) -> templates.Templates:
    """Templates; the test is skipped, with what is missing, where they cannot be had."""
    try:
        return fetch()
    except report.SetupError as error:
        pytest.skip(str(error))


def presets(include: str = "*.json", packs_only: bool = False) -> str:
    """An export_presets.cfg with a preset for each platform, with templates for two of them; packs need none."""
    found = {} if packs_only else {"Linux": fetched(templates.linux), "Web": fetched(templates.web)}
    return "".join(
        _PRESET.format(
            index=index,
            name=name,
            platform=platform,
            include=include,
            debug=found[name].debug if name in found else "",
            release=found[name].release if name in found else "",
            options=options,
        )
        for index, (name, (platform, options)) in enumerate(PRESETS.items())
    )


def make_project(
    folder: Path,
    files: Mapping[str, str],
    main_scene: str = "res://main.tscn",
    more: str = "",
    packs_only: bool = False,
) -> Path:
    """A project with the addon, its plugin enabled, and these files; `more` ends its project.godot."""
    (folder / "addons").mkdir(parents=True)
    copy_of_addon(folder / "addons/ws_python")
    (folder / ".godot").mkdir()
    (folder / ".godot/extension_list.cfg").write_text("res://addons/ws_python/ws_python.gdextension\n")
    (folder / "project.godot").write_text(PROJECT.format(main_scene=main_scene) + more)
    (folder / "export_presets.cfg").write_text(presets(packs_only=packs_only))
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text.lstrip())
    return folder


def make_demo_project(folder: Path, main_scene: str, driver: str = "") -> Path:
    """This project's demos, with one of them as the main scene; `driver` is an autoload that plays with it."""
    more = '[python]\nmodules=PackedStringArray("res://demo/bridge/turret.py")\n'
    if driver:
        more = f'[autoload]\nDriver="*res://driver.gd"\n{more}'
    project = make_project(folder, {"driver.gd": driver} if driver else {}, main_scene, more)
    (project / "export_presets.cfg").write_text(presets("*.json,*.py"))
    shutil.copytree(ROOT / "demo", project / "demo")
    return project


def export(project: Path, preset: str, target: Path, how: str = "release", expected: Sequence[str] = ()) -> str:
    """Export, as --export-HOW does, and return the editor's log, which is clean but for the `expected` errors."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with GodotProcess([f"--export-{how}", preset, str(target)], path=project) as editor:
        code = editor.wait(500)
        log = editor.log
    assert code == 0 and target.exists(), log
    assert_clean_log(log, expected)
    return log


def add_linux_program(pack: Path, kind: str = "release") -> Path:
    """Put Debian's template beside a pack, so that it runs as a game on this machine."""
    program = pack.with_suffix("")
    shutil.copyfile(getattr(fetched(templates.linux), kind), program)
    program.chmod(0o755)
    return program


def play(program: Path, *arguments: str, timeout: float = 120) -> tuple[int | None, str]:
    """Run an exported game, without a window: its exit code, None where it did not end, and its log."""
    homes = {name: str(program.parent / "home") for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")}
    with subprocess.Popen(
        [str(program), "--headless", *arguments],
        cwd="/",
        env={**os.environ, **homes},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as game:
        try:
            said, _ = game.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            game.terminate()
            return None, game.communicate()[0]
    return game.returncode, said
