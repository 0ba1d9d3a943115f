"""What is built for Linux: it asks for no newer glibc than it says, and the nodes work, on arm64 in an emulator."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import debian_engine
import engine
import platforms
import pytest

from tests.addon.projects import make_game
from tests.addon.test_missing_parts import check
from tests.godot_process import ESCAPES, GodotProcess
from tests.platforms.built import folder_of, libraries_of, make_addon, need

pytestmark = pytest.mark.platforms

LINUX = (platforms.LINUX_X86_64, platforms.LINUX_ARM64)
# What every glibc has; all else has to come along.
GLIBC = re.compile(r"(lib(c|m|dl|pthread|util|rt)|ld-linux-(x86-64|aarch64))\.so\.\d+")
PROXIED = {
    "name": "does not connect to xn--bcher-kva.test",
    "http": "does not connect to game.test",
    "socks": "does not answer as a SOCKS5 proxy does",
    "system": "the certificate of localhost is not trusted",
}


def versions_needed(library: Path) -> set[tuple[int, ...]]:
    """The versions of glibc that a library asks for."""
    said = subprocess.run(
        ["readelf", "--version-info", str(library)], capture_output=True, text=True, check=True
    ).stdout
    return {tuple(map(int, found.split("."))) for found in re.findall(r"Name: GLIBC_([\d.]+)", said)}


def libraries_needed(library: Path) -> list[str]:
    said = subprocess.run(["readelf", "--dynamic", str(library)], capture_output=True, text=True, check=True).stdout
    return re.findall(r"\(NEEDED\).*\[(.*)\]", said)


@pytest.mark.parametrize("platform", LINUX, ids=lambda platform: platform.name)
class TestLibraries:
    def test_ask_for_an_old_glibc(self, platform: platforms.Platform) -> None:
        oldest = tuple(map(int, platform.targets[0].split(".", 1)[1].split(".")))
        libraries = libraries_of(platform)
        assert len(libraries) > 80
        needed = {path.name: max(versions_needed(path), default=(0,)) for path in libraries}
        assert {name: version for name, version in needed.items() if version > oldest} == {}
        assert max(needed.values()) > (2, 4), "readelf has told"

    def test_bring_along_what_they_need(self, platform: platforms.Platform) -> None:
        libraries = libraries_of(platform)
        beside = {path.name for path in (folder_of(platform) / "lib").iterdir()}
        for path in libraries:
            for name in libraries_needed(path):
                assert GLIBC.fullmatch(name) or name in beside, f"{path.name} needs {name}"
        modules = [path for path in libraries if path.name.startswith("_ssl.")]
        assert modules
        assert {"libssl-pythonscript.so.3", "libcrypto-pythonscript.so.3"} <= set(libraries_needed(modules[0]))


def test_the_nodes_work(tmp_path: Path) -> None:
    """In this machine's engine, with the Python that is shipped in place of this machine's own."""
    platform = platforms.named(platforms.machine().name)
    project = make_game(tmp_path / "project", make_addon(platform, tmp_path / "addon"))
    with GodotProcess(["--script", "res://main.gd"], path=project) as running:
        assert running.wait(100) == 0, running.log
        check(running.log, {}, PROXIED, [])


@pytest.mark.timeout(1200)
def test_the_nodes_work_on_arm64(tmp_path: Path) -> None:
    emulator = need("qemu-aarch64-static", "qemu-user-static")
    godot = debian_engine.installed(engine.STATE, "arm64")
    project = make_game(tmp_path / "project", make_addon(platforms.LINUX_ARM64, tmp_path / "addon"))
    homes = {name: str(tmp_path / "home") for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")}
    done = subprocess.run(
        [emulator, str(godot), "--headless", "--path", str(project), "--script", "res://main.gd"],
        env={**os.environ, **homes},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=1100,
    )
    log = ESCAPES.sub("", done.stdout)
    assert done.returncode == 0, log
    check(log, {}, PROXIED, [])
