"""What can be measured, and docs/reliability.md, written from what was measured last of each."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Protocol

from tests.bench.page import machine
from tests.chaos import runs
from tests.chaos import soak as hours
from tests.godot_process import ROOT
from tests.load import beside, crowd, late_state, passing, recovery, stall, stalled_peer, threads

PAGE = "docs/reliability.md"
_KEPT = ROOT / "build" / "load"

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
.venv/bin/python -m tests.load crowd threads     # some of it: {names}
.venv/bin/python -m tests.load --write           # everything, and this page anew
make chaos                                       # `runs`; for this page .venv/bin/python -m tests.chaos --write
make soak HOURS=8                                # `hours`; for this page .venv/bin/python -m tests.chaos.soak --write
```

What attacks in other ways, and passes or fails, is in `tests/chaos` (a part of `make test`, at full size `make chaos`);
inputs made by coverage are in `tests/fuzz` (`make fuzz`).
"""


class Subject(Protocol):
    """A module that has measured one."""

    @property
    def TITLE(self) -> str: ...
    @property
    def TEXT(self) -> str: ...


class Measurement(Subject, Protocol):
    """A module of this folder that measures one subject."""

    def measure(self, scale: float, /) -> Rows: ...


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
# What takes long, and is measured by a program of its own.
SUBJECTS: dict[str, Subject] = {**MEASUREMENTS, "runs": runs, "hours": hours}


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
    """The rows of a table, the header first; how busy the machine was meanwhile; how long it took, in s."""

    rows: Rows
    busy: tuple[float, float]
    seconds: float
    day: str = field(default_factory=lambda: date.today().isoformat())


def table(rows: Rows) -> str:
    """Rows as a table of Markdown."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * len(rows[0]), *lines[1:]])


def section(name: str, measured: Measured) -> str:
    """What the page says of one measurement."""
    subject = SUBJECTS[name]
    busy, others = measured.busy
    return (
        f"## {subject.TITLE}\n\n{subject.TEXT.strip()}\n\n{table(measured.rows)}\n\n"
        f"On {measured.day}, in {measured.seconds / 60:.1f} minutes (`{name}`). The processors were busy {busy:.0%} of "
        f"the time, {others:.0%} with other work.\n"
    )


def keep(name: str, measured: Measured) -> None:
    """Keep it for the page."""
    _KEPT.mkdir(parents=True, exist_ok=True)
    (_KEPT / f"{name}.json").write_text(json.dumps(asdict(measured)))


def write() -> None:
    """Write the page from all that was kept."""
    kept = {name: _KEPT / f"{name}.json" for name in SUBJECTS}
    measured = {name: Measured(**json.loads(path.read_text())) for name, path in kept.items() if path.exists()}
    sections = "\n".join(section(name, result) for name, result in measured.items())
    text = _TEMPLATE.format(machine=machine(), sections=sections, names=", ".join(f"`{name}`" for name in MEASUREMENTS))
    (ROOT / PAGE).write_text(text, encoding="utf-8")
