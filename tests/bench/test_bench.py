"""Whether the measurements run and their table, charts and page come out. What they measure is never tested."""

from __future__ import annotations

import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest

from tests.bench import charts, page, subjects
from tests.bench.results import Result
from tests.bench.rows import GIVEN_UP, GROWTH, LOAD_BUSY, ROWS
from tests.bench.table import notes, number, ratio_text, table
from tests.godot_process import ROOT

ROW = {row.name: row for row in ROWS}


def rates(name: str, **values: list[float]) -> Result:
    """A result of a row with one metric."""
    key = ROW[name].metrics[0].key
    return Result(ROW[name], {subject: [{key: value} for value in rounds] for subject, rounds in values.items()})


def every_row() -> list[Result]:
    """A result for each row, of one round, in which ours is ten times the engine's."""
    factors = {
        subjects.OURS: 10.0,
        subjects.ENGINE: 1.0,
        subjects.PICOWS: 2.0,
        subjects.WEBSOCKETS: 0.5,
        subjects.LOOPBACK: 20.0,
    }
    return [
        Result(
            row,
            {
                subject: [{metric.key: factors[subject] / metric.scale for metric in row.metrics}]
                for subject in row.subjects
            },
        )
        for row in ROWS
    ]


def test_runs_a_row() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", "--quick", "--rows", "echo32"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    header, _, line = done.stdout.splitlines()[:3]
    cells = dict(zip(header.split("|"), line.split("|"), strict=True))
    for subject in subjects.ALL:
        value = next(cell for heading, cell in cells.items() if heading.strip() == subjects.TITLES[subject])
        assert re.match(r" [\d,]*[1-9][\d,]* ", value), done.stdout


def test_an_unknown_row_is_named() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", "--rows", "echo32,nonsense"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "no row nonsense" in done.stderr


@pytest.mark.parametrize(
    ("value", "shown"), [(0, "0"), (0.04567, "0.0457"), (6.9, "6.90"), (99.96, "100"), (123456.0, "123,000")]
)
def test_numbers_have_three_digits(value: float, shown: str) -> None:
    assert number(value) == shown


@pytest.mark.parametrize(("ratio", "shown"), [(None, ""), (7.54, "7.5 ×"), (0.9, "0.9 ×"), (0.05, "1/20.0")])
def test_ratios(ratio: float | None, shown: str) -> None:
    assert ratio_text(ratio) == shown


def test_medians_and_spread() -> None:
    line = table([rates("client", ours=[500, 400, 900], engine=[100, 100, 90])]).splitlines()[-1]
    assert "| 500 (400–900) | 5.0 × | ≥ 4 ×  |" in line
    assert "| 100 (90.0–100) " in line


@pytest.mark.parametrize(
    ("name", "ours", "others", "missed"),
    [
        ("echo32", 600, {"engine": 100}, False),
        ("echo32", 599, {"engine": 100}, True),
        ("echo32", 600, {"engine": 100, "picows": 601}, True),
        ("pingpong", 5, {"engine": 100}, False),
        ("pingpong", 6, {"engine": 100}, True),
        ("frame", 30, {"engine": 1}, False),
        ("frame", 31, {"engine": 100}, True),
    ],
)
def test_targets(name: str, ours: float, others: dict[str, float], missed: bool) -> None:
    result = rates(name, ours=[ours], **{subject: [value] for subject, value in others.items()})
    assert result.missed(ROW[name].metrics[0]) is missed


def test_a_measurement_that_was_given_up_is_a_bound() -> None:
    result = Result(
        ROW["storm"],
        {
            subjects.OURS: [{"seconds": 0.5, "open": 1000, GIVEN_UP: 0}],
            subjects.ENGINE: [{"seconds": 20, "open": 81, GIVEN_UP: 1}],
        },
    )
    seconds, opened = table([result]).splitlines()[2:]
    assert "| > 20.0 " in seconds
    assert "| < 1/40.0 " in seconds
    assert ">" not in opened


def test_the_limit_of_the_load_is_marked() -> None:
    result = Result(ROW["client"], {subjects.OURS: [{"rate": 5.0, LOAD_BUSY: 0.99}]})
    assert "5.00 †" in table([result])
    assert notes([result])[0].startswith("†")


@pytest.mark.parametrize(("most", "mark"), [(450e6, " (missed: ‡)"), (900e6, " (missed)")])
def test_what_misses_at_the_speed_of_bare_tcp_is_marked(most: float, mark: str) -> None:
    result = rates("echo64k", ours=[440e6], engine=[100e6], loopback=[most])
    assert f"| ≥ 5 ×, ≥ websockets{mark} " in table([result])
    assert any(note.startswith("‡") for note in notes([result])) is ("‡" in mark)


def test_a_failure_is_shown() -> None:
    result = rates("client", ours=[5], engine=[])
    result.failures[subjects.ENGINE] = "it broke"
    assert "| failed " in table([result])
    assert notes([result]) == ["client: Godot's WebSocketPeer failed: it broke"]


def test_the_page_has_every_row() -> None:
    text = page.text(every_row(), rounds=1, storm=20, seconds=600)
    for row in ROWS:
        assert f"| `{row.name}` " in text
    assert re.search(r"Measured on \d{4}-\d\d-\d\d: \d+ cores, .*; Godot 4\.", text)


def test_the_charts_are_drawings_of_every_row() -> None:
    results = every_row()
    drawing = charts.speed([result for result in results if result.row not in GROWTH.values()])
    texts = [element.text or "" for element in ET.fromstring(drawing).iter() if element.tag.endswith("text")]
    assert sum("10.0 ×" in text or "0.100 ×" in text for text in texts) == len(ROWS) - len(GROWTH)
    growth = ET.fromstring(charts.growth(results))
    assert len([element for element in growth.iter() if element.tag.endswith("polyline")]) == 2 * 4
