"""Players that come back by themselves to a server that is killed, reset and restarted: success and recovery."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence

from websockets.exceptions import ConnectionClosed

from tests.chaos.harness import Game
from tests.load.players import Players

TITLE = "Success and recovery"
TEXT = """
100 players in a game of their own, with `auto_reconnect` on and else at the defaults, send ten messages a second each
to a server, which sends them back. Every few seconds, something happens to it, in turn: it is killed (SIGKILL) and
started again at once; it is killed, and started again after 3 s; all its connections are reset (RST); the game calls
`stop()` and `listen()`; its process is stopped for 5 s (SIGSTOP) and goes on. `success_rate` and `error_recovery_rate`
are those of `get_statistics()`, over all players, as Godot's Performance tells them (`WebSocket/…`).
"""
PLAYERS = 100
SECONDS = 150.0
CALM = 6.0
SUCCESS = 0.995
RECOVERY = 0.95


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


class _Server:
    """The game that has the server, and what happens to it."""

    def __init__(self) -> None:
        self.port = _free_port()
        self.game = self._start()

    def _start(self) -> Game:
        return Game(script="tests/load/game.gd", echo=True, port=self.port)

    def __enter__(self) -> _Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.game.__exit__()

    def kill(self, away: float) -> None:
        os.kill(self.game.pid, signal.SIGKILL)
        self.game.__exit__()
        time.sleep(away)
        self.game = self._start()

    def reset(self) -> None:
        """As a router does it that has forgotten them. Takes root, and a kernel that can."""
        subprocess.run(
            ["ss", "-K", "state", "established", "sport", "=", f":{self.port}"], check=True, capture_output=True
        )

    def restart(self) -> None:
        with self.game.connect() as witness:
            witness.send("!restart")
            with contextlib.suppress(ConnectionClosed):
                while True:
                    witness.recv()

    def suspend(self) -> None:
        os.kill(self.game.pid, signal.SIGSTOP)
        time.sleep(5)
        os.kill(self.game.pid, signal.SIGCONT)


def measure(scale: float) -> Sequence[Sequence[str]]:
    """The rows of the table; fails where a rate is too low."""
    server = _Server()
    happenings: dict[str, Callable[[], None]] = {
        "killed, started at once": lambda: server.kill(0.0),
        "killed, started after 3 s": lambda: server.kill(3.0),
        "all connections reset": server.reset,
        "stop() and listen()": server.restart,
        "suspended for 5 s": server.suspend,
    }
    counts = dict.fromkeys(happenings, 0)
    with server, Players(server.port, PLAYERS, auto_reconnect=True) as players:
        players.wait_until_active()
        end = time.monotonic() + SECONDS * scale
        while time.monotonic() < end or 0 in counts.values():
            for name, happen in happenings.items():
                before = players.told()
                happen()
                counts[name] += 1
                if name != "suspended for 5 s":
                    players.wait_until(lambda told: told["errors"] >= before["errors"] + PLAYERS, 60)  # noqa: B023
                players.wait_until_active(60)
                time.sleep(random.uniform(0.5, 2 * CALM))  # Some connections held long enough to count as stable.
        told = players.wait_until_active()
    rows = [["", ""]]
    rows += [[f"the server: {name}", f"{count} times"] for name, count in counts.items()]
    ended = sum(told["closed"].values())
    rows += [
        ["connections of players that ended, by close code", _told_codes(told["closed"])],
        ["players that came back by themselves", f"{told['reconnected']:,} of {ended:,}"],
        ["players that gave up", f"{told['gave_up']}"],
        [
            "messages sent; of them lost or refused",
            f"{told['sent']:,}; {told['messages_lost'] + told['messages_refused']:,.0f}",
        ],
        ["errors", f"{told['errors']:,.0f}"],
        ["`error_recovery_rate` (wanted: 0.95)", f"**{told['error_recovery_rate']:.4f}**"],
        ["`success_rate` (wanted: 0.995)", f"**{told['success_rate']:.4f}**"],
    ]
    assert told["success_rate"] >= SUCCESS and told["error_recovery_rate"] >= RECOVERY, told
    return rows


def _told_codes(codes: dict[str, int]) -> str:
    return ", ".join(f"{code}: {count:,}" for code, count in sorted(codes.items()))
