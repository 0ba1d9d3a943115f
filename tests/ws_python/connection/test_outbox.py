"""Tests of ws_python.connection.outbox: what is queued, refused, and leaves in one write."""

from __future__ import annotations

import pytest
from websockets.frames import Opcode
from ws_python import Error, WebSocketServer
from ws_python.connection.outbox import Outbox
from ws_python.protocol.prepared import PreparedMessage

from tests.ws_python.driving import RawClient, poll_until


@pytest.fixture
def outbox(server: WebSocketServer, raw: RawClient) -> Outbox:
    (peer,) = server.peers.values()
    assert peer._connection is not None
    return peer._connection.outbox


def test_everything_leaves_in_order(server: WebSocketServer, raw: RawClient, outbox: Outbox) -> None:
    sent = [b"1", bytes(100_000), b"2", bytes(40_000), b"3"]
    for message in sent:
        assert outbox.send(message) == Error.OK
    assert outbox.send_prepared(PreparedMessage(b"4")) == Error.OK
    poll_until(lambda: len(raw.receive().frames) == 6, server)
    assert [frame.data for frame in raw.frames] == [*sent, b"4"]
    assert outbox.amount() == 0


def test_while_fragments_are_sent_no_message_comes_between(
    server: WebSocketServer, raw: RawClient, outbox: Outbox
) -> None:
    assert outbox.send_fragment(b"a", False) == Error.OK
    assert outbox.send(b"x") == Error.ERR_BUSY
    assert outbox.send_prepared(PreparedMessage(b"x")) == Error.ERR_BUSY
    assert outbox.ping(b"between") == Error.OK
    assert outbox.send_fragment(b"b", True) == Error.OK
    poll_until(lambda: len(raw.receive().frames) == 3, server)
    assert [frame.opcode for frame in raw.frames] == [Opcode.BINARY, Opcode.PING, Opcode.CONT]


def test_nothing_is_queued_beyond_the_limit() -> None:
    server = WebSocketServer()
    server.bind_address = "localhost"
    server.outbound_buffer_size = 10_000
    assert server.listen(0) == 0
    raw = RawClient(server.get_local_port())
    raw.shake_hands(server)
    poll_until(lambda: server.get_peer_count() == 1, server)
    (peer,) = server.peers.values()
    assert peer._connection is not None
    outbox = peer._connection.outbox
    assert outbox.send(bytes(9_000)) == Error.OK
    before = outbox.amount()
    too_much = bytes(1_000)
    assert outbox.send(too_much) == Error.ERR_OUT_OF_MEMORY
    assert outbox.send("x" * 1_000) == Error.ERR_OUT_OF_MEMORY
    assert outbox.send_prepared(PreparedMessage(too_much)) == Error.ERR_OUT_OF_MEMORY
    assert outbox.send_fragment(too_much, True) == Error.ERR_OUT_OF_MEMORY
    assert outbox.amount() == before
    assert outbox.ping(bytes(100)) == Error.OK, "there is room for that"
    raw.close()


def test_a_pong_for_one_who_does_not_read_is_bounded(server: WebSocketServer) -> None:
    """RFC 6455 section 5.5.3: only the newest one is owed."""
    server.max_control_frames_per_second = 0
    raw = RawClient(server.get_local_port())
    raw.shake_hands(server)
    poll_until(lambda: server.get_peer_count() == 1, server)
    (peer,) = server.peers.values()
    assert peer._connection is not None
    outbox = peer._connection.outbox
    ping = b"\x89\xfd\0\0\0\0" + bytes(125)
    raw.socket.setblocking(True)
    highest = 0
    for _ in range(300):
        raw.send_raw(ping * 1000)
        server.poll()
        highest = max(highest, outbox.amount())
    assert highest < 1_000_000
    assert server.get_peer_count() == 1
    raw.close()


def test_one_that_is_closed_refuses_everything(outbox: Outbox, server: WebSocketServer) -> None:
    (peer,) = server.peers.values()
    peer.close()
    for answer in (outbox.send("x"), outbox.send_fragment("x", True), outbox.ping(b"")):
        assert answer == Error.ERR_CONNECTION_ERROR


def test_what_a_gone_connection_had_queued_is_gone_with_it(server: WebSocketServer) -> None:
    raw = RawClient(server.get_local_port(), receive_buffer=4096)
    raw.shake_hands(server)
    poll_until(lambda: server.get_peer_count() == 1, server)
    (peer,) = server.peers.values()
    assert peer._connection is not None
    assert peer.send(bytes(20_000_000)) == Error.OK
    assert peer._connection.outbox.amount() > 1_000_000
    raw.close()
    poll_until(lambda: server.get_peer_count() == 0, server)
    poll_until(lambda: peer._connection is not None and peer._connection.link is None, server)
    assert peer._connection.outbox.amount() == 0
