"""Measures this tree beside an older one in another folder, in turn: whether something became slower.

    git worktree add /tmp/before 91406af && make -C /tmp/before build
    .venv/bin/python -m tests.bench.before /tmp/before --rounds 7
    .venv/bin/python -m tests.bench.before /tmp/before --write     # into docs/reliability.md

Prints, for each row, the medians of both and the ratio, with the least and the greatest of the rounds; beside the rate
the CPU time of the server's main thread per message, which another program on the machine disturbs less.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from tests import reliability
from tests.bench.results import progress
from tests.bench.subjects import OURS
from tests.godot_process import ROOT

TITLE = "As fast as before"
TEXT = """
Whether all that a server and a client have of limits, sessions and the like costs speed, each at its default: this
version beside an older one, of before it (91406af if nothing else is said), in turn, each in a headless game of its
own, with the load generator of `make bench`. The ratio is the median of the rounds, with the least and the greatest;
the CPU time is that of the server's main thread, which other work on the machine disturbs less. Wanted: a rate of
0.95 × of before, or more.
"""
_HEADER = ("", "before", "now", "now ÷ before")
_UNITS = {"rate": "messages/s", "cpu_per_message": "µs of CPU a message"}

# Those that an issue asked to stay as fast, by what is better high.
_ROWS = {"echo32": "rate", "echo32x50": "rate", "text32": "rate", "client": "rate", "broadcast": "rate"}
_CPU = "cpu_per_message"

# Runs in either tree: its own load generator and programs count.
_PROGRAM = f"""
import json, sys
from tests.bench import __main__ as bench
from tests.bench.rows import NORMAL, ROWS
bench._prepare()
(row,) = [row for row in ROWS if row.name == sys.argv[1]]
print(json.dumps(row.measure({OURS!r}, NORMAL)))
"""


def _sample(tree: Path, row: str) -> dict[str, float]:
    done = subprocess.run(
        [str(tree / ".venv/bin/python"), "-c", _PROGRAM, row], cwd=tree, capture_output=True, text=True, check=True
    )
    sample: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return sample


def _line(name: str, before: list[float], now: list[float]) -> str:
    ratios = sorted(one / other for one, other in zip(now, before, strict=True))
    return (
        f"{name:24} before {median(before):12.4g}  now {median(now):12.4g}  "
        f"now/before {median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f})"
    )


def _cells(name: str, before: list[float], now: list[float]) -> list[str]:
    """As _line(), a row of the page's table."""
    row, _, key = name.partition(" ")
    ratios = sorted(one / other for one, other in zip(now, before, strict=True))
    shown = [f"{median(values):,.0f}" if key == "rate" else f"{median(values):.2f}" for values in (before, now)]
    return [f"`{row}`: {_UNITS.get(key, key)}", *shown, f"{median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="tests.bench.before", description=__doc__.partition("\n")[0])
    parser.add_argument("before", type=Path, help="the folder of the older tree, built")
    parser.add_argument("--rows", default=",".join(_ROWS), help="of those of tests.bench; default: %(default)s")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help=f"write {reliability.PAGE}")
    arguments = parser.parse_args()
    machine, begin = reliability.Machine(), time.monotonic()
    rows: list[list[str]] = []
    trees = (arguments.before.resolve(), ROOT)
    for row in arguments.rows.split(","):
        samples: list[list[dict[str, float]]] = [[], []]
        for number in range(arguments.rounds):
            progress(f"{row}, round {number + 1} of {arguments.rounds} ...")
            for tree, of_tree in zip(trees, samples, strict=True):
                of_tree.append(_sample(tree, row))
        for key in samples[0][0]:
            if key in (_ROWS.get(row), _CPU) or row not in _ROWS:
                before, now = ([sample[key] for sample in of_tree] for of_tree in samples)
                print(_line(f"{row} {key}", before, now), flush=True)
                rows.append(_cells(f"{row} {key}", before, now))
    if arguments.write:
        measured = reliability.Measured([_HEADER, *rows], machine.busy(), time.monotonic() - begin)
        reliability.keep("before", reliability.section("before", sys.modules[__name__], measured))
        reliability.write()


if __name__ == "__main__":
    main()
