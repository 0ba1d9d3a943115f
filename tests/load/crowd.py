"""What 10,000 connections cost a game, each of which sends a message a second and gets it back."""

from __future__ import annotations

from collections.abc import Sequence

from tests.bench import load
from tests.chaos.harness import Game, memory, processor_time

TITLE = "10,000 connections"
TEXT = """
Each sends a message of 32 bytes a second, which a GDScript handler sends back; the heartbeat is on (20 s), and its
pings are answered. A frame is what the main thread computes between two pauses of 6.9 ms, which a headless engine makes
by default. The CPU is that of the whole process, 100 % is one core. Memory is what the process grew by; the system's
socket buffers are not in it.
"""
SIZE = 32
SECONDS = 30
WARMUP = 22  # Longer than heartbeat_interval: then its pings come evenly, as the connections did.
COUNTS = (10, 1000, 10_000)


def measure(scale: float) -> Sequence[Sequence[str]]:
    """The rows of the table."""
    rows = [
        [
            "connections",
            "memory of each",
            "CPU",
            "processor time of a frame: p50, p99, longest",
            "from frame to frame: p99",
            "round trip: p50, p99, longest",
            "messages, pings answered",
        ]
    ]
    for count in COUNTS:
        rows.append(_row(max(10, int(count * scale)), SECONDS * scale, WARMUP * scale))
    return rows


def _row(count: int, seconds: float, warmup: float) -> list[str]:
    with Game(script="tests/load/game.gd", echo=True) as game:
        before = memory(game.pid)
        used = 0.0

        def begin() -> None:
            nonlocal used
            game.ask("frames")
            used = processor_time(game.pid)

        with load.running("pace", game.port, count, SIZE, warmup, seconds) as process:
            measured = load.result(process, begin)
            used = processor_time(game.pid) - used
            busy, between = game.ask("frames")
            held = memory(game.pid)
        assert game.errors() == []
    turns = measured["messages"] + measured["late"]
    assert turns >= 0.9 * count * seconds, f"{turns} messages"
    return [
        f"{count:,}",
        f"{(held - before) * 1024 / count:.1f} KiB",
        f"{used / seconds:.0%}",
        ", ".join(f"{value:.1f}" for value in busy) + " ms",
        f"{between[1]:.1f} ms",
        ", ".join(f"{1000 * measured[name]:.1f}" for name in ("median", "p99", "most")) + " ms",
        f"{measured['messages']:,.0f}, {measured['pings']:,.0f}",
    ]
