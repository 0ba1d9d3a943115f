"""Tests of ws_python.connection.connection: how it opens, ends, and lets go of what it had."""

from __future__ import annotations

import pytest
from websockets.frames import Frame, Opcode
from ws_python import Error, WebSocketClient, WebSocketServer
from ws_python.connection.connection import Connection
from ws_python.connection.phase import Phase
from ws_python.loop.hub import hub

from tests.ws_python.driving import RawClient, listening, named, poll_until, record

Pair = tuple[WebSocketServer, WebSocketClient, int]


@pytest.fixture
def connection(server: WebSocketServer, raw: RawClient) -> Connection:
    """The server's end of a connection."""
    (peer,) = server.peers.values()
    assert peer._connection is not None
    return peer._connection


def gone(connection: Connection) -> bool:
    return connection.phase is Phase.GONE and connection.link is None


def test_those_that_open_are_counted(server: WebSocketServer) -> None:
    assert hub.opening == 0
    raw = RawClient(server.get_local_port())
    poll_until(lambda: hub.opening == 1, server)
    raw.shake_hands(server)
    poll_until(lambda: hub.opening == 0, server)
    other = RawClient(server.get_local_port())
    poll_until(lambda: hub.opening == 1, server)
    other.close()
    poll_until(lambda: hub.opening == 0, server)
    raw.close()


def test_to_give_up_tells_the_other_side_and_the_user(
    server: WebSocketServer, raw: RawClient, connection: Connection
) -> None:
    log = record(server)
    connection.give_up(1008, "a rule")
    connection.give_up(1009, "another one")
    poll_until(lambda: raw.receive().eof and gone(connection), server)
    assert raw.protocol.close_rcvd is not None
    assert (raw.protocol.close_rcvd.code, raw.protocol.close_rcvd.reason) == (1008, "a rule")
    assert (connection.close_code, connection.close_reason) == (1008, "a rule")
    assert len(named(log, "client_disconnected")) == 1


def test_a_drop_is_told_as_1006_with_its_reason(
    server: WebSocketServer, raw: RawClient, connection: Connection
) -> None:
    log = record(server)
    connection.drop("why")
    connection.drop("again")
    assert gone(connection)
    poll_until(lambda: bool(named(log, "client_disconnected")), server)
    assert (connection.close_code, connection.close_reason) == (1006, "why")
    assert raw.receive().eof


def test_an_abandoned_one_says_goodbye_and_tells_nobody(
    server: WebSocketServer, raw: RawClient, connection: Connection
) -> None:
    log = record(server)
    connection.abandon(1001, "")
    poll_until(lambda: raw.receive().eof and gone(connection), server)
    assert raw.protocol.close_rcvd is not None and raw.protocol.close_rcvd.code == 1001
    assert named(log, "client_disconnected") == []


@pytest.mark.parametrize("end", ["abandon", "drop", "close", "give_up", "fail"])
def test_whatever_comes_after_the_end_changes_nothing(connection: Connection, end: str) -> None:
    connection.drop()
    code = connection.close_code
    arguments: dict[str, tuple[object, ...]] = {"drop": (), "fail": ("x", True)}
    getattr(connection, end)(*arguments.get(end, (1000, "x")))
    assert (connection.close_code, connection.phase) == (code, Phase.GONE)


def test_an_error_of_the_other_side_is_told_once_and_counted(
    connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(600):
        connection.complain("it is full", "send: it is full, the first time at %d", number)
    connection.complain("another", "another")
    connection.drop()
    assert caplog.messages == [
        "send: it is full, the first time at 0",
        "another",
        f"it is full: 600 times in all, to 127.0.0.1, port {connection.port}",
    ]


def test_a_slow_receiver_fills_no_log(server: WebSocketServer, caplog: pytest.LogCaptureFixture) -> None:
    server.outbound_buffer_size = 1024
    raw = RawClient(server.get_local_port())
    raw.shake_hands(server)
    poll_until(lambda: server.get_peer_count() == 1, server)
    (peer_id,) = server.get_peer_ids()
    assert server.send(peer_id, bytes(900)) == Error.OK
    for _ in range(100):
        assert server.send(peer_id, bytes(900)) == Error.ERR_BUSY
        assert server.send(0, bytes(900)) == Error.ERR_BUSY
    assert len(caplog.messages) == 1
    raw.close()
    poll_until(lambda: server.get_peer_count() == 0, server)
    poll_until(lambda: len(caplog.messages) == 2, server)
    assert caplog.messages[1].startswith("outbound_buffer_size is reached: 200 times in all, to 127.0.0.1, port ")


def test_a_client_that_the_server_has_closed_waits_for_the_end_of_tcp(pair: Pair) -> None:
    """RFC 6455 section 7.1.1. It is idle meanwhile, and closing the hub does not leave its socket open."""
    server, client, peer_id = pair
    connection = client._connection
    assert connection is not None
    server.disconnect_peer(peer_id)
    poll_until(lambda: client.status == client.Status.STATUS_IDLE, client)
    hub.close(0.0)
    assert gone(connection)


@pytest.mark.usefixtures("network")
def test_what_comes_in_one_read_with_the_handshake() -> None:
    """More than one buffer of it."""
    server = listening()
    log = record(server)
    raw = RawClient(server.get_local_port())
    raw.protocol.send_request(raw.protocol.connect())
    frames = b"".join(Frame(Opcode.TEXT, b"%06d" % number * 20, True).serialize(mask=True) for number in range(1000))
    raw.send_raw(b"".join(raw.protocol.data_to_send()) + frames)
    poll_until(lambda: len(named(log, "message_received")) == 1000, server)
    raw.close()
