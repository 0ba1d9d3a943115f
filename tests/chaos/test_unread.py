"""Peers that do not read: they cost no memory beyond the limits, no log beyond a line, and nothing after their end."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import time
from collections.abc import Callable

import pytest
from websockets.frames import Opcode
from ws_python import WebSocketServer

from tests.chaos.harness import (
    MIB,
    PATIENCE,
    Crowd,
    Game,
    frame,
    frames_in,
    memory,
    read_to_end,
    reset,
    send_some,
    wait_until_settled,
)
from tests.ws_python.driving import poll_until

SMALL_BUFFER = 4096
# What memory may grow by for no reason that a test is about, in MiB.
MARGIN = 32
# A line or two for what happened, and one at its end.
A_HANDFUL = 5


def test_pings_that_are_never_read_keep_memory_flat() -> None:
    pings = frame(Opcode.PING, b"p" * 125) * 1000
    with Game(outbound_buffer_size=MIB, max_control_frames_per_second=0) as game:
        with Crowd(game.port, 1, receive_buffer=SMALL_BUFFER).wait_until_open() as crowd:
            before = game.memory()
            sock = crowd.sockets[0]
            sock.settimeout(PATIENCE)
            for _ in range(64 * MIB // len(pings)):
                sock.sendall(pings)
            sock.sendall(frame(Opcode.BINARY, b"end"))
            # Reading goes on, or two that both write would wait for each other.
            game.wait_for("binary", 1)
            assert game.memory() - before <= MARGIN
        game.wait_for("peers", 1)


@pytest.mark.parametrize("is_full", [False, True], ids=["empty buffer", "buffer full of messages"])
def test_of_pings_only_the_newest_is_owed_an_answer(server: WebSocketServer, is_full: bool) -> None:
    ended: list[object] = []
    server.outbound_buffer_size = 100_000
    server.max_control_frames_per_second = 0
    server.message_received.connect(lambda _peer_id, message: ended.append(message))
    with Crowd(server.get_local_port(), 1, receive_buffer=SMALL_BUFFER).wait_until_open(server) as crowd:
        poll_until(lambda: server.get_peer_count() == 1, server)
        (peer,) = server.peers.values()
        if is_full:
            while server.send(peer.peer_id, "x" * 10_000) == 0:
                server.poll()
        count = 100_000
        pings = b"".join(frame(Opcode.PING, str(number).encode()) for number in range(count))
        crowd.send(pings + frame(Opcode.BINARY, b"end"), server)
        poll_until(lambda: bool(ended), server, deadline=PATIENCE)
        assert peer.get_current_outbound_buffered_amount() <= server.outbound_buffer_size + 10_000
        server.disconnect_peer(peer.peer_id)
        pongs = [payload for code, payload in frames_in(read_to_end(crowd.sockets[0], server)) if code == Opcode.PONG]
    assert pongs[-1] == str(count - 1).encode()
    assert [int(pong) for pong in pongs] == sorted(int(pong) for pong in pongs)
    # Those that were answered while the system took them, and few more.
    assert len(pongs) < count


def test_sending_to_a_full_buffer_tells_it_once_and_counts() -> None:
    size, busy = 16_384, "44"
    with Game(outbound_buffer_size=MIB) as game:
        with Crowd(game.port, 1, receive_buffer=SMALL_BUFFER).wait_until_open():
            before = game.memory()
            errors = game.ask("send", 10_000, size)
            refused = errors[busy]
            assert refused > 9_000
            assert game.memory() - before <= MARGIN
            assert 1 <= len(errors_told(game)) <= A_HANDFUL
        game.wait_for("peers", 1)
        # With how many times it was, all of them or those that were not told.
        game.process.wait_for(rf"ERROR.*\b({refused}|{refused - 1})\b", PATIENCE)
        assert len(errors_told(game)) <= A_HANDFUL


def errors_told(game: Game) -> list[str]:
    return [line for line in game.errors() if "ERROR" in line]


def test_each_peer_that_is_too_slow_is_told_of() -> None:
    with Game(outbound_buffer_size=MIB) as game:
        with Crowd(game.port, 10, receive_buffer=SMALL_BUFFER).wait_until_open():
            game.ask("send", 1000, 16_384)
            assert 1 <= len(errors_told(game)) <= 10 * 2
        game.wait_for("peers", 1)
        assert len(errors_told(game)) <= 10 * 2


def test_who_takes_nothing_is_closed_and_what_waited_is_freed() -> None:
    """Also those who send all the time: to the heartbeat they are there. The allocator keeps what it had once."""
    count, size, turns = 10, 16_384, 3
    with Game(outbound_buffer_size=4 * MIB, slow_peer_timeout=2.0) as game:
        before = game.memory()
        for turn in range(1, turns + 1):
            with Crowd(game.port, count, receive_buffer=SMALL_BUFFER).wait_until_open() as crowd:
                game.ask("send", 1000, size)
                deadline = time.monotonic() + PATIENCE
                while (report := game.report())["peers"] > 1:
                    assert time.monotonic() < deadline
                    for sock in crowd.sockets:
                        with contextlib.suppress(OSError):
                            send_some(sock, frame(Opcode.BINARY, b"x") * 100)
                assert report["disconnected"] == {"1008": turn * count}
            assert game.memory() - before <= MARGIN + 4 * count


def test_running_out_of_open_files_is_told_once() -> None:
    with Game() as game:
        limits = resource.prlimit(game.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(game.pid, resource.RLIMIT_NOFILE, (64, limits[1]))
        with Crowd(game.port, 200):
            deadline = time.monotonic() + PATIENCE
            while not errors_told(game) and time.monotonic() < deadline:
                game.report()
            # It tries again and again: those that are in are served, and the log stays as it is.
            end = time.monotonic() + 3
            while time.monotonic() < end:
                game.report()
            assert 1 <= len(errors_told(game)) <= 2
        game.wait_for("peers", 1)
        with game.connect() as other:
            other.send(b"in")
            game.wait_for("binary", 1)
        assert len(errors_told(game)) <= 3
        assert not any(re.search(r"Traceback|^\s+File ", line) for line in game.errors())


LARGE = 100 * MIB
HELD: dict[str, Callable[[], bytes]] = {
    "a message": lambda: frame(Opcode.BINARY, bytes(LARGE)),
    "an unfinished message": lambda: frame(Opcode.BINARY, bytes(LARGE), fin=False),
    "most of a frame": lambda: frame(Opcode.BINARY, bytes(LARGE + MIB))[:LARGE],
}


@pytest.mark.parametrize("kind", HELD)
@pytest.mark.parametrize("ending", ["close", "reset"])
def test_what_a_connection_held_goes_with_it(server: WebSocketServer, kind: str, ending: str) -> None:
    """Without another connection, whose data could take the place of the last one's."""
    server.max_message_size = server.max_unfinished_size = 256 * MIB
    server.unfinished_timeout = 300.0
    data = HELD[kind]()
    before = memory(os.getpid())
    with Crowd(server.get_local_port(), 1).wait_until_open(server) as crowd:
        grown = 0.0
        rest = memoryview(data)

        def was_read() -> bool:
            nonlocal rest, grown
            rest = rest[send_some(crowd.sockets[0], rest) :]
            grown = max(grown, memory(os.getpid()) - before)
            return not rest

        poll_until(was_read, server, deadline=PATIENCE)
        assert grown >= 0.5 * LARGE / MIB
        if ending == "reset":
            reset(crowd.sockets[0])
    poll_until(lambda: server.get_peer_count() == 0, server)
    assert memory(os.getpid()) - before <= MARGIN


