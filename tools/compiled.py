"""Which sources the compiled modules were made of: an edited .py beside a built module is not what Python imports.

The build writes it, the tests ask. It goes by content: a checkout gives files new times, and no news.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RECORD = "build/compiled.sha256"


def write(sources: Iterable[str], root: Path = ROOT) -> None:
    """Note these sources, paths below `root`, as they are now."""
    lines = [f"{digest(root / source)}  {source}\n" for source in sources]
    (root / RECORD).write_text("".join(lines), encoding="utf-8")


def edited(root: Path = ROOT) -> list[str] | None:
    """The sources that are not what they were when they were compiled; None if nothing was."""
    record = root / RECORD
    if not record.exists():
        return None
    entries = [line.split("  ", 1) for line in record.read_text(encoding="utf-8").splitlines()]
    return [source for noted, source in entries if digest(root / source) != noted]


def digest(path: Path) -> str:
    """SHA-256 of a file; empty if it is gone."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""
