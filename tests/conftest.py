"""What all tests share: settings of hypothesis, and engines that are ended with the test that started them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import hypothesis
import pytest

from tests.godot_process import GodotProcess

# A busy machine is no failure; CI tries the same examples each time, so that a red run can be repeated.
hypothesis.settings.register_profile("local", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.fixture
def start_godot() -> Iterator[Callable[..., GodotProcess]]:
    """Start engines with `start_godot(*arguments)`; those that still run are ended with the test."""
    with ExitStack() as running:
        yield lambda *arguments, **options: running.enter_context(GodotProcess(arguments, **options))
