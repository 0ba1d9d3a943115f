"""Tests of ws_python.features.heartbeat: who is silent is gone, who is slow or busy is not."""

from __future__ import annotations

import contextlib
import socket
import sys
import time
from collections.abc import Iterator
from functools import partial

import pytest
from websockets.frames import Frame, Opcode
from ws_python import WebSocketClient, WebSocketServer
from ws_python.loop.hub import hub

from tests.chaos.proxy import DOWN, UP, Proxy, Stall
from tests.ws_python.driving import RawClient, listening, named, needs_confirmation, poll_until, record


@pytest.fixture
def server() -> WebSocketServer:
    """One with a fast heartbeat."""
    server = WebSocketServer()
    server.bind_address = "localhost"
    server.max_message_size = 16 * 1024 * 1024
    server.heartbeat_interval, server.heartbeat_timeout = 0.1, 0.3
    assert server.listen(0) == 0
    return server


@pytest.fixture
def silent(server: WebSocketServer) -> Iterator[RawClient]:
    """A client that is asked for nothing: it reads, and so answers, only when a test lets it."""
    silent = RawClient(server.get_local_port())
    silent.shake_hands(server)
    yield silent
    silent.close()


def poll_for(seconds: float, *nodes: WebSocketServer | WebSocketClient) -> None:
    end = time.monotonic() + seconds
    poll_until(lambda: time.monotonic() >= end, *nodes)


def test_it_is_on_by_default() -> None:
    for node in (WebSocketServer(), WebSocketClient()):
        assert (node.heartbeat_interval, node.heartbeat_timeout) == (20.0, 20.0)


def test_who_is_silent_is_gone(server: WebSocketServer, silent: RawClient) -> None:
    log = record(server)
    codes: list[tuple[int, str]] = []

    def disconnected(peer_id: int) -> None:
        peer = server.peers[peer_id]
        codes.append((peer.get_close_code(), peer.get_close_reason()))

    server.client_disconnected.connect(disconnected)
    begin = time.monotonic()
    poll_until(lambda: bool(codes), server)
    assert time.monotonic() - begin >= 0.3
    assert codes == [(1006, "nothing came within heartbeat_timeout")]
    assert named(log, "client_connected") == []


def test_who_answers_stays_and_its_latency_is_known(server: WebSocketServer, silent: RawClient) -> None:
    log = record(server)
    poll_until(lambda: bool(silent.receive().frames) and server.get_peer_count() == 1, server)
    (peer,) = server.peers.values()
    end = time.monotonic() + 1.0
    poll_until(lambda: bool(silent.receive()) and time.monotonic() > end, server)
    assert server.get_peer_count() == 1
    assert 0.0 < peer.latency < 1.0
    assert {frame.opcode for frame in silent.frames} == {Opcode.PING}
    assert len(silent.frames) <= 20, "about one in 0.1 s"
    assert [entry[0] for entry in log] in (["client_connected"], []), "nobody is told of these pongs"


def test_a_clock_that_measures_as_often_counts(server: WebSocketServer, silent: RawClient) -> None:
    def ping_again() -> None:
        server.heartbeat_interval = 0.1
        silent.receive().frames.clear()
        poll_until(lambda: bool(silent.frames or silent.receive().frames) and bool(server.peers), server)
        server.heartbeat_interval = 1000.0

    ping_again()
    (peer,) = server.peers.values()
    assert peer._connection is not None
    meter = peer._connection.meter
    meter.sample(12.5, hub.deadlines.now)
    heard = meter.heard_at
    poll_until(lambda: bool(silent.receive()) and meter.heard_at > heard, server)
    assert peer.latency == 12.5
    meter.sample(12.5, hub.deadlines.now - 1001.0)
    ping_again()
    poll_until(lambda: bool(silent.receive()) and peer.latency != 12.5, server)


def test_any_byte_is_a_sign_of_life(server: WebSocketServer, silent: RawClient) -> None:
    """It answers no ping, as a browser does in the middle of a long message."""
    end = time.monotonic() + 1.0
    silent.send(Opcode.BINARY, b"", fin=False)

    def alive() -> bool:
        silent.send(Opcode.CONT, b"x", fin=False)
        return time.monotonic() > end

    poll_until(alive, server)
    assert server.get_peer_count() == 1


def test_a_pong_that_nobody_asked_for_measures_nothing(server: WebSocketServer, silent: RawClient) -> None:
    log = record(server)
    poll_until(lambda: server.get_peer_count() == 1, server)
    (peer,) = server.peers.values()
    pongs = record(peer)
    for payload in (b"", b"mine", b"ws_python heartbeat 77", b"late"):
        silent.send(Opcode.PONG, payload)
    poll_until(lambda: len(pongs) >= 3, server)
    assert pongs == [("pong_received", b""), ("pong_received", b"mine"), ("pong_received", b"late")]
    connection = peer._connection
    assert connection is not None and connection.meter.latency == 0.0
    assert named(log, "client_disconnected") == []


