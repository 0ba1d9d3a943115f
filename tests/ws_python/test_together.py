"""Tests of features that meet one another: TLS, proxies, Unix sockets, limits, supervisors, back-pressure, fragments."""

from __future__ import annotations

import contextlib
import socket
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.client import ClientProtocol
from websockets.uri import parse_uri
from ws_python import Error, WebSocketClient, WebSocketServer
from ws_python.loop.hub import hub

from tests.ws_python.driving import named, poll_until, record
from tests.ws_python.net.test_tls import Certificates

PROXIED = b"PROXY TCP4 203.0.113.9 192.0.2.1 4711 443\r\n"


@pytest.fixture
def files(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose path is short: pytest's own may leave no room for a socket's."""
    with tempfile.TemporaryDirectory(prefix="ws") as path:
        yield Path(path)


def secure_server(files: Certificates, **settings: object) -> WebSocketServer:
    server = WebSocketServer()
    server.bind_address = "localhost"
    server.tls_certificate, server.tls_private_key = str(files.certificate), str(files.key)
    for name, value in settings.items():
        setattr(server, name, value)
    assert server.listen(0) == Error.OK
    return server


class RawTls:
    """A client that speaks TLS in memory over a socket of its own, and reads only when it is told to."""

    def __init__(self, files: Certificates, connected: socket.socket, before: bytes = b"") -> None:
        self.socket = connected
        self.socket.setblocking(False)
        if before:
            self.socket.send(before)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = files.trusting().wrap_bio(self._incoming, self._outgoing, server_hostname="localhost")

    def move(self) -> None:
        """Let the bytes go that wait on either side."""
        with contextlib.suppress(BlockingIOError, ConnectionResetError, BrokenPipeError):
            if self._outgoing.pending:
                self.socket.sendall(self._outgoing.read())
            if data := self.socket.recv(65536):
                self._incoming.write(data)

    def shakes_hands(self) -> bool:
        self.move()
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        finally:
            self.move()
        return True

    def open(self, server: WebSocketServer, *headers: tuple[str, str]) -> bytes:
        """Shake hands, for TLS and for a WebSocket: the answer."""
        poll_until(self.shakes_hands, server)
        protocol = ClientProtocol(parse_uri("wss://localhost/"))
        request = protocol.connect()
        for name, value in headers:
            request.headers[name] = value
        self.tls.write(request.serialize())
        answer = b""

        def answered() -> bool:
            nonlocal answer
            self.move()
            with contextlib.suppress(ssl.SSLWantReadError):
                answer += self.tls.read(65536)
            return b"\r\n\r\n" in answer

        poll_until(answered, server)
        return answer

    def close(self) -> None:
        self.socket.close()


def connected_to(server: WebSocketServer, *, receive_buffer: int = 0) -> socket.socket:
    sock = socket.socket()
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.connect(("127.0.0.1", server.get_local_port()))
    return sock


class TestTlsAndSlowPeers:
    def test_who_takes_nothing_is_closed_though_each_message_adds_a_record(self, files: Certificates) -> None:
        """As long as the system has room, all is taken, and a record is longer than what is in it."""
        server = secure_server(files, slow_peer_timeout=0.5, heartbeat_interval=0.0)
        slow = RawTls(files, connected_to(server, receive_buffer=4096))
        slow.open(server)
        poll_until(lambda: server.get_peer_count() == 1, server)
        log = record(server)
        (peer,) = server.peers.values()
        assert peer.send(bytes(100_000)) == Error.OK  # More than it takes, and less than the system does.

        def closed() -> bool:
            if peer.get_ready_state() == peer.State.STATE_OPEN:
                peer.send("tick")
            return bool(named(log, "client_disconnected"))

        poll_until(closed, server)
        assert server.get_statistics()["counts"] == {"closed_slow_peer": 1}
        slow.close()

    def test_messages_that_a_broken_connection_swallows_are_lost(self, files: Certificates) -> None:
        server = secure_server(files)
        raw = RawTls(files, connected_to(server))
        raw.open(server)
        poll_until(lambda: server.get_peer_count() == 1, server)
        (peer,) = server.peers.values()
        raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        raw.close()
        assert peer.send("into nothing") == Error.OK
        hub.writers.flush()
        poll_until(lambda: server.get_peer_count() == 0, server)
        statistics = server.get_statistics()
        assert (statistics["messages_sent"], statistics["messages_lost"]) == (1, 1)


class TestProxiesAndTls:
    def test_a_proxy_header_before_tls_on_a_unix_socket(self, files: Certificates, folder: Path) -> None:
        server = WebSocketServer()
        server.bind_address = f"unix:{folder}/s"
        server.trusted_proxies = ["unix:"]
        server.tls_certificate, server.tls_private_key = str(files.certificate), str(files.key)
        server.max_connections_per_address = 1
        seen: list[tuple[str, int]] = []
        server.authorizer = lambda request: seen.append((request.address, request.port)) or True
        assert server.listen() == Error.OK
        raws = []
        for expected in (b"101", b"503"):
            sock = socket.socket(socket.AF_UNIX)
            sock.connect(f"{folder}/s")
            raw = RawTls(files, sock, PROXIED)
            assert raw.open(server).startswith(b"HTTP/1.1 " + expected)
            raws.append(raw)
        poll_until(lambda: server.get_peer_count() == 1, server)
        (peer,) = server.peers.values()
        assert (peer.get_connected_host(), peer.get_connected_port()) == ("203.0.113.9", 4711)
        assert peer.get_requested_url().startswith("wss://")
        assert seen == [("203.0.113.9", 4711)]
        for raw in raws:
            raw.close()
        poll_until(lambda: not server._connections, server)

    def test_unix_sockets_count_for_no_address(self, folder: Path) -> None:
        server = WebSocketServer()
        server.bind_address = f"unix:{folder}/s"
        server.max_connections_per_address = 1
        assert server.listen() == Error.OK
        clients = [WebSocketClient() for _ in range(3)]
        for client in clients:
            assert client.connect_to_url(f"unix:{folder}/s") == Error.OK
        poll_until(lambda: server.get_peer_count() == 3, server, *clients)

    def test_a_proxy_that_says_nothing_over_tls_ends_in_time(self, files: Certificates) -> None:
        server = secure_server(files, trusted_proxies=["127.0.0.1"], handshake_timeout=0.3)
        log = record(server)
        raws = [connected_to(server) for _ in range(20)]
        for raw in raws[:10]:
            raw.send(PROXIED[:20])
        for raw in raws[10:]:
            raw.send(PROXIED)  # And then no hello.
        poll_until(lambda: len(named(log, "handshake_failed")) == 20, server)
        assert not server._connections
        for raw in raws:
            raw.close()
