"""What `SCons platforms` has built, as the tests of it look at it."""

from __future__ import annotations

import shutil
from pathlib import Path

import platforms
import pytest
from cross import OUTPUT

from tests.addon.projects import ADDON


def folder_of(platform: platforms.Platform) -> Path:
    """The folder with bin and lib of a platform."""
    folder = OUTPUT / platform.name
    if not (folder / "lib/runtime.txt").exists():
        pytest.fail(f"{folder} is not built: run `make platforms`")
    return folder


def libraries_of(platform: platforms.Platform) -> list[Path]:
    """Every library in there."""
    endings = {platform.library_suffix, Path(platform.extension_suffix).suffix}
    found = [path for path in sorted(folder_of(platform).rglob("*")) if path.is_file()]
    return [path for path in found if path.suffix in endings or ".so." in path.name]


def make_addon(platform: platforms.Platform, folder: Path) -> Path:
    """The addon with the libraries of that platform and of no other."""
    built = folder_of(platform)
    folder.mkdir(parents=True)
    for path in ADDON.iterdir():
        if path.name not in ("bin", "lib"):
            (shutil.copytree if path.is_dir() else shutil.copy)(path, folder / path.name)
    shutil.copytree(built / "bin", folder / "bin")
    shutil.copytree(built / "lib", folder / platform.runtime)
    return folder


def need(program: str, package: str) -> str:
    """The path of a program that a test needs, or a failure that says what to install."""
    found = shutil.which(program)
    if found is None:
        pytest.fail(f"this needs {program}: `apt install {package}`")
    return found
