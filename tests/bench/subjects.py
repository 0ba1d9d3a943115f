"""What is measured, each in a process of its own: our nodes, the engine's WebSocketPeer, servers outside the engine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench import load
from tests.godot_process import ROOT, GodotProcess, assert_clean_log

OURS = "ours"
ENGINE = "engine"
PICOWS = "picows"
WEBSOCKETS = "websockets"
# No protocol at all: what the machine gives at most.
LOOPBACK = "loopback"
IN_GODOT = (OURS, ENGINE)
# A game whose option `over` is one of these.
MULTIPLAYER = "multiplayer"
ALL = (OURS, ENGINE, PICOWS, WEBSOCKETS)
TITLES = {
    OURS: "ws_python",
    ENGINE: "Godot's WebSocketPeer",
    PICOWS: "picows + uvloop",
    WEBSOCKETS: "websockets + uvloop",
    LOOPBACK: "bare TCP",
}

_SCRIPTS = "res://tests/bench"
_LISTENING = re.compile(r"^listening (\d+)$", re.MULTILINE)


class Process:
    """A running subject, and what the operating system says of it."""

    def __init__(self, pid: int, port: int = 0, engine: GodotProcess | None = None) -> None:
        self.port = port
        self._engine = engine
        self._proc = Path("/proc", str(pid))
        self._main_thread = self._proc / "task" / str(pid)

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Wait for a line that a program of the engine prints."""
        assert self._engine
        return self._engine.wait_for(pattern)

    def cpu_seconds(self) -> float:
        """CPU time of the main thread so far, in seconds."""
        return _seconds(self._main_thread)

    def cpu_seconds_of_all_threads(self) -> float:
        """Likewise, of all threads that the process has."""
        return sum(_seconds(thread) for thread in (self._proc / "task").iterdir())

    def memory(self) -> int:
        """Resident memory, in bytes."""
        return int((self._proc / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _seconds(thread: Path) -> float:
    # The first number is in nanoseconds; /proc/PID/stat counts ticks of 10 ms.
    return int((thread / "schedstat").read_text().split()[0]) / 1e9


@contextmanager
def godot(script: str, **options: object) -> Iterator[GodotProcess]:
    """The engine with one of the programs beside this file. What it reports as an error is an error here."""
    arguments = [f"{name}={value}" for name, value in options.items()]
    with GodotProcess(["--script", f"{_SCRIPTS}/{script}.gd", "--", *arguments]) as engine:
        try:
            yield engine
        finally:
            assert_clean_log(engine.log)  # Which also says why, if the load was not answered.


@contextmanager
def server(subject: str, *, to: str = "back", **options: object) -> Iterator[Process]:
    """A server that sends what it receives `to` its sender ("back") or to everybody ("all").

    The options are those of the GDScript programs; the servers outside the engine know none.
    """
    if subject in (*IN_GODOT, MULTIPLAYER):
        with godot(f"{subject}_server", to=to, **options) as engine:
            yield Process(engine.pid, int(engine.wait_for(_LISTENING.pattern)[1]), engine)
    elif subject == LOOPBACK:
        with load.running("reflect") as process:
            yield Process(process.pid, load.serving_port(process))
    else:
        with _rival(subject, to) as rival:
            yield rival


@contextmanager
def _rival(subject: str, to: str) -> Iterator[Process]:
    command = [sys.executable, "-m", "tests.bench.rivals", subject, to]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            listening = _LISTENING.match(process.stdout.readline())
            assert listening, f"{subject} did not start"
            yield Process(process.pid, int(listening[1]))
        finally:
            process.kill()
