"""Tests of dist/ws_python-VERSION.zip: what is in it, and that it works wherever it is unpacked, without any Python."""

from __future__ import annotations

import configparser
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import package
import platforms
import pytest
import trim

from tests.addon.projects import make_game
from tests.addon.test_environment import FILES, PYTHON, WEBSOCKETS
from tests.addon.test_file_systems import NAMESPACE, READ_ONLY, log_of
from tests.addon.test_missing_parts import check
from tests.godot_process import LAUNCHER, ROOT, GodotProcess, unclean_lines
from tests.tools.test_trim import imported_by_our_sources

pytestmark = [pytest.mark.platforms, pytest.mark.timeout(3600)]

ADDON = "addons/ws_python/"
MACHINE = platforms.machine().name
PROJECT = "Spiele & mehr/Игра ünïcode 遊戲"
# What a Python of this machine, or an OpenSSL that it could use, consists of.
FOLDERS = ("usr/lib/python3*", "usr/local/lib/python3*")
PROGRAMS_AND_LIBRARIES = (
    *("usr/bin/python3*", "usr/local/bin/python3*"),
    *(f"usr/{lib}/**/{name}.so*" for lib in ("lib", "local/lib") for name in ("libpython3*", "libssl", "libcrypto")),
)
# By what name a library or a module of an addon may be looked for in LD_LIBRARY_PATH. Each is none.
LIBRARIES = (
    *("libpython3.11.so.1.0", "libssl.so.3", "libcrypto.so.3", "libffi.so.8"),
    *("libssl-pythonscript.so.3", "libcrypto-pythonscript.so.3"),
)
# Packs are read by the editor as its AssetLib tab does: with the root of the archive ignored wherever it can be.
IMPORT_ASSET = """@tool
extends EditorPlugin

func _ready() -> void:
	_import.call_deferred()

func _import() -> void:
	var library: Node = EditorInterface.get_base_control().find_children("*", "EditorAssetLibrary", true, false)[0]
	for dialog: Node in library.find_children("*", "FileDialog", true, false):
		dialog.emit_signal("file_selected", "ARCHIVE")
	var installer: AcceptDialog = library.find_children("*", "EditorAssetInstaller", true, false)[0]
	for box: CheckBox in installer.find_children("*", "CheckBox", true, false):
		print("root can be ignored: ", not box.disabled)
		box.button_pressed = not box.disabled
	installer.get_ok_button().pressed.emit()
	get_tree().quit()
"""
SAY_PLUGINS = """@tool
extends EditorPlugin

func _ready() -> void:
	await get_tree().process_frame
	print("enabled: ", EditorInterface.is_plugin_enabled("ws_python"))
	print("nodes: ", ClassDB.class_exists("WebSocketServer"))
	get_tree().quit()
"""


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, of what `SCons platforms` has built."""
    target = tmp_path_factory.mktemp("dist") / "package.zip"
    package.pack(target, [platform.name for platform in platforms.ALL])
    return target


@pytest.fixture(scope="session")
def unpacked(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The addon's folder, unpacked: tests read it only."""
    folder = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
    return folder / ADDON


@pytest.fixture
def game(unpacked: Path, tmp_path: Path) -> Path:
    """A game in a project that holds the unpacked addon, under a path that is hard to say."""
    folder = make_game(tmp_path / PROJECT, unpacked)
    (folder / ADDON.rstrip("/")).unlink()
    shutil.copytree(unpacked, folder / ADDON)
    return folder


def names(archive: Path) -> list[str]:
    with zipfile.ZipFile(archive) as opened:
        return opened.namelist()


def found(patterns: Sequence[str]) -> list[str]:
    return sorted({str(path) for pattern in patterns for path in Path("/").glob(pattern)})


