"""Compression between our server and our client: the settings, what goes over the wire, and what it may take."""

from __future__ import annotations

import json

import pytest
from ws_python import Compression, WebSocketClient, WebSocketServer
from ws_python.connection.settings import ConnectionSettings

from tests.ws_python.driving import named, poll_until, record

OFF, TEXT, ALL = Compression.COMPRESSION_OFF, Compression.COMPRESSION_TEXT, Compression.COMPRESSION_ALL
SNAPSHOT = json.dumps([{"id": number, "name": f"player {number}", "position": [number, 0.5]} for number in range(500)])


def connected(server: WebSocketServer, **settings: object) -> WebSocketClient:
    """A client with those settings, connected to the server."""
    client = WebSocketClient()
    for name, value in settings.items():
        setattr(client, name, value)
    count = server.get_peer_count()
    assert client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}/") == 0
    poll_until(lambda: client.status == client.Status.STATUS_ACTIVE and server.get_peer_count() > count, server, client)
    return client


def wire_size(sender: WebSocketClient, message: str | bytes) -> int:
    """How many bytes a message takes on the wire, less the header of its frame."""
    before = sender.get_current_outbound_buffered_amount()
    assert sender.send(message) == 0
    return sender.get_current_outbound_buffered_amount() - before - 14


@pytest.mark.parametrize("mode", [OFF, TEXT, ALL])
def test_the_mode_says_which_messages_are_compressed(server: WebSocketServer, mode: Compression) -> None:
    client = connected(server, compression=mode)
    assert (wire_size(client, SNAPSHOT) < len(SNAPSHOT) // 3) == (mode != OFF)
    assert (wire_size(client, SNAPSHOT.encode()) < len(SNAPSHOT) // 3) == (mode == ALL)
    log = record(server)
    poll_until(lambda: len(named(log, "message_received")) == 2, server, client)
    assert [message for _, message in named(log, "message_received")] == [SNAPSHOT, SNAPSHOT.encode()]


def test_both_sides_must_want_it(server: WebSocketServer) -> None:
    server.compression = OFF
    assert wire_size(connected(server, compression=ALL), SNAPSHOT) >= len(SNAPSHOT) - 10


def test_short_messages_are_sent_as_they_are(server: WebSocketServer) -> None:
    client = connected(server, compression_min_size=100)
    assert wire_size(client, "x" * 99) >= 99 - 10
    assert wire_size(client, "x" * 100) < 20


def test_context_takeover_makes_similar_messages_smaller(server: WebSocketServer) -> None:
    server.compression_context_takeover = True
    short = SNAPSHOT[:2000]
    client = connected(server, compression_context_takeover=True)
    assert wire_size(client, short) > 3 * wire_size(client, short)
    client = connected(server, compression_context_takeover=False)
    assert wire_size(client, short) == wire_size(client, short)


def test_a_broadcast_reaches_each_client_as_it_agreed(server: WebSocketServer) -> None:
    server.compression_context_takeover = True
    server.compression_window_bits = 15
    modes: list[dict[str, object]] = [
        {"compression": OFF},
        {"compression_context_takeover": True},
        {"compression_window_bits": 9},
        {},
    ]
    clients = [connected(server, **settings) for settings in modes]
    logs = [record(client) for client in clients]
    for _ in range(2):
        server.send(0, SNAPSHOT)
        for peer_id in server.get_peer_ids():
            server.send(peer_id, SNAPSHOT[:5000])
    poll_until(lambda: all(len(log) == 4 for log in logs), server, *clients)
    assert all(named(log, "message_received") == [(SNAPSHOT,), (SNAPSHOT[:5000],)] * 2 for log in logs)


def test_a_message_that_unpacks_to_too_much_is_refused(server: WebSocketServer) -> None:
    server.max_message_size = len(SNAPSHOT) - 1
    client = connected(server)
    log = record(client)
    client.send(SNAPSHOT)
    poll_until(lambda: bool(named(log, "connection_closed")), server, client)
    assert client.get_close_code() == 1009


def test_what_waits_is_counted_unpacked(server: WebSocketServer) -> None:
    server.max_queued_bytes = 1_000_000
    client = connected(server)
    (peer,) = server.peers.values()
    assert peer._connection is not None
    log = record(server)
    for _ in range(100):
        client.send("x" * 100_000)  # 100 bytes compressed
    poll_until(lambda: peer._connection is not None and peer._connection.intake.is_full, client)
    poll_until(lambda: len(named(log, "message_received")) == 100, server, client)


def test_the_defaults_hold_no_memory() -> None:
    """What is negotiated by default makes neither side keep a window between two messages."""
    options = ConnectionSettings()
    deflate = options._deflate()
    assert deflate is not None
    assert deflate.server_no_context_takeover
    assert deflate.client_no_context_takeover
