"""What is different on Windows: many sockets, who has a port, what there is not. Run under Wine by tests/platforms."""

from __future__ import annotations

import errno
import os
import socket
import time

import pytest
from ws_python import Error, WebSocketClient, WebSocketServer
from ws_python.loop.hub import hub

from tests.ws_python.driving import RawClient, listening, named, poll_until, record

pytestmark = pytest.mark.skipif(os.name != "nt", reason="only Windows is so")

# Two sockets each: more than the 512 that select() takes there.
MANY = 300
AT_ONCE = 50
# Seconds: Wine asks a process of its own for each step of a socket, and the machine may be busy.
PATIENCE = 300
ACTIVE = WebSocketClient.Status.STATUS_ACTIVE
ECHOES = 5_000


def crowd_of(server: WebSocketServer) -> list[WebSocketClient]:
    """As many clients, all of them open."""
    clients: list[WebSocketClient] = []
    for count in range(AT_ONCE, MANY + 1, AT_ONCE):
        coming = [WebSocketClient() for _ in range(AT_ONCE)]
        for client in coming:
            client.proxy, client.connect_timeout, client.heartbeat_interval = "none", PATIENCE, 0.0
            assert client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}") == Error.OK
        poll_until(lambda count=count: server.get_peer_count() == count, server, *coming, deadline=PATIENCE)  # type: ignore[misc]
        for client in coming:
            poll_until(lambda client=client: client.status == ACTIVE, server, client, deadline=PATIENCE)  # type: ignore[misc]
        clients += coming
    return clients


@pytest.mark.timeout(5 * PATIENCE)
def test_more_sockets_than_select_takes() -> None:
    """Each connection of 600 sockets in all carries a message in both directions, the last one as the first."""
    server = listening(handshake_timeout=PATIENCE, heartbeat_interval=0.0)
    server.message_received.connect(lambda peer_id, message: server.send(peer_id, message))
    clients = crowd_of(server)
    received: list[tuple[int, object]] = []
    for number, client in enumerate(clients):
        client.message_received.connect(lambda message, number=number: received.append((number, message)))
        assert client.send(f"{number}") == Error.OK
    poll_until(lambda: len(received) >= MANY, server, *clients, deadline=PATIENCE)
    assert sorted(received) == [(number, f"{number}") for number in range(MANY)]
    began, turns = time.perf_counter(), 1000
    for _ in range(turns):
        hub.turn(0.0, 1.0)
    print(f"an idle turn with {2 * MANY} sockets: {(time.perf_counter() - began) / turns * 1e6:.1f} µs")


@pytest.mark.timeout(2 * PATIENCE)
def test_the_rate_of_echoes(server: WebSocketServer, client: WebSocketClient, url: str) -> None:
    """For the record: it is printed."""
    server.message_received.connect(lambda peer_id, message: server.send(peer_id, message))
    received: list[object] = []
    client.message_received.connect(received.append)
    assert client.connect_to_url(url) == Error.OK
    poll_until(lambda: client.status == client.Status.STATUS_ACTIVE, server, client)
    began, sent = time.perf_counter(), 0
    while len(received) < ECHOES:
        assert time.perf_counter() < began + PATIENCE
        while sent < ECHOES and sent - len(received) < 100:
            client.send("x" * 32)
            sent += 1
        server.poll()
        client.poll()
    print(f"{ECHOES / (time.perf_counter() - began):,.0f} echoes of 32 bytes a second, both sides in one process")
    began = time.perf_counter()
    for _ in range(10_000):
        hub.turn(0.0, 1.0)
    print(f"an idle turn: {(time.perf_counter() - began) / 10_000 * 1e6:.1f} µs")


@pytest.mark.parametrize("address", ["*", "localhost", "127.0.0.1"])
def test_nobody_takes_a_port_that_is_had(address: str, caplog: pytest.LogCaptureFixture) -> None:
    """Not even with SO_REUSEADDR, which would do there."""
    server = listening(bind_address=address)
    port = server.get_local_port()
    other = WebSocketServer()
    other.bind_address = address
    assert other.listen(port) == Error.ERR_ALREADY_IN_USE
    assert "another program has it; choose another port, or 0 for a free one" in caplog.text
    with socket.socket() as thief:
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with pytest.raises(OSError):
            thief.bind(("127.0.0.1", port))


def test_a_port_is_free_again_for_who_stops(server: WebSocketServer, raw: RawClient) -> None:
    port = server.get_local_port()
    server.stop()
    poll_until(lambda: raw.receive().eof, server)
    raw.close()
    poll_until(lambda: server.listen(port) == Error.OK, server)


def test_there_are_no_unix_sockets(caplog: pytest.LogCaptureFixture) -> None:
    server = WebSocketServer()
    server.bind_address = "unix:/tmp/s"
    server.unix_socket_owner = ":www-data"
    assert server.listen() == Error.ERR_UNAVAILABLE
    assert caplog.messages == [
        "listen: cannot listen on unix:/tmp/s: this system has no Unix sockets; use an address and a port"
    ]
    client = WebSocketClient()
    log = record(client)
    assert client.connect_to_url("ws+unix:/tmp/s") == Error.OK
    poll_until(lambda: bool(named(log, "connection_failed")), client)
    assert named(log, "connection_failed") == [("ws+unix:/tmp/s: this system has no Unix sockets; use a ws:// URL",)]


def test_no_sockets_are_handed_over(caplog: pytest.LogCaptureFixture) -> None:
    server = WebSocketServer()
    server.bind_address = "systemd"
    assert server.listen() == Error.ERR_UNAVAILABLE
    assert "this system hands no sockets over; use an IP address" in caplog.text


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (
            "ws://127.0.0.1:1/",
            "127.0.0.1 refuses connections on port 1; check that the server is running, and its",
        ),
        (
            "ws://localhost:1/",
            "localhost refuses connections on port 1; check that the server is running, and its",
        ),
        (
            "ws://name.invalid/",
            'the host name "name.invalid" cannot be resolved (Name or service not known); check its spelling and the '
            "network",
        ),
    ],
)
def test_failures_are_told_as_on_linux(url: str, reason: str) -> None:
    client = WebSocketClient()
    client.proxy = "none"
    log = record(client)
    assert client.connect_to_url(url) == Error.OK
    poll_until(lambda: bool(named(log, "connection_failed")), client, deadline=60)
    ((said,),) = named(log, "connection_failed")
    assert said.startswith(f"{url}: {reason}")
    assert "WinError" not in said and "Windows error" not in said


def test_an_address_that_is_not_ours(caplog: pytest.LogCaptureFixture) -> None:
    server = WebSocketServer()
    server.bind_address = "192.0.2.1"
    assert server.listen(0) == Error.ERR_INVALID_PARAMETER
    assert 'this machine has no such address; use "*" for all of its own' in caplog.text
    assert errno.EADDRNOTAVAIL > 10000
