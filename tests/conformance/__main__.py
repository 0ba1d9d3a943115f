"""`make conformance`: the whole Autobahn test suite, server node and client node; its verdicts go into summary.md.

    .venv/bin/python -m tests.conformance '7.*' 12.1.3     # only these cases, and no summary

Nearly all the time goes to wstest itself, in sections 12 and 13, which send 216,000 messages of up to 128 KiB per side.
"""

from __future__ import annotations

import datetime
import importlib.metadata
import platform
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.conformance import autobahn
from tests.conformance.verdicts import SECTIONS, Verdict, bad_ones, table
from tests.godot_process import LAUNCHER

SUMMARY = Path(__file__).parent / "summary.md"
SIDES: dict[str, Callable[..., list[Verdict]]] = {"server": autobahn.run_server, "client": autobahn.run_client}
# Seconds for one section, or for the cases asked for. Section 13 takes 8 minutes where wstest's Python has wsaccel, and
# several times as long where it has not.
TIMEOUT = 7200.0
# Cases between two lines of progress.
STEP = 10


def main(cases: Sequence[str]) -> int:
    """Test both sides at once; 1 unless every case is as it should be."""
    if autobahn.command() is None:
        say(f"error: {autobahn.HOW_TO_GET}")
        return 1
    groups: dict[str, Sequence[str]] = (
        {"some": cases} if cases else {f"{section}": [f"{section}.*"] for section in SECTIONS}
    )
    start = time.monotonic()
    with ThreadPoolExecutor() as threads:
        running = {side: threads.submit(run_groups, side, groups) for side in SIDES}
        sides = {side: future.result() for side, future in running.items()}
    if not cases:
        SUMMARY.write_text(summary(sides, (time.monotonic() - start) / 60), encoding="utf-8")
    print(table(sides), end="")
    bad = [f"{side} {line}" for side, verdicts in sides.items() for line in bad_ones(verdicts)]
    for line in bad:
        say(line)
    count = sum(map(len, sides.values()))
    say(f"{count - len(bad)} of {count} are OK or INFORMATIONAL; a page on each case: {autobahn.REPORTS}")
    return 1 if bad else 0


def run_groups(side: str, groups: dict[str, Sequence[str]]) -> list[Verdict]:
    """Test one side, group by group."""
    verdicts = []
    for name, cases in groups.items():
        verdicts += SIDES[side](cases, name, TIMEOUT, show_progress)
    return verdicts


def say(line: str) -> None:
    """Print one line."""
    print(f"conformance: {line}", flush=True)


def show_progress(side: str, case: str, begun: int, cases: int) -> None:
    """Say now and then how far a side has come."""
    if begun % STEP == 0 or begun == cases:
        say(f"{side}: case {case}, {begun} of {cases} ...")


def summary(sides: dict[str, list[Verdict]], minutes: float) -> str:
    """The page that is kept in the repository."""
    packages = f"websockets {importlib.metadata.version('websockets')}, zlib {zlib.ZLIB_RUNTIME_VERSION}"
    engine = subprocess.run([LAUNCHER, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    return f"""# Conformance

All cases of the [Autobahn test suite](https://github.com/crossbario/autobahn-testsuite) {autobahn.version()} against
the nodes in headless Godot. Written by `make conformance` on {datetime.date.today()}, after {minutes:.0f} minutes:
Godot {engine}, Python {platform.python_version()}, {packages}.

{table(sides)}
Other would be FAILED, NON-STRICT, UNCLEAN, WRONG CODE or UNIMPLEMENTED, for the messages or for the closing handshake.
Informational is what RFC 6455 leaves open.
"""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