class TestContents:
    def test_has_the_layout_of_the_asset_library(self, archive: Path) -> None:
        """One folder more, or the editor takes addons/ for the archive's own root, and leaves it out."""
        assert {name.partition("/")[0] for name in names(archive)} == {"addons", ".godot"}
        assert [name for name in names(archive) if not name.startswith(ADDON)] == [".godot/"]

    def test_has_what_belongs_to_the_addon(self, archive: Path) -> None:
        tracked = subprocess.run(["git", "ls-files", ADDON], cwd=ROOT, capture_output=True, text=True, check=True)
        assert {*tracked.stdout.splitlines()} <= {*names(archive)}
        assert {f"{ADDON}{name}" for name in ("LICENSE", "README.md", "plugin.cfg", "plugin.gd")} <= {*names(archive)}

    def test_has_what_the_extension_names(self, unpacked: Path) -> None:
        """For each platform the library, and the runtime that an export takes along."""
        settings = configparser.ConfigParser(comment_prefixes=(";",))
        settings.read_string((unpacked / "ws_python.gdextension").read_text())
        named = [settings["libraries"][platform.feature].strip('"') for platform in platforms.ALL]
        named += [name for text in settings["dependencies"].values() for name in re.findall(r'"([^"]+)":', text)]
        assert len(named) >= 2 * len(platforms.ALL)
        assert [name for name in named if not (unpacked / name).exists()] == []

    @pytest.mark.parametrize("platform", platforms.ALL, ids=lambda platform: platform.name)
    def test_a_platform_is_small(self, archive: Path, platform: platforms.Platform) -> None:
        """For each processor that it is for."""
        parts = (f"{ADDON}{platform.runtime}/", f"{ADDON}bin/{platform.library}")
        with zipfile.ZipFile(archive) as opened:
            sizes = [entry.compress_size for entry in opened.infolist() if entry.filename.startswith(parts)]
        assert len(sizes) > 200
        assert sum(sizes) <= 12_000_000 * len(platform.targets)

    @pytest.mark.parametrize("platform", platforms.ALL, ids=lambda platform: platform.name)
    def test_a_platform_is_trimmed(self, unpacked: Path, platform: platforms.Platform) -> None:
        files = [path.name for path in (unpacked / platform.runtime).rglob("*")]
        assert [name for name in files if name.endswith((".py", ".pyi", ".pyx", ".c", ".h", ".a", "py.typed"))] == []
        assert "__pycache__" not in files

    @pytest.mark.parametrize("platform", platforms.ALL, ids=lambda platform: platform.name)
    def test_a_platform_has_what_is_no_module(self, unpacked: Path, platform: platforms.Platform) -> None:
        """macOS wants more than Linux and Windows."""
        built, runtime = package.BUILT / platform.name / "lib", unpacked / platform.runtime
        assert platform.python_library in os.listdir(runtime)
        wanted = {path.name for path in built.iterdir() if not trim.is_library(path)}
        assert wanted <= {path.name for path in runtime.iterdir()}

    @pytest.mark.parametrize("platform", platforms.ALL, ids=lambda platform: platform.name)
    def test_a_platform_has_what_our_sources_import(self, unpacked: Path, platform: platforms.Platform) -> None:
        staged = trim.Runtime(package.BUILT / platform.name / "lib").paths
        there = trim.Runtime(unpacked / platform.runtime).paths
        wanted = {name for name in imported_by_our_sources() if name in staged}
        assert len(wanted) > 100
        assert wanted - there.keys() == set()

    @pytest.mark.parametrize("platform", platforms.ALL, ids=lambda platform: platform.name)
    def test_a_platform_has_the_licences(self, unpacked: Path, platform: platforms.Platform) -> None:
        runtime = unpacked / platform.runtime
        packages = {path.name for path in (runtime / "site-packages").iterdir()} - {*trim.OWN}
        licences = {path.stem: path.read_text() for path in (runtime / "licenses").glob("*.txt")}
        assert {"python", "openssl", *packages} <= {*licences}
        assert "PYTHON SOFTWARE FOUNDATION" in licences["python"].upper()
        assert all("opyright" in text or "Mozilla Public License" in text for text in licences.values())

    def test_no_file_tells_where_it_was_built(self, unpacked: Path) -> None:
        private = (str(ROOT), str(Path.home()), sys.base_prefix, sys.prefix)
        told = [f"{path}/".encode() for path in private if path != "/" and not path.startswith("/usr")]
        files = [path for path in unpacked.rglob("*") if path.is_file()]
        assert len(files) > 400 * len(platforms.ALL)
        assert [path for path in files if any(each in path.read_bytes() for each in told)] == []

    def test_is_the_same_a_second_time(self, archive: Path, tmp_path: Path) -> None:
        """In another process, whose order of what has none is another one."""
        code = f"import package, pathlib, sys; package.pack(pathlib.Path({str(tmp_path / '2.zip')!r}), sys.argv[1:])"
        command = [sys.executable, "-c", code, *(platform.name for platform in platforms.ALL)]
        env = {**os.environ, "PYTHONPATH": str(ROOT / "tools"), "PYTHONHASHSEED": "7"}
        subprocess.run(command, env=env, check=True, timeout=600)
        assert (tmp_path / "2.zip").read_bytes() == archive.read_bytes()


