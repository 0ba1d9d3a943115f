"""TLS messages with nothing in them for the game, as KeyUpdate, which OpenSSL answers: bounded in time and memory."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from pathlib import Path

import pytest
from websockets.frames import Opcode
from websockets.utils import accept_key
from ws_python import WebSocketClient, WebSocketServer
from ws_python.net import tls_link

from tests.chaos.harness import MIB, PATIENCE, SCALE, Timed, frame, request, send_some
from tests.ws_python.driving import Polled, named, poll_until, poll_while, record
from tests.ws_python.net.forged import Forged, logging_keys
from tests.ws_python.net.test_tls import Certificates, is_active, trusting_client

FLOOD = 5_000 * SCALE
SMALL_BUFFER = 4096
# Bytes of answers that may wait, see net/tls_link.pyx; and of what else one connection holds.
MOST_HELD = 64 * 1024


@pytest.fixture
def files(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path)


@pytest.fixture
def secure(server: WebSocketServer, files: Certificates) -> WebSocketServer:
    """The server, which speaks TLS from now on."""
    server.stop()
    server.tls_certificate, server.tls_private_key = str(files.certificate), str(files.key)
    assert server.listen(0) == 0
    return server


class Intruder:
    """A raw client that has opened its WebSocket over TLS, and says what it likes from then on."""

    def __init__(self, files: Certificates, server: WebSocketServer) -> None:
        keys = files.folder / "keys"
        context = logging_keys(files.trusting(), keys)
        self.raw = socket.socket()
        self.raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
        self.raw.connect(("127.0.0.1", server.get_local_port()))
        self.raw.settimeout(PATIENCE)
        self._tls = context.wrap_socket(self.raw, server_hostname="localhost", do_handshake_on_connect=False)
        poll_while(self._open, server, deadline=PATIENCE)
        self.raw = socket.socket(fileno=self._tls.detach())
        self.raw.setblocking(False)
        self.forged = Forged("CLIENT", keys, records_sent=1)

    def _open(self) -> None:
        self._tls.do_handshake()
        self._tls.sendall(request())
        assert self._tls.recv(4096).startswith(b"HTTP/1.1 101 ")

    def __enter__(self) -> Intruder:
        return self

    def __exit__(self, *_: object) -> None:
        self.raw.close()

    def say(self, said: bytes, *nodes: Polled) -> None:
        """Say it, as long as anybody takes it."""
        rest = memoryview(said)

        def is_said() -> bool:
            nonlocal rest
            try:
                rest = rest[send_some(self.raw, rest) :]
            except ConnectionError:
                return True
            return not rest

        poll_until(is_said, *nodes, deadline=PATIENCE)

    def take(self) -> None:
        """Read what came, whatever it is."""
        with contextlib.suppress(BlockingIOError):
            self.raw.recv(MIB)


def flood(forged: Forged, mixed: bool) -> bytes:
    """KeyUpdates, with a message after each if they are mixed."""
    return b"".join(
        forged.key_update() + (forged.data(frame(Opcode.BINARY, b"x")) if mixed else b"") for _ in range(FLOOD)
    )


@pytest.mark.parametrize("mixed", [False, True], ids=["alone", "with messages between"])
def test_key_updates_of_who_does_not_read(
    files: Certificates, secure: WebSocketServer, mixed: bool, caplog: pytest.LogCaptureFixture
) -> None:
    reasons: list[str] = []

    def note_reason(peer_id: int) -> None:
        peer = secure.get_peer(peer_id)
        assert peer is not None
        reasons.append(peer.get_close_reason())

    secure.client_disconnected.connect(note_reason)
    timed = Timed(secure)
    with Intruder(files, secure) as intruder:
        poll_until(lambda: secure.get_peer_count() == 1, secure)
        (peer,) = secure.peers.values()
        held = 0

        class Watched:
            def poll(self) -> None:
                nonlocal held
                timed.poll()
                held = max(held, peer.get_current_outbound_buffered_amount())

        intruder.say(flood(intruder.forged, mixed), Watched())
        poll_until(lambda: bool(reasons), Watched())
    assert held < MOST_HELD
    timed.assert_bounded()
    assert "KeyUpdate" in reasons[0]
    assert secure._counts["closed_link_refused"] == 1
    assert secure.get_statistics()["connections_closed"] == {1006: 1}
    assert sum("KeyUpdate" in line for line in caplog.messages) == 1
    opened(files, secure).close()


def opened(files: Certificates, server: WebSocketServer) -> WebSocketClient:
    client = trusting_client(files)
    assert client.connect_to_url(f"wss://localhost:{server.get_local_port()}/") == 0
    poll_until(is_active(client), client, server)
    return client


@pytest.mark.parametrize("forgives", [False, True], ids=["some", "many, in a long time"])
def test_keys_that_are_changed_now_and_then(
    files: Certificates, secure: WebSocketServer, forgives: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if forgives:
        monkeypatch.setattr(tls_link, "IDLE_TIME", 0.0)
    count = 1000 if forgives else 100
    log = record(secure)
    with Intruder(files, secure) as intruder:
        for number in range(count):
            text = frame(Opcode.TEXT, str(number).encode())
            intruder.say(intruder.forged.key_update() + intruder.forged.data(text), secure)
            intruder.take()
        poll_until(lambda: len(named(log, "message_received")) == count, secure)
        assert [text for _, text in named(log, "message_received")] == [str(number) for number in range(count)]
        assert secure.get_peer_count() == 1


def test_a_message_in_each_record(files: Certificates, secure: WebSocketServer) -> None:
    """More records than OpenSSL is given at once, while reading pauses again and again."""
    secure.stop()
    secure.max_queued_bytes = 1024
    secure.listen(0)
    log = record(secure)
    with Intruder(files, secure) as intruder:
        sizes = [number % 40 if number % 100 else 15_000 for number in range(FLOOD)]
        said = [intruder.forged.data(frame(Opcode.BINARY, bytes(size))) for size in sizes]
        intruder.say(b"".join(said), secure)
        poll_until(lambda: len(named(log, "message_received")) == FLOOD, secure, deadline=PATIENCE)
    assert [len(message) for _, message in named(log, "message_received")] == sizes


def test_what_came_before_the_end_is_heard(files: Certificates, secure: WebSocketServer) -> None:
    log = record(secure)
    with Intruder(files, secure) as intruder:
        poll_until(lambda: secure.get_peer_count() == 1, secure)
        intruder.say(b"".join(intruder.forged.data(frame(Opcode.BINARY, b"x")) for _ in range(500)))
        intruder.raw.shutdown(socket.SHUT_WR)
        poll_until(lambda: secure.get_peer_count() == 0, secure)
    assert len(named(log, "message_received")) == 500


class Trap:
    """A TLS server that answers one opening handshake, and then sends KeyUpdates and reads nothing."""

    def __init__(self, files: Certificates) -> None:
        self._keys = files.folder / "keys"
        self._context = logging_keys(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), self._keys)
        self._context.load_cert_chain(files.certificate, files.key)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"wss://localhost:{self._listening.getsockname()[1]}/"
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Trap:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()
        self._listening.close()

    def _serve(self) -> None:
        raw, _ = self._listening.accept()
        raw.settimeout(PATIENCE)
        with self._context.wrap_socket(raw, server_side=True) as there:
            heard = there.recv(4096).decode()
            key = next(line.split()[1] for line in heard.splitlines() if line.lower().startswith("sec-websocket-key:"))
            head = (
                f"HTTP/1.1 101 \r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept_key(key)}"
            )
            there.sendall(f"{head}\r\n\r\n".encode())
            forged = Forged("SERVER", self._keys, records_sent=1)
            with contextlib.suppress(ConnectionError), socket.socket(fileno=there.detach()) as forger:
                forger.settimeout(PATIENCE)
                forger.sendall(flood(forged, mixed=False))


def test_key_updates_to_a_client(files: Certificates) -> None:
    client = trusting_client(files)
    client.auto_reconnect = False
    log = record(client)
    timed = Timed(client)
    with Trap(files) as trap:
        assert client.connect_to_url(trap.url) == 0
        poll_until(lambda: bool(named(log, "connection_closed")), timed)
    assert "KeyUpdate" in client.get_close_reason()
    assert client._counts["closed_link_refused"] == 1
    timed.assert_bounded()
