"""The core's tests with the addon's Windows runtime, under Wine. Of the engine there is no Windows build here."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator

import platforms
import pytest

from tests.godot_process import ROOT
from tests.platforms import wine
from tests.platforms.built import folder_of

# What it runs in is made first, which takes minutes.
pytestmark = [pytest.mark.platforms, pytest.mark.timeout(900)]

CORE = ROOT / "tests/ws_python"
# The folders of the core's tests, "" for what is in none, and how many pass at the least: otherwise some were not run,
# whatever the summary says.
LEAST = {
    "": 525,
    "connection": 155,
    "declare": 115,
    "features": 920,
    "loop": 80,
    "net": 670,
    "protocol": 1480,
}
# Seconds: a folder takes minutes, and a machine may be busy; one test that hangs ends those of its folder.
TIMEOUT = 2400
TIMEOUT_OF_A_TEST = 300
# Where Wine itself ends.
ATTEMPTS = 3


@pytest.fixture(scope="module", autouse=True)
def running() -> Iterator[None]:
    folder_of(platforms.WINDOWS_X86_64)
    wine.prepare()
    with wine.running():
        yield


def test_it_is_the_runtime_that_is_shipped() -> None:
    program = "import sys, ssl, ws_python.protocol.codec as c; print(sys.platform, sys.version, c.__file__)"
    done = wine.run(["-c", program], timeout=120)
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith("win32 3.11.")
    assert wine.windows_path(wine.LIB / "site-packages/ws_python/protocol/codec.cp311-win_amd64.pyd") in done.stdout


def test_no_folder_is_left_out() -> None:
    assert {""} | {path.parent.name for path in CORE.glob("*/test_*.py")} == {*LEAST}


@pytest.mark.timeout(ATTEMPTS * TIMEOUT)
@pytest.mark.parametrize("folder", LEAST)
def test_the_core(folder: str) -> None:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            done = run_folder(folder)
            break
        except wine.WineError:
            if attempt == ATTEMPTS:
                raise
    print(done.stdout[-20_000:])
    assert done.returncode == 0
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None and int(passed[1]) >= LEAST[folder]


def run_folder(folder: str) -> subprocess.CompletedProcess[str]:
    files = sorted((CORE / folder).glob("test_*.py"))
    return wine.run(
        [
            *("-m", "pytest", *(str(path.relative_to(ROOT)) for path in files)),
            *("-o", "pythonpath=tools", "-p", "no:cacheprovider", "-o", f"timeout={TIMEOUT_OF_A_TEST}"),
            # Of the tests that print figures, to have them on record.
            *("-rsP", "-v", "--tb=short", "--durations=10"),
        ],
        timeout=TIMEOUT,
        log=wine.WORK / f"core_{folder or 'rest'}.log",
    )
