"""`drain_on_terminate`: a game server that is sent SIGTERM says goodbye to everybody, and quits."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.godot_process import GodotProcess, assert_clean_log

Begin = Callable[..., tuple[GodotProcess, list[ClientConnection]]]
SCRIPT = ("--script", "res://tests/ws_godot/terminated.gd", "--")


@pytest.fixture
def begin(start_godot: Callable[..., GodotProcess]) -> Iterator[Begin]:
    """A game with servers that drain in the times that it is given, and a client at each."""
    with ExitStack() as stack:

        def begin(*arguments: str) -> tuple[GodotProcess, list[ClientConnection]]:
            engine = start_godot(*SCRIPT, *arguments)
            ports = engine.wait_for(r"^ports ([\d ]+)$")[1].split()
            return engine, [
                stack.enter_context(connect(f"ws://127.0.0.1:{port}", compression=None, close_timeout=5))
                for port in ports
            ]

        yield begin


def close_code(client: ClientConnection) -> int:
    with pytest.raises(ConnectionClosed) as closed:
        client.recv(30)
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code


def test_everybody_is_told_and_then_it_quits(begin: Begin) -> None:
    engine, clients = begin("0.2", "0.5")
    os.kill(engine.pid, signal.SIGTERM)
    assert [close_code(client) for client in clients] == [1012, 1012]
    assert engine.wait(30) == 0
    told = engine.log.splitlines()
    assert (told.count("left"), told.count("finished"), told.count("saved")) == (2, 2, 1)
    assert told.index("saved") > max(place for place, line in enumerate(told) if line == "finished")
    assert_clean_log(engine.log)


def test_a_second_one_quits_at_once(begin: Begin) -> None:
    engine, (client,) = begin("3600")
    os.kill(engine.pid, signal.SIGTERM)
    client.send("stay")
    engine.wait_for("^done stay$")
    os.kill(engine.pid, signal.SIGTERM)
    assert close_code(client) == 1001
    assert engine.wait(30) == 0
    assert "finished" not in engine.log
    assert_clean_log(engine.log)


def test_a_game_that_decides_itself_when_it_quits(begin: Begin) -> None:
    engine, (client,) = begin("0", "saves")
    os.kill(engine.pid, signal.SIGTERM)
    assert close_code(client) == 1012
    assert engine.wait(30) == 3
    assert_clean_log(engine.log)


@pytest.mark.parametrize("order", ["stop", "free"])
def test_a_server_that_goes_meanwhile_holds_nothing_up(begin: Begin, order: str) -> None:
    engine, (client,) = begin("3600")
    os.kill(engine.pid, signal.SIGTERM)
    client.send(order)
    assert close_code(client) == 1001
    assert engine.wait(30) == 0
    assert_clean_log(engine.log)


def test_without_it_the_process_ends_as_any(begin: Begin) -> None:
    engine, (client,) = begin("3600")
    client.send("again")
    assert close_code(client) == 1001
    engine.wait_for("^done again$")
    os.kill(engine.pid, signal.SIGTERM)
    assert engine.wait(30) == -signal.SIGTERM
