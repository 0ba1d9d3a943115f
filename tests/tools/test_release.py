"""Tests of tools/release.py and tools/project.py: which tag may be published, and what is said of it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import project
import pytest
import release
import report
import runtime
from packaging.requirements import Requirement
from packaging.version import Version

CHANGELOG = """# Changelog

## Unreleased

## 1.2.3 – 2026-12-01

### Added

- One thing.

## [1.2.2] - 2026-11-01

- Another one.
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.3"\n')
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG, encoding="utf-8")
    return tmp_path


def test_the_tag_of_this_version(root: Path) -> None:
    assert release.notes("v1.2.3", root) == "### Added\n\n- One thing."
    assert project.news("1.2.2", root) == "- Another one."


@pytest.mark.parametrize("tag", ["v1.2.4", "1.2.3", "v1.2.3-rc1"])
def test_another_tag(root: Path, tag: str) -> None:
    with pytest.raises(report.SetupError, match=r"is not v1\.2\.3"):
        release.notes(tag, root)


def test_a_version_that_nobody_has_described(root: Path) -> None:
    (root / "pyproject.toml").write_text('[project]\nversion = "1.2"\n')
    with pytest.raises(report.SetupError, match=r"no section"):
        release.notes("v1.2", root)


def test_this_version_is_one() -> None:
    assert str(Version(project.version())) == project.version()


def test_a_game_ships_what_the_package_takes() -> None:
    """The ranges of pyproject.toml and the pins of requirements.in are of the same packages, and fit."""
    wanted = [
        Requirement(each)
        for each in tomllib.loads((project.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
            "dependencies"
        ]
    ]
    assert {each.name.replace("-", "_") for each in wanted} == set(runtime.THIRD_PARTY)
    pins = dict(re.findall(r"^([\w-]+)==(\S+)$", (project.ROOT / "requirements.in").read_text(), re.MULTILINE))
    for each in wanted:
        assert each.specifier.contains(pins[each.name]), each
