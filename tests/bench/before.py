"""Measures this tree beside an older one in another folder, in turn: whether something became slower.

    git worktree add /tmp/before 91406af && make -C /tmp/before build
    .venv/bin/python -m tests.bench.before /tmp/before --rounds 7

Prints, for each row, the medians of both and the ratio, with the least and the greatest of the rounds; beside the rate
the CPU time of the server's main thread per message, which another program on the machine disturbs less.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path
from statistics import median

from tests.bench.results import progress
from tests.bench.subjects import OURS
from tests.godot_process import ROOT

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


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="tests.bench.before", description=__doc__.partition("\n")[0])
    parser.add_argument("before", type=Path, help="the folder of the older tree, built")
    parser.add_argument("--rows", default=",".join(_ROWS), help="of those of tests.bench; default: %(default)s")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    trees = (arguments.before.resolve(), ROOT)
    for row in arguments.rows.split(","):
        samples: list[list[dict[str, float]]] = [[], []]
        for number in range(arguments.rounds):
            progress(f"{row}, round {number + 1} of {arguments.rounds} ...")
            for tree, of_tree in zip(trees, samples, strict=True):
                of_tree.append(_sample(tree, row))
        for key in samples[0][0]:
            if key in (_ROWS.get(row), _CPU) or row not in _ROWS:
                print(_line(f"{row} {key}", *([sample[key] for sample in of_tree] for of_tree in samples)), flush=True)


if __name__ == "__main__":
    main()
