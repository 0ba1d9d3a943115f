"""Tests of ws_python.features.connection_limits: how many connections there may be, from where, and shaking hands."""

from __future__ import annotations

import contextlib
import logging
import socket
from typing import Any

import pytest
from ws_python import WebSocketClient, WebSocketServer
from ws_python.connection.connection import Connection
from ws_python.features.connection_limits import network_of
from ws_python.features.feature import LATER, Answer, Feature, Later
from ws_python.net.link import Link

from tests.chaos.harness import Crowd, request
from tests.ws_python.driving import RawClient, named, poll_until, record


class ElsewhereServer(WebSocketServer):
    """Its clients are on this machine, and come from `origins` as far as it knows."""

    def __init__(self) -> None:
        super().__init__()
        self.origins = ["203.0.113.1"]

    def _accept(self, link: Link) -> None:
        link.host = self.origins.pop(0) if len(self.origins) > 1 else self.origins[0]
        super()._accept(link)


def listening(cls: type[WebSocketServer] = WebSocketServer, **settings: object) -> Any:
    server = cls()
    server.bind_address = "localhost"
    for name, value in settings.items():
        setattr(server, name, value)
    assert server.listen(0) == 0
    return server


def said_to(sock: socket.socket, *nodes: WebSocketServer) -> bytes:
    """All that the server says until it sends nothing more."""
    said = bytearray()
    sock.setblocking(False)

    def ended() -> bool:
        try:
            while data := sock.recv(65536):
                said.extend(data)
        except BlockingIOError:
            return False
        except ConnectionResetError:
            pass
        return True

    poll_until(ended, *nodes)
    return bytes(said)


def open_peers(server: WebSocketServer, count: int) -> list[RawClient]:
    raws = []
    for _ in range(count):
        raw = RawClient(server.get_local_port())
        raw.shake_hands(server)
        raws.append(raw)
    poll_until(lambda: server.get_peer_count() == count, server)
    return raws


def close(raws: list[RawClient]) -> None:
    for raw in raws:
        raw.close()


def test_all_three_are_on_by_default() -> None:
    server = WebSocketServer()
    limits = (server.max_connections, server.max_connections_per_address, server.max_pending_handshakes)
    assert limits == (16384, 256, 1024)


class TestInAll:
    def test_one_more_gets_503_and_who_is_there_stays(self, caplog: pytest.LogCaptureFixture) -> None:
        server = listening(max_connections=2)
        log = record(server)
        raws = open_peers(server, 2)
        with Crowd(server.get_local_port(), 1) as crowd:
            said = said_to(crowd.sockets[0], server)
        assert said.startswith(b"HTTP/1.1 503 ")
        assert b"max_connections" in said
        poll_until(lambda: bool(named(log, "handshake_failed")), server)
        assert server.get_peer_count() == 2
        assert server._counts["refused_max_connections"] == 1
        (line,) = [record.getMessage() for record in caplog.records]
        assert line == "127.0.0.1: refused with HTTP 503: there are 2, max_connections is 2"
        close(raws)

    def test_it_is_refused_before_it_says_anything(self, network: None) -> None:
        server = listening(max_connections=1)
        raws = open_peers(server, 1)
        with Crowd(server.get_local_port(), 1, says=b"") as crowd:
            assert said_to(crowd.sockets[0], server).startswith(b"HTTP/1.1 503 ")
        close(raws)

    def test_who_leaves_makes_room(self) -> None:
        server = listening(max_connections=2)
        raws = open_peers(server, 2)
        raws.pop().close()
        poll_until(lambda: server.get_peer_count() == 1, server)
        close(open_peers_more(server, 1))
        close(raws)

    def test_those_who_still_say_goodbye_count(self) -> None:
        """Their descriptors are in use."""
        server = listening(max_connections=1, close_timeout=0.5)
        raws = open_peers(server, 1)
        server.disconnect_peer(server.get_peer_ids()[0])
        with Crowd(server.get_local_port(), 1) as crowd:
            assert said_to(crowd.sockets[0], server).startswith(b"HTTP/1.1 503 ")
        poll_until(lambda: server.get_peer_count() == 0, server)  # It does not answer: close_timeout.
        close(open_peers(server, 1))
        close(raws)

    def test_zero_is_no_limit(self) -> None:
        server = listening(max_connections=0, max_connections_per_address=0, max_pending_handshakes=0)
        close(open_peers(server, 5))
        assert not server._counts

    def test_a_client_of_ours_may_try_again(self) -> None:
        server = listening(max_connections=1)
        raws = open_peers(server, 1)
        client = WebSocketClient()
        client.auto_reconnect = True
        client.reconnect_delay = 0.01
        log = record(client)
        client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}/")
        poll_until(lambda: len(named(log, "connection_failed")) >= 1, server, client)
        assert "HTTP 503" in named(log, "connection_failed")[0][0]
        close(raws)
        poll_until(lambda: client.status == client.Status.STATUS_ACTIVE, server, client)
        client.close()

    def test_many_that_are_refused_and_stay_are_few_in_the_end(self) -> None:
        """Who is refused, and does not close, does not hold a descriptor each."""
        server = listening(max_connections=1)
        log = record(server)
        raws = open_peers(server, 1)
        with Crowd(server.get_local_port(), 400) as crowd:
            poll_until(lambda: len(named(log, "handshake_failed")) == 400, server, deadline=60.0)
            (limits,) = [feature for feature in server._features if hasattr(feature, "_present")]
            assert len(limits._present._refused) <= 256
            answers = [said_to(sock, server) for sock in crowd.sockets]
        assert sum(said.startswith(b"HTTP/1.1 503 ") for said in answers) >= 256
        assert server._counts["refused_max_connections"] == 400
        close(raws)

    def test_a_server_that_stops_and_listens_again_counts_right(self) -> None:
        server = listening(max_connections=2)
        raws = open_peers(server, 2)
        server.stop()
        close(raws)
        (limits,) = [feature for feature in server._features if hasattr(feature, "_present")]
        assert server.listen(0) == 0
        poll_until(lambda: len(limits._present) == 0, server)
        assert not limits._present._counts
        close(open_peers(server, 2))


