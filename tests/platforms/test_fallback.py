"""Exported games on a machine where Python cannot be started: their nodes in GDScript serve, and one line says so."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.godot_process import GodotProcess, unclean_lines
from tests.platforms import games

pytestmark = [pytest.mark.platforms, pytest.mark.timeout(600)]
Serve = Callable[..., tuple[GodotProcess, int]]
SERVES = "its nodes in GDScript serve instead"


@pytest.fixture(scope="module")
def exported(player: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    games.export(player, "Linux", folder / "game")
    return folder


def play(folder: Path, serve: Serve) -> str:
    _, port = serve()
    code, said = games.play(folder / "game", "--", f"--url=ws://127.0.0.1:{port}", "--do=echo", "--do=listen")
    assert code == 0, said
    return said


def test_a_whole_game_is_native(exported: Path, serve: Serve) -> None:
    said = play(exported, serve)
    assert "class: native" in said.splitlines(), said
    assert SERVES not in said
    assert not unclean_lines(said), said


@pytest.mark.parametrize(
    "missing",
    ["pythonscript", "pythonscript/**/libpython*", "pythonscript/**/python3.*/encodings", "pythonscript/**/ws_godot"],
)
def test_without_its_runtime_it_goes_on(missing: str, exported: Path, serve: Serve, tmp_path: Path) -> None:
    folder = tmp_path / "game"
    shutil.copytree(exported, folder)
    found = list(folder.glob(missing))
    assert found
    for path in found:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    said = play(folder, serve)
    lines = said.splitlines()
    assert "class: portable" in lines, said
    assert sum(line.endswith(": same") for line in lines) == 8, said
    assert "listen: OK" in lines, said
    assert len([line for line in lines if SERVES in line]) == 1, said
    (error,) = unclean_lines(said)
    assert "Python" in error and "again" in error, error


def test_without_its_library_one_line_names_the_cure(exported: Path, tmp_path: Path) -> None:
    folder = tmp_path / "game"
    shutil.copytree(exported, folder)
    for path in folder.glob("libpythonscript*"):
        path.unlink()
    _, said = games.play(folder / "game", "--quit-after", "10")
    lines = [line for line in said.splitlines() if "The WebSocket nodes are missing" in line]
    assert len(lines) == 1 and "Copy the whole game again" in lines[0], said
