"""Tests of how the package is written. What is in it, and that it works: tests/platforms/test_package.py."""

from __future__ import annotations

import zipfile
from pathlib import Path

import package
import pytest
import report


def test_is_the_same_whenever_and_in_whatever_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    (tmp_path / "a").write_text("a" * 1000)
    (tmp_path / "b").write_text("b")
    files = {"bin/b": tmp_path / "b", "a": tmp_path / "a"}
    package.write(tmp_path / "dist/1.zip", files)
    (tmp_path / "a").touch()
    (tmp_path / "a").chmod(0o777)
    package.write(tmp_path / "dist/2.zip", dict(reversed(files.items())))
    assert (tmp_path / "dist/1.zip").read_bytes() == (tmp_path / "dist/2.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "dist/1.zip") as archive:
        assert archive.namelist() == [".godot/", "addons/ws_python/a", "addons/ws_python/bin/b"]
        assert {entry.date_time for entry in archive.infolist()} == {(2023, 11, 14, 22, 13, 20)}
        assert archive.testzip() is None


def test_a_platform_that_is_not_built_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "BUILT", tmp_path)
    (tmp_path / "windows.x86_64/bin").mkdir(parents=True)
    (tmp_path / "windows.x86_64/bin/libpythonscript.windows.x86_64.dll").touch()
    with pytest.raises(report.SetupError, match=r"^windows.x86_64 is not built: `make package` builds it$"):
        package.stage("windows.x86_64", tmp_path / "staged")


def test_a_path_of_this_machine_is_found(tmp_path: Path) -> None:
    (tmp_path / "told").write_bytes(b"\0" + str(package.ROOT).encode() + b"/python/x.py\0")
    (tmp_path / "not").write_bytes(b"/usr/share/zoneinfo\0/root\0")
    package.check_paths({"not": tmp_path / "not"})
    with pytest.raises(report.SetupError, match=r"^bin/told tells the path .* of this machine"):
        package.check_paths({"bin/told": tmp_path / "told"})
