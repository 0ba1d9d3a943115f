"""Silence: who does not answer any more is gone in time, and who could not be heard, because nobody polled, is not."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.frames import Opcode
from ws_python import WebSocketClient, WebSocketServer

from tests.chaos.harness import PATIENCE, Crowd, Game, RawServer, frame, frames_in, program, python
from tests.chaos.machine import Cable
from tests.ws_python.driving import Polled, RawClient, named, poll_until, record

# Of the connections here, in s.
INTERVAL = 0.3
TIMEOUT = 1.0  # What answers may, on a busy machine, take nearly as long.
HEARTBEAT: dict[str, Any] = {"heartbeat_interval": INTERVAL, "heartbeat_timeout": TIMEOUT}
# What a busy machine may add to both, in s: without a heartbeat it takes the system a quarter of an hour.
TOLERANCE = 8.0
# Longer than both by far, in which nothing that works as it should is lost.
LONG = 2 * (INTERVAL + TIMEOUT)

CLIENT = """
import sys, time
from websockets.sync.client import connect
with connect(sys.argv[1], ping_interval=None) as connection:
    print("ready", flush=True)
    for _ in connection: pass
"""
SERVER = """
import sys, time
from websockets.sync.server import serve
def echo(connection):
    for message in connection: connection.send(message)
with serve(echo, "127.0.0.1", int(sys.argv[1]), ping_interval=None) as server:
    print("ready", flush=True)
    server.serve_forever()
"""


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[None]:
    """A process that does nothing; its system still answers for it."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def assert_gone_in_time(game: Game, since: float) -> None:
    report = game.wait_for("peers", 1)
    assert time.monotonic() - since <= INTERVAL + TIMEOUT + TOLERANCE
    assert report["disconnected"] == {"1006": 1}


def pass_frames(game: Game, seconds: float) -> None:
    """Let the game go on for so long, and some frames at least."""
    frames = game.report()["frames"]
    end = time.monotonic() + seconds
    while time.monotonic() < end or game.report()["frames"] < frames + 50:
        time.sleep(0.05)


# --- a server whose peers fall silent


def test_it_is_on_by_default() -> None:
    for node in (WebSocketServer(), WebSocketClient()):
        assert node.heartbeat_interval > 0
        assert node.heartbeat_timeout > 0


def test_a_peer_whose_process_was_stopped_is_gone() -> None:
    with Game(**HEARTBEAT) as game, program(*python(CLIENT, f"ws://127.0.0.1:{game.port}")) as child:
        game.wait_for("peers", 2)
        pass_frames(game, LONG)
        assert game.report()["peers"] == 2, "who answers pings stays"
        with stopped(child.pid):
            assert_gone_in_time(game, time.monotonic())
    assert game.errors() == []


@pytest.mark.alone  # An interface of the machine comes up, of which games are told that reconnect.
@pytest.mark.parametrize("sending", [False, True], ids=["idle", "sending"])
def test_a_peer_whose_cable_was_pulled_is_gone(cable: Cable, sending: bool) -> None:
    with (
        Game(**HEARTBEAT) as game,
        program(*cable.at_its_end(*python(CLIENT, f"ws://{cable.address}:{game.port}"))),
    ):
        game.wait_for("peers", 2)
        cable.pull()
        since = time.monotonic()
        if sending:
            game.ask("send", 100, 1000)
        assert_gone_in_time(game, since)


def test_a_peer_that_never_reads_is_gone() -> None:
    with Game(**HEARTBEAT) as game, Crowd(game.port, 1, receive_buffer=4096).wait_until_open():
        game.wait_for("peers", 2)
        since = time.monotonic()
        game.ask("send", 100, 100_000)
        assert_gone_in_time(game, since)


def test_a_main_thread_that_was_busy_loses_nobody() -> None:
    with Game(**HEARTBEAT) as game, program(*python(CLIENT, f"ws://127.0.0.1:{game.port}")):
        game.wait_for("peers", 2)
        game.ask("stall", int(LONG * 1000))
        pass_frames(game, INTERVAL + TIMEOUT)
        report = game.report()
        assert report["peers"] == 2
        assert report["disconnected"] == {}


@pytest.mark.parametrize("process_mode", [1, 3], ids=["pausable", "always"])
def test_a_game_that_was_paused_loses_nobody(process_mode: int) -> None:
    with (
        Game(**HEARTBEAT, process_mode=process_mode) as game,
        program(*python(CLIENT, f"ws://127.0.0.1:{game.port}")),
    ):
        game.wait_for("peers", 2)
        game.ask("pause", int(LONG * 1000))
        pass_frames(game, LONG + INTERVAL + TIMEOUT)
        report = game.report()
        assert report["peers"] == 2
        assert report["disconnected"] == {}


def test_a_game_whose_process_was_stopped_loses_nobody() -> None:
    with Game(**HEARTBEAT) as game, program(*python(CLIENT, f"ws://127.0.0.1:{game.port}")):
        game.wait_for("peers", 2)
        with stopped(game.pid):
            time.sleep(LONG)
        pass_frames(game, INTERVAL + TIMEOUT)
        report = game.report()
        assert report["peers"] == 2
        assert report["disconnected"] == {}


class Trickle(Polled):
    """A long message, a few bytes at each poll: as a node of a slow network would send it."""

    def __init__(self, crowd: Crowd) -> None:
        self._socket = crowd.sockets[0]

    def poll(self) -> None:
        self._socket.send(b"\0")