def hidden() -> str:
    """Hides every Python of this machine, and its OpenSSL, in a mount namespace; ends with 77 where one is left."""
    folders = [sys.base_prefix, str(ROOT / ".venv"), *found(FOLDERS)]
    folders = [path for path in folders if not path.startswith("/usr") or path.startswith("/usr/lib")]
    script = "".join(f"mount -t tmpfs none '{path}'; " for path in folders)
    files = {str(Path(path).resolve()) for path in found(PROGRAMS_AND_LIBRARIES)}
    script += "".join(f"if test -f '{path}'; then mount --bind /dev/null '{path}'; fi; " for path in sorted(files))
    return f"{script} if python3 -c 1 2>/dev/null; then exit 77; fi; "


def play(game: Path, setup: str, env: dict[str, str]) -> str:
    """The log of a game that runs in a mount namespace of its own."""
    if subprocess.run([*NAMESPACE, f"{setup} true", str(game.parent)], capture_output=True).returncode:
        pytest.skip("this machine lets nobody hide files in a namespace")
    within = [*NAMESPACE, f'{setup} exec "$@"', str(game.parent)]
    return log_of(game, [*within, "env", *(f"{name}={value}" for name, value in env.items())])


class TestPlaying:
    """A server and clients in a real engine, by all ways to connect, also over TLS."""

    def test_with_no_python_on_the_machine(self, game: Path) -> None:
        check(play(game, hidden(), {}), {}, {}, [])

    def test_read_only(self, game: Path) -> None:
        check(play(game, hidden() + READ_ONLY, {}), {}, {}, [])

    def test_with_hostile_variables(self, game: Path, tmp_path: Path) -> None:
        (tmp_path / "libraries").mkdir()
        for name in LIBRARIES:
            (tmp_path / "libraries" / name).write_text("no library")
        (tmp_path / "json.py").write_text("raise SystemExit('a file of the player was imported')\n")
        env = {**WEBSOCKETS, **PYTHON, **FILES, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": ""}
        env |= {"PYTHONSTARTUP": str(tmp_path / "json.py"), "PYTHONUSERBASE": str(tmp_path)}
        env |= {"LD_LIBRARY_PATH": str(tmp_path / "libraries"), "LC_ALL": "de_DE.ISO-8859-1"}
        check(play(game, hidden(), env), {}, {}, [])

    def test_with_no_environment(self, game: Path) -> None:
        check(log_of(game, ("env", "-i")), {}, {}, [])

    def test_nothing_is_written(self, game: Path) -> None:
        before = {path: path.stat().st_mtime_ns for path in (game / ADDON).rglob("*")}
        check(log_of(game), {}, {}, [])
        assert {path: path.stat().st_mtime_ns for path in (game / ADDON).rglob("*")} == before


def open_editor(project: Path, script: str) -> str:
    """The log of the editor, with a plugin beside ours that runs the script."""
    (project / "addons/said").mkdir(parents=True)
    (project / "addons/said/plugin.cfg").write_text(
        '[plugin]\nname="said"\ndescription=""\nauthor=""\nversion="1"\nscript="plugin.gd"\n'
    )
    (project / "addons/said/plugin.gd").write_text(script)
    with GodotProcess(["--editor"], path=project) as engine:
        engine.wait(120)
        return engine.log


def settings(*plugins: str) -> str:
    enabled = ", ".join(f'"res://addons/{name}/plugin.cfg"' for name in plugins)
    return f"config_version=5\n[editor_plugins]\nenabled=PackedStringArray({enabled})\n"


class TestInTheEditor:
    def test_the_asset_library_puts_it_where_it_belongs(self, archive: Path, unpacked: Path, tmp_path: Path) -> None:
        project = tmp_path / "project"
        project.mkdir()
        (project / "project.godot").write_text(settings("said"))
        log = open_editor(project, IMPORT_ASSET.replace("ARCHIVE", str(archive)))
        assert "root can be ignored: false" in log
        there = {str(path.relative_to(project / ADDON)) for path in (project / ADDON).rglob("*") if path.is_file()}
        wanted = {str(path.relative_to(unpacked)) for path in unpacked.rglob("*") if path.is_file()}
        assert wanted - there == set(), log
        for name in wanted - {name for name in wanted if name.endswith(".import")}:
            assert (project / ADDON / name).read_bytes() == (unpacked / name).read_bytes()
        assert {path.name for path in project.iterdir()} - {".editorconfig", ".gitattributes", ".gitignore"} == {
            ".godot",
            "addons",
            "project.godot",
        }

    def test_comes_and_goes(self, unpacked: Path, tmp_path: Path) -> None:
        """As its README says: unpacked, enabled, disabled, deleted."""
        project = tmp_path / PROJECT
        shutil.copytree(unpacked, project / ADDON)
        (project / ".godot").mkdir()
        (project / ".godot/extension_list.cfg").write_text(f"res://{ADDON}ws_python.gdextension\n")
        (project / "project.godot").write_text(settings("said", "ws_python"))
        log = open_editor(project, SAY_PLUGINS)
        assert "enabled: true" in log and "nodes: true" in log, log
        assert not unclean_lines(log), log
        (project / "project.godot").write_text(settings("said"))
        shutil.rmtree(project / ADDON)
        shutil.rmtree(project / "addons/said")
        log = open_editor(project, SAY_PLUGINS)
        assert "enabled: false" in log and "nodes: false" in log, log
        lines = unclean_lines(log)
        assert all("ws_python.gdextension" in line for line in lines), log
        shutil.rmtree(project / "addons/said")
        assert not unclean_lines(open_editor(project, SAY_PLUGINS))


@pytest.fixture(scope="module")
def clone(unpacked: Path) -> Iterator[Path]:
    """This project with the unpacked addon in the place of the built one, and a note of what is not found.

    In a folder whose path is short: pytest's own may leave no room for a Unix socket's.
    """
    with tempfile.TemporaryDirectory(prefix="ws") as directory:
        yield make_clone(Path(directory, "p"), unpacked)


def make_clone(folder: Path, unpacked: Path) -> Path:
    left = shutil.ignore_patterns(".git", ".venv", ".engine", "build", "dist", "node_modules", "__pycache__")
    shutil.copytree(ROOT, folder, ignore=lambda path, names: {*left(path, names)} | _built(path, names), symlinks=True)
    shutil.copytree(unpacked, folder / ADDON, dirs_exist_ok=True)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    for name in ("build/compiled.sha256", "build/.gdignore"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    project = folder / "project.godot"
    project.write_text(project.read_text().replace('turret.py"', 'turret.py", "res://tests/platforms/traced.py"'))
    return folder


def _built(path: str, names: list[str]) -> set[str]:
    return {"bin", "lib"} & {*names} if Path(path) == ROOT / ADDON else set()


@pytest.mark.parametrize("tests", ["tests/test_godot_suites.py", "tests/addon/test_export.py", "tests/demo"])
def test_what_tests_the_addon_passes(clone: Path, tests: str, tmp_path: Path) -> None:
    """And nothing that a game imports while it runs, successfully or not, was there before it was trimmed."""
    engine = subprocess.run([str(LAUNCHER), "--which"], capture_output=True, text=True, check=True).stdout.strip()
    env = {**os.environ, "GODOT": engine, "NOT_FOUND": str(tmp_path / "not found")}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", tests]
    done = subprocess.run(command, cwd=clone, env=env, capture_output=True, text=True, timeout=3000)
    assert done.returncode == 0, done.stdout[-8000:]
    noted = Path(env["NOT_FOUND"])
    lines = noted.read_text().splitlines() if noted.exists() else []
    if tests == "tests/test_godot_suites.py":
        assert lines.count("looked") > 20
    asked = {*lines} - {"looked"}
    assert {name for name in asked if _is_somewhere(name)} == set()


def _is_somewhere(name: str) -> bool:
    """Whether the whole Python has a module."""
    try:
        return importlib.util.find_spec(name) is not None
    except ImportError:
        return False


def test_two_builds_are_the_same(unpacked: Path, tmp_path: Path) -> None:
    """One in another folder, from nothing but what git has, for this machine."""
    clone = tmp_path / "a clone with another name"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
    patch = subprocess.run(["git", "diff", "HEAD", "--binary"], cwd=ROOT, capture_output=True, check=True).stdout
    if patch:
        subprocess.run(["git", "apply"], input=patch, cwd=clone, check=True)
    (clone / ".venv").symlink_to(ROOT / ".venv")
    engine = subprocess.run([str(LAUNCHER), "--which"], capture_output=True, text=True, check=True).stdout.strip()
    command = ["nice", "-n", "5", sys.executable, "-m", "SCons", "-Q"]
    done = subprocess.run(command, cwd=clone, env={**os.environ, "GODOT": engine}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    hashes: list[dict[str, bytes]] = []
    for root in (ROOT, clone):
        runtime, library = root / ADDON / platforms.machine().runtime, platforms.machine().library
        target = tmp_path / str(len(hashes))
        trim.trim(runtime, target)
        shutil.copy(root / ADDON / "bin" / library, target / library)
        hashes.append(
            {str(path.relative_to(target)): path.read_bytes() for path in target.rglob("*") if path.is_file()}
        )
    assert hashes[0].keys() == hashes[1].keys()
    assert [name for name, content in hashes[0].items() if hashes[1][name] != content] == []
