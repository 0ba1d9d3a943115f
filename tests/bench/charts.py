"""The two charts: how many times better than the engine's WebSocketPeer, and how the cost of a message grows."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, log10

from tests.bench import subjects, svg
from tests.bench.results import Result
from tests.bench.rows import GROWTH, Against, Metric
from tests.bench.table import number

_COLOURS = {
    subjects.OURS: "#2f6fde",
    subjects.ENGINE: "#8c6d46",
    subjects.PICOWS: "#3fa47a",
    subjects.WEBSOCKETS: "#b9c2cc",
}
_WIDTH = 860
_MARGIN = 20


class _LogScale:
    """Places values on an axis of powers of ten."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        self._low, self._high = floor(log10(min(values))), max(ceil(log10(max(values))), floor(log10(min(values))) + 1)
        self._start, self._end = start, end

    def __call__(self, value: float) -> float:
        part = (log10(value) - self._low) / (self._high - self._low)
        return self._start + part * (self._end - self._start)

    @property
    def powers(self) -> list[float]:
        return [10.0**exponent for exponent in range(self._low, self._high + 1)]


# ------------------------------------------------------------------------------------------------------------- speed

_BAR = 13
_GAP = 16
_LABELS = 370
_TOP = 84


def speed(results: Sequence[Result]) -> str:
    """A group of bars for each row, of its first metric: how many times better a subject is than the engine's."""
    bars = {id(result): _better(result) for result in results}
    drawn = [result for result in results if bars[id(result)]]
    scale = _LogScale(
        [1, *(value for group in bars.values() for value in group.values())], _LABELS, _WIDTH - _MARGIN - 50
    )
    shapes, y = [], float(_TOP)
    for result in drawn:
        group = bars[id(result)]
        height = len(group) * _BAR
        shapes.append(svg.text(_LABELS - 10, y + height / 2 + 4, _short_title(result), anchor="end"))
        for place, (subject, value) in enumerate(group.items()):
            target = _target(result) if subject == subjects.OURS else None
            shapes += _bar(scale, y + place * _BAR, value, _COLOURS[subject], target, _times(result, value))
        y += height + _GAP
    grid = [shape for power in scale.powers for shape in _times_line(scale(power), power, y)]
    title = "How many times better than Godot's WebSocketPeer"
    return svg.document(_WIDTH, y + _MARGIN, title, [*_speed_head(title), *grid, *shapes])


def _better(result: Result) -> dict[str, float]:
    metric = result.row.metrics[0]
    found = {}
    for subject in subjects.ALL:
        ratio = result.ratio(metric, subject)
        if subject != subjects.ENGINE and ratio:
            found[subject] = ratio if metric.is_better_high else 1 / ratio
    return found


def _target(result: Result) -> float | None:
    """The target against the engine as a multiple."""
    for target in result.row.metrics[0].targets:
        if target.other == subjects.ENGINE and target.against is not Against.AT_MOST:
            return target.number
    return None


def _short_title(result: Result) -> str:
    metric = result.row.metrics[0]
    title = result.row.title.replace("`", "").replace(", engine defaults", "")
    return f"{title} ({metric.title.split(',')[0]})" if metric.title == "main thread's CPU" else title


def _bar(scale: _LogScale, y: float, value: float, colour: str, target: float | None, label: str) -> list[str]:
    one, end = scale(1), scale(value)
    shapes = [svg.box(min(one, end), y + 1, max(abs(end - one), 1), _BAR - 2, colour)]
    beside = max(one, end)
    if target is not None:
        x = scale(target)
        shapes.append(svg.line(x, y - 3, x, y + _BAR + 1, svg.INK, 2))
        beside = max(beside, x) if value <= target else beside
    return [*shapes, svg.text(beside + 5, y + _BAR - 2, label, fill=svg.MUTED)]


def _times(result: Result, value: float) -> str:
    return f"{'> ' if result.is_lower_bound(subjects.ENGINE) else ''}{number(value)} ×"


