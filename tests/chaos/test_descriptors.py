"""File descriptors used up: a server keeps its peers and leaves the game some; a client says so, and recovers."""

from __future__ import annotations

import os
import time
from pathlib import Path

from tests.chaos.harness import PATIENCE, Crowd, Game, processor_time

LIMIT = 256
STRANGERS = 400
WITH_LIMIT = ("sh", "-c", f'ulimit -n {LIMIT}; exec "$@"', "sh")
# As if idle, with much to spare: a core that spins takes all of the time.
MOST_OF_A_CORE = 0.5


FULL = "new connections wait, as there is no room for them"
OVER = "new connections no longer wait"


def lines_with(game: Game, text: str) -> list[str]:
    return [line for line in game.process.log.splitlines() if text in line]


def descriptors(game: Game) -> int:
    return len(os.listdir(f"/proc/{game.pid}/fd"))


def test_silent_strangers_leave_the_game_its_files(tmp_path: Path) -> None:
    with Game(within=WITH_LIMIT, handshake_timeout=3.0) as game, game.connect() as peer:
        game.wait_for("peers", 2)
        with Crowd(game.port, STRANGERS, says=b"") as crowd:
            game.process.wait_for(FULL, PATIENCE)
            assert descriptors(game) <= LIMIT - 32 + 1
            # Some leave for their silence, the next ones come, until all had their time.
            began, used = time.monotonic(), processor_time(game.pid)
            number = 0
            while game.report()["failed"] < STRANGERS:
                number += 1
                assert game.ask("save", tmp_path / f"{number}.txt") is True
                assert descriptors(game) <= LIMIT - 32 + 1
                assert peer.ping().wait(PATIENCE)
                assert time.monotonic() - began < 2 * PATIENCE
            share = (processor_time(game.pid) - used) / (time.monotonic() - began)
            assert game.report()["peers"] == 2
            crowd.close()
        game.process.wait_for(OVER, PATIENCE)
        assert len(lines_with(game, FULL)) == 1
        assert len(lines_with(game, OVER)) == 1
        assert share < MOST_OF_A_CORE
        # All is as it was before.
        with Crowd(game.port, 100) as players:
            players.wait_until_open()
            game.wait_for("peers", 102)
        game.wait_for("peers", 2)
        assert len(lines_with(game, FULL)) == 1
