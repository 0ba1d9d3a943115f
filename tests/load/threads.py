"""100,000 calls of all public methods from a WorkerThreadPool task, while the main thread polls."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tests.godot_process import GodotProcess, unclean_lines

TITLE = "Calls from other threads"
TEXT = """
A group task of the engine's WorkerThreadPool calls every public method of the three nodes, getters and setters of all
properties among them, while the main thread polls, players come and go, and messages go to and fro. Right is: what may
not be called there does nothing and answers ERR_UNAVAILABLE, with one line in the log; a getter answers what it answers
on the main thread, or, where that changes all the time, a value of its type.
"""
CALLS = 100_000
TIMEOUT = 600.0


def measure(scale: float) -> Sequence[Sequence[str]]:
    """The rows of the table; fails where an answer is wrong, at a deadlock and at a crash."""
    calls = int(CALLS * scale)
    with GodotProcess(["--script", "res://tests/load/threads.gd", "--", f"calls={calls}"]) as game:
        code = game.wait(TIMEOUT)
        log = game.log
    unclean = unclean_lines(log, [r"^ERROR: [\w ]+: only the thread that polls may call it"])
    wrong = [line for line in log.splitlines() if line.startswith("wrong ")]
    found = [line for line in log.splitlines() if line.startswith("threads ")]
    assert code == 0 and found, f"the engine exited with {code}; its log ends with:\n{log[-3000:]}"
    for line in [*wrong, *unclean][:20]:
        print(line, flush=True)
    told = json.loads(found[-1].removeprefix("threads "))
    return [
        [
            "calls",
            "methods",
            "threads",
            "in",
            "wrong answers",
            "errors and crashes",
            "answered ERR_UNAVAILABLE",
            "messages, connections meanwhile",
            "frames of the main thread: p99, longest",
        ],
        [
            f"{told['calls']:,.0f}",
            f"{told['methods']:.0f}",
            f"{told['threads']:.0f}",
            f"{told['seconds']:.1f} s",
            f"{told['wrong']:.0f}",
            f"{len(unclean)}",
            f"{told['unavailable']:,.0f}",
            f"{told['messages']:,.0f}, {told['connections']:,.0f}",
            f"{told['p99']:.1f} ms, {told['longest']:.0f} ms",
        ],
    ]
