"""Quitting with sockets open: the engine exits cleanly and at once, and the other side is told goodbye."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.godot_process import GodotProcess, assert_clean_log


def test_quitting_with_open_sockets(start_godot: Callable[..., GodotProcess]) -> None:
    engine = start_godot("--script", "res://tests/godot/quit_with_open_sockets.gd")
    port = engine.wait_for(r"^port (\d+)$")[1]
    with connect(f"ws://127.0.0.1:{port}", max_size=None, compression=None) as connection:
        connection.send("quit")
        told = time.monotonic()
        assert len(connection.recv(10)) == 1_000_000
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(10)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1001
    assert engine.wait(10) == 0
    assert time.monotonic() - told < 5
    assert_clean_log(engine.log)
