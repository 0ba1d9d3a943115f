"""docs/reliability.md, written from what was measured last of each subject: by `make load`, `make chaos`, `make soak`,
`make fuzz`, tests/chaos/restarts.py and tests/bench/before.py.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from statistics import fmean, linear_regression
from typing import Protocol

from tests.bench.page import machine
from tests.godot_process import ROOT

PAGE = "docs/reliability.md"
_KEPT = ROOT / "build" / "load"
# The sections in the order of the page: the first are measured by `make load`.
NAMES = (
    *("crowd", "passing", "beside", "stalled_peer", "late_state", "stall", "threads", "recovery"),
    *("before", "runs", "restarts", "hours", "fuzz"),
)

Rows = Sequence[Sequence[str]]

_TEMPLATE = """\
# Reliability

<!-- Written by `.venv/bin/python -m tests.load --write`: change tests/load, not this page. -->

Measured on {machine}. Servers and players are headless Godot games with the nodes at their defaults, if nothing else is
said; what attacks them are raw sockets. All of it shares this machine through the loopback interface, and the machine
is a virtual one that other work shares, too: below each table stands how busy its processors were on the whole, and how
much of that was the other work's. Where that is much, the times are those of a process that gets a small part of a
processor; counts, memory and rates do not depend on it.

{sections}
## Measure it yourself

```
make load                                        # everything
.venv/bin/python -m tests.load crowd threads     # some of it
.venv/bin/python -m tests.load --write           # everything, and this page anew
make chaos                                       # `runs`; for this page .venv/bin/python -m tests.chaos --write
.venv/bin/python -m tests.chaos.restarts         # `restarts`; for this page with --write
make soak HOURS=8                                # `hours`; for this page .venv/bin/python -m tests.chaos.soak --write
make fuzz                                        # `fuzz`; for this page .venv/bin/python -m tests.fuzz --write
.venv/bin/python -m tests.bench.before /tmp/before --write    # `before`: see the file for how to make that folder
```

What attacks in other ways, and passes or fails, is in `tests/chaos` (a part of `make test`, at full size `make chaos`);
inputs made by coverage are in `tests/fuzz` (`make fuzz`).
"""


class Subject(Protocol):
    """The module that measures one."""

    @property
    def TITLE(self) -> str: ...
    @property
    def TEXT(self) -> str: ...


class Machine:
    """How busy the machine is from now on, with what this process and its children do and with the rest."""

    def __init__(self) -> None:
        self._start = self._times()

    def busy(self) -> tuple[float, float]:
        """How much of all processors was used, and by others; from 0 to 1."""
        total, busy, own = (now - before for now, before in zip(self._times(), self._start, strict=True))
        return busy / total, max(0.0, busy - own) / total

    @staticmethod
    def _times() -> tuple[float, float, float]:
        ticks = os.sysconf("SC_CLK_TCK")
        with open("/proc/stat") as stat:
            user, nice, system, idle, iowait, irq, softirq, steal = map(int, stat.readline().split()[1:9])
        busy = user + nice + system + irq + softirq + steal
        own = os.times()
        return (busy + idle + iowait) / ticks, busy / ticks, sum(own[:4])


@dataclass
class Measured:
    """The rows of a table, the header first; how busy the machine was meanwhile, if known; how long it took, in s."""

    rows: Rows
    busy: tuple[float, float] | None
    seconds: float
    day: str = field(default_factory=lambda: date.today().isoformat())


def table(rows: Rows) -> str:
    """Rows as a table of Markdown."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * len(rows[0]), *lines[1:]])


def section(name: str, subject: Subject, measured: Measured) -> str:
    """What the page says of one measurement."""
    load = ""
    if measured.busy is not None:
        busy, others = measured.busy
        load = f" The processors were busy {busy:.0%} of the time, {others:.0%} with other work."
    return (
        f"## {subject.TITLE}\n\n{subject.TEXT.strip()}\n\n{table(measured.rows)}\n\n"
        f"On {measured.day}, in {measured.seconds / 60:.1f} minutes (`{name}`).{load}\n"
    )


def keep(name: str, text: str) -> None:
    """Keep a section for the page."""
    _KEPT.mkdir(parents=True, exist_ok=True)
    (_KEPT / f"{name}.md").write_text(text)


def write() -> None:
    """Write the page from all that was kept."""
    kept = [path.read_text() for path in (_KEPT / f"{name}.md" for name in NAMES) if path.exists()]
    (ROOT / PAGE).write_text(_TEMPLATE.format(machine=machine(), sections="\n".join(kept)))


def slope(xs: Sequence[float], ys: Sequence[float]) -> tuple[float, float]:
    """That of the straight line through these points, and its standard error."""
    line = linear_regression(xs, ys)
    rest = sum((y - line.intercept - line.slope * x) ** 2 for x, y in zip(xs, ys, strict=True)) / (len(xs) - 2)
    return line.slope, math.sqrt(rest / sum((x - fmean(xs)) ** 2 for x in xs))
