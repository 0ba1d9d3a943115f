"""How the loader opens libraries on Windows, under Wine: in any folder, and in words when it cannot."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import platforms
import pytest
from cross import ROOT, zig

from tests.platforms.built import folder_of, need

pytestmark = [pytest.mark.platforms, pytest.mark.timeout(900)]

WINDOWS = platforms.WINDOWS_X86_64
# Beyond what Windows takes as it is, 260, and what its code page has.
FOLDER = f"Игра ünïcode 遊戲 & more/{'long ' * 20}end/{'longer ' * 20}end"


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that opens what it is told, with the loader's own functions."""
    program = tmp_path_factory.mktemp("probe") / "probe.exe"
    sources = (Path(__file__).with_name("system_probe.c"), ROOT / "python/pythonscript/system_windows.c")
    include = f"-I{ROOT / 'python/pythonscript'}"
    zig.run([*zig.compiler(WINDOWS.targets[0]), "-O1", "-s", include, *sources, "-lshell32", "-o", program])
    return program


def test_opening_libraries(probe: Path, tmp_path: Path) -> None:
    wine = shutil.which("wine64") or need("wine", "wine")
    lib = folder_of(WINDOWS) / "lib"
    folder = tmp_path / FOLDER
    shutil.copytree(lib, folder / "whole", ignore=shutil.ignore_patterns("site-packages", "python3.11"))
    (folder / "alone").mkdir()
    shutil.copy(next(lib.glob("python3.*/lib-dynload/_ssl.pyd")), folder / "alone")
    (folder / "alone/bad.dll").write_text("no library")
    paths = ("whole/python311.dll", "whole/none.dll", "alone/_ssl.pyd", "alone/bad.dll")
    env = {name: value for name, value in os.environ.items() if name != "DISPLAY"}
    env |= {"WINEPREFIX": str(tmp_path / "prefix"), "WINEDEBUG": "-all"}
    env["WINEDLLOVERRIDES"] = "mscoree=;mshtml=;winemenubuilder.exe="
    try:
        done = subprocess.run(
            [wine, str(probe), *(f"Z:{folder / path}" for path in paths)],
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=600,
        )
    finally:
        subprocess.run([need("wineserver", "wine"), "-k"], env=env, check=False, timeout=60)
    opened, missing, needy, bad = done.stdout.decode().splitlines()
    assert opened.startswith("opened \\\\?\\Z:\\") and opened.endswith("python311.dll") and len(opened) > 300
    assert missing.startswith("not there: ") and missing.endswith("(error 126)")
    assert needy.startswith("there: lib") and "-p.dll, which it needs, is not on this machine" in needy
    assert bad.startswith("there: ") and bad.endswith("(error 193)") and "%1" not in bad
