"""What tests of exported games share: a player and a native server, and a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import chromium
from tests.godot_process import GodotProcess
from tests.platforms import games
from tests.platforms.browser import Browser

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def player(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project of a player, which has the script of a native server, too."""
    files = {name: (HERE / name).read_text() for name in ("player.gd", "player.tscn", "server.gd")}
    return games.make_project(tmp_path_factory.mktemp("player") / "project", files, "res://player.tscn")


@pytest.fixture
def serve(player: Path, start_godot: Callable[..., GodotProcess]) -> Callable[..., tuple[GodotProcess, int]]:
    """Start a native server; returns its engine and its port."""

    def start(port: int = 0, *arguments: str) -> tuple[GodotProcess, int]:
        engine = start_godot("--script", "res://server.gd", "--", f"--port={port}", *arguments, path=player)
        return engine, int(engine.wait_for(r"listening on (\d+)", 120)[1])

    return start


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for all tests of a module."""
    with Browser(chromium.find()) as browser:
        yield browser
