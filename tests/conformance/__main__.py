"""`make conformance`: the whole Autobahn test suite, server node and client node; its verdicts go into summary.md."""

from __future__ import annotations

import datetime
import importlib.metadata
import platform
import subprocess
import sys
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.conformance import autobahn
from tests.conformance.verdicts import Verdict, bad_ones, table
from tests.godot_process import LAUNCHER

SUMMARY = Path(__file__).parent / "summary.md"
# Each side, on two cores, took XXX minutes.
TIMEOUT = 3600.0
STEP = 50


def main() -> int:
    """Test both sides at once, and write the summary."""
    if autobahn.command() is None:
        say(f"error: {autobahn.HOW_TO_GET}")
        return 1
    start = time.monotonic()
    with ThreadPoolExecutor() as threads:
        tests = {"server": autobahn.run_server, "client": autobahn.run_client}
        running = {side: threads.submit(test, ["*"], "all", TIMEOUT, show_progress) for side, test in tests.items()}
        sides = {side: test.result() for side, test in running.items()}
    SUMMARY.write_text(summary(sides, (time.monotonic() - start) / 60), encoding="utf-8")
    print(table(sides), end="")
    bad = [f"{side} {line}" for side, verdicts in sides.items() for line in bad_ones(verdicts)]
    for line in bad:
        say(line)
    count = sum(map(len, sides.values()))
    say(f"{count - len(bad)} of {count} cases are OK or INFORMATIONAL; see {autobahn.REPORTS / 'all'}")
    return 1 if bad else 0


def say(line: str) -> None:
    """Print one line."""
    print(f"conformance: {line}", flush=True)


def show_progress(side: str, begun: int, cases: int) -> None:
    """Say now and then how far a side has come."""
    if begun % STEP == 0:
        say(f"{side}: case {begun} of {cases} ...")


def summary(sides: dict[str, list[Verdict]], minutes: float) -> str:
    """The page that is kept in the repository."""
    packages = f"websockets {importlib.metadata.version('websockets')}, zlib {zlib.ZLIB_RUNTIME_VERSION}"
    engine = subprocess.run([LAUNCHER, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    return f"""# Conformance

The [Autobahn test suite](https://github.com/crossbario/autobahn-testsuite), all its cases, against the nodes inside
headless Godot. Written by `make conformance` on {datetime.date.today()}, which took {minutes:.0f} minutes.
Godot {engine}, Python {platform.python_version()}, {packages}.

{table(sides)}
Other would be FAILED, NON-STRICT, UNCLEAN, WRONG CODE or UNIMPLEMENTED, for the messages or for the closing handshake.
Informational is what RFC 6455 leaves open.
"""


if __name__ == "__main__":
    sys.exit(main())
