"""`make chaos`: seeded runs of two games through broken links; a table of what came of them.

.venv/bin/python -m tests.chaos                  # 1,000 runs with sessions, and 200 without
.venv/bin/python -m tests.chaos --seed 17        # this one again: its plan, and what came of it
.venv/bin/python -m tests.chaos --seed 17 --plain
.venv/bin/python -m tests.chaos --runs 100 --first 2001
.venv/bin/python -m tests.chaos --write          # all, into docs/reliability.md
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Iterator

from tests import reliability
from tests.chaos import plan, runs

RUNS = 1000
# Of so many with sessions, there is one without.
PLAIN_PART = 5


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.chaos", description="Seeded runs through broken links.")
    parser.add_argument("--seed", type=int, help="this run only, with its plan")
    parser.add_argument("--runs", type=int, default=RUNS, help=f"how many with sessions; default: {RUNS:,}")
    parser.add_argument("--first", type=int, default=1, help="the seed of the first one; default: 1")
    parser.add_argument("--plain", action="store_true", help="without sessions only")
    parser.add_argument("--jobs", type=int, default=runs.JOBS, help=f"how many at once; default: {runs.JOBS}")
    parser.add_argument("--write", action="store_true", help=f"write {reliability.PAGE}")
    return parser.parse_args()


def _summaries(arguments: argparse.Namespace) -> Iterator[runs.Summary]:
    first, count = arguments.first, arguments.runs
    if arguments.seed is not None:
        print(plan.draw(arguments.seed, with_sessions=not arguments.plain))
        first, count = arguments.seed, 1
    if not arguments.plain:
        yield runs.run_all(range(first, first + count), with_sessions=True, jobs=arguments.jobs)
        count //= PLAIN_PART
    if count:
        yield runs.run_all(range(first, first + count), with_sessions=False, jobs=arguments.jobs)


def main() -> int:
    """Let the runs take place; 1 where something is wrong."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    arguments = _arguments()
    machine, begin = reliability.Machine(), time.monotonic()
    summaries = list(_summaries(arguments))
    measured = reliability.Measured(runs.rows(summaries), machine.busy(), time.monotonic() - begin)
    section = reliability.section("runs", runs, measured)
    print(section, flush=True)
    for summary in summaries:
        for seed, problems in sorted(summary.problems.items()):
            print(f"seed {seed}{'' if summary.with_sessions else ' --plain'}:", *problems, sep="\n    ")
    are_good = all(summary.is_good for summary in summaries)
    if arguments.write and are_good:
        reliability.keep("runs", section)
        reliability.write()
    return 0 if are_good else 1


if __name__ == "__main__":
    sys.exit(main())
