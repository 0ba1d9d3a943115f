"""Processes that ask a game for its sessions and do not take them: it goes on as if nobody had asked."""

from __future__ import annotations

import contextlib
import random
import time
from pathlib import Path

from ws_python.net.handover import Line
from ws_python.protocol.handover import ASK, GIVEN, NO, TAKEN, pack

from tests.chaos.harness import PATIENCE, SCALE, Game, open_sockets
from tests.ws_python.handing_over import calling, needs_handover

pytestmark = needs_handover

ASKERS = 40 * SCALE
# It ends the wait for who says nothing.
TIMEOUT = 0.1


def _misbehave(line: Line, by: random.Random) -> None:
    """Ask, or something like it, and then anything but take."""
    which = by.randrange(8)
    if which == 0:
        return  # It hangs up at once.
    said = pack(ASK)
    if which == 1:
        said = by.randbytes(by.randint(1, 5000))
    elif which == 2:
        said = said[: by.randrange(len(said))]
    elif which == 3:
        said += pack(TAKEN)
    line.send(said)
    if which in (1, 2, 4):
        return  # It hangs up while the game settles, or answers.
    for _ in range(by.randrange(4)):
        line.receive(by.randint(1, 500), 16)
    if which == 5:
        line.send(by.choice((pack(GIVEN), pack(NO), by.randbytes(100))))
    elif which == 6:
        time.sleep(2 * TIMEOUT)  # It says so too late.
        line.send(pack(TAKEN))


def test_a_game_goes_on_whatever_the_next_process_does(tmp_path: Path) -> None:
    path = str(tmp_path / "handover.sock")
    by = random.Random(1)
    with Game(echo=True, session_timeout=60.0, handover_path=path, handover_timeout=TIMEOUT) as game:
        game.witness.send("before")
        assert game.witness.recv(PATIENCE) == "before"
        before = open_sockets(game.pid)
        for number in range(ASKERS):
            # The game may hang up before.
            with calling(path) as line, contextlib.suppress(OSError):
                _misbehave(line, by)
            if number % 5 == 0:
                with game.connect() as other:
                    other.send("here")
                    assert other.recv(PATIENCE) == "here"
        game.witness.send("after")
        assert game.witness.recv(PATIENCE) == "after"
        end = time.monotonic() + PATIENCE
        while open_sockets(game.pid) > before and time.monotonic() < end:
            game.report()
        assert open_sockets(game.pid) == before
        report = game.report()
        assert report["peers"] == 1
        assert "SCRIPT ERROR" not in game.process.log and "Traceback" not in game.process.log