def test_a_peer_in_the_middle_of_a_long_message_is_no_silent_one(server: WebSocketServer) -> None:
    """It cannot answer a ping before the end of the frame that it sends."""
    server.heartbeat_interval, server.heartbeat_timeout = INTERVAL, TIMEOUT
    with Crowd(server.get_local_port(), 1).wait_until_open(server) as crowd:
        crowd.send(frame(Opcode.BINARY, bytes(1_000_000))[:100], server)
        trickle = Trickle(crowd)
        end = time.monotonic() + LONG
        poll_until(lambda: time.monotonic() > end, server, trickle)
        assert server.get_peer_count() == 1


def test_a_heartbeat_is_one_ping_per_interval(server: WebSocketServer) -> None:
    server.heartbeat_interval, server.heartbeat_timeout = 0.2, 5.0
    with contextlib.closing(RawClient(server.get_local_port())) as raw:
        raw.shake_hands(server)

        def pinged() -> int:
            return sum(one.opcode is Opcode.PING for one in raw.receive().frames)

        start = time.monotonic()
        poll_until(lambda: pinged() >= 5, server)
        assert pinged() <= (time.monotonic() - start) / server.heartbeat_interval + 1


def test_the_latency_is_how_long_the_answer_took(server: WebSocketServer) -> None:
    server.heartbeat_interval, server.heartbeat_timeout = 0.2, 20.0
    delay = 0.3
    said = bytearray()
    with Crowd(server.get_local_port(), 1).wait_until_open(server) as crowd:
        poll_until(lambda: server.get_peer_count() == 1, server)
        (peer,) = server.peers.values()
        sock = crowd.sockets[0]

        def ping() -> bytes | None:
            with contextlib.suppress(BlockingIOError):
                said.extend(sock.recv(4096))
            pings = [payload for opcode, payload in frames_in(said) if opcode == Opcode.PING]
            return pings[-1] if pings else None

        poll_until(lambda: ping() is not None, server)
        heard = time.monotonic()
        poll_until(lambda: time.monotonic() >= heard + delay, server)
        payload = ping()
        assert payload is not None
        before = peer.latency
        crowd.send(frame(Opcode.PONG, payload), server)
        poll_until(lambda: peer.latency != before, server)
        # A poll of the server lies between the ping and its arrival here.
        assert 0.9 * delay <= peer.latency <= time.monotonic() - heard + 1


# --- a client whose server falls silent


@pytest.mark.parametrize("auto_reconnect", [False, True])
def test_a_client_whose_server_was_stopped_knows_it(auto_reconnect: bool, free_port: int) -> None:
    client = WebSocketClient()
    client.heartbeat_interval, client.heartbeat_timeout = INTERVAL, TIMEOUT
    client.auto_reconnect = auto_reconnect
    log = record(client)
    with program(*python(SERVER, free_port)) as child:
        assert client.connect_to_url(f"ws://127.0.0.1:{free_port}") == 0
        poll_until(lambda: client.status == client.Status.STATUS_ACTIVE, client, deadline=PATIENCE)
        end = time.monotonic() + LONG
        poll_until(lambda: time.monotonic() > end, client)
        assert client.status == client.Status.STATUS_ACTIVE
        assert 0 < client.latency < TOLERANCE
        with stopped(child.pid):
            since = time.monotonic()
            poll_until(lambda: bool(named(log, "connection_closed")), client, deadline=PATIENCE)
            assert time.monotonic() - since <= INTERVAL + TIMEOUT + TOLERANCE
        assert client.get_close_code() == 1006
        assert bool(named(log, "reconnecting")) == auto_reconnect
        if auto_reconnect:
            poll_until(lambda: client.status == client.Status.STATUS_ACTIVE, client, deadline=PATIENCE)
        client.close()


def test_a_client_that_nobody_polled_stays_connected(free_port: int) -> None:
    client = WebSocketClient()
    client.heartbeat_interval, client.heartbeat_timeout = INTERVAL, TIMEOUT
    with program(*python(SERVER, free_port)):
        assert client.connect_to_url(f"ws://127.0.0.1:{free_port}") == 0
        poll_until(lambda: client.status == client.Status.STATUS_ACTIVE, client, deadline=PATIENCE)
        for _ in range(2):
            time.sleep(1.5 * (INTERVAL + TIMEOUT))
            client.poll()
            assert client.status == client.Status.STATUS_ACTIVE
        end = time.monotonic() + INTERVAL + TIMEOUT
        poll_until(lambda: time.monotonic() > end, client)
        assert client.status == client.Status.STATUS_ACTIVE
        client.close()


def test_a_close_that_was_answered_while_nobody_polled() -> None:
    client = WebSocketClient()
    client.close_timeout = 0.3
    with RawServer() as other:
        assert client.connect_to_url(other.url) == 0
        other.accept(client)
        poll_until(lambda: client.status == client.Status.STATUS_ACTIVE, client)
        assert client.close(4000) == 0
        said = bytearray()

        def asked_to_close() -> bool:
            with contextlib.suppress(BlockingIOError):
                said.extend(other.socket.recv(4096))
            return any(opcode == Opcode.CLOSE for opcode, _ in frames_in(said))

        poll_until(asked_to_close, client)
        time.sleep(1)
        other.socket.sendall(b"\x88\x02\x0f\xa0")
        poll_until(lambda: client.status == client.Status.STATUS_IDLE, client)
    assert client.get_close_code() == 4000
