"""Where what Python logs, and what cannot be loaded, says that it comes from: a file and line that are so, or none."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.godot_process import GodotProcess

NewProject = Callable[..., Path]
LISTEN = """extends SceneTree

func _initialize() -> void:
	var server := WebSocketServer.new()
	server.listen(99999)
	server.free()
	quit()
"""


def log_of(project: Path, script: str = "extends SceneTree\n\nfunc _initialize() -> void:\n\tquit()\n") -> str:
    (project / "main.gd").write_text(script)
    with GodotProcess(["--script", "res://main.gd"], path=project) as engine:
        assert engine.wait(60) == 0, engine.log
        return engine.log


def place_of(message: str, log: str) -> str:
    """What stands after "at: " below the message."""
    found = re.search(rf"{re.escape(message)}.*?^ +at: ([^\n]*)", log, re.MULTILINE | re.DOTALL)
    assert found, log
    return found[1]


@pytest.mark.parametrize("logger", ["", "game", "mine"])
def test_a_module_of_the_project(new_project: NewProject, logger: str) -> None:
    text = f"import logging\n\ndef warn():\n    logging.getLogger({logger!r}).error('wrong')\n\nwarn()\n"
    assert place_of("ERROR: wrong", log_of(new_project({"mine.py": text}))) == "warn (res://mine.py:4)"


def test_a_package_names_the_script_that_called_it(new_project: NewProject) -> None:
    assert place_of("ERROR: listen: port 99999", log_of(new_project({}), LISTEN)) == "_initialize (res://main.gd:5)"


def test_where_no_script_called(new_project: NewProject) -> None:
    timer = "create_timer(0.0).timeout.connect(server.listen.bind(99999))\n\tawait create_timer(0.1).timeout"
    script = LISTEN.replace("server.listen(99999)", timer)
    assert place_of("ERROR: listen: port 99999", log_of(new_project({}), script)) == "ws_python (<compiled>:0)"


def test_a_package_is_not_its_caller(new_project: NewProject) -> None:
    text = "import logging\nlogging.getLogger('pythonscript').error('wrong')\n"
    assert place_of("ERROR: wrong", log_of(new_project({"mine.py": text}))) == "pythonscript (<compiled>:0)"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("\nclass Other:\n  def\n", "<module> (res://bad.py:3)"),
        ("\n\nimport no_such_module\n", "<module> (res://bad.py:3)"),
        ("def f():\n  1 / 0\nf()\n", "f (res://bad.py:2)"),
    ],
)
def test_a_module_that_cannot_be_loaded(new_project: NewProject, text: str, place: str) -> None:
    log = log_of(new_project({"bad.py": text}))
    assert place_of("ERROR: The Python module res://bad.py cannot be loaded", log) == place


def test_a_module_that_is_not_there(new_project: NewProject) -> None:
    project = new_project({"bad.py": ""})
    (project / "bad.py").unlink()
    place = place_of("ERROR: The Python module res://bad.py cannot be loaded", log_of(project))
    assert place == "<module> (res://bad.py:0)"
