"""Tests of ws_python.net.descriptors, and of a server and a client that have none left. A crowd: tests/chaos."""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import socket
from collections.abc import Iterator

import pytest
from ws_python import Error, WebSocketClient, WebSocketServer
from ws_python.loop.hub import hub
from ws_python.net import descriptors

from tests.ws_python.driving import named, poll_until, record

resource = pytest.importorskip("resource", reason="Windows has no limit of descriptors that a test could lower")


@contextlib.contextmanager
def left(count: int) -> Iterator[None]:
    """So many descriptors can be opened, and no more."""
    gc.collect()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors.lowest_free() + count, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def opened() -> int:
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


@pytest.fixture(autouse=True)
def _no_gaps() -> Iterator[None]:
    """The lowest number that is free is that of how many are open only where there are no gaps."""
    highest = max(int(number) for number in os.listdir("/proc/self/fd"))
    fillers = []
    while (number := os.dup(0)) < highest:
        fillers.append(number)
    fillers.append(number)
    yield
    for number in fillers:
        os.close(number)


def test_what_is_left() -> None:
    assert not descriptors.are_used_up()
    with left(2):
        lowest = descriptors.lowest_free()
        assert descriptors.limit() == lowest + 2
        with socket.socket() as one:
            assert one.fileno() == lowest
            with socket.socket():
                assert descriptors.are_used_up()
        assert not descriptors.are_used_up()


