"""The core's tests with the addon's Windows runtime, under Wine. Of the engine there is no Windows build here."""

from __future__ import annotations

import re
from collections.abc import Iterator

import platforms
import pytest

from tests.platforms import wine
from tests.platforms.built import folder_of

# What it runs in is made first, which takes minutes.
pytestmark = [pytest.mark.platforms, pytest.mark.timeout(900)]

# Less than that was not run, whatever the summary says.
LEAST = 1500
# The suite takes some minutes; a machine may be busy.
TIMEOUT = 3000


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


@pytest.mark.timeout(TIMEOUT + 60)
def test_the_core() -> None:
    done = wine.run(
        [
            *("-m", "pytest", "tests/ws_python", "-o", "pythonpath=tools", "-p", "no:cacheprovider"),
            # Of the tests that print figures, to have them on record.
            *("-rsP", "-q", "--tb=short", "-o", f"timeout={TIMEOUT}"),
        ],
        timeout=TIMEOUT,
    )
    (wine.WORK / "core.log").write_text(done.stdout)
    print(done.stdout[-20_000:])
    assert done.returncode == 0
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None and int(passed[1]) >= LEAST
