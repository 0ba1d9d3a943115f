"""What every other implementation is tried with: the messages, and one conversation in each direction.

With our server, their client sends all MESSAGES, compares the echoes, and closes with CLOSE_CODE and CLOSE_REASON. With
our client, it is their server that echoes, and closes so when it is told GOODBYE.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ws_python import Compression, Error, WebSocketClient, WebSocketServer
from ws_python.connection.settings import ConnectionSettings
from ws_python.loop.hub import hub

from tests.ws_python.driving import named, poll_until, poll_while, record

MESSAGES: list[str | bytes] = [
    "hello",
    "",
    b"",
    b"\x00\xff binary",
    "Grüße, 世界 𝄞",
    "a\0b",
    bytes(range(256)) * 4096,
    "ж" * 524_288,
    *(f"number {number}" for number in range(200)),
]
SUBPROTOCOLS = ["v2.chat", "v1.chat"]
GOODBYE = "goodbye"
CLOSE_CODE = 4321
CLOSE_REASON = "fertig: ✓"
PATH = "/room?name=1"
#: How our side is set up: as it is by default, with every message compressed, and with none.
SETTINGS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "all compressed": {
        "compression": Compression.COMPRESSION_ALL,
        "compression_min_size": 0,
        "compression_context_takeover": True,
        "compression_window_bits": 15,
    },
    "uncompressed": {"compression": Compression.COMPRESSION_OFF},
}


def set_up(node: ConnectionSettings, settings: str) -> None:
    """Give the node the SETTINGS of that name."""
    for name, value in SETTINGS[settings].items():
        setattr(node, name, value)


def serve_their_client(talk: Callable[[str], Any], settings: str) -> None:
    """Our server echoes while `talk(url)`, blocking, has the conversation from their side."""
    server = WebSocketServer()
    set_up(server, settings)
    server.bind_address = "localhost"
    server.supported_protocols = SUBPROTOCOLS
    server.handshake_headers = ["X-Greeting: hi"]
    assert server.listen(0) == Error.OK
    log = record(server)
    ended: list[tuple[int, str, str, str]] = []

    def on_disconnected(peer_id: int) -> None:
        peer = server.peers[peer_id]
        ended.append(
            (peer.get_close_code(), peer.get_close_reason(), peer.get_request_path(), peer.get_selected_protocol())
        )

    server.message_received.connect(server.send)
    server.client_disconnected.connect(on_disconnected)
    poll_while(lambda: talk(f"ws://127.0.0.1:{server.get_local_port()}{PATH}"), server, deadline=30)
    poll_until(lambda: bool(ended), server)
    assert [message for _, message in named(log, "message_received")] == MESSAGES
    assert ended == [(CLOSE_CODE, CLOSE_REASON, PATH, SUBPROTOCOLS[0])]
    server.stop()


def talk_to_their_server(port: int, settings: str) -> None:
    """Our client has the conversation with their echo server."""
    client = WebSocketClient()
    set_up(client, settings)
    client.supported_protocols = list(reversed(SUBPROTOCOLS))
    received: list[object] = []
    pongs: list[bytes] = []
    client.message_received.connect(received.append)
    client.pong_received.connect(pongs.append)
    assert client.connect_to_url(f"ws://127.0.0.1:{port}{PATH}") == Error.OK
    poll_until(lambda: client.status == client.Status.STATUS_ACTIVE, client)
    assert client.get_selected_protocol() in SUBPROTOCOLS
    assert client.get_handshake_header("X-Greeting") == "hi"
    extensions = client.get_handshake_header("Sec-WebSocket-Extensions")
    assert ("permessage-deflate" in extensions) == (client.compression != Compression.COMPRESSION_OFF)
    for message in MESSAGES:
        assert client.send(message) == Error.OK
    for number, part in enumerate(parts := ["ein ", "", "Stück"]):
        assert client.send_fragment(part, number == len(parts) - 1) == Error.OK
    assert client.ping(b"ping") == Error.OK
    poll_until(lambda: len(received) > len(MESSAGES) and bool(pongs), client, deadline=30)
    assert received == [*MESSAGES, "ein Stück"]
    assert pongs == [b"ping"]
    assert client.send(GOODBYE) == Error.OK
    poll_until(lambda: client.status == client.Status.STATUS_IDLE, client)
    assert (client.get_close_code(), client.get_close_reason()) == (CLOSE_CODE, CLOSE_REASON)
    hub.close(0.0)  # Their server waits for the end of the TCP connection.


def as_json() -> str:
    """The scenario for a program in another language; binary messages as lists of bytes."""
    return json.dumps(
        {
            "messages": [list(message) if isinstance(message, bytes) else message for message in MESSAGES],
            "subprotocols": SUBPROTOCOLS,
            "goodbye": GOODBYE,
            "closeCode": CLOSE_CODE,
            "closeReason": CLOSE_REASON,
        }
    )
