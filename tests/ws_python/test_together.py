"""Tests of features that meet one another: TLS, proxies, Unix sockets, limits, supervisors, back-pressure."""

from __future__ import annotations

import asyncio
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
from ws_python.connection.request import WebSocketRequest
from ws_python.features.connection_limits import ConnectionLimits
from ws_python.loop.hub import hub

from tests.ws_python.driving import named, needs_confirmation, poll_until, record, reset_at_close
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

    def ask(self) -> None:
        """Send the request for a WebSocket."""
        self.tls.write(ClientProtocol(parse_uri("wss://localhost/")).connect().serialize())
        self.move()

    def open(self, server: WebSocketServer) -> bytes:
        """Shake hands, for TLS and for a WebSocket: the answer."""
        poll_until(self.shakes_hands, server)
        self.ask()
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
    @needs_confirmation
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
        reset_at_close(raw.socket)
        raw.close()
        assert peer.send("into nothing") == Error.OK
        hub.writers.flush()
        poll_until(lambda: server.get_peer_count() == 0, server)
        statistics = server.get_statistics()
        assert (statistics["messages_sent"], statistics["messages_lost"]) == (1, 1)


class TestProxiesAndTls:
    @pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no Unix sockets here")
    def test_a_proxy_header_before_tls_on_a_unix_socket(self, files: Certificates, folder: Path) -> None:
        server = WebSocketServer()
        server.bind_address = f"unix:{folder}/s"
        server.trusted_proxies = ["unix:"]
        server.tls_certificate, server.tls_private_key = str(files.certificate), str(files.key)
        server.max_connections_per_address = 1
        seen: list[tuple[str, int]] = []

        def authorizer(request: WebSocketRequest) -> bool:
            seen.append((request.address, request.port))
            return True

        server.authorizer = authorizer
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

    @pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no Unix sockets here")
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


class TestAuthorizersThatWait:
    """Over TLS: whoever goes meanwhile leaves nothing behind, and what is answered too late is no matter."""

    @pytest.fixture
    def asked(self) -> list[asyncio.Future[bool]]:
        return []

    @pytest.fixture
    def server(self, files: Certificates, asked: list[asyncio.Future[bool]]) -> WebSocketServer:
        def authorizer(request: object) -> asyncio.Future[bool]:
            asked.append(hub.loop().create_future())
            return asked[-1]

        return secure_server(files, authorizer=authorizer)

    @pytest.fixture
    def raw(self, files: Certificates, server: WebSocketServer, asked: list[object]) -> Iterator[RawTls]:
        raw = RawTls(files, connected_to(server))
        poll_until(raw.shakes_hands, server)
        raw.ask()

        def is_asked() -> bool:
            raw.move()
            return bool(asked)

        poll_until(is_asked, server)
        yield raw
        raw.close()

    def test_it_lets_in_late(self, server: WebSocketServer, raw: RawTls, asked: list[asyncio.Future[bool]]) -> None:
        asked[0].set_result(True)
        poll_until(lambda: server.get_peer_count() == 1, server)

    def test_the_client_is_reset(self, server: WebSocketServer, raw: RawTls, asked: list[asyncio.Future[bool]]) -> None:
        log = record(server)
        reset_at_close(raw.socket)
        raw.close()
        poll_until(lambda: not server._connections, server)
        asked[0].set_result(True)
        for _ in range(5):
            server.poll()
        assert [name for name, *_ in log] == ["handshake_failed"]
        (limits,) = (feature for feature in server._features if isinstance(feature, ConnectionLimits))
        assert (limits._present.pending, len(limits._present)) == (0, 0)

    @pytest.mark.parametrize("end", ["stop", "_shut_down"])
    def test_the_server_ends(
        self, server: WebSocketServer, raw: RawTls, asked: list[asyncio.Future[bool]], end: str
    ) -> None:
        other, log = WebSocketClient(), record(server)
        getattr(server, end)()
        asked[0].set_result(True)
        for _ in range(5):
            other.poll()
        assert named(log, "client_connected") == []
        assert not server._connections


