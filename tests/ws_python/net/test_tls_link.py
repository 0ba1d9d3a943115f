"""Tests of ws_python.net.tls_link: what TLS does differently. What all links do: test_link.py."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import tracemalloc
from collections.abc import Iterator

import pytest
from websockets.frames import Frame, Opcode
from ws_python import WebSocketClient
from ws_python.protocol.handshake import ServerHandshake

from tests.ws_python.driving import DEADLINE, poll_until
from tests.ws_python.net.links import AUTHORITY, Pair

COUNT = 40


def test_what_it_takes_and_nobody_reads_is_bounded(secured: Pair) -> None:
    data = bytes(50_000_000)
    taken = secured.link.write(data)
    assert 0 < taken < len(data)
    assert secured.link.is_blocked
    assert 0 < secured.link.held() < 2_000_000
    assert secured.link.write(data) == 0
    received = 0
    while received < taken:
        received += len(secured.there.recv(1_000_000))
        secured.turn(1)
    secured.turn_until(lambda: not secured.link.is_blocked)
    assert secured.link.held() == 0


def test_an_end_without_a_goodbye_is_an_end(secured: Pair) -> None:
    secured.send(b"before")
    raw = socket.socket(fileno=secured.there.detach())
    raw.shutdown(socket.SHUT_WR)
    secured.turn_until(lambda: secured.ear.ends == 1)
    secured.turn(5)
    assert (secured.ear.received, secured.ear.ends, secured.link.is_ended) == (b"before", 1, True)
    raw.close()


def test_a_goodbye_is_an_end_and_what_is_sent_after_it_arrives(secured: Pair) -> None:
    assert isinstance(secured.there, ssl.SSLSocket)
    secured.send(b"before")
    secured.there.setblocking(False)
    with contextlib.suppress(ssl.SSLWantReadError):
        secured.there._sslobj.shutdown()  # type: ignore[attr-defined]
    secured.turn_until(lambda: secured.ear.ends == 1)
    assert (secured.ear.received, secured.link.is_ended) == (b"before", True)
    secured.there.settimeout(10)
    assert secured.link.write(b"still") == 5
    assert secured.there.recv(10) == b"still"


def test_what_is_no_record_is_an_end(secured: Pair) -> None:
    secured.send(b"before")
    secured.turn_until(lambda: secured.ear.received == b"before")
    raw = socket.socket(fileno=secured.there.detach())
    raw.sendall(b"no record at all")
    secured.turn_until(lambda: secured.ear.ends == 1)
    raw.close()


def test_a_pause_while_there_is_more_to_decrypt(secured: Pair) -> None:
    """What came with what made the receiver pause is given to it after the pause, and not before."""
    secured.link.pause()
    frame = Frame(Opcode.BINARY, bytes(1000)).serialize(mask=False)
    secured.there.sendall(frame * 100)
    secured.turn(10)
    assert secured.ear.received == b""
    for _ in range(3):
        secured.link.resume()
    secured.link.pause()
    secured.turn(10)
    assert secured.ear.received == b""
    secured.link.resume()
    secured.turn_until(lambda: len(secured.ear.received) == 100_000)


def test_a_drop_inside_of_everything(secured: Pair) -> None:
    secured.link.pause()
    secured.send(b"x")
    secured.turn(3)
    secured.link.resume()
    secured.link.drop()
    secured.link.drop()
    secured.link.half_close()
    secured.link.pause()
    secured.link.resume()
    secured.turn(3)
    assert (secured.ear.received, secured.ear.ends) == (b"", 0)
    assert secured.link.write(b"lost") == 4
    assert (secured.link.held(), secured.link.unconfirmed()) == (0, 0)


class HalfRecords:
    """A TLS server that answers the handshakes, and then sends a part of a record to each when it is told to."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.context = context
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=COUNT)
        self.listening.settimeout(DEADLINE)
        self.port: int = self.listening.getsockname()[1]
        self.opened = threading.Semaphore(0)
        self.sent = threading.Semaphore(0)
        self.half, self.end = threading.Event(), threading.Event()
        self.threads = [threading.Thread(target=self.serve) for _ in range(COUNT)]
        for thread in self.threads:
            thread.start()

    def serve(self) -> None:
        accepted, _ = self.listening.accept()
        accepted.settimeout(DEADLINE)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self.context.wrap_bio(incoming, outgoing, server_side=True)
        handshake = ServerHandshake([], [])
        is_secure = False
        while not handshake.done:
            try:
                if not is_secure:
                    tls.do_handshake()
                    is_secure = True
                else:
                    handshake.receive_data(tls.read(65536))
            except ssl.SSLWantReadError:
                accepted.sendall(outgoing.read())
                received = accepted.recv(65536)
                if not received:  # It has given up.
                    return
                incoming.write(received)
        tls.write(handshake.data_to_send())
        accepted.sendall(outgoing.read())
        self.opened.release()
        self.half.wait()
        tls.write(b"\x82\x7e\x10\x00" + bytes(4096))
        accepted.sendall(outgoing.read()[:100])
        self.sent.release()
        self.end.wait()
        accepted.close()

    def close(self) -> None:
        self.half.set()
        self.end.set()
        for thread in self.threads:
            thread.join()
        self.listening.close()


@pytest.fixture
def half_records() -> Iterator[HalfRecords]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert("localhost").configure_cert(context)
    server = HalfRecords(context)
    yield server
    server.close()


def test_a_part_of_a_record_pins_no_buffer(half_records: HalfRecords) -> None:
    AUTHORITY.configure_trust(options := ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    clients = [WebSocketClient() for _ in range(COUNT)]
    for client in clients:
        client.compression = client.CompressionMode.COMPRESSION_OFF
        client.tls_options, client.connect_timeout = options, DEADLINE
        client.connect_to_url(f"wss://localhost:{half_records.port}/")
    poll_until(lambda: all(client.status == client.Status.STATUS_ACTIVE for client in clients), *clients, deadline=40)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    half_records.half.set()
    for _ in range(COUNT):
        assert half_records.sent.acquire(timeout=DEADLINE)
    for _ in range(20):
        for client in clients:
            client.poll()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (after - before) / COUNT < 16 * 1024, "bytes for each connection"
    half_records.end.set()
    poll_until(lambda: all(client.status == client.Status.STATUS_IDLE for client in clients), *clients)
