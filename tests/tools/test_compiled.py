"""tools/compiled.py: an edited source of a built module is found, by its content and not by its time."""

from __future__ import annotations

import os
from pathlib import Path

import compiled
import pytest

from tests.conftest import check_compiled
from tests.godot_process import ROOT

SOURCES = ("python/a.py", "python/b.pyx")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("build", "python"):
        (tmp_path / folder).mkdir()
    for source in SOURCES:
        (tmp_path / source).write_text("x = 1\n")
    compiled.write(SOURCES, tmp_path)
    return tmp_path


def test_nothing_edited(root: Path) -> None:
    assert compiled.edited(root) == []


def test_an_edited_source(root: Path) -> None:
    (root / "python/b.pyx").write_text("x = 2\n")
    assert compiled.edited(root) == ["python/b.pyx"]


def test_a_source_that_is_gone(root: Path) -> None:
    (root / "python/a.py").unlink()
    assert compiled.edited(root) == ["python/a.py"]


@pytest.mark.parametrize("seconds", [0, 2_000_000_000])
def test_times_say_nothing(root: Path, seconds: int) -> None:
    os.utime(root / "python/a.py", (seconds, seconds))
    assert compiled.edited(root) == []


def test_nothing_built(root: Path) -> None:
    (root / compiled.RECORD).unlink()
    assert compiled.edited(root) is None


def test_the_build_notes_each_compiled_module() -> None:
    noted = {line.split("  ")[1] for line in (ROOT / compiled.RECORD).read_text().splitlines()}
    for module in (ROOT / "python").rglob("*.so"):
        stem = module.relative_to(ROOT).parent / module.name.split(".")[0]
        assert {f"{stem}.py", f"{stem}.pyx"} & noted


def test_pytest_refuses_what_is_not_built(root: Path) -> None:
    check_compiled(root)
    (root / "python/a.py").write_text("x = 2\n")
    with pytest.raises(pytest.UsageError, match=r"^python/a\.py: edited since it was compiled, run `make build`$"):
        check_compiled(root)
    (root / compiled.RECORD).unlink()
    with pytest.raises(pytest.UsageError, match="run `make build`"):
        check_compiled(root)
