"""A main thread that does nothing for five seconds, at the server and at the players: whether anybody is lost."""

from __future__ import annotations

import time
from collections.abc import Sequence

from tests.chaos.harness import Game, processor_time
from tests.load.players import Players

TITLE = "A main thread that stalls for 5 s, with 200 players"
TEXT = """
The players are WebSocketClients of another game; each sends ten messages a second, which the server sends back. The
main thread of one of the two games is held in a handler for 5 s (`OS.delay_msec`), three times. A heartbeat of 0.5 s,
and as long to answer, is on where the row says so, at the side that stalls: it must not take its own silence for that
of the others. At the defaults (20 s and 20 s) both sides have it.
"""
PLAYERS = 200
STALL = 5.0
TIMES = 3
SHORT = {"heartbeat_interval": 0.5, "heartbeat_timeout": 0.5}


def _row(title: str, *, players: int, at_server: bool, server: dict[str, float], client: dict[str, float]) -> list[str]:
    with Game(script="tests/load/game.gd", echo=True, **server) as game:
        stalls: dict[str, float] = {} if at_server else {"stall": STALL, "stall_every": 2 * STALL}
        with Players(game.port, players, **client, **stalls) as others:
            others.wait_until_active()
            if at_server:
                for _ in range(TIMES):
                    idle = processor_time(game.pid)
                    begin = time.monotonic()
                    game.ask("stall", int(1000 * STALL))
                    game.report()
                    stalled = time.monotonic() - begin
                    assert stalled >= STALL and processor_time(game.pid) - idle < STALL
                    time.sleep(2)
            else:
                others.wait_for(rf"^stalled {TIMES}$", 60)
                time.sleep(2)
            peers = game.report()["peers"] - 1
            told = others.told()
            # What was sent before the last look, and a little more, has come back.
            sent = told["sent"]
            told = others.wait_until(lambda now: now["received"] >= sent)
        report = game.report()
    return [
        title,
        f"{players - told['active']}, {players - peers}",
        f"{sum(told['closed'].values())}",
        f"{told['sent']:,}",
        f"{told['messages_lost'] + told['messages_refused']:.0f}",
        f"{told['success_rate']:.3f}",
        f"{report['connected'] - 1}",
    ]


def measure(scale: float) -> Sequence[Sequence[str]]:
    """The rows of the table."""
    players = max(10, int(PLAYERS * scale))
    defaults: dict[str, float] = {}
    return [
        [
            "who stalls",
            "players lost (by their own count, by the server's)",
            "connections closed",
            "messages sent",
            "of them lost or refused",
            "success_rate",
            "connections made",
        ],
        _row("the server, defaults", players=players, at_server=True, server=defaults, client=defaults),
        _row("the server, heartbeat 0.5 s", players=players, at_server=True, server=SHORT, client=defaults),
        _row("the players, defaults", players=players, at_server=False, server=defaults, client=defaults),
        _row("the players, heartbeat 0.5 s", players=players, at_server=False, server=defaults, client=SHORT),
    ]
