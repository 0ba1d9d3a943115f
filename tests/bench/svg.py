"""Just enough SVG for two charts: shapes and text as strings, on a light ground."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

INK = "#24292f"
FAINT = "#d0d7de"
MUTED = "#57606a"
_GROUND = "#ffffff"
_FONT = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif"
FONT_SIZE = 13


def document(width: float, height: float, title: str, shapes: Iterable[str]) -> str:
    """A whole picture. Screen readers say its title."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
            f'height="{height:g}" role="img" font-family="{_FONT}" font-size="{FONT_SIZE}">',
            f"<title>{escape(title)}</title>",
            f'<rect width="{width:g}" height="{height:g}" fill="{_GROUND}"/>',
            *shapes,
            "</svg>\n",
        ]
    )


def text(x: float, y: float, content: str, *, anchor: str = "start", fill: str = INK, weight: str = "normal") -> str:
    """One line of text; `y` is its baseline."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{fill}" font-weight="{weight}">'
        f"{escape(content)}</text>"
    )


def box(x: float, y: float, width: float, height: float, fill: str) -> str:
    """A filled rectangle."""
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="1.5" fill="{fill}"/>'


def line(x1: float, y1: float, x2: float, y2: float, stroke: str = FAINT, width: float = 1) -> str:
    """A straight line."""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{stroke}" stroke-width="{width:g}"/>'


def polyline(points: Iterable[tuple[float, float]], stroke: str, *, dashed: bool = False) -> str:
    """A line through points, each of them marked."""
    points = list(points)
    dashes = ' stroke-dasharray="6 4"' if dashed else ""
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{stroke}"/>' for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{stroke}" stroke-width="2.5"{dashes}/>{dots}'