def open_peers_more(server: WebSocketServer, count: int) -> list[RawClient]:
    before = server.get_peer_count()
    raws = []
    for _ in range(count):
        raw = RawClient(server.get_local_port())
        raw.shake_hands(server)
        raws.append(raw)
    poll_until(lambda: server.get_peer_count() == before + count, server)
    return raws


class TestPerAddress:
    def test_one_address_has_its_part_and_others_theirs(self) -> None:
        server = listening(ElsewhereServer, max_connections_per_address=2)
        raws = open_peers(server, 2)
        with Crowd(server.get_local_port(), 1) as crowd:
            assert said_to(crowd.sockets[0], server).startswith(b"HTTP/1.1 503 ")
        server.origins = ["203.0.113.2"]
        raws += open_peers_more(server, 2)
        assert server._counts["refused_max_connections_per_address"] == 1
        close(raws)

    def test_a_network_of_ipv6_is_one_address(self) -> None:
        server = listening(ElsewhereServer, max_connections_per_address=2)
        server.origins = ["2001:db8:0:1::1", "2001:db8:0:1:ffff::2", "2001:db8:0:1::3", "2001:db8:0:2::1"]
        raws = open_peers(server, 2)
        with Crowd(server.get_local_port(), 1) as crowd:
            assert said_to(crowd.sockets[0], server).startswith(b"HTTP/1.1 503 ")
        raws += open_peers_more(server, 1)
        close(raws)

    def test_this_machine_counts_in_all_only(self) -> None:
        server = listening(max_connections_per_address=1)
        close(open_peers(server, 3))

    @pytest.mark.parametrize(
        ("host", "network"),
        [
            ("127.0.0.1", ""),
            ("127.3.2.1", ""),
            ("::1", ""),
            ("::ffff:127.0.0.1", ""),
            ("", ""),
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("fe80::1%eth0", "fe80::/64"),
            ("unknown", "unknown"),
        ],
    )
    def test_what_an_address_counts_as(self, host: str, network: str) -> None:
        assert network_of(host) == network


class Proxied(Feature):
    """A proxy tells, with the request, from where it comes."""

    def admit(self, connection: Connection, request: Any) -> Answer | Later | None:
        connection.host = request.headers["X-From"]
        return None