@pytest.mark.parametrize("size", [1000, LARGE], ids=["many messages", "a large one"])
def test_what_waited_for_a_slow_peer_goes_with_it(server: WebSocketServer, size: int) -> None:
    server.outbound_buffer_size = 2 * LARGE
    message = bytes(size)
    before = memory(os.getpid())
    with Crowd(server.get_local_port(), 1, receive_buffer=SMALL_BUFFER).wait_until_open(server) as crowd:
        poll_until(lambda: server.get_peer_count() == 1, server)
        for _ in range(LARGE // size):
            assert server.send(0, message) == 0
        server.poll()
        assert memory(os.getpid()) - before >= 0.5 * LARGE / MIB
        reset(crowd.sockets[0])
    poll_until(lambda: server.get_peer_count() == 0, server)
    del message
    assert wait_until_settled(os.getpid(), before + MARGIN) <= before + MARGIN


def test_two_that_both_write_do_not_lock(server: WebSocketServer) -> None:
    """The game echoes more than fits anywhere, to a peer that reads only when it cannot write."""
    server.message_received.connect(server.send)
    server.outbound_buffer_size = 64 * MIB
    message = frame(Opcode.BINARY, bytes(100_000))
    with Crowd(server.get_local_port(), 1).wait_until_open(server) as crowd:
        sock = crowd.sockets[0]
        left = memoryview(message * 200)
        heard = 0

        def all_came_back() -> bool:
            nonlocal left, heard
            with contextlib.suppress(BlockingIOError):
                while left:
                    left = left[sock.send(left) :]
            with contextlib.suppress(BlockingIOError):
                heard += len(sock.recv(MIB))
            return heard >= 200 * (100_000 + 10)

        poll_until(all_came_back, server, deadline=PATIENCE)
