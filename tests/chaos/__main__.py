"""`make chaos`: seeded runs of two games through broken links; a table of what came of them.

.venv/bin/python -m tests.chaos                  # 1,000 runs
.venv/bin/python -m tests.chaos --seed 17        # this one again: its plan, and what came of it
.venv/bin/python -m tests.chaos --runs 100 --first 2001
.venv/bin/python -m tests.chaos --write          # 1,000 runs, into docs/reliability.md
"""

from __future__ import annotations

import argparse
import sys
import time

from tests.chaos import plan, runs
from tests.load import page


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.chaos", description="Seeded runs through broken links.")
    parser.add_argument("--seed", type=int, help="this run only, with its plan")
    parser.add_argument("--runs", type=int, default=runs.RUNS, help=f"how many; default: {runs.RUNS}")
    parser.add_argument("--first", type=int, default=1, help="the seed of the first one; default: 1")
    parser.add_argument("--jobs", type=int, default=runs.JOBS, help=f"how many at once; default: {runs.JOBS}")
    parser.add_argument("--write", action="store_true", help=f"write {page.PAGE}")
    return parser.parse_args()


def main() -> int:
    """Let the runs take place; 1 where something is wrong."""
    arguments = _arguments()
    if arguments.seed is not None:
        print(plan.draw(arguments.seed))
        seeds: range = range(arguments.seed, arguments.seed + 1)
    else:
        seeds = range(arguments.first, arguments.first + arguments.runs)
    machine, begin = page.Machine(), time.monotonic()
    summary = runs.run_all(seeds, with_sessions=False, jobs=arguments.jobs)
    measured = page.Measured(runs.rows([summary]), machine.busy(), time.monotonic() - begin)
    print(page.section("runs", measured), flush=True)
    for seed, problems in sorted(summary.problems.items()):
        print(f"seed {seed}:", *problems, sep="\n    ")
    if arguments.write and summary.is_good:
        page.keep("runs", measured)
        page.write()
    return 0 if summary.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
