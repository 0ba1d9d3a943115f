"""Limits of connections on a port that speaks TLS: handshakes count and end in time, and who is refused can see it."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

import pytest
from ws_python import WebSocketClient, WebSocketServer

from tests.chaos.harness import Crowd
from tests.ws_python.driving import named, needs_proc, poll_until, record
from tests.ws_python.net.test_tls import Certificates, failure, files_hello, is_active, trusting_client, url

CROWD = 1000

pytestmark = needs_proc


@pytest.fixture
def files(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path)


def secure(files: Certificates, **settings: object) -> WebSocketServer:
    server = WebSocketServer()
    server.bind_address = "localhost"
    server.tls_certificate, server.tls_private_key = str(files.certificate), str(files.key)
    for name, value in settings.items():
        setattr(server, name, value)
    assert server.listen(0) == 0
    return server


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def opened(files: Certificates, server: WebSocketServer) -> WebSocketClient:
    client = trusting_client(files)
    client.connect_timeout = 60
    assert client.connect_to_url(url(server)) == 0
    poll_until(is_active(client), client, server)
    return client


@pytest.mark.parametrize("says", [b"", files_hello(ssl.MemoryBIO())[:100]], ids=["silent", "half a hello"])
def test_handshakes_under_way_are_bounded(files: Certificates, says: bytes) -> None:
    server = secure(files, max_pending_handshakes=64, handshake_timeout=300.0)
    begin = descriptors()
    with Crowd(server.get_local_port(), CROWD, says=says):
        poll_until(lambda: server._counts["refused_max_pending_handshakes"] >= CROWD - 64 - 64, server, deadline=60)
        # Those that came within one poll may be beyond it.
        assert len([each for each in server._connections if each.link is not None]) <= 64 + 64
        assert descriptors() - begin <= CROWD + 64 + 64 + 8
        client = opened(files, server)  # They keep nobody out.
    client.close()


@pytest.mark.parametrize("says", [b"", files_hello(ssl.MemoryBIO())[:100]], ids=["silent", "half a hello"])
def test_they_end_in_time(files: Certificates, says: bytes) -> None:
    server = secure(files, handshake_timeout=1.0)
    log = record(server)
    begin = descriptors()
    with Crowd(server.get_local_port(), CROWD, says=says):
        poll_until(lambda: len(named(log, "handshake_failed")) == CROWD, server, deadline=60)
        assert not server._connections
        assert descriptors() - begin <= CROWD + 8
    assert server._counts["refused_handshake_timeout"] == CROWD
    assert not server._counts["failed_tls_handshake"]
    opened(files, server).close()


def test_a_refusal_comes_through_tls(files: Certificates) -> None:
    server = secure(files, max_connections=2)
    clients = [opened(files, server) for _ in range(2)]
    for _ in range(3):
        reason = failure(trusting_client(files), url(server), server, *clients)
        assert "HTTP 503" in reason and "max_connections" in reason
    assert server._counts["refused_max_connections"] == 3
    assert not server._counts["failed_tls_handshake"]
    clients.pop().close()
    poll_until(lambda: server.get_peer_count() == 1, server, *clients)
    clients.append(opened(files, server))
    for client in clients:
        client.close()


def test_who_is_refused_and_silent_is_dropped_in_time(files: Certificates) -> None:
    server = secure(files, max_connections=1, close_timeout=1.0, handshake_timeout=300.0)
    log = record(server)
    client = opened(files, server)
    begin = descriptors()
    with Crowd(server.get_local_port(), CROWD, says=b""):
        poll_until(lambda: server._counts["refused_max_connections"] == CROWD, server, client, deadline=60)
        # So many may be waiting for their answer, see features/connection_limits.py.
        assert descriptors() - begin <= CROWD + 256 + 8
        poll_until(lambda: descriptors() - begin <= CROWD + 8, server, client, deadline=60)
        assert len(named(log, "handshake_failed")) == CROWD
        assert len(server._connections) == 1
    assert client.status == client.Status.STATUS_ACTIVE
    client.close()


def test_who_is_refused_and_speaks_no_tls_is_gone_at_once(files: Certificates) -> None:
    server = secure(files, max_connections=1, close_timeout=300.0, handshake_timeout=300.0)
    client = opened(files, server)
    begin = descriptors()
    with Crowd(server.get_local_port(), 100, says=b"\x16\x03\x01\0\5junk!" * 10) as crowd:
        poll_until(lambda: server._counts["refused_max_connections"] == 100, server, client, deadline=60)
        crowd.close()
        poll_until(lambda: descriptors() <= begin, server, client, deadline=60)
    client.close()
