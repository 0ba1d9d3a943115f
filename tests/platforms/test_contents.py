"""What is staged for every platform: a whole runtime, its licences, and nothing that tells where it was built."""

from __future__ import annotations

from pathlib import Path

import platforms
import pytest

from tests.godot_process import ROOT
from tests.platforms.built import folder_of

pytestmark = [
    pytest.mark.platforms,
    pytest.mark.parametrize("platform", platforms.ALL, ids=lambda platform: platform.name),
]
MODULES = (
    "_asyncio",
    "_bz2",
    "_ctypes",
    "_hashlib",
    "_json",
    "_lzma",
    "_socket",
    "_ssl",
    "_zoneinfo",
    "select",
    "unicodedata",
)


def test_is_a_whole_runtime(platform: platforms.Platform) -> None:
    folder = folder_of(platform)
    assert (folder / "bin" / platform.library).exists()
    lib = folder / "lib"
    assert (lib / platform.python_library).exists()
    standard = lib / platform.python_folder
    for module in MODULES:
        built_in = module.encode() in (lib / platform.python_library).read_bytes()
        assert built_in or list((standard / "lib-dynload").glob(f"{module}.*")), module
    for module in ("asyncio/__init__", "ssl", "json/__init__", "encodings/idna", "zoneinfo/__init__"):
        assert (standard / f"{module}.pyc").exists()
    for module in ("ws_python/protocol/codec", "ws_python/server", "pythonscript/_bridge", "websockets/speedups"):
        assert (lib / f"site-packages/{module}{platform.extension_suffix}").exists() or module.startswith("websockets")
    assert list((lib / "site-packages/websockets").glob(f"speedups*{Path(platform.extension_suffix).suffix}"))
    assert (lib / "runtime.txt").read_text().startswith(f"Python {platforms.PYTHON}.")


def test_has_the_licences(platform: platforms.Platform) -> None:
    licences = {path.stem: path.read_text() for path in (folder_of(platform) / "lib/licenses").iterdir()}
    assert {"python", "openssl", "libffi", "bzip2", "websockets", "certifi", "idna"} <= set(licences)
    assert "PYTHON SOFTWARE FOUNDATION" in licences["python"]


def test_tells_nothing_of_this_machine(platform: platforms.Platform) -> None:
    private = [f"{path}/".encode() for path in (str(ROOT), str(Path.home())) if path != "/"]
    files = [path for path in folder_of(platform).rglob("*") if path.is_file()]
    assert len(files) > 500
    assert [path for path in files if any(each in path.read_bytes() for each in private)] == []
