"""Bombs: little that unpacks to much, and messages that never end, take neither the game's time nor its memory."""

from __future__ import annotations

import time
import zlib

import pytest
from websockets.frames import Opcode
from ws_python import WebSocketClient, WebSocketServer

from tests.chaos.harness import (
    DEFLATE,
    MIB,
    PATIENCE,
    Crowd,
    Game,
    close_code,
    frame,
    read_to_end,
)
from tests.ws_python.driving import Polled, poll_until

PEERS = 200
# What a game may grow by beyond what its limits allow it to hold: the work of one poll, and what an allocator keeps.
MARGIN = 64


def packed(size: int) -> bytes:
    """The payload of a compressed message of so many zeros."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -12)
    return (compressor.compress(bytes(size)) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


def test_what_strangers_may_send_by_default() -> None:
    assert WebSocketServer().max_message_size == MIB
    assert WebSocketClient().max_message_size == 16 * MIB


def test_bombs_of_just_the_size_that_is_allowed() -> None:
    bomb = frame(Opcode.BINARY, packed(MIB), compressed=True)
    assert PEERS * 10 * len(bomb) < 3 * MIB
    with Game() as game, Crowd(game.port, PEERS, DEFLATE).wait_until_open() as crowd:
        before = game.peak()
        game.report()
        game.longest_frame = 0.0
        crowd.send(bomb * 10)
        report = game.wait_for("binary", PEERS * 10)
        assert report["disconnected"] == {}
        game.assert_bounded()
        # One message of each may wait to be handed out, and no more is unpacked before.
        assert game.peak() - before <= PEERS + MARGIN


def test_bombs_that_are_too_large() -> None:
    bomb = frame(Opcode.BINARY, packed(15 * MIB), compressed=True)
    with Game() as game, Crowd(game.port, PEERS, DEFLATE).wait_until_open() as crowd:
        before = game.peak()
        game.report()
        game.longest_frame = 0.0
        crowd.send(bomb)
        game.wait_for("peers", 1)
        assert game.report()["disconnected"] == {"1009": PEERS}
        game.assert_bounded()
        assert game.peak() - before <= WebSocketServer().max_unfinished_size / MIB + MARGIN


UNFINISHED = {
    "a compressed fragment": frame(Opcode.BINARY, packed(900_000), fin=False, compressed=True),
    "a fragment": frame(Opcode.BINARY, bytes(900_000), fin=False),
    "many fragments": frame(Opcode.BINARY, bytes(3000), fin=False) + frame(Opcode.CONT, bytes(3000), fin=False) * 299,
    "most of a frame": frame(Opcode.BINARY, bytes(1_000_000))[:900_000],
}


@pytest.mark.parametrize("kind", UNFINISHED)
def test_what_is_unfinished_is_bounded_over_all_peers(kind: str) -> None:
    limit = 16
    with Game(max_unfinished_size=limit * MIB) as game, Crowd(game.port, PEERS, DEFLATE).wait_until_open() as crowd:
        before = game.peak()
        rest = {sock: memoryview(UNFINISHED[kind]) for sock in crowd.sockets}
        # The game may stop to read, or end a connection: it takes what it takes, while it goes on.
        quiet_since = time.monotonic()
        peak = before
        while time.monotonic() < quiet_since + 1:
            if game.peak() > peak:
                peak, quiet_since = game.peak(), time.monotonic()
            for sock, data in list(rest.items()):
                try:
                    rest[sock] = data[sock.send(data) :]
                    quiet_since = time.monotonic()
                except BlockingIOError:
                    continue
                except (ConnectionResetError, BrokenPipeError):
                    rest[sock] = memoryview(b"")
                if not rest[sock]:
                    del rest[sock]
            game.report()
        assert game.peak() - before <= limit + MARGIN
        # Who behaves, and needs no room for what is unfinished, is served.
        with game.connect() as other:
            other.send("hello")
            other.send(bytes(1000))
            assert game.wait_for("binary", 1)["connected"] == PEERS + 2


class Dripping(Polled):
    """Says a little at each poll, as if a node, and goes on from the start at the end."""

    def __init__(self, crowd: Crowd, drops: list[bytes]) -> None:
        self._socket = crowd.sockets[0]
        self._drops = drops
        self._count = 0

    def poll(self) -> None:
        drop = self._drops[self._count % len(self._drops)]
        self._count += 1
        try:
            self._socket.send(drop)
        except OSError:
            return


DRIPS = {
    "nothing": [b""],
    "empty fragments": [frame(Opcode.CONT, fin=False)],
    "pings": [frame(Opcode.PING)],
}


@pytest.mark.parametrize("drip", DRIPS)
def test_a_message_that_does_not_end_times_out(server: WebSocketServer, drip: str) -> None:
    server.unfinished_timeout = 0.3
    with Crowd(server.get_local_port(), 1).wait_until_open(server) as crowd:
        crowd.send(frame(Opcode.TEXT, b"begun", fin=False), server)
        dripping = Dripping(crowd, DRIPS[drip])
        assert close_code(read_to_end(crowd.sockets[0], server, dripping)) == 1008
        poll_until(lambda: server.get_peer_count() == 0, server)


def test_a_frame_that_does_not_end_times_out(server: WebSocketServer) -> None:
    server.unfinished_timeout = 0.3
    with Crowd(server.get_local_port(), 1).wait_until_open(server) as crowd:
        crowd.send(frame(Opcode.BINARY, bytes(1_000_000))[:100], server)
        dripping = Dripping(crowd, [b"\0"])
        assert close_code(read_to_end(crowd.sockets[0], server, dripping)) == 1008


def test_messages_that_end_in_time_do_not_add_up(server: WebSocketServer) -> None:
    server.unfinished_timeout = 1.0
    texts: list[object] = []
    server.message_received.connect(lambda _peer_id, message: texts.append(message))
    begun, ended = frame(Opcode.TEXT, b"be", fin=False), frame(Opcode.CONT, b"gun")
    with Crowd(server.get_local_port(), 1).wait_until_open(server) as crowd:
        # Each message begins before the poll that sees the one before it end.
        crowd.send(begun, server)
        end = time.monotonic() + 3 * server.unfinished_timeout
        while time.monotonic() < end:
            count = len(texts)
            crowd.send(ended + begun, server)
            poll_until(lambda: len(texts) > count, server)  # noqa: B023
        assert server.get_peer_count() == 1
    assert set(texts) == {"begun"}


def test_time_in_which_nobody_polled_does_not_end_a_message(server: WebSocketServer) -> None:
    server.unfinished_timeout = 0.3
    texts: list[object] = []
    server.message_received.connect(lambda _peer_id, message: texts.append(message))
    with Crowd(server.get_local_port(), 1).wait_until_open(server) as crowd:
        crowd.send(frame(Opcode.TEXT, b"be", fin=False))
        for _ in range(3):
            server.poll()
        time.sleep(1)
        crowd.send(frame(Opcode.CONT, b"gun"))
        poll_until(lambda: texts == ["begun"], server, deadline=PATIENCE)
        assert server.get_peer_count() == 1
