"""Tests of ws_python.features.message_limits: whose message goes beyond a limit is closed, counted and told."""

from __future__ import annotations

import zlib

import pytest
from websockets.frames import Frame, Opcode
from websockets.sync.client import connect
from ws_python import WebSocketClient, WebSocketServer

from tests.chaos.harness import DEFLATE, MIB, Crowd, close_code, frame, read_to_end
from tests.ws_python.driving import listening, poll_until, poll_while


def packed(data: bytes) -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, -12)
    return (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


def test_defaults() -> None:
    for node in (WebSocketServer(), WebSocketClient()):
        assert (node.max_fragments, node.max_compression_ratio) == (131072, 256)


FRAGMENTS = frame(Opcode.TEXT, b"a", fin=False) + frame(Opcode.CONT, b"b", fin=False) * 8 + frame(Opcode.CONT, b"c")
BOMB = frame(Opcode.BINARY, packed(bytes(2 * MIB)), compressed=True)
CASES = {
    "fragments": (FRAGMENTS, {"max_fragments": 9}, 1008, "closed_max_fragments", "10 fragments, max_fragments is 9"),
    "ratio": (
        BOMB,
        {"max_message_size": 16 * MIB},
        1008,
        "closed_max_compression_ratio",
        "max_compression_ratio is 256",
    ),
    "size": (
        frame(Opcode.TEXT, b"x" * 30),
        {"max_message_size": 20},
        1009,
        "closed_max_message_size",
        "30 bytes or more",
    ),
    "unpacked size": (
        frame(Opcode.TEXT, packed(bytes(5000)), compressed=True),
        {"max_message_size": 4000},
        1009,
        "closed_max_message_size",
        "max_message_size is 4000",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_beyond_it_the_connection_is_closed(case: str, caplog: pytest.LogCaptureFixture) -> None:
    said, settings, code, count, told = CASES[case]
    server = listening(**settings)
    with Crowd(server.get_local_port(), 2, DEFLATE).wait_until_open(server) as crowd:
        poll_until(lambda: server.get_peer_count() == 2, server)
        crowd.sockets[0].sendall(said)
        assert close_code(read_to_end(crowd.sockets[0], server)) == code
        poll_until(lambda: server.get_peer_count() == 1, server)
    assert server._counts[count] == 1
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("peer ")
    assert "(127.0.0.1): " in line
    assert told in line
    assert line.endswith(f"closed with {code}")


ALLOWED = {
    "as many fragments": (FRAGMENTS, {"max_fragments": 10}),
    "no limit of fragments": (FRAGMENTS, {"max_fragments": 0}),
    "an empty map of 1 MiB": (frame(Opcode.BINARY, packed(bytes(MIB)), compressed=True), {}),
    "no limit of the ratio": (BOMB, {"max_message_size": 16 * MIB, "max_compression_ratio": 0}),
    "a higher ratio": (BOMB, {"max_message_size": 16 * MIB, "max_compression_ratio": 1100}),
}


@pytest.mark.parametrize("case", ALLOWED)
def test_up_to_it_nothing_is_closed(case: str) -> None:
    said, settings = ALLOWED[case]
    server = listening(**settings)
    received: list[object] = []
    server.message_received.connect(lambda _peer_id, message: received.append(message))
    with Crowd(server.get_local_port(), 1, DEFLATE).wait_until_open(server) as crowd:
        crowd.sockets[0].sendall(said)
        poll_until(lambda: len(received) == 1, server)
        crowd.sockets[0].sendall(said)
        poll_until(lambda: len(received) == 2, server)
    assert not server._counts


def test_what_our_client_compresses_our_server_takes() -> None:
    """Even nothing but zeros: at the level that it sends with, they become 227 times as small."""
    server, client = listening(max_message_size=16 * MIB), WebSocketClient()
    received: list[object] = []
    server.message_received.connect(lambda _peer_id, message: received.append(message))
    client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}/")
    poll_until(lambda: server.get_peer_count() == 1 and client.status == client.Status.STATUS_ACTIVE, server, client)
    message = "0" * (8 * MIB)
    assert client.send(message) == 0
    poll_until(lambda: bool(received), server, client)
    assert received == [message]
    client.close()


@pytest.mark.parametrize("size", [60_000, MIB])
def test_what_a_browser_compresses_our_server_takes(size: int) -> None:
    """A page compresses at zlib's usual level: a text of one letter becomes up to 1032 times as small."""
    server = listening()
    received: list[object] = []
    server.message_received.connect(lambda _peer_id, message: received.append(message))

    def send() -> None:
        with connect(f"ws://127.0.0.1:{server.get_local_port()}/", compression="deflate") as page:
            page.send("a" * size)

    poll_while(send, server)
    poll_until(lambda: bool(received), server)
    assert received == ["a" * size]
    statistics = server.get_statistics()
    assert (statistics["compressed_received"], statistics["counts"]) == (1, {})
    assert size / statistics["bytes_received"] > server.max_compression_ratio


def test_of_an_unfinished_one_the_size_is_told_too(caplog: pytest.LogCaptureFixture) -> None:
    server = listening(max_unfinished_size=10_000)
    with Crowd(server.get_local_port(), 1).wait_until_open(server) as crowd:
        poll_until(lambda: server.get_peer_count() == 1, server)
        crowd.sockets[0].sendall(Frame(Opcode.BINARY, bytes(50_000), fin=False).serialize(mask=True))
        assert close_code(read_to_end(crowd.sockets[0], server)) == 1009
    assert server._counts["closed_max_unfinished_size"] == 1
    assert "max_unfinished_size is 10000" in caplog.text