def test_until_there_was_an_answer_the_traffic_tells_the_latency(
    pair: tuple[WebSocketServer, WebSocketClient, int],
) -> None:
    server, client, peer_id = pair
    log = record(server)
    client.send("measured")
    poll_until(lambda: named(log, "message_received") != [], server, client)
    for end in (client, server.peers[peer_id]):
        tells = hub.epoll is not None and sys.platform == "linux"
        assert 0.0 < end.latency < 5.0 if tells else end.latency == 0.0


def test_zero_sends_none_and_drops_nobody(server: WebSocketServer, silent: RawClient) -> None:
    server.heartbeat_interval = 0.0
    silent.receive().frames.clear()
    poll_for(0.8, server)
    assert server.get_peer_count() == 1
    assert silent.receive().frames == []


def test_a_busy_main_thread_drops_nobody(server: WebSocketServer, silent: RawClient) -> None:
    poll_until(lambda: bool(silent.receive().frames), server)  # It was asked, and has answered.
    time.sleep(1.5)
    server.poll()
    server.poll()
    assert server.get_peer_count() == 1


def test_a_client_notices_a_server_that_is_gone(silent_server: tuple[WebSocketClient, socket.socket]) -> None:
    client, _ = silent_server
    log = record(client)
    poll_until(lambda: bool(named(log, "connection_closed")), client)
    assert client.get_close_code() == 1006


@pytest.fixture
def silent_server() -> Iterator[tuple[WebSocketClient, socket.socket]]:
    """A client with a fast heartbeat, and a server that says no word after the handshake."""
    from ws_python.protocol.handshake import ServerHandshake

    client = WebSocketClient()
    client.heartbeat_interval, client.heartbeat_timeout = 0.1, 0.2
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        client.connect_to_url(f"ws://127.0.0.1:{listening.getsockname()[1]}/")
        accepted: list[socket.socket] = []

        def accept() -> bool:
            try:
                accepted.append(listening.accept()[0])
            except BlockingIOError:
                return False
            return True

        poll_until(accept, client)
        handshake = ServerHandshake([], [])
        accepted[0].setblocking(False)

        def answer() -> bool:
            try:
                handshake.receive_data(accepted[0].recv(4096))
            except BlockingIOError:
                return False
            return handshake.done

        poll_until(answer, client)
        accepted[0].sendall(handshake.data_to_send())
        poll_until(lambda: client.status == client.Status.STATUS_ACTIVE, client)
        yield client, accepted[0]
        accepted[0].close()


@needs_confirmation
def test_a_receiver_that_takes_little_by_little_is_there(server: WebSocketServer) -> None:
    """The ping stands behind 30 MB that it needs longer for than heartbeat_timeout."""
    server.heartbeat_timeout = 1.0
    slow = RawClient(server.get_local_port(), receive_buffer=4096)
    slow.shake_hands(server)
    poll_until(lambda: server.get_peer_count() == 1, server)
    (peer,) = server.peers.values()
    assert peer.send(bytes(30_000_000)) == 0
    taken = 0
    end = time.monotonic() + 2.5

    def take_some() -> bool:
        nonlocal taken
        with contextlib.suppress(BlockingIOError):
            taken += len(slow.socket.recv(16_384))
        return time.monotonic() > end

    poll_until(take_some, server)
    assert 0 < taken < 30_000_000, "it is not at the ping yet"
    assert server.get_peer_count() == 1
    slow.close()


def test_who_is_not_read_because_much_waits_is_not_dropped(server: WebSocketServer, silent: RawClient) -> None:
    """Its pong stands behind messages that the game does not take: that is not its silence."""
    poll_until(lambda: server.get_peer_count() == 1, server)
    other = WebSocketClient()  # It turns the loop.
    silent.send_raw(Frame(Opcode.BINARY, b"x").serialize(mask=True) * 5000)
    end = time.monotonic() + 0.8
    poll_until(lambda: bool(silent.receive()) and time.monotonic() > end, other)
    log = record(server)
    poll_until(lambda: bool(silent.receive()) and len(named(log, "message_received")) == 5000, server)
    assert server.get_peer_count() == 1


@needs_confirmation
def test_what_a_session_keeps_is_not_in_front_of_the_ping() -> None:
    """Nothing passes any more, and the system of the proxy still takes what is sent: that is no sign of life."""
    server = listening(session_timeout=30.0)
    client = WebSocketClient()
    client.session = True
    client.heartbeat_interval, client.heartbeat_timeout = 0.2, 1.0
    log = record(client)
    with Proxy() as proxy:
        proxy.target = server.get_local_port()
        (port,) = proxy.set_doors(1)
        client.connect_to_url(f"ws://127.0.0.1:{port}/")
        poll_until(
            lambda: client.status == client.Status.STATUS_ACTIVE and server.get_peer_count() == 1, server, client
        )
        for way in (UP, DOWN):
            proxy.call(partial(proxy.doors[0].arm, way, Stall(100.0), 0))
        for _ in range(3000):
            client.send("x")

        def interrupted() -> bool:
            client.send("x")
            return named(log, "connection_interrupted") != []

        poll_until(interrupted, server, client)
        client.close()
