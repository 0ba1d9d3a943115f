"""`make load`: what the nodes stand, for how long, and what it costs.

.venv/bin/python -m tests.load                  # everything, as tables
.venv/bin/python -m tests.load crowd threads    # some of it
.venv/bin/python -m tests.load --quick          # briefly: whether it works, no numbers to quote
.venv/bin/python -m tests.load --write          # everything, into docs/reliability.md
.venv/bin/python -m tests.load --write crowd    # this anew, and the page with what was measured before of the others
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Sequence
from typing import Protocol

from tests import reliability
from tests.bench import load
from tests.load import beside, crowd, late_state, passing, recovery, stall, stalled_peer, threads


class Measurement(reliability.Subject, Protocol):
    """A module of this folder, which measures one subject."""

    def measure(self, scale: float, /) -> Sequence[Sequence[str]]: ...


MEASUREMENTS: dict[str, Measurement] = {
    "crowd": crowd,
    "passing": passing,
    "beside": beside,
    "stalled_peer": stalled_peer,
    "late_state": late_state,
    "stall": stall,
    "threads": threads,
    "recovery": recovery,
}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.load", description="Measure what the nodes stand.")
    parser.add_argument("names", nargs="*", choices=[[], *MEASUREMENTS], help="what to measure; default: everything")
    parser.add_argument("--quick", action="store_true", help="a tenth of the size, or less")
    parser.add_argument("--write", action="store_true", help=f"write {reliability.PAGE}")
    arguments = parser.parse_args()
    if arguments.write and arguments.quick:
        parser.error("--write is for a whole run: without --quick")
    return arguments


def main() -> None:
    """Measure one after the other, print the tables, write the page if asked to."""
    arguments = _arguments()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # Inherited by all that is started.
    load.compile_program()
    for name in arguments.names or MEASUREMENTS:
        subject, machine, start = MEASUREMENTS[name], reliability.Machine(), time.monotonic()
        rows = subject.measure(0.05 if arguments.quick else 1.0)
        measured = reliability.Measured(rows, machine.busy(), time.monotonic() - start)
        section = reliability.section(name, subject, measured)
        print(section, flush=True)
        if not arguments.quick:
            reliability.keep(name, section)
    if arguments.write:
        reliability.write()


if __name__ == "__main__":
    main()
