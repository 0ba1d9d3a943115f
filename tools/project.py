"""What pyproject.toml and CHANGELOG.md say of the project: its version, how it is compiled, and what is new in it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def version(root: Path = ROOT) -> str:
    """The version, of the addon and of the Python package."""
    return str(_settings(root)["project"]["version"])


def compilation() -> dict[str, Any]:
    """What is compiled, and with which flags: the table `tool.ws_python`."""
    return dict(_settings(ROOT)["tool"]["ws_python"])


def _settings(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))


def news(wanted: str, root: Path = ROOT) -> str:
    """The section of CHANGELOG.md on a version, without its heading; empty if there is none."""
    text = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    found = re.search(rf"^## \[?{re.escape(wanted)}\]?(?: [^\n]*)?\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return found[1].strip() if found else ""
