"""Games of real processes: our nodes and the engine's own peer at either end, and links that are cut in play."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from tests.chaos.proxy import Proxy
from tests.godot_process import GodotProcess, assert_clean_log

Result = dict[str, Any]

# As game.gd has them.
TICKS, NUMBERS, THINGS = 100, 60, 4
TIMEOUT = 60.0
CUTS = 8


@contextmanager
def _game(**options: object) -> Iterator[GodotProcess]:
    arguments = [f"{name}={value}" for name, value in options.items()]
    with GodotProcess(["--script", "res://tests/multiplayer/game.gd", "--", *arguments]) as engine:
        yield engine


def _result(engine: GodotProcess) -> Result:
    result: Result = json.loads(engine.wait_for(r"^result (.*)$", TIMEOUT)[1])
    assert engine.wait(TIMEOUT) == 0, engine.log
    assert_clean_log(engine.log)
    return result


def _check(server: Result, clients: Sequence[Result], *, relay: bool = True) -> None:
    """Everybody has heard all that was told, once and in order, and was told of everybody once."""
    ids = sorted(client["id"] for client in clients)
    assert len(set(ids)) == len(clients)
    heard_by_server = {int(sender): numbers for sender, numbers in server["heard"].items()}
    assert heard_by_server == {peer_id: list(range(NUMBERS)) for peer_id in ids}
    assert sorted(server["told"])[: len(ids)] == [["peer_connected", peer_id] for peer_id in ids]
    for client in clients:
        others = [peer_id for peer_id in ids if peer_id != client["id"]] if relay else []
        assert client["ticks"] == list(range(TICKS))
        assert client["things"] == [f"Thing{number}" for number in range(THINGS)]
        heard = {int(sender): numbers for sender, numbers in client["heard"].items()}
        assert heard == {peer_id: list(range(NUMBERS)) for peer_id in others}
        assert sorted(client["told"]) == sorted(["peer_connected", peer_id] for peer_id in [1, *others])


@pytest.mark.parametrize(
    ("server", "clients", "relay"),
    [
        ("ours", ["ours", "engine", "ours"], "on"),
        ("engine", ["ours", "engine", "ours"], "on"),
        ("ours", ["ours", "engine"], "off"),
    ],
)
def test_a_game(server: str, clients: list[str], relay: str) -> None:
    with ExitStack() as stack:
        host = stack.enter_context(_game(role="server", over=server, clients=len(clients), relay=relay))
        port = host.wait_for(r"^listening (\d+)$")[1]
        guests = [
            stack.enter_context(_game(role="client", over=over, port=port, clients=len(clients), relay=relay))
            for over in clients
        ]
        results = [_result(guest) for guest in guests]
        _check(_result(host), results, relay=relay == "on")
        assert all(result["states"] > 0 for result in results)


def test_links_that_are_cut_in_play() -> None:
    """With sessions at both ends the game sees nothing of it."""
    chance = random.Random(12)
    with ExitStack() as stack:
        proxy = stack.enter_context(Proxy())
        host = stack.enter_context(_game(role="server", over="ours", clients=3))
        proxy.target = int(host.wait_for(r"^listening (\d+)$")[1])
        doors = proxy.set_doors(3)
        guests = [
            stack.enter_context(_game(role="client", over="ours", session="on", port=port, clients=3)) for port in doors
        ]
        host.wait_for(r"^tick 0$", TIMEOUT)
        for _ in range(CUTS):
            door = chance.choice(proxy.doors)
            proxy.call(lambda door=door: door.cut("reset"))  # type: ignore[misc]
            time.sleep(chance.uniform(0.02, 0.15))
        results = [_result(guest) for guest in guests]
        served = _result(host)
        _check(served, results)
        assert served["counts"]["sessions_resumed"] >= CUTS // 2
