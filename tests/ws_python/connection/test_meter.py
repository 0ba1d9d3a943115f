"""Tests of ws_python.connection.meter: what goes through a connection is counted at both ends."""

from __future__ import annotations

from ws_python import WebSocketClient, WebSocketServer
from ws_python.connection.meter import Meter
from ws_python.loop.hub import hub

from tests.ws_python.driving import named, poll_until, record

Pair = tuple[WebSocketServer, WebSocketClient, int]


def test_a_new_one_limits_nothing() -> None:
    meter = Meter()
    assert (meter.bytes_received, meter.messages_received, meter.bytes_sent, meter.messages_sent) == (0, 0, 0, 0)
    assert (meter.heard_at, meter.latency) == (0.0, 0.0)
    assert meter.allowance > 2**60


def test_both_ends_count_the_same(pair: Pair) -> None:
    server, client, peer_id = pair
    log = record(server)
    ends = client._connection, server.peers[peer_id]._connection
    assert ends[0] is not None and ends[1] is not None
    sent, received = ends[0].meter, ends[1].meter
    before = sent.bytes_sent, received.bytes_received, received.allowance
    messages: list[str | bytes] = ["text", b"", bytes(100_000), "x" * 50_000]
    for message in messages:
        assert client.send(message) == 0
    assert client.send_fragment("a", False) == 0
    assert client.send_fragment("b", True) == 0
    poll_until(lambda: len(named(log, "message_received")) == 5, server, client)
    assert (sent.messages_sent, received.messages_received) == (5, 5)
    assert sent.bytes_sent - before[0] == received.bytes_received - before[1] > 100_000
    assert before[2] - received.allowance == received.bytes_received - before[1]
    assert 0.0 < received.heard_at <= hub.deadlines.now


def test_nothing_is_heard_while_nothing_comes(pair: Pair) -> None:
    server, client, peer_id = pair
    connection = server.peers[peer_id]._connection
    assert connection is not None
    heard_at = connection.meter.heard_at
    end = hub.deadlines.now + 0.05
    poll_until(lambda: hub.deadlines.now > end, server, client)
    assert connection.meter.heard_at == heard_at
