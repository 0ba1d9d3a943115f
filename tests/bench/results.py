"""Measures rows, round by round and subject by subject in turn, and what comes of it: medians, spreads, ratios."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from statistics import median

from tests.bench import subjects
from tests.bench.load import LoadError
from tests.bench.rows import GIVEN_UP, LOAD_BUSY, SATURATED, Metric, Row, Sample, Timing


@dataclass
class Result:
    """The samples of a row, one for each round, by subject."""

    row: Row
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    # Why a subject has no number, in one line.
    failures: dict[str, str] = field(default_factory=dict)

    def values(self, subject: str, metric: Metric) -> list[float]:
        """What was measured in each round, in the unit that is shown."""
        return [sample[metric.key] * metric.scale for sample in self.samples.get(subject, [])]

    def median(self, subject: str, metric: Metric) -> float | None:
        """The median of the rounds; None if there is none."""
        values = self.values(subject, metric)
        return median(values) if values and subject not in self.failures else None

    def ratio(self, metric: Metric, subject: str = subjects.OURS) -> float | None:
        """A subject's median over the engine's."""
        ours, engine = self.median(subject, metric), self.median(subjects.ENGINE, metric)
        return None if ours is None or not engine else ours / engine

    def missed(self, metric: Metric) -> bool:
        """Whether a target of the metric was measured and not reached."""
        ours = self.median(subjects.OURS, metric)
        others = ((target, self.median(target.other, metric)) for target in metric.targets)
        return ours is not None and any(
            other is not None and not target.is_met(ours, other) for target, other in others
        )

    def is_load_limited(self, subject: str) -> bool:
        """Whether the load generator was busy all the time, so that the subject may be faster than its number."""
        loads = [sample.get(LOAD_BUSY, 0.0) for sample in self.samples.get(subject, [])]
        return bool(loads) and median(loads) > SATURATED

    def is_loopback_limited(self, metric: Metric) -> bool:
        """Whether a target is missed by what is as fast as the machine without a protocol: no server could reach it."""
        ours, most = self.median(subjects.OURS, metric), self.median(subjects.LOOPBACK, metric)
        return self.missed(metric) and ours is not None and most is not None and ours > SATURATED * most

    def is_lower_bound(self, subject: str) -> bool:
        """Whether the measurement was given up, so that the number says `more than`."""
        return any(sample.get(GIVEN_UP) for sample in self.samples.get(subject, []))


def measure(row: Row, rounds: int, timing: Timing) -> Result:
    """Measure a row: in each round every subject, one after the other, so that a slow moment meets them all."""
    result = Result(row)
    for number in range(rounds):
        for subject in row.subjects:
            if number >= row.max_rounds.get(subject, rounds) or subject in result.failures:
                continue
            progress(f"{row.name}, round {number + 1} of {rounds}: {subjects.TITLES[subject]} ...")
            try:
                result.samples.setdefault(subject, []).append(row.measure(subject, timing))
            except (AssertionError, LoadError) as error:
                result.failures[subject] = " ".join(str(error).split("\n")[:2])
                progress(f"{row.name}: {subjects.TITLES[subject]} failed: {error}")
    return result


def progress(text: str) -> None:
    """Say what goes on, beside the table on standard output."""
    print(f"bench: {text}", file=sys.stderr, flush=True)
