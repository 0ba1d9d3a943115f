"""The other side breaks the protocol: what came before is delivered and answered, then the connection ends."""

from __future__ import annotations

import pytest
from websockets.frames import Opcode
from ws_python import Error, WebSocketClient, WebSocketServer

from tests.ws_python.driving import RawClient, named, poll_until, record

QUESTION = b"\x81\x81\0\0\0\0?"
PING = b"\x89\x80\0\0\0\0"
RESERVED_BIT = b"\xf1\x81\0\0\0\0x"
PROTOCOL_ERROR = b"\x03\xea"  # 1002


def frames(raw: RawClient) -> list[tuple[Opcode, bytes]]:
    """What the server sent; of a close frame, the code."""
    return [(frame.opcode, bytes(frame.data)[: 2 if frame.opcode is Opcode.CLOSE else None]) for frame in raw.frames]


def test_what_came_before_is_answered(server: WebSocketServer, raw: RawClient) -> None:
    server.message_received.connect(server.send)
    log = record(server)
    raw.send_raw(QUESTION + RESERVED_BIT + QUESTION)
    poll_until(lambda: raw.receive().eof, server)
    assert frames(raw) == [(Opcode.TEXT, b"?"), (Opcode.CLOSE, PROTOCOL_ERROR)]
    assert [name for name, *_ in log] == ["message_received", "client_disconnected"]
    assert server.get_peer_count() == 0


def test_a_close_in_the_handler_tells_the_failure(server: WebSocketServer, raw: RawClient) -> None:
    server.message_received.connect(lambda peer_id, _message: server.disconnect_peer(peer_id, 4000))
    raw.send_raw(QUESTION + RESERVED_BIT)
    poll_until(lambda: raw.receive().eof, server)
    assert frames(raw) == [(Opcode.CLOSE, PROTOCOL_ERROR)]
    assert server.get_peer_count() == 0


def test_stopping_in_the_handler_tells_the_failure(server: WebSocketServer, raw: RawClient) -> None:
    server.message_received.connect(lambda _peer_id, _message: server.stop())
    log = record(server)
    raw.send_raw(QUESTION + RESERVED_BIT)
    poll_until(lambda: raw.receive().eof, server)
    assert frames(raw) == [(Opcode.CLOSE, PROTOCOL_ERROR)]
    assert len(named(log, "client_disconnected")) == 1


@pytest.mark.parametrize("before", [QUESTION, PING + QUESTION])
def test_who_is_polled_late_gets_an_error_at_worst(server: WebSocketServer, raw: RawClient, before: bytes) -> None:
    """Another node turns the network, and with it what is queued is sent; the handler comes after that."""
    errors: list[Error] = []
    server.message_received.connect(lambda peer_id, message: errors.append(server.send(peer_id, message)))
    log = record(server)
    raw.send_raw(before + RESERVED_BIT)
    poll_until(lambda: bool(server._inbox.waiting.intakes), WebSocketClient())
    poll_until(lambda: raw.receive().eof, server)
    assert errors == [Error.ERR_CONNECTION_ERROR if before.startswith(PING) else Error.OK]
    assert len(named(log, "client_disconnected")) == 1
    assert frames(raw)[-1] == (Opcode.CLOSE, PROTOCOL_ERROR)


def test_the_other_side_may_be_gone_already(server: WebSocketServer, raw: RawClient) -> None:
    server.message_received.connect(server.send)
    log = record(server)
    raw.send_raw(QUESTION + RESERVED_BIT)
    raw.close()
    poll_until(lambda: bool(named(log, "client_disconnected")), server)
    assert [name for name, *_ in log] == ["message_received", "client_disconnected"]
