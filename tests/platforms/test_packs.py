"""Packs for every preset, run by the Linux template: the nodes are native in those for desktops, in GDScript elsewhere.

No device and no SDK is here: a pack has all that a game has but the engine's program.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.godot_process import GodotProcess, assert_clean_log
from tests.platforms import games

pytestmark = [pytest.mark.platforms, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def native_parts(player: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an export for Linux has beside its program and its pack."""
    folder = tmp_path_factory.mktemp("linux")
    games.export(player, "Linux", folder / "game")
    (folder / "game").unlink()
    (folder / "game.pck").unlink()
    return folder


@pytest.mark.parametrize("preset", games.PRESETS)
def test_the_pack_plays(
    preset: str,
    player: Path,
    native_parts: Path,
    serve: Callable[..., tuple[GodotProcess, int]],
    tmp_path: Path,
) -> None:
    folder = tmp_path / "pack"
    if preset in games.NATIVE:
        shutil.copytree(native_parts, folder)
    log = games.export(player, preset, folder / "game.pck", "pack")
    assert ("the nodes are exported in GDScript" in log) is (preset in games.PORTABLE)
    _, port = serve()
    code, said = games.play(
        games.add_linux_program(folder / "game.pck"), "--", f"--url=ws://127.0.0.1:{port}", "--do=echo"
    )
    assert code == 0, said
    assert_clean_log(said)
    assert f"class: {'native' if preset in games.NATIVE else 'portable'}" in said.splitlines(), said
    assert sum(line.endswith(": same") for line in said.splitlines()) == 8, said