class ProxiedServer(ElsewhereServer):
    FEATURES = (Proxied, *ElsewhereServer.FEATURES)


class TestBehindAProxy:
    def test_the_addresses_that_it_tells_count(self) -> None:
        server = listening(ProxiedServer, max_connections_per_address=2)
        port = server.get_local_port()
        with contextlib.ExitStack() as crowds:
            for origin in ("198.51.100.1", "198.51.100.2", "198.51.100.3"):
                crowd = crowds.enter_context(Crowd(port, 2, f"X-From: {origin}"))
                crowd.wait_until_open(server)
            with Crowd(port, 1, "X-From: 198.51.100.3") as crowd:
                assert said_to(crowd.sockets[0], server).startswith(b"HTTP/1.1 503 ")
        poll_until(lambda: server.get_peer_count() == 0, server)
        (limits,) = [feature for feature in server._features if hasattr(feature, "_present")]
        poll_until(lambda: not limits._present._counts, server)


class Doorkeeper(Feature):
    """Answers later."""

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        self.waiting: list[Connection] = []

    def admit(self, connection: Connection, request: Any) -> Answer | Later | None:
        self.waiting.append(connection)
        return LATER


class SlowServer(WebSocketServer):
    FEATURES = (*WebSocketServer.FEATURES, Doorkeeper)


class TestPending:
    def test_the_slowest_makes_room(self, network: None) -> None:
        server = listening(max_pending_handshakes=3, handshake_timeout=60.0)
        log = record(server)
        with Crowd(server.get_local_port(), 3, says=b"GET / HTTP/1.1\r\n") as slow:
            for _ in range(20):
                server.poll()
            raws = open_peers(server, 1)
            assert said_to(slow.sockets[0], server).startswith(b"HTTP/1.1 503 ")
            poll_until(lambda: len(named(log, "handshake_failed")) == 1, server)
            assert server._counts["refused_max_pending_handshakes"] == 1
            # It was the slow one that went, and the others have their time.
            slow.sockets[1].sendall(request()[len(b"GET / HTTP/1.1\r\n") :])
            poll_until(lambda: server.get_peer_count() == 2, server)
        close(raws)

    def test_who_waits_for_us_is_not_slow(self) -> None:
        server = listening(SlowServer, max_pending_handshakes=3, handshake_timeout=60.0)
        (keeper,) = [feature for feature in server._features if isinstance(feature, Doorkeeper)]
        with Crowd(server.get_local_port(), 3) as waiting:
            poll_until(lambda: len(keeper.waiting) == 3, server)
            with Crowd(server.get_local_port(), 1) as late:
                assert said_to(late.sockets[0], server).startswith(b"HTTP/1.1 503 ")
            for connection in keeper.waiting:
                connection.answer(None)
            waiting.wait_until_open(server)

    def test_handshakes_that_ended_make_room(self) -> None:
        server = listening(max_pending_handshakes=2)
        with Crowd(server.get_local_port(), 10, says=b"nonsense\r\n\r\n") as crowd:
            for sock in crowd.sockets:
                assert said_to(sock, server).startswith(b"HTTP/1.1 400 ")
        close(open_peers(server, 5))

    def test_a_crowd_that_asks_at_once_is_not_slow(self) -> None:
        """All are accepted before the request of one is read."""
        server = listening(max_pending_handshakes=1)
        with Crowd(server.get_local_port(), 12) as crowd:
            crowd.wait_until_open(server)
        assert not server._counts

    def test_time_and_size_are_counted_and_told(self, caplog: pytest.LogCaptureFixture) -> None:
        server = listening(handshake_timeout=0.2)
        log = record(server)
        port = server.get_local_port()
        many = b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n"
        long = b"GET /" + b"a" * 20_000
        with Crowd(port, 1, says=b"GET"), Crowd(port, 1, says=many), Crowd(port, 1, says=long):
            poll_until(lambda: len(named(log, "handshake_failed")) == 3, server)
        assert server._counts["refused_handshake_timeout"] == 1
        assert server._counts["refused_header_fields_too_large"] == 1
        assert server._counts["refused_uri_too_long"] == 1
        lines = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
        assert lines
        assert all(line.startswith("127.0.0.1: ") for line in lines)
