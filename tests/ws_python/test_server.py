"""Tests of ws_python.server: listening, peers, sending, the order of what is delivered."""

from __future__ import annotations

import os
import socket
import time
from typing import Any

import pytest
from websockets.frames import Frame, Opcode
from ws_python import Error, WebSocketClient, WebSocketPeer, WebSocketServer
from ws_python.loop.hub import hub

from tests.ws_python.driving import RawClient, named, poll_until, record, socket_of

pytestmark = pytest.mark.usefixtures("network")

Pair = tuple[WebSocketServer, WebSocketClient, int]


class TestListen:
    def test_port_0_is_a_free_port_that_can_be_read_back(self, server: WebSocketServer) -> None:
        assert server.is_listening()
        assert server.status is WebSocketServer.Status.STATUS_ACTIVE
        assert server.get_local_port() > 0
        with socket.create_connection(("127.0.0.1", server.get_local_port())):
            pass

    def test_without_an_argument_the_property_counts(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        server = WebSocketServer()
        server.bind_address = "localhost"
        server.port = port
        assert server.listen() == Error.OK
        assert server.get_local_port() == port

    def test_listening_twice_is_refused(self, server: WebSocketServer, caplog: pytest.LogCaptureFixture) -> None:
        assert server.listen(0) == Error.ERR_ALREADY_IN_USE
        assert "already listening on port" in caplog.text
        assert server.is_listening()

    @pytest.mark.parametrize("address", ["*", "localhost", "127.0.0.1"])
    def test_a_taken_port(self, address: str, server: WebSocketServer, caplog: pytest.LogCaptureFixture) -> None:
        second = WebSocketServer()
        second.bind_address = address
        assert second.listen(server.get_local_port()) == Error.ERR_ALREADY_IN_USE
        assert "another program has it" in caplog.text
        assert (second.status, second.get_local_port()) == (WebSocketServer.Status.STATUS_IDLE, 0)

    @pytest.mark.parametrize(
        ("change", "advice"),
        [
            ({"bind_address": "example.com"}, "must be"),
            ({"bind_address": "192.0.2.1"}, "this machine has no such address"),
            ({"supported_protocols": ["a b"]}, "is not a subprotocol name"),
            ({"handshake_headers": ["nonsense"]}, "is not a header"),
        ],
    )
    def test_bad_properties(self, change: dict[str, Any], advice: str, caplog: pytest.LogCaptureFixture) -> None:
        server = WebSocketServer()
        for name, value in change.items():
            setattr(server, name, value)
        assert server.listen(0) == Error.ERR_INVALID_PARAMETER
        assert advice in caplog.text
        assert not server.is_listening()

    @pytest.mark.parametrize("port", [-2, 65536])
    def test_a_port_that_does_not_exist(self, port: int) -> None:
        assert WebSocketServer().listen(port) == Error.ERR_INVALID_PARAMETER

    @pytest.mark.skipif(os.name == "nt", reason="Windows lets everybody use any port")
    @pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may use any port")
    def test_a_privileged_port(self) -> None:
        assert WebSocketServer().listen(1) in (Error.ERR_UNAUTHORIZED, Error.ERR_ALREADY_IN_USE)

    def test_two_servers_in_one_process(self, server: WebSocketServer, raw: RawClient) -> None:
        other = WebSocketServer()
        assert other.listen(0) == Error.OK
        second = RawClient(other.get_local_port())
        second.shake_hands(server, other)
        poll_until(lambda: other.get_peer_count() == 1, server, other)
        assert server.get_peer_count() == 1
        second.close()


class TestStop:
    def test_everybody_is_told_and_the_port_is_free_again(self, pair: Pair) -> None:
        server, client, peer_id = pair
        port = server.get_local_port()
        peer = server.get_peer(peer_id)
        assert peer is not None
        log, client_log = record(server), record(client)
        server.stop()
        assert log == [("status_changed", WebSocketServer.Status.STATUS_IDLE), ("client_disconnected", peer_id)]
        assert (server.get_peer_count(), server.get_local_port(), server.is_listening()) == (0, 0, False)
        assert (peer.get_close_code(), peer.get_ready_state()) == (1001, WebSocketPeer.State.STATE_CLOSED)
        assert server.listen(port) == Error.OK
        poll_until(lambda: client.status == WebSocketClient.Status.STATUS_IDLE, client)
        assert named(client_log, "connection_closed") == [()]
        assert client.get_close_code() == 1001

    def test_stopping_an_idle_server_does_nothing(self) -> None:
        server = WebSocketServer()
        log = record(server)
        server.stop()
        assert log == []

    def test_nothing_more_is_delivered_after_stop_in_a_handler(self, server: WebSocketServer, raw: RawClient) -> None:
        peer_id = server.get_peer_ids()[0]
        log = record(server)
        server.message_received.connect(lambda *_: server.stop())
        for text in (b"1", b"2", b"3"):
            raw.send(Opcode.TEXT, text)
        poll_until(lambda: not server.is_listening(), server)
        server.poll()
        assert log == [
            ("message_received", peer_id, "1"),
            ("status_changed", WebSocketServer.Status.STATUS_IDLE),
            ("client_disconnected", peer_id),
        ]
        poll_until(lambda: raw.receive().eof, server)
        assert raw.protocol.close_rcvd is not None
        assert raw.protocol.close_rcvd.code == 1001

    def test_stop_in_client_disconnected_tells_the_others_once(self, server: WebSocketServer) -> None:
        clients = [RawClient(server.get_local_port()) for _ in range(3)]
        for client in clients:
            client.shake_hands(server)
        poll_until(lambda: server.get_peer_count() == 3, server)
        ids = sorted(server.get_peer_ids())
        log = record(server)
        server.client_disconnected.connect(lambda _: server.stop())
        clients[0].send(Opcode.CLOSE, b"\x03\xe8")
        poll_until(lambda: not server.is_listening(), server)
        assert sorted(peer_id for (peer_id,) in named(log, "client_disconnected")) == ids
        assert server.get_peer_count() == 0
        for client in clients:
            client.close()

    def test_a_connection_that_is_still_shaking_hands_is_dropped(self, server: WebSocketServer) -> None:
        raw = RawClient(server.get_local_port())
        raw.send_raw(b"GET / HTTP/1.1\r\n")
        poll_until(lambda: bool(server._connections), server)
        server.stop()
        poll_until(lambda: raw.receive().eof, server)
        raw.close()

    def test_a_connection_that_is_being_accepted_is_dropped(self, server: WebSocketServer) -> None:
        raw = RawClient(server.get_local_port())
        while not server._connections:
            hub.turn(0.0, 1.0)
        server.stop()
        poll_until(lambda: raw.receive().eof, server)
        raw.close()

    def test_the_hub_closes_while_a_connection_is_being_accepted(self, server: WebSocketServer) -> None:
        raw = RawClient(server.get_local_port())
        while not server._connections:
            hub.turn(0.0, 1.0)
        hub.close(0.0)
        poll_until(lambda: raw.receive().eof)
        raw.close()

    def test_listening_again_in_a_handler_of_stop(self, pair: Pair) -> None:
        server, _, _ = pair
        server.client_disconnected.connect(lambda _: server.listen(0))
        server.stop()
        assert server.is_listening()
        assert server.get_local_port() > 0


class TestPeers:
    def test_ids_are_random_and_in_range(self, server: WebSocketServer, raw: RawClient) -> None:
        (peer_id,) = server.get_peer_ids()
        assert 2 <= peer_id < 2**31
        peer = server.get_peer(peer_id)
        assert peer is not None
        assert (peer.peer_id, server.has_peer(peer_id), server.get_peer_count()) == (peer_id, True, 1)
        assert dict(server.peers) == {peer_id: peer}
        assert (server.get_peer(1), server.has_peer(1)) == (None, False)

    def test_a_taken_id_is_not_given_twice(self, server: WebSocketServer, monkeypatch: pytest.MonkeyPatch) -> None:
        ids = iter([5, 5, 6])
        monkeypatch.setattr("ws_python.server.random.randint", lambda low, high: next(ids))
        clients = [RawClient(server.get_local_port()) for _ in range(2)]
        for client in clients:
            client.shake_hands(server)
        poll_until(lambda: server.get_peer_count() == 2, server)
        assert sorted(server.get_peer_ids()) == [5, 6]
        for client in clients:
            client.close()

    def test_a_peer_can_be_asked_for_its_close_code_while_it_is_taken_back(
        self, server: WebSocketServer, raw: RawClient
    ) -> None:
        seen: list[tuple[int, str]] = []

        def on_disconnected(peer_id: int) -> None:
            peer = server.get_peer(peer_id)
            assert peer is not None
            seen.append((peer.get_close_code(), peer.get_close_reason()))
            assert server.send(peer_id, "too late") == Error.ERR_CONNECTION_ERROR

        server.client_disconnected.connect(on_disconnected)
        raw.send(Opcode.CLOSE, (4001).to_bytes(2, "big") + "schön".encode())
        poll_until(lambda: server.get_peer_count() == 0, server)
        assert seen == [(4001, "schön")]

    def test_disconnect_peer_sends_code_and_reason(self, server: WebSocketServer, raw: RawClient) -> None:
        (peer_id,) = server.get_peer_ids()
        assert server.disconnect_peer(peer_id, 4002, "go") == Error.OK
        poll_until(lambda: raw.receive().protocol.close_rcvd is not None, server)
        close = raw.protocol.close_rcvd
        assert close is not None
        assert (close.code, close.reason) == (4002, "go")
        poll_until(lambda: server.get_peer_count() == 0, server)

    def test_a_client_that_does_not_answer_the_close(self) -> None:
        server = WebSocketServer()
        server.close_timeout = 0.1
        assert server.listen(0) == Error.OK
        raw = RawClient(server.get_local_port())
        raw.shake_hands(server)
        poll_until(lambda: server.get_peer_count() == 1, server)
        (peer,) = server.peers.values()
        peer.close(1000)
        poll_until(lambda: server.get_peer_count() == 0, server)
        assert peer.get_close_code() == 1006
        raw.close()

    def test_the_server_ends_the_tcp_connection_and_its_close_frame_arrives(
        self, server: WebSocketServer, raw: RawClient
    ) -> None:
        """RFC 6455 section 7.1.1; bytes that are still on the way must not make it a reset."""
        raw.send_raw(Frame(Opcode.CLOSE, b"\x03\xe8").serialize(mask=True) + bytes(100_000))
        poll_until(lambda: raw.receive().eof, server, deadline=server.close_timeout / 2)
        assert raw.protocol.close_rcvd is not None
        assert raw.protocol.close_rcvd.code == 1000

    def test_disconnect_peer_errors(self, server: WebSocketServer, raw: RawClient) -> None:
        (peer_id,) = server.get_peer_ids()
        assert server.disconnect_peer(1) == Error.ERR_DOES_NOT_EXIST
        assert server.disconnect_peer(peer_id, 1005) == Error.ERR_INVALID_PARAMETER
        assert server.has_peer(peer_id)

    def test_a_peer_alone_tells_its_messages_and_its_end(self, server: WebSocketServer, raw: RawClient) -> None:
        peer = server.get_peer(server.get_peer_ids()[0])
        assert peer is not None
        log = record(peer)
        raw.send(Opcode.TEXT, b"hi")
        raw.send(Opcode.CLOSE, b"")
        poll_until(lambda: server.get_peer_count() == 0, server)
        assert log == [("message_received", "hi"), ("connection_closed",)]
        assert peer.get_close_code() == 1005

    def test_the_hooks_of_a_derived_class(self) -> None:
        dropped: list[WebSocketPeer] = []

        class OwnPeer(WebSocketPeer):
            pass

        class Derived(WebSocketServer):
            def _new_peer(self, peer_id: int) -> WebSocketPeer:
                return OwnPeer()

            def _drop_peer(self, peer: WebSocketPeer) -> None:
                assert not self.has_peer(peer.peer_id)
                dropped.append(peer)

        server = Derived()
        assert server.listen(0) == Error.OK
        raw = RawClient(server.get_local_port())
        raw.shake_hands(server)
        poll_until(lambda: server.get_peer_count() == 1, server)
        (peer,) = server.peers.values()
        assert isinstance(peer, OwnPeer)
        raw.close()
        poll_until(lambda: server.get_peer_count() == 0, server)
        assert dropped == [peer]
        assert peer.get_close_code() == 1006


class TestSend:
    @pytest.fixture
    def three(self, server: WebSocketServer) -> Any:
        """Three clients by the ids of their peers."""
        clients: dict[int, RawClient] = {}
        for _ in range(3):
            client = RawClient(server.get_local_port())
            client.shake_hands(server)
            known = set(clients)
            poll_until(lambda: server.get_peer_count() == len(clients) + 1, server)
            (peer_id,) = set(server.get_peer_ids()) - known
            clients[peer_id] = client
        yield clients
        for client in clients.values():
            client.close()

    @pytest.mark.parametrize("message", ["text å", "", b"binary", b""])
    def test_to_one_to_all_and_to_all_but_one(
        self, server: WebSocketServer, three: dict[int, RawClient], message: str | bytes
    ) -> None:
        first, second, third = three
        assert server.send(first, message) == Error.OK
        assert server.send(0, message) == Error.OK
        assert server.send(-second, message) == Error.OK
        assert server.send(0, "end") == Error.OK

        def all_ended() -> bool:
            return all(client.receive().frames[-1:] and client.frames[-1].data == b"end" for client in three.values())

        poll_until(all_ended, server)
        payload = message.encode() if isinstance(message, str) else message
        opcode = Opcode.TEXT if isinstance(message, str) else Opcode.BINARY
        for peer_id, count in ((first, 3), (second, 1), (third, 2)):
            assert [(frame.opcode, frame.data) for frame in three[peer_id].frames[:-1]] == [(opcode, payload)] * count

    def test_to_nobody_is_ok(self, server: WebSocketServer) -> None:
        assert server.send(0, "hello?") == Error.OK

    @pytest.mark.parametrize("peer_id", [1, 7, -7, -1])
    def test_an_unknown_peer(self, server: WebSocketServer, peer_id: int, caplog: pytest.LogCaptureFixture) -> None:
        assert server.send(peer_id, "x") == Error.ERR_DOES_NOT_EXIST
        assert f"there is no peer {abs(peer_id)}; see get_peer_ids()" in caplog.text

    @pytest.mark.parametrize("to_all", [False, True])
    @pytest.mark.parametrize(
        ("message", "error", "advice"),
        [
            ({"a": 1}, Error.ERR_INVALID_PARAMETER, "use send_json()"),
            (None, Error.ERR_INVALID_PARAMETER, "null is neither"),
            ("\ud800", Error.ERR_INVALID_DATA, "half a surrogate pair"),
        ],
    )
    def test_what_cannot_be_sent(
        self,
        server: WebSocketServer,
        raw: RawClient,
        to_all: bool,
        message: object,
        error: Error,
        advice: str,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        (peer_id,) = server.get_peer_ids()
        assert server.send(0 if to_all else peer_id, message) == error
        assert advice in caplog.text
        peer = server.get_peer(peer_id)
        assert peer is not None
        assert peer.get_current_outbound_buffered_amount() == 0

    def test_send_json(self, server: WebSocketServer, raw: RawClient) -> None:
        (peer_id,) = server.get_peer_ids()
        assert server.send_json(peer_id, {"a": [1, None]}) == Error.OK
        assert server.send_json(0, [True]) == Error.OK
        assert server.send_json(peer_id, object()) == Error.ERR_INVALID_PARAMETER
        poll_until(lambda: len(raw.receive().frames) == 2, server)
        assert [frame.data for frame in raw.frames] == [b'{"a":[1,null]}', b"[true]"]

    def test_send_text(self, server: WebSocketServer, raw: RawClient, caplog: pytest.LogCaptureFixture) -> None:
        (peer_id,) = server.get_peer_ids()
        assert server.send_text(peer_id, "one") == Error.OK
        assert server.send_text(0, "all") == Error.OK
        assert server.send_text(7, "nobody") == Error.ERR_DOES_NOT_EXIST
        poll_until(lambda: len(raw.receive().frames) == 2, server)
        assert [(frame.opcode, frame.data) for frame in raw.frames] == [(Opcode.TEXT, b"one"), (Opcode.TEXT, b"all")]

    def test_a_broadcast_leaves_out_those_that_are_closing(
        self, server: WebSocketServer, three: dict[int, RawClient]
    ) -> None:
        first, second, third = three
        server.disconnect_peer(first)
        assert server.send(0, "x") == Error.OK
        poll_until(lambda: all(three[peer_id].receive().frames for peer_id in (second, third)), server)
        assert Opcode.TEXT not in [frame.opcode for frame in three[first].receive().frames]

    @pytest.mark.parametrize("message", [bytes(200_000), "å" * 100_000])
    def test_a_slow_receiver_is_an_honest_error_and_nothing_is_lost(
        self, server: WebSocketServer, message: str | bytes
    ) -> None:
        limit = server.outbound_buffer_size = 1024 * 1024
        raw = RawClient(server.get_local_port(), receive_buffer=4096)
        raw.shake_hands(server)
        poll_until(lambda: server.get_peer_count() == 1, server)
        (peer,) = server.peers.values()
        sent = 0
        while (error := server.send(peer.peer_id, message)) == Error.OK:
            sent += 1
            server.poll()
        assert error == Error.ERR_BUSY
        assert server.send(0, message) == Error.ERR_BUSY
        assert limit - 200_100 < peer.get_current_outbound_buffered_amount() <= limit
        poll_until(lambda: len(raw.receive().frames) == sent, server)
        assert server.send(peer.peer_id, "again") == Error.OK
        poll_until(lambda: raw.receive().frames[-1].data == b"again", server)
        payload = message.encode() if isinstance(message, str) else message
        assert all(frame.data == payload for frame in raw.frames[:-1])
        raw.close()


class TestDelivery:
    def test_everything_that_arrived_before_a_close_is_delivered_before_it(
        self, server: WebSocketServer, raw: RawClient
    ) -> None:
        (peer_id,) = server.get_peer_ids()
        log = record(server)
        raw.send(Opcode.TEXT, b"text")
        raw.send(Opcode.BINARY, b"binary")
        raw.send(Opcode.CLOSE, b"\x03\xe8")
        raw.close()
        poll_until(lambda: server.get_peer_count() == 0, server)
        assert log == [
            ("message_received", peer_id, "text"),
            ("message_received", peer_id, b"binary"),
            ("client_disconnected", peer_id),
        ]

    def test_a_message_in_the_same_packet_as_the_handshake(self, server: WebSocketServer) -> None:
        log = record(server)
        raw = RawClient(server.get_local_port())
        raw.protocol.send_request(raw.protocol.connect())
        raw.protocol.state = raw.protocol.state.OPEN
        raw.protocol.send_text(b"early")
        raw.flush()
        poll_until(lambda: bool(named(log, "message_received")), server)
        (peer_id,) = server.get_peer_ids()
        assert log == [("client_connected", peer_id), ("message_received", peer_id, "early")]
        raw.close()

    def test_poll_in_a_handler_goes_on_in_order(self, server: WebSocketServer, raw: RawClient) -> None:
        log = record(server)
        server.message_received.connect(lambda *_: server.poll())
        for number in range(5):
            raw.send(Opcode.TEXT, str(number).encode())
        poll_until(lambda: len(named(log, "message_received")) == 5, server)
        assert [message for _, message in named(log, "message_received")] == list("01234")

    def test_polls_in_handlers_nest_to_a_bound_only(
        self, server: WebSocketServer, raw: RawClient, caplog: pytest.LogCaptureFixture
    ) -> None:
        count = 3000
        received: list[object] = []
        depths: list[int] = [0]

        def on_message(_peer_id: int, message: object) -> None:
            received.append(message)
            depths.append(depths[-1] + 1)
            server.poll()
            depths.append(depths[-1] - 1)

        server.message_received.connect(on_message)
        for number in range(count):
            raw.send(Opcode.TEXT, str(number).encode())
        poll_until(lambda: len(received) == count, server)
        assert received == [str(number) for number in range(count)]
        assert 1 < max(depths) < 50
        assert caplog.text == ""

    def test_a_handler_that_polls_until_an_answer_comes_gets_it(self, server: WebSocketServer, raw: RawClient) -> None:
        log = record(server)

        def on_message(peer_id: int, message: object) -> None:
            if message == "question":
                server.send(peer_id, "counter-question")
                poll_until(lambda: bool(raw.receive().frames), server)
                raw.send(Opcode.TEXT, b"answer")
                poll_until(lambda: len(named(log, "message_received")) == 2, server)

        server.message_received.connect(on_message)
        raw.send(Opcode.TEXT, b"question")
        poll_until(lambda: bool(named(log, "message_received")), server)
        assert [message for _, message in named(log, "message_received")] == ["question", "answer"]

    def test_no_message_waits_for_the_acknowledgement_of_another(self, pair: Pair) -> None:
        server, client, _ = pair
        for connection in (client._connection, server.peers[server.get_peer_ids()[0]]._connection):
            assert connection is not None and connection.link is not None
            with socket_of(connection.link) as own:
                assert own.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

    @pytest.mark.skipif(not hasattr(socket, "TCP_INFO"), reason="only Linux counts segments")
    def test_what_a_handler_sends_leaves_in_one_write(self, server: WebSocketServer, raw: RawClient) -> None:
        def on_message(peer_id: int, message: object) -> None:
            for _ in range(10):
                server.send(peer_id, message)

        server.message_received.connect(on_message)
        before = raw.data_segments_received()
        raw.send(Opcode.TEXT, b"x")
        poll_until(lambda: len(raw.receive().frames) == 10, server)
        assert raw.data_segments_received() == before + 1

    @pytest.mark.parametrize("size", [100, 100_000])
    def test_what_came_before_a_breach_of_the_protocol_is_answered_before_the_close(
        self, server: WebSocketServer, raw: RawClient, size: int
    ) -> None:
        server.message_received.connect(lambda peer_id, message: server.send(peer_id, bytes(size)))
        reserved_opcode = Frame(Opcode.TEXT, b"").serialize(mask=True).replace(b"\x81", b"\x83", 1)
        raw.send_raw(Frame(Opcode.TEXT, b"x").serialize(mask=True) + reserved_opcode)
        poll_until(lambda: raw.receive().eof, server)
        answer, close = raw.frames
        assert (answer.opcode, answer.data) == (Opcode.BINARY, bytes(size))
        assert (close.opcode, close.data[:2]) == (Opcode.CLOSE, (1002).to_bytes(2, "big"))

    def test_after_a_breach_of_the_protocol_the_last_flush_ends_the_answers(self, server: WebSocketServer) -> None:
        server.close_timeout = 60.0
        raw = RawClient(server.get_local_port(), receive_buffer=4096)
        raw.shake_hands(server)
        answers: list[Error] = []

        def answer_more_than_the_system_takes(peer_id: int, _message: object) -> None:
            for _ in range(300):
                server.send(peer_id, bytes(30_000))
            other = WebSocketServer()
            other.bind_address = "localhost"
            other.listen(0)
            other.stop()  # It flushes what anybody has.
            answers.append(server.send(peer_id, "too late"))

        server.message_received.connect(answer_more_than_the_system_takes)
        reserved_bits = b"\xff\x80\0\0\0\0"
        raw.send_raw(Frame(Opcode.BINARY, b"x").serialize(mask=True) + reserved_bits)
        poll_until(lambda: bool(answers), server)
        assert answers == [Error.ERR_CONNECTION_ERROR]
        poll_until(lambda: raw.receive().eof, server, deadline=60.0)
        assert [frame.opcode for frame in raw.frames] == [Opcode.BINARY] * 300 + [Opcode.CLOSE]
        raw.close()

    def test_a_handler_that_polls_does_not_change_the_order_for_the_peer(self, pair: Pair) -> None:
        server, client, peer_id = pair
        at_server: list[object] = []
        at_peer: list[object] = []

        def poll_and_note(_peer_id: int, message: object) -> None:
            at_server.append(message)
            server.poll()

        server.message_received.connect(poll_and_note)
        server.peers[peer_id].message_received.connect(at_peer.append)
        server.peers[peer_id].connection_closed.connect(lambda: at_peer.append("closed"))
        for number in range(5):
            client.send(str(number))
        client.close()
        poll_until(lambda: server.get_peer_count() == 0, server, client)
        assert at_server == ["0", "1", "2", "3", "4"]
        assert at_peer == ["0", "1", "2", "3", "4", "closed"]

    def test_what_is_sent_outside_a_poll_leaves_at_the_next_one(self, server: WebSocketServer, raw: RawClient) -> None:
        server.send(0, "x")
        server.poll()
        assert [frame.data for frame in raw.receive().frames] == [b"x"]

    def test_a_server_that_is_not_polled_stops_reading(self, server: WebSocketServer) -> None:
        server.max_queued_bytes = 100_000
        raw = RawClient(server.get_local_port())
        raw.shake_hands(server)
        poll_until(lambda: server.get_peer_count() == 1, server)
        (peer,) = server.peers.values()
        connection = peer._connection
        assert connection is not None
        log = record(server)
        other = WebSocketClient()
        sent = 0
        end = time.monotonic() + 5
        raw.socket.settimeout(0.05)
        with pytest.raises(TimeoutError):
            while time.monotonic() < end:
                raw.send(Opcode.BINARY, bytes(50_000))
                sent += 1
                other.poll()  # The network is turned, but nothing is delivered to the server.
        assert connection.meter.bytes_received < 1_000_000
        assert named(log, "message_received") == []
        raw.socket.setblocking(False)
        poll_until(lambda: len(named(log, "message_received")) >= sent, server)
        raw.close()


class TestHandshake:
    def test_subprotocol_headers_and_path(self) -> None:
        server, client = WebSocketServer(), WebSocketClient()
        server.supported_protocols = ["v2", "v1"]
        server.handshake_headers = ["X-Server: yes"]
        assert server.listen(0) == Error.OK
        client.supported_protocols = ["v1", "v2"]
        client.handshake_headers = ["X-Client: a", "X-Client: b"]
        url = f"ws://127.0.0.1:{server.get_local_port()}/chat?room=1"
        assert client.connect_to_url(url) == Error.OK
        poll_until(
            lambda: client.status == client.Status.STATUS_ACTIVE and server.get_peer_count() == 1, server, client
        )
        (peer,) = server.peers.values()
        assert (client.get_selected_protocol(), peer.get_selected_protocol()) == ("v2", "v2")
        assert (client.get_handshake_header("x-server"), peer.get_handshake_header("x-client")) == ("yes", "a, b")
        assert (client.get_request_path(), peer.get_request_path()) == ("/chat?room=1", "/chat?room=1")
        assert (client.get_requested_url(), peer.get_requested_url()) == (url, url)

    def test_properties_that_change_while_listening_count_for_the_next_connection(
        self, server: WebSocketServer, client: WebSocketClient, url: str
    ) -> None:
        server.supported_protocols.append("v1")
        server.handshake_headers = ["X-Server: changed"]
        client.supported_protocols = ["v1"]
        assert client.connect_to_url(url) == Error.OK
        poll_until(lambda: client.status == client.Status.STATUS_ACTIVE, server, client)
        assert (client.get_selected_protocol(), client.get_handshake_header("X-Server")) == ("v1", "changed")

    def test_properties_that_became_bad_while_listening_leave_the_last_good_ones(
        self, server: WebSocketServer, url: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        server.handshake_headers = ["X-Server: good"]
        for changed in (["X-Server: good"], ["nonsense"], ["nonsense"]):
            server.handshake_headers = changed
            client = WebSocketClient()
            assert client.connect_to_url(url) == Error.OK
            poll_until(lambda c=client: c.status == c.Status.STATUS_ACTIVE, server, client)  # type: ignore[misc]
            assert client.get_handshake_header("X-Server") == "good"
        assert [record.message for record in caplog.records] == [
            "handshake_headers, supported_protocols: line 1 of the headers is not a header; "
            'write it like "Name: value"; what was set before stays in force'
        ]

    def test_refusing_new_connections_keeps_the_old_ones(self, server: WebSocketServer, raw: RawClient) -> None:
        server.refuse_new_connections = True
        log, client = record(server), WebSocketClient()
        client_log = record(client)
        client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}/")
        poll_until(lambda: client.status == client.Status.STATUS_IDLE, server, client)
        poll_until(lambda: bool(named(log, "handshake_failed")), server)
        ((reason,),) = named(client_log, "connection_failed")
        assert "HTTP 503 Service Unavailable: This server takes no new connections; try again later" in reason
        assert named(log, "handshake_failed") == [("127.0.0.1: This server takes no new connections.",)]
        raw.send(Opcode.TEXT, b"still here")
        poll_until(lambda: bool(named(log, "message_received")), server)

    def test_a_handshake_that_takes_too_long(self) -> None:
        server = WebSocketServer()
        server.handshake_timeout = 0.1
        assert server.listen(0) == Error.OK
        log = record(server)
        raw = RawClient(server.get_local_port())
        raw.send_raw(b"GET / HTTP/1.1\r\n")
        poll_until(lambda: raw.receive().eof, server)
        ((reason,),) = named(log, "handshake_failed")
        assert reason == "127.0.0.1: the other side did not finish the opening handshake in time"
        assert not server._connections
        raw.close()

    def test_a_connection_that_ends_before_the_handshake(self, server: WebSocketServer) -> None:
        log = record(server)
        RawClient(server.get_local_port()).close()
        poll_until(lambda: bool(named(log, "handshake_failed")), server)
        assert log == [("handshake_failed", "127.0.0.1: the connection was closed during the opening handshake")]

    def test_an_http_request_gets_a_readable_answer(self, server: WebSocketServer) -> None:
        with socket.create_connection(("127.0.0.1", server.get_local_port())) as browser:
            browser.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            browser.setblocking(False)
            answer = b""

            def ended() -> bool:
                nonlocal answer
                try:
                    data = browser.recv(4096)
                except BlockingIOError:
                    return False
                answer += data
                return data == b""

            poll_until(ended, server)
        assert answer.startswith(b"HTTP/1.1 426 Upgrade Required\r\n")
        assert b"You need a WebSocket client" in answer


class TestShutDown:
    """A host may free the object that is being polled, in any handler."""

    @pytest.mark.parametrize("name", ["message_received", "connection_closed"])
    def test_in_a_handler_of_a_peer(
        self, server: WebSocketServer, raw: RawClient, name: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        (peer,) = server.peers.values()
        log = record(server)
        getattr(peer, name).connect(lambda *_: server._shut_down())
        raw.send(Opcode.TEXT, b"x")
        raw.send(Opcode.CLOSE, b"")
        poll_until(lambda: not server.is_listening(), server)
        server.poll()
        assert [entry[0] for entry in log] == ["message_received"]
        assert (server.get_peer_count(), caplog.text) == (0, "")

    def test_of_a_client(self, pair: Pair) -> None:
        server, client, peer_id = pair
        log = record(client)
        client.message_received.connect(lambda _: client._shut_down())
        server.send(peer_id, "1")
        server.send(peer_id, "2")
        poll_until(lambda: server.get_peer_count() == 0, server, client)
        assert log == [("message_received", "1")]


@pytest.mark.skipif(os.name == "nt", reason="of Wine's sockets this would measure Wine; test_windows.py has hundreds")
def test_a_thousand_connections_at_once_take_less_than_three_seconds_of_a_processor(server: WebSocketServer) -> None:
    count = 1000
    address = ("127.0.0.1", server.get_local_port())
    request = RawClient(address[1])
    handshake = request.protocol.connect().serialize()
    request.close()
    sockets = [socket.socket() for _ in range(count)]
    start = time.process_time()
    for connection in sockets:
        connection.setblocking(False)
        connection.connect_ex(address)
    poll_until(lambda: bool(server._connections), server)
    for connection in sockets:
        connection.setblocking(True)
        connection.sendall(handshake)
    poll_until(lambda: server.get_peer_count() == count, server, deadline=120)
    took = time.process_time() - start
    assert all(connection.recv(12) == b"HTTP/1.1 101" for connection in sockets)
    for connection in sockets:
        connection.close()
    poll_until(lambda: server.get_peer_count() == 0, server, deadline=60)
    assert took < 3
