"""What all tests share: what is built is what is tested, settings of hypothesis, engines that end with their test."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import compiled
import hypothesis
import pytest

from tests.godot_process import ROOT, GodotProcess

# A busy machine is no failure; CI tries the same examples each time, so that a red run can be repeated.
hypothesis.settings.register_profile("local", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "local")


def pytest_configure(config: pytest.Config) -> None:
    """Do not start where the tests would run what was compiled before the last edit."""
    config.addinivalue_line(
        "markers", "alone: changes or measures the machine: `make test` runs no other test beside it"
    )
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


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Where several tests run at once, as in `make test`, those marked `alone` have the machine to themselves."""
    if not hasattr(item.config, "workerinput"):
        return (yield)
    with _machine(alone=item.get_closest_marker("alone") is not None):
        return (yield)


@contextmanager
def _machine(*, alone: bool) -> Iterator[None]:
    import fcntl  # Not where Windows is; there, tests run one by one.

    # Files that are always there. Whoever waits for the machine holds the door, so that nobody else overtakes.
    with open(ROOT / "Makefile") as door, open(ROOT / "pyproject.toml") as machine:
        fcntl.flock(door, fcntl.LOCK_EX)
        fcntl.flock(machine, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(door, fcntl.LOCK_UN)
        try:
            yield
        finally:
            fcntl.flock(machine, fcntl.LOCK_UN)


@pytest.fixture
def start_godot() -> Iterator[Callable[..., GodotProcess]]:
    """Start engines with `start_godot(*arguments)`; those that still run are ended with the test."""
    with ExitStack() as running:
        yield lambda *arguments, **options: running.enter_context(GodotProcess(arguments, **options))
