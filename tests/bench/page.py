"""Writes docs/performance.md and its charts from the results of a whole run."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path

from tests.bench import charts
from tests.bench.results import Result
from tests.bench.rows import GROWTH, SATURATED
from tests.bench.table import notes, table
from tests.godot_process import LAUNCHER, ROOT

PAGE = "docs/performance.md"
_IMAGES = "images"
_SPEED = "performance.svg"
_GROWTH = "performance-growth.svg"

_TEMPLATE = """\
# Performance

<!-- Written by `.venv/bin/python -m tests.bench --write`: change tests/bench/page.py, not this page. -->

Measured on {date}: {machine}; {versions}.

Our nodes and the engine's own `WebSocketPeer`, each in a headless Godot with the same GDScript: a handler that sends
back what the signal brings. Beside them two Python servers outside the engine, which have no game to serve.

![How many times better than Godot's WebSocketPeer]({images}/{speed})

{table}

Medians of {rounds} rounds, in brackets the least and the greatest. MB/s count one direction, 1 MB is 1,000,000 bytes.
A broadcast counts once for each peer that receives it.
{notes}
## Growth

What a message costs the server's main thread, when all connections send (100 messages in flight among them, or one
each), and when one sends 100 at a time and the others are idle.

![CPU time of a message against the number of connections]({images}/{growth})

{growth_table}

## Measure it yourself

```
make bench                                          # everything; takes about {minutes} minutes
.venv/bin/python -m tests.bench --rows echo32,idle  # one or more rows, by the names in the first column
.venv/bin/python -m tests.bench --write             # everything, and this page anew
```

- The load comes from a compiled program (`tests/bench/loadgen.c`) on the same machine, through the loopback interface.
  While it measures a rate it does not sleep: waking it up would be much of what is measured.
  A † stands where it was busy more than {saturated:.0%} of the time, and so was the limit.
- Two cores of a virtual machine may share a cache or not, and that may change while it runs. Large messages feel it: a
  bare TCP echo of the same load (no protocol, no engine) stands beside them as the most that the loopback carries.
  A ‡ stands where a target is missed by a server that is as fast as that.
- Each number is from a process of its own. The subjects take turns within a round, so that a slow moment of the machine
  meets them all.
- The engine pauses 6.9 ms between headless frames. Where throughput is measured, that pause is set to 1 µs on both
  sides; rows that say "engine defaults" keep it.
- The engine's peers get larger buffers in the rows of 64 KiB and 1 MiB: by default such messages do not fit.
- Except where 1,000 connections come at once, connections are opened eight at a time: the engine's backlog holds no
  more. What does not get in within {storm:g} s is not waited for; the number is then a bound (>).
- CPU is that of the main thread, where a row does not say that it is of all: what is sent to many at the end of a
  frame leaves on a thread of its own. Memory per connection is what the process grew by; the system's socket buffers
  are not in it.
"""


def write(results: Sequence[Result], rounds: int, storm: float, seconds: float) -> None:
    """Write the page and its charts, from a run of so many rounds and seconds."""
    page = ROOT / PAGE
    images = page.with_name(_IMAGES)
    images.mkdir(parents=True, exist_ok=True)
    page.write_text(text(results, rounds, storm, seconds), encoding="utf-8")
    images.joinpath(_SPEED).write_text(charts.speed(_table_rows(results)), encoding="utf-8")
    images.joinpath(_GROWTH).write_text(charts.growth(results), encoding="utf-8")


def text(results: Sequence[Result], rounds: int, storm: float, seconds: float) -> str:
    """The page."""
    below = "".join(f"\n{note}\n" for note in notes(results))
    return _TEMPLATE.format(
        date=date.today().isoformat(),
        machine=machine(),
        versions=_versions(),
        images=_IMAGES,
        speed=_SPEED,
        growth=_GROWTH,
        table=table(_table_rows(results)),
        growth_table=table([result for result in results if result.row in GROWTH.values()]),
        rounds=rounds,
        notes=below,
        minutes=max(1, round(seconds / 60)),
        saturated=SATURATED,
        storm=storm,
    )


def _table_rows(results: Sequence[Result]) -> list[Result]:
    return [result for result in results if result.row not in GROWTH.values()]


def machine() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    # ARM kernels name no model.
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    kernel = ".".join(platform.release().split(".")[:2])
    return f"{os.cpu_count()} cores, {models[0] if models else platform.machine()}, Linux {kernel}"


def _versions() -> str:
    godot = subprocess.run([LAUNCHER, "--headless", "--version"], capture_output=True, text=True, check=True).stdout
    packages = ", ".join(f"{name} {version(name)}" for name in ("picows", "websockets", "uvloop"))
    return f"Godot {godot.split()[-1]}, Python {platform.python_version()}, {packages}"
