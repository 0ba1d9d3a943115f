"""All suites of tests/godot/ over the portable nodes, each in an engine of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.portable.project import make_project
from tests.portable.suites import PORTABLE_SUITES, run_suites

pytestmark = pytest.mark.platforms


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("portable"))


@pytest.mark.parametrize("suite", PORTABLE_SUITES)
def test_suite(suite: str, project: Path) -> None:
    run_suites([suite], project)


def test_enough_are_found() -> None:
    assert len(PORTABLE_SUITES) >= 30