class TestManyFeaturesAtOnce:
    def test_the_newest_states_and_a_fragmented_message_pass_supervisors_and_tls_compressed(
        self, files: Certificates
    ) -> None:
        server = secure_server(files, outbound_buffer_size=1_000_000, slow_peer_timeout=5.0)
        clients = [WebSocketClient() for _ in range(3)]
        received: dict[int, list[object]] = {}
        for number, client in enumerate(clients):
            client.tls_trusted_ca = str(files.ca)
            client.supervisor = lambda message: message[::-1]
            received[number] = []
            client.message_received.connect(received[number].append)
            assert client.connect_to_url(f"wss://localhost:{server.get_local_port()}/") == Error.OK
        poll_until(lambda: server.get_peer_count() == 3, server, *clients)
        server.outgoing_supervisor = lambda peer_id, message: message.upper() if peer_id == 0 else message
        for state in range(50):
            assert server.send_latest(0, "state", f"state {state} " + "x" * 10_000) == Error.OK
        server.outgoing_supervisor = None
        (first, *_) = server.peers.values()
        assert first.send_fragment("begun, ", False) == Error.OK
        for state in range(50):
            assert server.send_latest(0, "state", f"newer {state} " + "x" * 10_000) == Error.OK
        for _ in range(20):
            server.poll()
        assert first.send_fragment("ended", True) == Error.OK
        poll_until(
            lambda: all(any(str(each).endswith(" 94 rewen") for each in got) for got in received.values()),
            server,
            *clients,
        )
        poll_until(lambda: any(each == "dedne ,nugeb" for got in received.values() for each in got), server, *clients)
        statistics = server.get_statistics()
        assert statistics["messages_lost"] == 0
        assert statistics["messages_sent"] == sum(len(got) for got in received.values())
        assert statistics["success_rate"] == 1.0
        assert statistics["counts"] == {}

    @pytest.mark.parametrize("act", ["stop", "poll", "close", "send", "_shut_down"])
    def test_a_handler_of_drained_does_anything(self, files: Certificates, act: str) -> None:
        server = secure_server(files, outbound_buffer_size=100_000)
        client = WebSocketClient()
        client.tls_trusted_ca = str(files.ca)
        assert client.connect_to_url(f"wss://localhost:{server.get_local_port()}/") == Error.OK
        poll_until(lambda: server.get_peer_count() == 1, server, client)
        (peer,) = server.peers.values()
        done: list[str] = []

        def drained() -> None:
            done.append(act)
            if act in ("stop", "poll", "_shut_down"):
                getattr(server, act)()
            elif act == "close":
                peer.close()
            else:
                while peer.send(bytes(40_000)) != Error.ERR_BUSY:
                    pass

        peer.drained.connect(drained)
        while peer.send(bytes(40_000)) != Error.ERR_BUSY:
            pass
        poll_until(lambda: len(done) >= (3 if act == "send" else 1), server, client)
        if act in ("stop", "close", "_shut_down"):
            poll_until(lambda: client.status == client.Status.STATUS_IDLE, server, client)
            assert client.get_close_code() == (1000 if act == "close" else 1001)

    def test_slow_tls_handshakes_make_room_for_who_is_quick(self, files: Certificates) -> None:
        server = secure_server(files, max_pending_handshakes=8, trusted_proxies=["127.0.0.1"])
        raws = [connected_to(server) for _ in range(40)]
        for raw in raws:
            raw.send(PROXIED + b"\x16\x03\x01")
        client = WebSocketClient()
        client.tls_trusted_ca = str(files.ca)
        assert client.connect_to_url(f"wss://localhost:{server.get_local_port()}/") == Error.OK
        poll_until(lambda: server.get_peer_count() == 1, server, client)
        assert server._counts["refused_max_pending_handshakes"] >= 8
        for raw in raws:
            raw.close()
        poll_until(lambda: len(server._connections) == 1, server, client)

    def test_who_sends_too_much_over_tls_is_paused_and_then_served(self, files: Certificates) -> None:
        server = secure_server(files, max_messages_per_second=100, rate_burst=0.1, rate_timeout=30.0)
        client = WebSocketClient()
        client.tls_trusted_ca = str(files.ca)
        assert client.connect_to_url(f"wss://localhost:{server.get_local_port()}/") == Error.OK
        poll_until(lambda: server.get_peer_count() == 1, server, client)
        log = record(server)
        for number in range(100):
            client.send(str(number))
        client.close()
        poll_until(lambda: bool(named(log, "client_disconnected")), server, client)
        assert [message for _, message in named(log, "message_received")] == [str(number) for number in range(100)]
        assert server._counts["paused_max_messages_per_second"] >= 1
