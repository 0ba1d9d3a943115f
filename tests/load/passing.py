"""What 100,000 connections that come and go leave behind: memory, descriptors, nodes, objects."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Sequence

from websockets.frames import Opcode

from tests.chaos.harness import PATIENCE, Crowd, Game, frame, open_sockets, reset
from tests.reliability import slope

TITLE = "100,000 connections that come and go"
TEXT = """
In equal parts they say goodbye (close frame), are reset, close one half and wait, and talk garbage: half of these
instead of the opening handshake, half of them after it. What the game holds is looked at after each 2,500, when all are
gone; the slope is that of a straight line through the last four fifths, with its standard error.
"""
CONNECTIONS = 100_000
AT_ONCE = 100
SAMPLES = 40


def _all_end(sockets: Sequence[socket.socket]) -> None:
    """Read each to its end."""
    for sock in sockets:
        sock.settimeout(PATIENCE)
        with contextlib.suppress(ConnectionResetError):
            while sock.recv(4096):
                pass


def _come_and_go(game: Game) -> None:
    with Crowd(game.port, AT_ONCE * 7 // 8).wait_until_open() as crowd:
        kinds = [crowd.sockets[kind::7] for kind in range(7)]
        for sock in kinds[0] + kinds[1]:
            sock.send(frame(Opcode.CLOSE, b"\x03\xe8"))
        for sock in kinds[2] + kinds[3]:
            sock.shutdown(socket.SHUT_WR)
        for sock in kinds[4]:
            sock.send(b"\xff" + os.urandom(99))
        _all_end([sock for kind in kinds[:5] for sock in kind])
        for sock in kinds[5] + kinds[6]:
            reset(sock)
    with Crowd(game.port, AT_ONCE - AT_ONCE * 7 // 8, says=os.urandom(100) + b"\r\n\r\n") as crowd:
        _all_end(crowd.sockets)


def _held(game: Game) -> list[float]:
    report = game.wait_for("peers", 1)
    end = time.monotonic() + PATIENCE
    while open_sockets(game.pid) > 6 and time.monotonic() < end:
        time.sleep(0.05)
    report = game.report()
    game.ask("frames")  # The list of these would grow.
    descriptors = len(os.listdir(f"/proc/{game.pid}/fd"))
    return [game.memory() * 1024, descriptors, report["nodes"], report["objects"]]


def measure(scale: float) -> Sequence[Sequence[str]]:
    """The rows of the table."""
    rounds = max(SAMPLES, int(CONNECTIONS * scale) // AT_ONCE)
    counts, samples = [], []
    with Game(script="tests/load/game.gd") as game:
        start = _held(game)
        for number in range(1, rounds + 1):
            _come_and_go(game)
            if number % (rounds // SAMPLES) == 0:
                counts.append(number * AT_ONCE / 1000)
                samples.append(_held(game))
        report = game.report()
    came = report["connected"] + report["failed"] - 1
    assert came == rounds * AT_ONCE, f"{came} of {rounds * AT_ONCE} were seen"
    rows = [["held by the game", "before", f"after {counts[0]:g} thousand", f"after {came:,}", "per 1,000 connections"]]
    first = len(samples) // 5
    for index, name in enumerate(("memory (KiB)", "descriptors", "nodes", "objects (ObjectDB)")):
        values = [sample[index] for sample in samples]
        rise, error = slope(counts[first:], values[first:])
        rows.append(
            [name, f"{start[index]:,.0f}", f"{values[0]:,.0f}", f"{values[-1]:,.0f}", f"{rise:+.3f} ± {error:.3f}"]
        )
    return rows
