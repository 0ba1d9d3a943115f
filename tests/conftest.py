"""What all tests share: what is built is what is tested, settings of hypothesis, engines that end with their test."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import compiled
import hypothesis
import pytest

from tests.godot_process import GodotProcess

# A busy machine is no failure; CI tries the same examples each time, so that a red run can be repeated.
hypothesis.settings.register_profile("local", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "local")


def pytest_configure() -> None:
    """Do not start where the tests would run what was compiled before the last edit."""
    if not is_installed():
        check_compiled()


def is_installed() -> bool:
    """Whether the tests are of an installed ws_python, and not of the sources beside them: see tools/try_wheel.py."""
    found = importlib.util.find_spec("ws_python")
    return found is not None and not Path(str(found.origin)).is_relative_to(compiled.ROOT)


def check_compiled(root: Path = compiled.ROOT) -> None:
    """Raise UsageError, which ends pytest, unless the compiled modules were made of the sources that are there."""
    edited = compiled.edited(root)
    if edited is None:
        raise pytest.UsageError("nothing is built: run `make build`")
    if edited:
        raise pytest.UsageError(f"{', '.join(edited)}: edited since it was compiled, run `make build`")


@pytest.fixture
def start_godot() -> Iterator[Callable[..., GodotProcess]]:
    """Start engines with `start_godot(*arguments)`; those that still run are ended with the test."""
    with ExitStack() as running:
        yield lambda *arguments, **options: running.enter_context(GodotProcess(arguments, **options))
