"""Fixtures of the tests of the portable nodes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.portable.project import make_project


@pytest.fixture(scope="session")
def portable_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which the portable scripts are the classes."""
    return make_project(tmp_path_factory.mktemp("portable"))
