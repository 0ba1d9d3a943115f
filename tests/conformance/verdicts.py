"""The Autobahn test suite's verdicts on its cases: read from its report, judged, and counted in a table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SECTIONS = {
    1: "Framing",
    2: "Pings and pongs",
    3: "Reserved bits",
    4: "Opcodes",
    5: "Fragmentation",
    6: "UTF-8",
    7: "Closing handshake",
    9: "Limits and performance",
    10: "Auto-fragmentation",
    12: "Compression: messages of all sizes",
    13: "Compression: all parameters",
}
# Not among them: FAILED, NON-STRICT, UNCLEAN, WRONG CODE, and UNIMPLEMENTED.
GOOD = ("OK", "INFORMATIONAL")


@dataclass(frozen=True)
class Verdict:
    """One case: how the messages went, and how the connection was closed."""

    case: str
    behaviour: str
    closing: str

    @property
    def section(self) -> int:
        """The first part of the case's number."""
        return int(self.case.partition(".")[0])

    @property
    def is_good(self) -> bool:
        """Whether both were as they should be."""
        return self.behaviour in GOOD and self.closing in GOOD

    def __str__(self) -> str:
        return f"{self.case}: {self.behaviour}, closing: {self.closing}"


def read_verdicts(index: Path) -> list[Verdict]:
    """What wstest's index.json says of the one agent in it, in the order of the cases."""
    (cases,) = json.loads(index.read_text(encoding="utf-8")).values()
    verdicts = [Verdict(case, entry["behavior"], entry["behaviorClose"]) for case, entry in cases.items()]
    return sorted(verdicts, key=lambda verdict: [int(part) for part in verdict.case.split(".")])


def bad_ones(verdicts: Sequence[Verdict]) -> list[str]:
    """Those that are not good, one line each."""
    return [str(verdict) for verdict in verdicts if not verdict.is_good]


def table(sides: Mapping[str, Sequence[Verdict]]) -> str:
    """Counts of each section and side, in Markdown."""
    head = ["Section", "Cases", *(f"{side}: {name}" for side in sides for name in ("OK", "informational", "other"))]
    lines = [head, ["---", *["---:"] * (len(head) - 1)]]
    every = [verdict for verdicts in sides.values() for verdict in verdicts]
    for section in sorted({verdict.section for verdict in every}):
        of_sides = [[verdict for verdict in verdicts if verdict.section == section] for verdicts in sides.values()]
        lines.append([f"{section} {SECTIONS[section]}", *_counts(of_sides)])
    lines.append(["All", *_counts(sides.values())])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _counts(sides: Iterable[Sequence[Verdict]]) -> list[str]:
    sides = list(sides)
    counts = [len(max(sides, key=len))]
    for verdicts in sides:
        good = [verdict for verdict in verdicts if verdict.is_good]
        informational = sum("INFORMATIONAL" in (verdict.behaviour, verdict.closing) for verdict in good)
        counts += [len(good) - informational, informational, len(verdicts) - len(good)]
    return [str(count) for count in counts]
