"""Tests of ws_python.features.statistics: what is told is what happened."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest
from websockets.frames import Opcode
from ws_python import WebSocketClient, WebSocketServer
from ws_python.features.statistics import Past, summary

from tests.ws_python.driving import RawClient, listening, named, poll_until, record, reset_at_close

Pair = tuple[WebSocketServer, WebSocketClient, int]


def test_nothing_has_happened() -> None:
    statistics = WebSocketServer().get_statistics()
    assert (statistics["operations"], statistics["success_rate"], statistics["error_recovery_rate"]) == (0, 1.0, 1.0)
    assert (statistics["connections_open"], statistics["connections_closed"], statistics["counts"]) == (0, {}, {})


class TestTraffic:
    def test_both_ends_tell_the_same(self, pair: Pair) -> None:
        server, client, peer_id = pair
        log = record(server)
        text = "compressible " * 1000
        for message in ["text", b"binary", text]:
            assert client.send(message) == 0
        assert client.ping() == 0
        poll_until(lambda: len(named(log, "message_received")) == 3, server, client)
        poll_until(lambda: client.get_statistics()["frames_received"] == 1, server, client)
        sent, received = client.get_statistics(), server.get_statistics()
        assert (sent["messages_sent"], received["messages_received"]) == (3, 3)
        assert (sent["compressed_sent"], received["compressed_received"]) == (1, 1)
        assert (sent["frames_sent"], received["frames_received"]) == (4, 4)
        assert (sent["messages_received"], received["messages_sent"]) == (0, 0)
        assert sent["bytes_sent"] >= received["bytes_received"] > 30
        peer = server.peers[peer_id].get_statistics()
        assert {name: peer[name] for name in ("messages_received", "frames_received", "bytes_received")} == {
            name: received[name] for name in ("messages_received", "frames_received", "bytes_received")
        }
        assert client.get_statistics()["operations"] == 3 + 1
        assert client.get_statistics()["success_rate"] == 1.0

    def test_a_broadcast_is_a_message_to_each(self, pair: Pair) -> None:
        server, client, _ = pair
        other = RawClient(server.get_local_port())
        other.shake_hands(server)
        poll_until(lambda: server.get_peer_count() == 2, server, client)
        before = server.get_statistics()["messages_sent"]
        assert server.send(0, b"all") == 0
        poll_until(lambda: len(other.receive().frames) == 1, server, client)
        assert server.get_statistics()["messages_sent"] == before + 2
        other.close()

    def test_what_is_gone_stays_counted(self, pair: Pair) -> None:
        server, client, _ = pair
        client.send("last words")
        client.close(1000)
        poll_until(lambda: server.get_peer_count() == 0, server, client)
        statistics = server.get_statistics()
        assert (statistics["messages_received"], statistics["connections_open"]) == (1, 0)
        assert (statistics["connections_made"], statistics["connections_closed"]) == (1, {1000: 1})

    def test_what_waits(self, pair: Pair) -> None:
        server, client, peer_id = pair
        server.send(peer_id, b"x" * 1000)
        assert server.get_statistics()["outbound_buffered_amount"] >= 1000
        poll_until(lambda: client.get_statistics()["messages_received"] == 1, server, client)
        assert server.get_statistics()["outbound_buffered_amount"] == 0


class TestFailures:
    def test_a_message_without_room_is_refused(self, pair: Pair) -> None:
        server, client, _ = pair
        client.close()
        poll_until(lambda: server.get_peer_count() == 0, server, client)
        client.outbound_buffer_size = 2000
        assert client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}") == 0
        poll_until(lambda: server.get_peer_count() == 1, server, client)
        assert client.send(bytes(1000)) == 0
        assert client.send(bytes(1000)) != 0
        statistics = client.get_statistics()
        assert statistics["messages_refused"] == 1
        assert statistics["success_rate"] < 1.0

    def test_what_the_network_did_not_take_is_lost(self) -> None:
        server = listening()
        raw = RawClient(server.get_local_port(), receive_buffer=4096)
        raw.shake_hands(server)
        poll_until(lambda: server.get_peer_count() == 1, server)
        for _ in range(40):
            assert server.send(0, bytes(1024 * 1024)) == 0
        server.poll()
        reset_at_close(raw.socket)
        raw.socket.close()
        poll_until(lambda: server.get_peer_count() == 0, server)
        statistics = server.get_statistics()
        assert statistics["messages_sent"] == 40
        assert 0 < statistics["messages_lost"] <= 40
        assert statistics["connections_closed"] == {1006: 1}
        assert statistics["success_rate"] == 1 - statistics["messages_lost"] / 41
        server.stop()

    def test_a_port_that_is_taken(self) -> None:
        server, other = listening(), WebSocketServer()
        other.bind_address = "localhost"
        assert other.listen(server.get_local_port()) != 0
        statistics = other.get_statistics()
        assert (statistics["operations"], statistics["success_rate"]) == (1, 0.0)
        server.stop()

    def test_who_is_refused_is_counted_by_status(self) -> None:
        server = listening(refuse_new_connections=True)
        log = record(server)
        raw = RawClient(server.get_local_port())
        raw.flush()
        raw.send_raw(b"GET / HTTP/1.0\r\n\r\n")
        refused = RawClient(server.get_local_port())
        refused.protocol.send_request(refused.protocol.connect())
        refused.flush()
        poll_until(lambda: len(named(log, "handshake_failed")) == 2, server)
        assert server.get_statistics()["handshakes_failed"] == {505: 1, 503: 1}
        assert server.get_statistics()["counts"] == {"refused_new_connections": 1, "refused_http_version": 1}
        assert server.get_statistics()["connections_tried"] == 2
        server.stop()
        raw.close()
        refused.close()


def test_nodes_together_and_those_that_are_gone(pair: Pair) -> None:
    server, client, _ = pair
    raw = RawClient(server.get_local_port())
    raw.shake_hands(server)
    raw.send(Opcode.TEXT, b"hello")
    client.send("hello, too")
    poll_until(lambda: server.get_statistics()["messages_received"] == 2, server, client)
    past = Past()
    past.absorb(client)
    both = summary([server, past])
    assert (both["messages_received"], both["messages_sent"]) == (2, 1)
    assert both["connections_open"] == 2
    raw.close()
    assert both["operations"] == server.get_statistics()["operations"] + client.get_statistics()["operations"]


class TestErrors:
    def test_a_connection_that_came_back(self, pair: Pair) -> None:
        server, client, peer_id = pair
        client.auto_reconnect = True
        client.reconnect_delay = 0.0
        connection = server.peers[peer_id]._connection
        assert connection is not None
        connection.drop()
        poll_until(lambda: client.get_statistics()["errors"] == 1, server, client)
        assert client.get_statistics()["error_recovery_rate"] == 0.0
        poll_until(lambda: client.status == client.Status.STATUS_ACTIVE, server, client)
        statistics = client.get_statistics()
        assert (statistics["errors"], statistics["error_recovery_rate"]) == (1, 1.0)
        assert (statistics["connections_made"], statistics["connections_closed"]) == (2, {1006: 1})
        assert statistics["operations"] == 1

    def test_a_connection_that_could_not_be_opened(self) -> None:
        server = listening()
        port = server.get_local_port()
        server.stop()
        client = WebSocketClient()
        log = record(client)
        assert client.connect_to_url(f"ws://127.0.0.1:{port}") == 0
        poll_until(lambda: named(log, "connection_failed") != [], client)
        statistics = client.get_statistics()
        assert (statistics["operations"], statistics["success_rate"]) == (1, 0.0)
        assert (statistics["errors"], statistics["error_recovery_rate"]) == (1, 0.0)

    def test_what_the_game_ends_has_not_failed(self) -> None:
        server = listening()
        client = WebSocketClient()
        assert client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}") == 0
        client.close()
        assert client.get_statistics()["operations"] == 0
        assert client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}") == 0
        # The server's poll may end between its answer and the event that makes the peer.
        poll_until(
            lambda: client.status == client.Status.STATUS_ACTIVE and server.get_peer_count() == 1, server, client
        )
        server.disconnect_peer(server.get_peer_ids()[0], 1000)
        poll_until(lambda: client.status == client.Status.STATUS_IDLE, server, client)
        assert (client.get_statistics()["errors"], client.get_statistics()["success_rate"]) == (0, 1.0)
        server.stop()


def why_not(client: WebSocketClient, target: str, *nodes: Any) -> dict[str, int]:
    """What a client has counted when it could not connect."""
    log = record(client)
    assert client.connect_to_url(target) == 0
    poll_until(lambda: bool(named(log, "connection_failed")), client, *nodes)
    counts: dict[str, int] = client.get_statistics()["counts"]
    return counts


class TestCauses:
    """Each failure can be counted by its reason, on both sides."""

    def test_of_a_client(self) -> None:
        server, client = listening(authorizer=lambda _request: 401), WebSocketClient()
        port = server.get_local_port()
        assert why_not(client, f"ws://127.0.0.1:{port}", server) == {"refused_by_status": 1}
        assert client.get_statistics()["handshakes_failed"] == {401: 1}
        assert why_not(client, f"wss://127.0.0.1:{port}", server)["failed_tls_handshake"] == 1
        server.stop()
        assert why_not(client, f"ws://127.0.0.1:{port}")["connection_refused"] == 1
        assert why_not(client, "ws://nobody.invalid")["name_unknown"] == 1
        statistics = client.get_statistics()
        assert statistics["handshakes_failed"] == {401: 1, 0: 3}
        assert statistics["handshakes_failed_total"] == statistics["counts_total"] == 4
        assert statistics["connections_tried"] == 4

    @pytest.mark.parametrize(
        ("answer", "expected"),
        [
            (b"", "left_in_handshake"),
            (b"SSH-2.0-x\r\n", "failed_improper_answer"),
            (b"HTTP/1.1 101 x\r\n\r\n", "failed_improper_answer"),
            (None, "connect_timeout"),
        ],
    )
    def test_of_a_client_whom_a_server_answers_strangely(self, answer: bytes | None, expected: str) -> None:
        client = WebSocketClient()
        if answer is None:
            client.connect_timeout = 0.2
        with socket.create_server(("127.0.0.1", 0)) as listener:
            taken: list[socket.socket] = []

            def serve() -> None:
                taken.append(listener.accept()[0])
                if answer is not None:
                    taken[0].recv(4096)
                    taken[0].sendall(answer)
                    taken[0].close()

            thread = threading.Thread(target=serve)
            thread.start()
            assert why_not(client, f"ws://127.0.0.1:{listener.getsockname()[1]}") == {expected: 1}
            thread.join()
            taken[0].close()

    def test_of_a_server_in_the_handshake(self) -> None:
        server = listening()
        for said in (b"\x16\x03\x01\0\xc8", b"", b"POST / HTTP/1.1\r\nHost: x\r\n\r\n", b"nonsense\r\n\r\n",
                     b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n"):  # fmt: skip
            with socket.create_connection(("127.0.0.1", server.get_local_port())) as raw:
                raw.sendall(said)
            before = server.get_statistics()["handshakes_failed_total"]
            poll_until(lambda before=before: server.get_statistics()["handshakes_failed_total"] > before, server)  # type: ignore[misc]
        assert server.get_statistics()["counts"] == {
            "refused_tls_hello": 1,
            "left_in_handshake": 1,
            "refused_method_not_allowed": 1,
            "refused_bad_request": 1,
            "refused_upgrade_required": 1,
            "refused_http_version": 1,
        }
        server.stop()

    def test_of_connections_that_end(self) -> None:
        server = listening(close_timeout=0.2)

        def open_one() -> RawClient:
            raw = RawClient(server.get_local_port())
            raw.shake_hands(server)
            poll_until(lambda: server.get_peer_count() == 1, server)
            return raw

        raw = open_one()
        server.disconnect_peer(server.get_peer_ids()[0], 4000)
        poll_until(lambda: server.get_peer_count() == 0, server)
        assert server.get_statistics()["counts"] == {"closed_without_answer": 1}
        raw.close()
        server.heartbeat_interval, server.heartbeat_timeout = 0.1, 0.2
        raw = open_one()
        poll_until(lambda: server.get_peer_count() == 0, server)
        raw.close()
        assert server.get_statistics()["counts"] == {"closed_without_answer": 1, "closed_heartbeat_timeout": 1}
        assert server.get_statistics()["connections_closed_total"] == 2
        server.stop()

    def test_a_peer_tells_what_waits(self, pair: Pair) -> None:
        server, client, peer_id = pair
        seen: list[int] = []
        server.message_received.connect(
            lambda *_: seen.append(server.peers[peer_id].get_statistics()["inbound_buffered_amount"])
        )
        for _ in range(3):
            client.send(bytes(1000))
        poll_until(lambda: len(seen) == 3, server, client)
        assert max(seen) >= 1000
        poll_until(lambda: server.peers[peer_id].get_statistics()["inbound_buffered_amount"] == 0, server, client)
        assert "outbound_buffered_amount" in server.peers[peer_id].get_statistics()
