"""Tests of ws_python.connection.intake: reading pauses where too much waits, and what is unfinished is counted."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from websockets.frames import Frame, Opcode
from ws_python import WebSocketClient, WebSocketServer
from ws_python.connection.connection import Connection

from tests.ws_python.driving import RawClient, named, poll_until, record

# Of connection/intake.pyx.
MOST_WAITING = 2048


@pytest.fixture
def connection(server: WebSocketServer, raw: RawClient) -> Connection:
    """The server's end of the connection that `raw` has the other one of."""
    (peer,) = server.peers.values()
    assert peer._connection is not None
    return peer._connection


@pytest.fixture
def idler() -> WebSocketClient:
    """Turns the loop, and so reads for everybody, without delivering for the server."""
    return WebSocketClient()


def fragment(payload: bytes, opcode: Opcode = Opcode.BINARY) -> bytes:
    return Frame(opcode, payload, fin=False).serialize(mask=True)


class TestPausing:
    def test_too_many_messages_wait_in_the_system(
        self, server: WebSocketServer, raw: RawClient, connection: Connection, idler: WebSocketClient
    ) -> None:
        log = record(server)
        message = Frame(Opcode.BINARY, b"x").serialize(mask=True)
        raw.send_raw(message * (2 * MOST_WAITING))
        poll_until(lambda: connection.intake.is_full, idler)
        received = connection.meter.bytes_received
        raw.send_raw(message * 1000)
        for _ in range(20):
            idler.poll()
        assert connection.meter.bytes_received == received, "nothing more was read"
        poll_until(lambda: len(named(log, "message_received")) == 2 * MOST_WAITING + 1000, server)
        assert not connection.intake.is_full
        assert connection.meter.messages_received == 2 * MOST_WAITING + 1000

    def test_too_many_bytes_wait_in_the_system(self, idler: WebSocketClient) -> None:
        server = WebSocketServer()
        server.bind_address = "localhost"
        server.max_queued_bytes = 10_000
        assert server.listen(0) == 0
        raw = RawClient(server.get_local_port())
        raw.shake_hands(server)
        poll_until(lambda: server.get_peer_count() == 1, server)
        (peer,) = server.peers.values()
        connection = peer._connection
        assert connection is not None
        log = record(server)
        for _ in range(2):
            raw.send(Opcode.BINARY, bytes(8000))
        poll_until(lambda: connection.intake.is_full, idler)
        poll_until(lambda: len(named(log, "message_received")) == 2, server)
        raw.send(Opcode.BINARY, b"more")
        poll_until(lambda: named(log, "message_received")[-1][1] == b"more", server)
        raw.close()

    def test_what_is_held_back_is_parsed_in_turn(
        self, server: WebSocketServer, raw: RawClient, connection: Connection
    ) -> None:
        """One read may bring more than one step of the codec parses: what is held goes on without another byte."""
        log = record(server)
        count = 20_000
        raw.socket.setblocking(True)
        raw.send_raw(Frame(Opcode.TEXT, b"").serialize(mask=True) * count)
        raw.socket.setblocking(False)
        poll_until(lambda: len(named(log, "message_received")) == count, server)
        assert connection.codec is not None and connection.codec.held == 0
        assert not connection.intake.is_full

    def test_a_message_in_tiny_compressed_frames_comes_whole(self, server: WebSocketServer) -> None:
        """Its steps bring no event for long: it must have its turn all the same."""
        client = WebSocketClient()
        client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}/")
        log = record(server)
        poll_until(lambda: client.status == client.Status.STATUS_ACTIVE, server, client)
        text = "å" * 3_000_000
        assert client.send(text) == 0
        poll_until(lambda: bool(named(log, "message_received")), server, client)
        ((_, received),) = named(log, "message_received")
        assert received == text

    def test_one_who_is_paused_keeps_no_other_one_from_being_read(
        self, server: WebSocketServer, raw: RawClient, connection: Connection
    ) -> None:
        log = record(server)
        raw.send_raw(Frame(Opcode.BINARY, b"x").serialize(mask=True) * (2 * MOST_WAITING))
        other = RawClient(server.get_local_port())
        other.shake_hands(server)
        other.send(Opcode.TEXT, b"other")
        poll_until(lambda: any(message == "other" for _, message in named(log, "message_received")), server)
        other.close()


class TestUnfinished:
    @pytest.fixture
    def begun(self, server: WebSocketServer, raw: RawClient, connection: Connection) -> Iterator[int]:
        """Memory that a message of which 100,000 bytes came takes."""
        raw.send_raw(fragment(bytes(100_000)))
        poll_until(lambda: server._inbox.waiting.unfinished >= 100_000, server)
        yield server._inbox.waiting.unfinished

    def test_it_is_counted_until_the_message_is_whole(
        self, server: WebSocketServer, raw: RawClient, begun: int
    ) -> None:
        log = record(server)
        assert begun < 1_000_000
        raw.send(Opcode.CONT, b"")
        poll_until(lambda: bool(named(log, "message_received")), server)
        assert server._inbox.waiting.unfinished == 0

    @pytest.mark.parametrize("end", ["leaves", "is dropped", "is told to go", "breaks the protocol", "stop"])
    def test_it_is_counted_until_the_connection_ends(
        self, server: WebSocketServer, raw: RawClient, connection: Connection, begun: int, end: str
    ) -> None:
        if end == "leaves":
            raw.close()
        elif end == "is dropped":
            connection.drop()
        elif end == "is told to go":
            connection.close(1000, "")
        elif end == "breaks the protocol":
            raw.send_raw(b"\xff\xff")
        else:
            server.stop()
        poll_until(lambda: raw.socket.fileno() < 0 or raw.receive().eof, server)
        poll_until(lambda: server.get_peer_count() == 0, server)
        assert server._inbox.waiting.unfinished == 0

    def test_how_long_it_takes_begins_with_each_message(
        self, server: WebSocketServer, raw: RawClient, connection: Connection
    ) -> None:
        log = record(server)
        since = []
        for count in range(2):
            raw.send_raw(fragment(b"x"))
            poll_until(lambda: connection.codec is not None and connection.codec.has_unfinished, server)
            since.append(connection.intake.unfinished_since)
            raw.send_raw(fragment(b"x", Opcode.CONT))
            end = time.monotonic() + 0.02
            poll_until(lambda end=end: time.monotonic() > end, server)  # type: ignore[misc]
            assert connection.intake.unfinished_since == since[-1], "a further frame changes nothing"
            raw.send(Opcode.CONT, b"")
            poll_until(lambda count=count: len(named(log, "message_received")) > count, server)  # type: ignore[misc]
        assert since[1] > since[0]
