"""Tests of ws_python.features.clock: two nodes of one process, whose clocks are the same."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest
import trustme
from ws_python import TlsOptions, WebSocketClient, WebSocketServer
from ws_python.features.clock import ServerClock
from ws_python.loop.clock import monotonic
from ws_python.loop.hub import hub
from ws_python.protocol.session import LayerMessage

from tests.ws_python.driving import listening, needs_proc, poll_until
from tests.ws_python.net.test_descriptors import left

MOST_OFF = 0.001


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    hub.close(0.0)  # A question of the last poll may be without its answer, for which a thread waits.
    for thread in threading.enumerate():
        if thread.name == "ws_python arrival":
            thread.join(5.0)
            assert not thread.is_alive()


def connected(
    server: WebSocketServer, *, url: str = "ws://127.0.0.1:{}/", tls: object = None, **settings: object
) -> WebSocketClient:
    client = WebSocketClient()
    client.session = True
    client.reconnect_delay = 0.05
    for name, value in settings.items():
        setattr(client, name, value)
    client.connect_to_url(url.format(server.get_local_port()), tls)  # type: ignore[arg-type]
    poll_until(lambda: client.status == client.Status.STATUS_ACTIVE and server.get_peer_count() == 1, server, client)
    return client


def off(client: WebSocketClient) -> float:
    return abs(client.server_time - monotonic())


def poll_in_frames(client: WebSocketClient, server: WebSocketServer, frame: float, *, until: float) -> bool:
    """Poll both once a frame, which the other one has half a frame later, until the clock is right. Whether it was."""
    end = time.monotonic() + until
    while time.monotonic() < end:
        client.poll()
        time.sleep(frame / 2)
        server.poll()
        time.sleep(frame / 2)
        if client.clock_error <= MOST_OFF and off(client) <= MOST_OFF:
            return True
    return False


def test_unknown_without_a_session() -> None:
    client = WebSocketClient()
    assert (client.server_time, client.clock_error) == (0.0, float("inf"))
    server = listening()
    client.session = True
    client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}/")
    poll_until(lambda: client.status == client.Status.STATUS_ACTIVE, server, client)
    time.sleep(0.15)
    for _ in range(20):
        server.poll()
        client.poll()
    assert (client.server_time, client.clock_error) == (0.0, float("inf"))


@pytest.mark.parametrize("frame", [1 / 144, 1 / 30, 0.1])
def test_frames_that_are_half_apart(frame: float) -> None:
    """What a question and an answer wait for frames would look like 15 ms of difference at 30 frames a second."""
    server = listening(session_timeout=10.0)
    client = connected(server)
    assert poll_in_frames(client, server, frame, until=30.0), (off(client), client.clock_error)


def test_latency_of_both_without_frames_of_the_client() -> None:
    server = listening(session_timeout=10.0, heartbeat_interval=0.0)
    client = connected(server, heartbeat_interval=0.0, clock_interval=0.1)
    frame = 0.2
    end = time.monotonic() + 30.0
    ends = [node._connection.meter for node in (client, *server.peers.values())]  # type: ignore[union-attr]
    while not all(0.0 < meter.latency < frame / 4 for meter in ends):
        assert time.monotonic() < end, [meter.latency for meter in ends]
        client.poll()
        next_frame = time.monotonic() + frame
        poll_until(lambda: time.monotonic() >= next_frame, server)  # noqa: B023
    assert client.latency == ends[0].latency


@pytest.mark.usefixtures("network")
def test_on_each_network() -> None:
    server = listening(session_timeout=10.0)
    client = connected(server)
    assert poll_in_frames(client, server, 1 / 60, until=30.0), (off(client), client.clock_error)


def test_over_tls_the_error_is_honest() -> None:
    """There an arrival is not known: frames count, and are told."""
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    server = WebSocketServer()
    server.bind_address = "localhost"
    server.session_timeout = 10.0
    server.tls_options = TlsOptions.server(
        issued.private_key_pem.bytes().decode(), b"".join(pem.bytes() for pem in issued.cert_chain_pems).decode()
    )
    assert server.listen(0) == 0
    tls = TlsOptions.client(authority.cert_pem.bytes().decode())
    client = connected(server, url="wss://localhost:{}/", tls=tls)
    end = time.monotonic() + 30.0
    known = 0
    while known < 20:
        assert time.monotonic() < end
        client.poll()
        time.sleep(0.01)
        server.poll()
        time.sleep(0.01)
        if client.clock_error < 1.0:
            known += 1
            assert off(client) <= client.clock_error


def test_never_back_over_cuts() -> None:
    server = listening(session_timeout=10.0)
    client = connected(server)
    poll_until(lambda: client.clock_error < 1.0, server, client)
    before = client.server_time
    for _ in range(3):
        assert client._connection is not None
        client._connection.drop("cut")
        for _ in range(30):
            server.poll()
            client.poll()
            time.sleep(0.005)
            assert client.server_time >= before
            before = client.server_time
        assert off(client) < 0.1, "it goes on while the connection is cut"


def test_another_server_is_another_clock() -> None:
    server = listening(session_timeout=10.0)
    client = connected(server)
    poll_until(lambda: client.clock_error < 1.0, server, client)
    client.close()
    poll_until(lambda: client.status == client.Status.STATUS_IDLE, server, client)
    assert (client.server_time, client.clock_error) == (0.0, float("inf"))


def test_switched_off_and_on() -> None:
    server = listening(session_timeout=10.0)
    client = connected(server, clock_interval=0.0)
    end = time.monotonic() + 0.4
    while time.monotonic() < end:
        server.poll()
        client.poll()
    assert client.clock_error == float("inf")
    client.clock_interval = 1.0
    poll_until(lambda: client.clock_error < 1.0, server, client)


def test_in_asyncio() -> None:
    async def main() -> None:
        server = listening(session_timeout=10.0)
        client = WebSocketClient()
        client.session = True
        client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}/")
        await client.connected()
        while client.clock_error > 0.01:
            await asyncio.sleep(0.01)
        assert off(client) <= client.clock_error
        client.close()
        await client.closed()
        server.stop()

    asyncio.run(asyncio.wait_for(main(), 20.0))


@pytest.mark.parametrize("text", ["\x10t\n", "\x10tx\n", "\x10t1\nx", "\x10t-1\n", "\x10t" + "9" * 17 + "\n"])
def test_who_asks_wrong_is_closed(text: str) -> None:
    server = listening(session_timeout=10.0)
    client = connected(server, clock_interval=0.0)
    poll_until(lambda: client._connection is not None and client._connection.layer.is_on, server, client)
    assert client._connection is not None
    client._connection.outbox.put_messages([text])
    poll_until(lambda: server.get_statistics()["connections_closed"].get(1002, 0) == 1, server)


@pytest.mark.parametrize("text", ["\x10t1 \n", "\x10tx y\n", "\x10t1 2 3\n"])
def test_who_answers_wrong_is_closed(text: str) -> None:
    server = listening(session_timeout=10.0)
    client = connected(server, clock_interval=0.0)
    poll_until(lambda: client._connection is not None and client._connection.layer.is_on, server, client)
    connection = next(iter(server._connections))
    connection.outbox.put_messages([text])
    server.poll()
    poll_until(lambda: client.get_statistics()["connections_closed"].get(1002, 0) == 1, client)


def test_answers_that_nobody_asked_for_and_questions_the_other_way() -> None:
    server = listening(session_timeout=10.0)
    client = connected(server, clock_interval=0.0)
    poll_until(lambda: client._connection is not None and client._connection.layer.is_on, server, client)
    assert client._connection is not None
    next(iter(server._connections)).outbox.put_messages(["\x10t5 7000000\n"])
    client._connection.outbox.put_messages(["\x10t5 7000000\n"])
    client.send("after")
    log: list[object] = []
    server.message_received.connect(lambda _peer_id, message: log.append(message))
    poll_until(lambda: log == ["after"], server, client)
    assert client.clock_error == float("inf")


def test_who_asks_and_does_not_read_gets_few_answers() -> None:
    server = listening(session_timeout=10.0)
    client = connected(server, clock_interval=0.0)
    assert client.clock_error == float("inf")
    connection = next(iter(server._connections))
    link = connection.link
    assert link is not None
    asked = LayerMessage("t", "1000000", "")
    clock = next(feature for feature in server._features if isinstance(feature, ServerClock))
    link.is_blocked = True  # As where the system takes nothing.
    for _ in range(10_000):
        clock.layer_message(connection, asked)
    assert connection.outbox.owed() < 16 * 1024
    link.is_blocked = False


def test_it_starts_no_thread_where_it_is_off() -> None:
    server = listening(session_timeout=10.0)
    client = connected(server, clock_interval=0.0)
    for _ in range(50):
        server.poll()
        client.poll()
    assert "ws_python arrival" not in [thread.name for thread in threading.enumerate()]


@needs_proc
def test_without_a_descriptor_to_spare_it_asks_all_the_same() -> None:
    server = listening(session_timeout=30.0)
    client = connected(server)
    with left(0):
        poll_until(lambda: client.server_time > 0.0, server, client)
    assert abs(off(client)) < 1.0
    client.close()
