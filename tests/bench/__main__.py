"""`make bench`: our nodes, the engine's WebSocketPeer and others outside the engine, measured side by side.

.venv/bin/python -m tests.bench                     # everything, as a table
.venv/bin/python -m tests.bench --rows echo32,idle  # some rows
.venv/bin/python -m tests.bench --quick             # once and briefly: whether it works, no numbers to quote
.venv/bin/python -m tests.bench --write             # everything, into docs/performance.md
"""

from __future__ import annotations

import argparse
import resource
import sys
import time

from tests.bench import load, page
from tests.bench.results import measure
from tests.bench.rows import NORMAL, QUICK, ROWS, Row
from tests.bench.table import notes, table

_ROUNDS = 5


def _rows(text: str) -> list[Row]:
    known = {row.name: row for row in ROWS}
    names = text.split(",")
    if unknown := [name for name in names if name not in known]:
        raise argparse.ArgumentTypeError(f"no row {', '.join(unknown)}; there are {', '.join(known)}")
    return [known[name] for name in names]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.bench", description="Measure our nodes beside others.")
    parser.add_argument("--rows", type=_rows, metavar="NAME,...", help=f"of {', '.join(row.name for row in ROWS)}")
    parser.add_argument("--rounds", type=int, help=f"how often to measure each; default: {_ROUNDS}, with --quick 1")
    parser.add_argument("--quick", action="store_true", help="measure briefly, in less than a minute")
    parser.add_argument("--write", action="store_true", help=f"write {page.PAGE} and its charts")
    arguments = parser.parse_args()
    if arguments.write and (arguments.rows or arguments.quick):
        parser.error("--write is for a whole run: without --rows and --quick")
    return arguments


def _prepare() -> None:
    # 5,000 connections, inherited by all that is started; the usual limit is 1,024 files.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    load.compile_program()


def main() -> int:
    """Measure, print the table, write the page if asked to; fail if a measurement failed."""
    arguments = _arguments()
    _prepare()
    start = time.monotonic()
    rows = arguments.rows or [row for row in ROWS if row.is_quick or not arguments.quick]
    rounds = arguments.rounds or (1 if arguments.quick else _ROUNDS)
    timing = QUICK if arguments.quick else NORMAL
    results = [measure(row, rounds, timing) for row in rows]
    print("\n".join([table(results), *notes(results)]))
    if arguments.write:
        page.write(results, rounds, timing.storm, time.monotonic() - start)
    return int(any(result.failures for result in results))


if __name__ == "__main__":
    sys.exit(main())