def test_a_reserve_is_kept_free_but_no_more_than_a_quarter_of_all() -> None:
    limit = descriptors.limit()
    assert descriptors.has_room(limit - 11, 10)
    assert not descriptors.has_room(limit - 10, 10)
    assert descriptors.has_room(limit - 1, 0)
    assert not descriptors.has_room(limit, 0)
    with left(0):
        limit = descriptors.limit()
        assert descriptors.has_room(limit - limit // 4 - 1, 10**6)
        assert not descriptors.has_room(limit - limit // 4, 10**6)


# --- a client


@pytest.mark.parametrize(
    "error",
    [socket.gaierror(), OSError(errno.EBUSY, ""), OSError(errno.EINVAL, "")],
    ids=["name", "busy", "invalid"],
)
def test_what_looking_up_a_name_tells_in_place_of_it(error: OSError) -> None:
    with left(0):
        assert descriptors.lacks_them(error)
    assert not descriptors.lacks_them(error)


def test_a_client_says_that_none_is_left_and_recovers(server: WebSocketServer, url: str, network: None) -> None:
    client = WebSocketClient()
    log = record(client)
    before = opened()
    for target in (url, url.replace("127.0.0.1", "localhost")):
        with left(0):
            assert client.connect_to_url(target) == 0
            poll_until(lambda: client.status == client.Status.STATUS_IDLE, client, server)
            ((reason,),) = named(log, "connection_failed")
            assert reason == f"{target}: no file descriptor is left for a connection; {descriptors.ADVICE}"
        log.clear()
        assert opened() == before
        assert client.connect_to_url(target) == 0
        poll_until(lambda: client.status == client.Status.STATUS_ACTIVE, client, server)
        client.close()
        poll_until(lambda: client.status == client.Status.STATUS_IDLE and not server._connections, client, server)
        log.clear()


def test_a_client_that_reconnects_does_so_when_there_are_some(server: WebSocketServer, url: str) -> None:
    client = WebSocketClient()
    client.auto_reconnect = True
    client.reconnect_delay = 0.05
    log = record(client)
    with left(0):
        assert client.connect_to_url(url) == 0
        poll_until(lambda: len(named(log, "connection_failed")) >= 2, client, server)
    poll_until(lambda: client.status == client.Status.STATUS_ACTIVE, client, server)
    client.close()


@pytest.mark.parametrize("count", range(8))
def test_the_first_connection_of_a_process_with_few_left(
    count: int, network: None, caplog: pytest.LogCaptureFixture
) -> None:
    """The event loop itself takes some, one after the other."""
    hub.close(0.0)
    client = WebSocketClient()
    log = record(client)
    before = opened()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"ws://127.0.0.1:{listening.getsockname()[1]}/"
        with left(count):
            error = client.connect_to_url(url)
            if error:
                assert error == Error.ERR_CANT_CREATE
                (line,) = caplog.messages
                assert line == f"connect_to_url: no file descriptor is left for a connection; {descriptors.ADVICE}"
                assert client.status == client.Status.STATUS_IDLE
            else:
                for _ in range(10):
                    client.poll()
                assert [
                    reason for (reason,) in named(log, "connection_failed") if "no file descriptor" not in reason
                ] == []
        if error:
            assert opened() == before + 1
        if client.status == client.Status.STATUS_IDLE:
            assert client.connect_to_url(url) == 0
        assert client.status == client.Status.STATUS_CONNECTING
    client.close()
    hub.close(0.0)
    assert opened() == before


# --- a server


@pytest.mark.parametrize("count", range(8))
@pytest.mark.parametrize("address", ["*", "localhost"])
def test_a_server_with_few_left(count: int, address: str, network: None, caplog: pytest.LogCaptureFixture) -> None:
    hub.close(0.0)
    server = WebSocketServer()
    server.bind_address = address
    before = opened()
    with left(count):
        error = server.listen(0)
        if error:
            assert error == Error.ERR_CANT_CREATE
            (line,) = caplog.messages
            assert "file descriptors are used up" in line
            assert not server.is_listening()
    if error:
        assert opened() == before
        assert server.listen(0) == 0
    server.stop()
    hub.close(0.0)
    assert opened() == before


def test_a_server_that_finds_none_left_goes_on_when_there_are(
    server: WebSocketServer, network: None, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ws_python.net.listener._ROOM_TIME", 0.5)
    server.reserved_descriptors = 0
    peer = WebSocketClient()
    url = f"ws://127.0.0.1:{server.get_local_port()}"
    assert peer.connect_to_url(url) == 0
    poll_until(lambda: peer.status == peer.Status.STATUS_ACTIVE and server.get_peer_count() == 1, server, peer)
    received = []
    server.message_received.connect(lambda _id, message: received.append(message))
    client = socket.socket()
    with left(0):
        client.connect(("127.0.0.1", server.get_local_port()))
        poll_until(lambda: server._counts["paused_without_room"] == 1, server)
        assert server.get_statistics()["errors"] == 1
        for number in range(20):
            assert peer.send(str(number)) == 0
        poll_until(lambda: len(received) == 20, server, peer)
        assert len(server._connections) == 1
    poll_until(lambda: len(server._connections) == 2, server, peer)
    poll_until(lambda: len(caplog.messages) == 2, server, peer)
    full, over = caplog.messages
    assert full.startswith("new connections wait, as there is no room for them: Too many open files; raise")
    assert over.startswith("new connections no longer wait")
    assert server.get_statistics()["error_recovery_rate"] == 1.0
    client.close()
    peer.close()


def test_room_that_comes_while_the_listener_is_held_is_told(
    server: WebSocketServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next process has asked to take over, and does not."""
    monkeypatch.setattr("ws_python.net.listener._NO_ROOM_PAUSE", 0.05)
    monkeypatch.setattr("ws_python.net.listener._ROOM_TIME", 0.1)
    client = socket.socket()
    with left(0):
        client.connect(("127.0.0.1", server.get_local_port()))
        poll_until(lambda: server._counts["paused_without_room"] == 1, server)
    assert server._listener is not None
    server._listener.hold()
    until = hub.deadlines.now + 0.2
    poll_until(lambda: hub.deadlines.now > until, server)
    assert len(server._connections) == 0
    server._listener.release()
    poll_until(lambda: len(caplog.messages) == 2 and len(server._connections) == 1, server)
    assert caplog.messages[1].startswith("new connections no longer wait")
    assert server.get_statistics()["error_recovery_rate"] == 1.0
    # Where nobody has waited, there is nothing to tell.
    server._listener.hold()
    server._listener.release()
    until = hub.deadlines.now + 0.3
    poll_until(lambda: hub.deadlines.now > until, server)
    assert len(caplog.messages) == 2
    client.close()


def test_a_server_stopped_while_connections_wait(server: WebSocketServer, caplog: pytest.LogCaptureFixture) -> None:
    client = socket.socket()
    with left(0):
        client.connect(("127.0.0.1", server.get_local_port()))
        poll_until(lambda: server._counts["paused_without_room"] == 1, server)
        server.stop()
    assert server.listen(0) == 0
    until = hub.deadlines.now + 1.0
    poll_until(lambda: hub.deadlines.now > until, server)
    assert len(caplog.messages) == 1
    client.close()
