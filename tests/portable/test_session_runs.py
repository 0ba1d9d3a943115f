"""Seeded runs through broken links, with sessions, of portable games and native ones: nothing is lost, nor doubled."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.chaos import plan
from tests.chaos.faults import CLIENTS, SERVER, ACut, ADelay, ASplit, AStall, Mute, Refused, Vanished
from tests.chaos.world import World

CLIENT_COUNT, SECONDS, CUTS, OTHERS = 4, 6.0, 20, 6
# Messages a second each way, of each client: a script reads and writes frames more slowly than compiled code.
RATE, BURST = 40, 20


def _plan(seed: int) -> plan.Plan:
    by = random.Random(seed)
    faults = plan.faults(by, CLIENT_COUNT, SECONDS, CUTS, (ACut,))
    others = plan.faults(by, CLIENT_COUNT, SECONDS, OTHERS, (ADelay, ASplit, AStall, Mute, Refused, Vanished))
    server, client = plan.settings(heartbeat=1.0, session_timeout=30.0)
    return plan.Plan(
        seed=seed,
        clients=CLIENT_COUNT,
        seconds=SECONDS,
        rate=RATE,
        burst=BURST,
        server_settings=server,
        client_settings=client,
        faults=tuple(sorted((*faults, *others), key=lambda fault: fault.at)),
        on_a_cable=False,
        with_sessions=True,
    )


@pytest.mark.timeout(300)
@pytest.mark.parametrize("portable", [(CLIENTS,), (SERVER,), (CLIENTS, SERVER)], ids="-and-".join)
def test_nothing_is_lost(portable: tuple[str, ...], portable_project: Path, tmp_path: Path) -> None:
    drawn = _plan(len(portable))
    with World(tmp_path, has_clocks=False, projects=dict.fromkeys(portable, portable_project)) as world:
        outcome = world.run(drawn)
        assert outcome.problems == [], str(outcome.plan)
        assert outcome.verdict.cuts >= CUTS / 2
        assert outcome.verdict.arrived == outcome.verdict.messages
        assert world.quit() == []
