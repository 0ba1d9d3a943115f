"""Crowds: many that come at once, leave at once, or come and go, take no more than their part of each poll."""

from __future__ import annotations

import socket

import pytest
from websockets.frames import Opcode
from ws_python import WebSocketServer

from tests.chaos.harness import PATIENCE, SCALE, Crowd, Game, Timed, frame, open_sockets, reset
from tests.ws_python.driving import named, poll_until, record

CROWD = 1500 * SCALE
# As many as may wait to be accepted.
WAITING = min(CROWD, 3000)


def test_a_crowd_that_waits_to_be_accepted(server: WebSocketServer) -> None:
    timed = Timed(server)
    with Crowd(server.get_local_port(), WAITING) as crowd:
        poll_until(lambda: server.get_peer_count() == WAITING, timed, deadline=PATIENCE)
        crowd.wait_until_open(timed)
    timed.assert_bounded()


@pytest.mark.parametrize("how", ["close", "reset", "say goodbye"])
def test_a_crowd_that_leaves_at_once(server: WebSocketServer, how: str) -> None:
    log = record(server)
    timed = Timed(server)
    with Crowd(server.get_local_port(), 0) as crowd:
        while len(crowd.sockets) < CROWD:
            crowd.join(500)
            crowd.wait_until_open(server)
        poll_until(lambda: server.get_peer_count() == CROWD, server, deadline=PATIENCE)
        if how == "say goodbye":
            crowd.send(frame(Opcode.CLOSE, b"\x03\xe8"))
        elif how == "reset":
            for sock in crowd.sockets:
                reset(sock)
        else:
            crowd.close()
        poll_until(lambda: server.get_peer_count() == 0, timed, deadline=PATIENCE)
    told = [peer_id for (peer_id,) in named(log, "client_disconnected")]
    assert len(told) == len(set(told)) == CROWD
    timed.assert_bounded()


def test_a_crowd_that_leaves_before_it_was_let_in(server: WebSocketServer) -> None:
    log = record(server)
    timed = Timed(server)
    with Crowd(server.get_local_port(), WAITING, says=b"GET / HTT") as crowd:
        for sock in crowd.sockets:
            reset(sock)
        poll_until(lambda: len(named(log, "handshake_failed")) == WAITING, timed, deadline=PATIENCE)
    assert server.get_peer_count() == 0
    timed.assert_bounded()


def test_who_comes_and_goes_leaves_nothing_behind() -> None:
    rounds, at_once = 5, 100
    with Game() as game:
        sizes = []
        for _ in range(rounds):
            for says in (None, b"", b"GET / HTTP/1.1\r\n"):
                with Crowd(game.port, at_once, says=says) as crowd:
                    if says is None:
                        crowd.wait_until_open()
                        for sock in crowd.sockets[::3]:
                            reset(sock)
                        for sock in crowd.sockets[1::3]:
                            sock.shutdown(socket.SHUT_WR)
                    else:
                        for sock in crowd.sockets[::2]:
                            reset(sock)
            report = game.wait_for("peers", 1)
            end = report["connected"]
            sizes.append((report["objects"], open_sockets(game.pid)))
        game.wait_for("failed", rounds * at_once * 2)
        report = game.report()
        assert end == rounds * at_once + 1
        assert report["objects"] <= sizes[0][0] + 10
        assert open_sockets(game.pid) <= sizes[0][1]
        assert game.errors() == []
