"""What the tests of the demos share: scripts that drive a scene of this project."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.godot_process import run_godot


@pytest.fixture
def godot_script(tmp_path: Path) -> Callable[[str], str]:
    """Run a script in this project, in place of its main scene, and return the log, which must be clean."""

    def run(source: str) -> str:
        script = tmp_path / "script.gd"
        script.write_text(source)
        return run_godot("--script", str(script))

    return run
