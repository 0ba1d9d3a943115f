"""The table of results: Markdown whose columns are aligned, for the terminal and for the page."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, log10

from tests.bench import subjects
from tests.bench.results import Result
from tests.bench.rows import Metric

_LOAD_LIMITED = "†"
_LOOPBACK_LIMITED = "‡"
_HEADINGS = (
    "row",
    "workload",
    "unit",
    subjects.TITLES[subjects.ENGINE],
    subjects.TITLES[subjects.OURS],
    "ratio",
    "target",
    subjects.TITLES[subjects.PICOWS],
    subjects.TITLES[subjects.WEBSOCKETS],
    subjects.TITLES[subjects.LOOPBACK],
)
_DIGITS = 3


def table(results: Sequence[Result]) -> str:
    """Each metric of each row a line: medians, in brackets the least and the greatest of the rounds."""
    lines = [_line(result, metric) for result in results for metric in result.row.metrics]
    used = [index for index in range(len(_HEADINGS)) if any(line[index] for line in lines)]
    cells = [[line[index] for index in used] for line in (_HEADINGS, *lines)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(used))]
    cells.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in cells
    )


def notes(results: Sequence[Result]) -> list[str]:
    """What has to be said below the table."""
    found = []
    if any(result.is_load_limited(subject) for result in results for subject in result.samples):
        found.append(f"{_LOAD_LIMITED} The load generator was the limit: the subject may be faster.")
    if any(result.is_loopback_limited(metric) for result in results for metric in result.row.metrics):
        found.append(f"{_LOOPBACK_LIMITED} As fast as bare TCP in the same run: this machine's loopback was the limit.")
    found += [
        f"{result.row.name}: {subjects.TITLES[subject]} failed: {reason}"
        for result in results
        for subject, reason in result.failures.items()
    ]
    return found


def number(value: float) -> str:
    """A number with three significant digits and thousands separators."""
    if value == 0:
        return "0"
    rounded = float(f"{value:.{_DIGITS - 1}e}")
    return f"{rounded:,.{max(_DIGITS - 1 - floor(log10(abs(rounded))), 0)}f}"


def ratio_text(ratio: float | None) -> str:
    """`7.5 ×`, or `1/20` for less than a half."""
    if ratio is None:
        return ""
    return f"{ratio:.1f} ×" if ratio > 0.5 else f"1/{number(1 / ratio)}" if ratio > 0 else "0"


def _line(result: Result, metric: Metric) -> tuple[str, ...]:
    row = result.row
    title = f"{row.title}: {metric.title}" if metric.title else row.title
    return (
        f"`{row.name}`",
        title,
        metric.unit,
        _value(result, subjects.ENGINE, metric),
        _value(result, subjects.OURS, metric),
        _ratio(result, metric),
        _targets(result, metric),
        _value(result, subjects.PICOWS, metric),
        _value(result, subjects.WEBSOCKETS, metric),
        _value(result, subjects.LOOPBACK, metric),
    )


def _value(result: Result, subject: str, metric: Metric) -> str:
    middle = result.median(subject, metric)
    if middle is None:
        return "failed" if subject in result.failures else ""
    values = result.values(subject, metric)
    spread = f" ({number(min(values))}–{number(max(values))})" if len(values) > 1 else ""
    more_than = "> " if result.is_lower_bound(subject) and not metric.is_better_high else ""
    mark = f" {_LOAD_LIMITED}" if result.is_load_limited(subject) else ""
    return f"{more_than}{number(middle)}{spread}{mark}"


def _ratio(result: Result, metric: Metric) -> str:
    text = ratio_text(result.ratio(metric))
    return f"< {text}" if text and result.is_lower_bound(subjects.ENGINE) and not metric.is_better_high else text


def _targets(result: Result, metric: Metric) -> str:
    text = ", ".join(str(target) for target in metric.targets)
    if result.is_loopback_limited(metric):
        return f"{text} (missed: {_LOOPBACK_LIMITED})"
    return f"{text} (missed)" if result.missed(metric) else text
