"""Tests of ws_python.net.asyncio_link: what asyncio, and its TLS, do differently. What all links do: test_link.py."""

from __future__ import annotations

import socket
import ssl
import threading
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from ws_python import WebSocketClient
from ws_python.net import connector
from ws_python.net.asyncio_link import address_of
from ws_python.protocol.handshake import ServerHandshake

from tests.ws_python.driving import poll_until
from tests.ws_python.net.links import Pair

COUNT = 40


def test_what_asyncio_holds_is_told(by_asyncio: Pair) -> None:
    data = bytes(50_000_000)
    taken = by_asyncio.link.write(data)
    assert 0 < taken < len(data)
    assert by_asyncio.link.is_blocked and 0 < by_asyncio.link.held() <= 256 * 1024


@pytest.mark.parametrize(
    ("peername", "expected"),
    [
        (("127.0.0.1", 80), ("127.0.0.1", 80)),
        (("::ffff:10.0.0.1", 80, 0, 0), ("10.0.0.1", 80)),
        (("::1", 80, 0, 0), ("::1", 80)),
        ("/tmp/socket", ("", 0)),
        (None, ("", 0)),
    ],
)
def test_addresses(peername: object, expected: tuple[str, int]) -> None:
    assert address_of(peername) == expected


class HalfRecords:
    """A TLS server that answers the handshakes, and then sends a part of a record to each when it is told to."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.context = context
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=COUNT)
        self.port: int = self.listening.getsockname()[1]
        self.opened = threading.Semaphore(0)
        self.sent = threading.Semaphore(0)
        self.half, self.end = threading.Event(), threading.Event()
        self.threads = [threading.Thread(target=self.serve) for _ in range(COUNT)]
        for thread in self.threads:
            thread.start()

    def serve(self) -> None:
        accepted, _ = self.listening.accept()
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
                incoming.write(accepted.recv(65536))
        tls.write(handshake.data_to_send())
        accepted.sendall(outgoing.read())
        self.opened.release()
        self.half.wait(60)
        tls.write(b"\x82\x7e\x10\x00" + bytes(4096))
        accepted.sendall(outgoing.read()[:100])
        self.sent.release()
        self.end.wait(60)
        accepted.close()

    def close(self) -> None:
        self.half.set()
        self.end.set()
        for thread in self.threads:
            thread.join()
        self.listening.close()


@pytest.fixture
def half_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HalfRecords]:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    connector._tls_context.cache_clear()
    server = HalfRecords(context)
    yield server
    server.close()
    connector._tls_context.cache_clear()


def test_a_part_of_a_record_pins_no_buffer(half_records: HalfRecords) -> None:
    clients = [WebSocketClient() for _ in range(COUNT)]
    for client in clients:
        client.compression = client.CompressionMode.COMPRESSION_OFF
        client.connect_to_url(f"wss://localhost:{half_records.port}/")
    poll_until(lambda: all(client.status == client.Status.STATUS_ACTIVE for client in clients), *clients, deadline=40)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    half_records.half.set()
    for _ in range(COUNT):
        assert half_records.sent.acquire(timeout=20)
    for _ in range(20):
        for client in clients:
            client.poll()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (after - before) / COUNT < 16 * 1024, "bytes for each connection"
    half_records.end.set()
    poll_until(lambda: all(client.status == client.Status.STATUS_IDLE for client in clients), *clients)
