"""The statistics of all nodes together as custom monitors of Godot's Performance: the Monitors tab, under WebSocket.

They are there from when the first node listens or connects. What freed nodes have done stays counted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pythonscript import call_at_shutdown, godot
from ws_python.features.statistics import Past, Record, summary

_PREFIX = "WebSocket/"

_watched: dict[Record, None] = {}
_past = Past()
# The figures of one frame: each monitor asks for one of them.
_figures: dict[str, Any] = {}
_frame = -1


def watch(node: Record) -> None:
    """Count a node in."""
    if not _watched and not _is_shown():
        names = [name for name, value in summary([node]).items() if isinstance(value, (int, float))]
        for name in names:
            godot.Performance.add_custom_monitor(_PREFIX + name, _reader(name))  # type: ignore[arg-type]
        call_at_shutdown(lambda: _remove(names))
    _watched[node] = None


def release(node: Record) -> None:
    """A node is being freed; one that is not watched is ignored."""
    if node in _watched:
        del _watched[node]
        _past.absorb(node)


def _remove(names: list[str]) -> None:
    for name in names:
        godot.Performance.remove_custom_monitor(_PREFIX + name)


def _is_shown() -> bool:
    return bool(godot.Performance.has_custom_monitor(_PREFIX + "operations"))


def _reader(name: str) -> Callable[[], Any]:
    return lambda: _now()[name]


def _now() -> dict[str, Any]:
    global _figures, _frame
    frame = godot.Engine.get_process_frames()
    if frame != _frame:
        _figures, _frame = summary([*_watched, _past]), frame
    return _figures
