"""Tests of the Python package as it is published: what is in it, and that it installs and works, here and from source.

Those for Windows and macOS are only looked into.
"""

from __future__ import annotations

import email
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import platforms
import project
import pytest
import try_wheel
import wheels

pytestmark = [pytest.mark.platforms, pytest.mark.timeout(3600)]

SOURCES = project.ROOT / "python/ws_python"
TARGETS = [target for platform in platforms.ALL for target in platform.targets]
# How a module begins: ELF, PE, and Mach-O of 64 bits.
MAGIC = {"manylinux": b"\x7fELF", "win": b"MZ", "macosx": b"\xcf\xfa\xed\xfe"}
# Tests of the package that take seconds; the machines of the forge run all.
QUICK = ["tests/ws_python/test_asyncio.py", "tests/ws_python/test_together.py", "tests/ws_python/test_client.py"]


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make wheels` makes of what is compiled."""
    folder = tmp_path_factory.mktemp("dist")
    wheels.build(folder)
    return folder


def wheel_of(dist: Path, target: str) -> Path:
    (found,) = dist.glob(f"*-{wheels.tag_of(target)}.whl")
    return found


def source_of(dist: Path) -> Path:
    return dist / f"ws_python-{project.version()}.tar.gz"


def compiled_modules() -> set[str]:
    """The modules that are compiled, without a suffix: "ws_python/loop/hub"."""
    plain = tomllib.loads((project.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ws_python"][
        "compiled"
    ]
    names = {str(path.relative_to(SOURCES.parent).with_suffix("")) for path in SOURCES.rglob("*.pyx")}
    return names | {name.replace(".", "/") for name in plain if name.startswith("ws_python.")}


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_in_a_wheel(dist: Path, target: str) -> None:
    with zipfile.ZipFile(wheel_of(dist, target)) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    information = f"ws_python-{project.version()}.dist-info/"
    files = {name for name in contents if not name.startswith(information)}
    python = {
        str(path.relative_to(SOURCES.parent)) for name in ("*.py", "*.pyi", "py.typed") for path in SOURCES.rglob(name)
    }
    compiled = files - python
    assert python <= files and "ws_python/py.typed" in files
    assert {name.partition(".")[0] for name in compiled} == compiled_modules()
    assert len(compiled) == len(compiled_modules())
    (magic,) = [magic for system, magic in MAGIC.items() if wheels.tag_of(target).startswith(system)]
    assert all(contents[name].startswith(magic) for name in compiled)
    for name, content in contents.items():
        assert str(project.ROOT).encode() not in content, name
    told = email.message_from_bytes(contents[information + "METADATA"])
    assert told["Name"] == "ws_python" and told["Version"] == project.version()
    assert told["License-Expression"] == "MIT" and information + "licenses/LICENSE" in contents
    assert str(told.get_payload()).startswith("# ws_python in a Python program")
    assert any(each.startswith("websockets") for each in told.get_all("Requires-Dist", []))


def test_what_is_in_the_source(dist: Path) -> None:
    with tarfile.open(source_of(dist)) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "setup.py", "LICENSE", "docs/python.md", "python/ws_python/loop/hub.pxd"} <= names
    kinds = {Path(name).suffix for name in names if name.startswith("python/ws_python/") and "." in name}
    assert kinds == {".py", ".pyi", ".pyx", ".pxd", ".h", ".typed"}
    assert not [name for name in names if name.startswith(("tests", "tools", "python/ws_godot", "python/pythonscript"))]


def test_two_builds_are_the_same(dist: Path, tmp_path: Path) -> None:
    wheels.build(tmp_path)
    for made in sorted(dist.iterdir()):
        if made.suffix == ".whl":
            assert (tmp_path / made.name).read_bytes() == made.read_bytes(), made.name
    with tarfile.open(source_of(dist)) as first, tarfile.open(source_of(tmp_path)) as second:
        assert first.getnames() == second.getnames()


def test_they_are_as_they_are_named(dist: Path) -> None:
    for made in dist.glob("*manylinux*.whl"):
        wheels.check_manylinux(made)
    wheels.run_tool("twine", "check", "--strict", *dist.iterdir())


def test_a_wheel_installs_and_works(dist: Path, tmp_path: Path) -> None:
    python = try_wheel.install(tmp_path, dist, source=False)
    try_wheel.try_it(python, tmp_path, QUICK)


def test_the_source_installs_and_works(dist: Path, tmp_path: Path) -> None:
    python = try_wheel.install(tmp_path, dist, source=True)
    try_wheel.try_it(python, tmp_path, QUICK)


def test_a_clone_installs(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", "--no-hardlinks", str(project.ROOT), str(clone)], check=True)
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    python = environment / "bin/python"
    pip = (python, "-m", "pip", "install", "--disable-pip-version-check")
    try_wheel.run(*pip, ".", cwd=clone)
    try_wheel.run(*pip, *try_wheel.pinned(try_wheel.TEST_PACKAGES), cwd=clone)
    try_wheel.try_it(python, environment, ["tests/ws_python/test_compiled_modules.py"])
