"""A fresh clone for each test of the set-up."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tools.clones import Clone


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    """A clone of its own for the test."""
    return Clone(tmp_path / "clone")