def _times_line(x: float, power: float, bottom: float) -> list[str]:
    colour = svg.INK if power == 1 else svg.FAINT
    return [
        svg.line(x, _TOP - 8, x, bottom - _GAP + 8, colour),
        svg.text(x, _TOP - 14, f"{power:g} ×", anchor="middle", fill=svg.MUTED),
    ]


def _speed_head(title: str) -> list[str]:
    shapes = [svg.text(_MARGIN, 26, title, weight="bold")]
    x = float(_MARGIN)
    for subject in (subjects.OURS, subjects.PICOWS, subjects.WEBSOCKETS):
        shapes += [svg.box(x, 38, 12, 12, _COLOURS[subject]), svg.text(x + 18, 49, subjects.TITLES[subject])]
        x += 150
    return [*shapes, svg.line(x + 16, 37, x + 16, 51, svg.INK, 2), svg.text(x + 24, 49, "target for ws_python")]


# ------------------------------------------------------------------------------------------------------------ growth

_GROWTH_HEIGHT = 420
_LEFT, _RIGHT, _GROWTH_TOP, _BOTTOM = 64, 610, 56, 368


def growth(results: Sequence[Result]) -> str:
    """The cost of a message over the number of connections, of ours and of the engine's, active and idle."""
    by_name = {result.row.name: result for result in results}
    measured = {connections: by_name[row.name] for connections, row in GROWTH.items() if row.name in by_name}
    lines = {
        (subject, metric.key): _points(measured, subject, metric)
        for subject in subjects.IN_GODOT
        for metric in GROWTH[1].metrics
    }
    drawn = {key: points for key, points in lines.items() if points}
    x = _LogScale(list(GROWTH), _LEFT, _RIGHT)
    y = _LogScale([cost for points in drawn.values() for _, cost in points], _BOTTOM, _GROWTH_TOP)
    title = "CPU time of a message against the number of connections"
    shapes = [svg.text(_MARGIN, 26, title, weight="bold"), *_growth_grid(x, y)]
    titles = {metric.key: metric.title for metric in GROWTH[1].metrics}
    for place, ((subject, key), points) in enumerate(drawn.items()):
        at = [(x(connections), y(cost)) for connections, cost in points]
        shapes.append(svg.polyline(at, _COLOURS[subject], dashed=key == "idle"))
        shapes += _growth_key(_GROWTH_TOP + 14 + 46 * place, subject, key, titles[key])
    return svg.document(_WIDTH, _GROWTH_HEIGHT, title, shapes)


def _points(measured: dict[int, Result], subject: str, metric: Metric) -> list[tuple[int, float]]:
    found = ((connections, result.median(subject, metric)) for connections, result in measured.items())
    return [(connections, cost) for connections, cost in found if cost]


def _growth_grid(x: _LogScale, y: _LogScale) -> list[str]:
    shapes = [svg.text((_LEFT + _RIGHT) / 2, _BOTTOM + 40, "connections", anchor="middle", fill=svg.MUTED)]
    for power in y.powers:
        shapes.append(svg.line(_LEFT, y(power), _RIGHT, y(power)))
        shapes.append(svg.text(_LEFT - 8, y(power) + 4, f"{power:g} µs", anchor="end", fill=svg.MUTED))
    for connections in GROWTH:
        shapes.append(svg.line(x(connections), _GROWTH_TOP, x(connections), _BOTTOM))
        shapes.append(svg.text(x(connections), _BOTTOM + 20, f"{connections:,}", anchor="middle", fill=svg.MUTED))
    return shapes


def _growth_key(y: float, subject: str, key: str, title: str) -> list[str]:
    left = _RIGHT + 16
    return [
        svg.polyline([(left, y - 4), (left + 34, y - 4)], _COLOURS[subject], dashed=key == "idle"),
        svg.text(left + 44, y, subjects.TITLES[subject]),
        svg.text(left + 44, y + 17, title, fill=svg.MUTED),
    ]
