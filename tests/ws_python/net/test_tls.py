"""Tests of TLS on both sides: contexts, certificates that are renewed, what is refused and how that is told."""

from __future__ import annotations

import contextlib
import datetime
import os
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import certifi
import pytest
import trustme
import websockets.sync.client
from cryptography import x509
from websockets.sync.server import ServerConnection, serve
from ws_python import Error, TlsOptions, WebSocketClient, WebSocketServer
from ws_python.features import tls as feature
from ws_python.loop.hub import hub
from ws_python.net import tls

from tests.ws_python.driving import DEADLINE, Polled, named, poll_until, poll_while, record


class Certificates:
    """An authority, and files of what it has signed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = trustme.CA()
        self.ca = folder / "ca.pem"
        self.authority.cert_pem.write_to_path(self.ca)
        self.certificate, self.key = folder / "fullchain.pem", folder / "privkey.pem"
        self.issue()

    def issue(self, *names: str) -> trustme.LeafCert:
        """Replaces certificate and key, as certbot does: by new files, and never half."""
        issued = self.authority.issue_cert(*(names or ("localhost", "127.0.0.1", "::1")))
        self.put(issued.private_key_pem.bytes(), b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        return issued

    def put(self, key: bytes, certificate: bytes) -> None:
        for path, content in ((self.key, key), (self.certificate, certificate)):
            draft = path.with_suffix(".draft")
            draft.write_bytes(content)
            draft.replace(path)

    def trusting(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.authority.configure_trust(context)
        return context


@contextlib.contextmanager
def nobody() -> Iterator[None]:
    """Without the rights of root meanwhile, where these tests have them."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def files(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path)


@pytest.fixture
def secure(files: Certificates) -> WebSocketServer:
    """A server with a certificate for localhost."""
    server = WebSocketServer()
    server.bind_address = "localhost"
    server.handshake_timeout = DEADLINE
    server.tls_certificate, server.tls_private_key = str(files.certificate), str(files.key)
    assert server.listen(0) == Error.OK
    return server


def trusting_client(files: Certificates) -> WebSocketClient:
    client = WebSocketClient()
    client.tls_trusted_ca = str(files.ca)
    return client


def url(server: WebSocketServer, host: str = "localhost", scheme: str = "wss") -> str:
    return f"{scheme}://{host}:{server.get_local_port()}/"


def is_active(client: WebSocketClient) -> Callable[[], bool]:
    return lambda: client.status == client.Status.STATUS_ACTIVE


def is_idle(client: WebSocketClient) -> Callable[[], bool]:
    return lambda: client.status == client.Status.STATUS_IDLE


def failure(client: WebSocketClient, target: str, *nodes: Polled) -> str:
    """Why a client cannot connect."""
    log = record(client)
    assert client.connect_to_url(target) == Error.OK
    poll_until(lambda: bool(named(log, "connection_failed")), client, *nodes)
    ((reason,),) = named(log, "connection_failed")
    assert "\n" not in reason
    return str(reason)


def alert_of(port: int, hello: bytes) -> bytes:
    """What a port answers."""
    with socket.create_connection(("127.0.0.1", port)) as raw:
        raw.settimeout(10)
        raw.sendall(hello)
        answer = b""
        while part := raw.recv(65536):
            answer += part
        return answer


def shown_certificate(port: int) -> bytes:
    """The certificate that a new connection is shown."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with context.wrap_socket(raw, server_hostname="localhost") as wrapped:
            return wrapped.getpeercert(True) or b""


@pytest.mark.usefixtures("network")
class TestBothSides:
    @pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
    def test_messages_of_all_sizes_go_both_ways(self, files: Certificates, secure: WebSocketServer, host: str) -> None:
        secure.max_message_size = 1 << 23
        client = trusting_client(files)
        received: list[object] = []
        secure.message_received.connect(secure.send)
        client.message_received.connect(received.append)
        messages = ["hello", "", b"\0\xff", os.urandom(3_000_000), "ж" * 100_000, *map(str, range(500))]
        client.connected_to_server.connect(lambda: [client.send(message) for message in messages])
        assert client.connect_to_url(url(secure, host)) == Error.OK
        poll_until(lambda: len(received) == len(messages), client, secure, deadline=30)
        assert received == messages
        peer = secure.get_peer(secure.get_peer_ids()[0])
        assert peer is not None
        assert peer.get_requested_url() == url(secure, host)
        client.close(1000, "bye")
        poll_until(lambda: is_idle(client)() and not secure.peers, client, secure)
        assert (client.get_close_code(), client.get_close_reason()) == (1000, "bye")

    def test_a_server_says_goodbye(self, files: Certificates, secure: WebSocketServer) -> None:
        client = trusting_client(files)
        received: list[object] = []
        client.message_received.connect(received.append)
        client.connect_to_url(url(secure))
        poll_until(lambda: bool(secure.peers) and is_active(client)(), client, secure)
        secure.send(0, b"last" * 100_000)
        secure.stop()
        poll_until(is_idle(client), client)
        assert client.get_close_code() == 1001
        assert received == [b"last" * 100_000]

    def test_a_reader_that_is_slow_gets_all(self, files: Certificates, secure: WebSocketServer) -> None:
        client = trusting_client(files)
        client.max_queued_bytes = 100_000
        received: list[int] = []
        client.message_received.connect(lambda message: received.append(len(message)))
        client.connect_to_url(url(secure))
        poll_until(lambda: bool(secure.peers) and is_active(client)(), client, secure)
        for _ in range(40):
            assert secure.send(0, bytes(500_000)) == Error.OK
        for _ in range(200):
            secure.poll()  # Until nothing more fits.
        poll_until(lambda: len(received) == 40, client, secure, deadline=30)

    def test_rivals(self, files: Certificates, secure: WebSocketServer) -> None:
        secure.message_received.connect(secure.send)

        def talk() -> object:
            with websockets.sync.client.connect(url(secure), ssl=files.trusting()) as theirs:
                theirs.send("é" * 50_000)
                return theirs.recv()

        assert poll_while(talk, secure) == "é" * 50_000
        poll_until(lambda: not secure.peers, secure)

    def test_a_rival_as_the_server(self, files: Certificates) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files.certificate, files.key)

        def echo(connection: ServerConnection) -> None:
            for message in connection:
                connection.send(message)

        with serve(echo, "127.0.0.1", 0, ssl=context) as theirs:
            thread = threading.Thread(target=theirs.serve_forever)
            thread.start()
            client = trusting_client(files)
            received: list[object] = []
            client.message_received.connect(received.append)
            client.connected_to_server.connect(lambda: client.send(b"x" * 300_000))
            client.connect_to_url(f"wss://localhost:{theirs.socket.getsockname()[1]}/")
            poll_until(lambda: received == [b"x" * 300_000], client)
            client.close()
            poll_until(is_idle(client), client)
            theirs.shutdown()
            thread.join()
        assert client.get_close_code() == 1000


class TestWhatIsRefused:
    def test_an_authority_that_nobody_knows(self, secure: WebSocketServer) -> None:
        client, log = WebSocketClient(), record(secure)
        client.auto_reconnect, client.connect_timeout = True, DEADLINE
        reason = failure(client, url(secure), secure)
        assert "the certificate of localhost is not trusted (" in reason
        assert "TLSOptions.client()" in reason
        assert is_idle(client)(), "it does not try again"
        poll_until(lambda: bool(named(log, "handshake_failed")), secure)
        ((told,),) = named(log, "handshake_failed")
        assert "it does not trust this server's certificate (tlsv1 alert unknown ca)" in told
        assert secure._counts["failed_tls_handshake"] == 1
        assert not secure._counts["refused_handshake_timeout"]

    def test_another_name(self, files: Certificates, secure: WebSocketServer) -> None:
        files.issue("example.org")
        secure.stop()
        assert secure.listen(0) == Error.OK
        reason = failure(trusting_client(files), url(secure), secure)
        assert "mismatch" in reason.lower()
        assert "common_name_override" in reason
        client = WebSocketClient()
        options = TlsOptions.client(files.ca.read_text(), "example.org")
        assert client.connect_to_url(url(secure), options) == Error.OK
        poll_until(is_active(client), client, secure)

    def test_unsafe_takes_all_and_warns_once(
        self, files: Certificates, secure: WebSocketServer, caplog: pytest.LogCaptureFixture
    ) -> None:
        client = WebSocketClient()
        client.tls_options = TlsOptions.client_unsafe()
        for _ in range(2):
            client.connect_to_url(url(secure))
            poll_until(is_active(client), client, secure)
            client.close()
            poll_until(is_idle(client), client, secure)
        assert len([line for line in caplog.messages if "tls_options are unsafe" in line]) == 1

    @pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
    def test_tls_below_1_2(self, secure: WebSocketServer, version: ssl.TLSVersion) -> None:
        log = record(secure)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning):
            context.minimum_version = context.maximum_version = version

        def connect() -> str:
            with socket.create_connection(("127.0.0.1", secure.get_local_port()), timeout=10) as raw:
                try:
                    context.wrap_socket(raw)
                except ssl.SSLError as error:
                    return error.reason
                return "connected"

        assert poll_while(connect, secure) == "TLSV1_ALERT_PROTOCOL_VERSION"
        poll_until(lambda: bool(named(log, "handshake_failed")), secure)
        ((told,),) = named(log, "handshake_failed")
        assert "older than 1.2" in told

    def test_both_contexts_have_the_floor_and_no_alpn(self, files: Certificates, secure: WebSocketServer) -> None:
        contexts = [
            tls.server_context(str(files.certificate), str(files.key), ""),
            tls.client_context("", "", unsafe=False),
        ]
        assert {context.minimum_version for context in contexts} == {ssl.TLSVersion.TLSv1_2}
        context = files.trusting()
        context.set_alpn_protocols(["h2", "http/1.1"])

        def selected() -> str | None:
            with (
                socket.create_connection(("127.0.0.1", secure.get_local_port()), timeout=10) as raw,
                context.wrap_socket(raw, server_hostname="localhost") as wrapped,
            ):
                return wrapped.selected_alpn_protocol()

        assert poll_while(selected, secure) is None

    def test_plain_http_is_answered_in_plain_words(self, secure: WebSocketServer) -> None:
        log = record(secure)
        port = secure.get_local_port()
        answer = poll_while(lambda: alert_of(port, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), secure)
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert b"Content-Length: %d" % len(body) in head and b"Use a wss:// URL" in body
        poll_until(lambda: bool(named(log, "handshake_failed")), secure)
        assert named(log, "handshake_failed") == [
            ("127.0.0.1: it does not speak TLS, which this port does; use a wss:// URL, not ws://",)
        ]
        assert secure._counts["refused_without_tls"] == 1

    def test_an_empty_line_may_come_before_the_request(self, secure: WebSocketServer) -> None:
        port = secure.get_local_port()
        answer = poll_while(lambda: alert_of(port, b"\r\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), secure)
        assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")

    def test_a_plain_client_learns_to_use_wss(self, secure: WebSocketServer) -> None:
        reason = failure(WebSocketClient(), url(secure, scheme="ws"), secure)
        assert "the server answered HTTP 400 Bad Request: This is an HTTPS port" in reason
        assert reason.endswith("use a wss:// URL, not ws://")

    def test_a_tls_client_at_a_plain_port(self, server: WebSocketServer) -> None:
        log = record(server)
        reason = failure(WebSocketClient(), url(server), server)
        assert "does not speak TLS as it should (tlsv1 alert protocol version); use ws:// if it has no TLS" in reason
        poll_until(lambda: bool(named(log, "handshake_failed")), server)
        ((told,),) = named(log, "handshake_failed")
        assert "it speaks TLS, which this port does not; use a ws:// URL, not wss://" in told

    def test_what_is_neither(self, secure: WebSocketServer) -> None:
        log = record(secure)
        assert (
            poll_while(lambda: alert_of(secure.get_local_port(), b"\x16\x03\x01\0\5junk!" * 10), secure)[:1] == b"\x15"
        )
        poll_until(lambda: bool(named(log, "handshake_failed")), secure)
        assert "it does not speak TLS as it should" in named(log, "handshake_failed")[0][0]

    def test_who_stalls_or_leaves_in_the_handshake(self, secure: WebSocketServer) -> None:
        secure.handshake_timeout = 0.3
        log = record(secure)
        hello = ssl.MemoryBIO()
        half = files_hello(hello)[:100]
        with contextlib.ExitStack() as sockets:
            stalled = [
                sockets.enter_context(socket.create_connection(("127.0.0.1", secure.get_local_port())))
                for _ in range(20)
            ]
            for raw in stalled:
                raw.sendall(half)
            poll_until(lambda: len(named(log, "handshake_failed")) == 20, secure)
        assert all("in time" in reason for (reason,) in named(log, "handshake_failed"))
        secure.handshake_timeout = 30.0
        socket.create_connection(("127.0.0.1", secure.get_local_port())).close()
        poll_until(lambda: len(named(log, "handshake_failed")) == 21, secure)
        assert "it hung up during the TLS handshake" in named(log, "handshake_failed")[-1][0]
        assert not secure._connections

    def test_a_server_that_stops_in_the_middle_of_handshakes(self, secure: WebSocketServer) -> None:
        secure.handshake_failed.connect(lambda _reason: secure.stop())
        hello = files_hello(ssl.MemoryBIO())
        with contextlib.ExitStack() as sockets:
            under_way = [
                sockets.enter_context(socket.create_connection(("127.0.0.1", secure.get_local_port())))
                for _ in range(10)
            ]
            for raw in under_way:
                raw.sendall(hello)
            poll_until(lambda: len(secure._connections) == 10, secure)
            under_way[0].sendall(b"no record")
            poll_until(lambda: not secure.is_listening(), secure)
            for raw in under_way[1:]:
                raw.settimeout(10)
                with contextlib.suppress(ConnectionResetError):
                    while poll_while(lambda raw=raw: raw.recv(65536), secure):  # type: ignore[misc]
                        pass
        assert not secure._connections

    def test_who_tries_again_in_the_handler_of_a_failure(self, secure: WebSocketServer) -> None:
        client, reasons = WebSocketClient(), list[str]()

        def again(reason: str) -> None:
            reasons.append(reason)
            if len(reasons) < 5:
                assert client.connect_to_url(url(secure)) == Error.OK

        client.connection_failed.connect(again)
        client.connect_to_url(url(secure))
        poll_until(lambda: len(reasons) == 5, client, secure)
        assert len(set(reasons)) == 1


def files_hello(outgoing: ssl.MemoryBIO) -> bytes:
    """What a client says first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def test_a_hello_byte_by_byte(files: Certificates, secure: WebSocketServer) -> None:
    """A handshake that trickles in costs no frame its time, and succeeds."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = files.trusting().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with socket.create_connection(("127.0.0.1", secure.get_local_port())) as raw:
        raw.setblocking(False)
        is_done = False
        end = time.monotonic() + 3 * DEADLINE
        while not is_done:
            assert time.monotonic() < end
            try:
                client.do_handshake()
                is_done = True
            except ssl.SSLWantReadError:
                pass
            for byte in outgoing.read():
                raw.send(bytes([byte]))
                secure.poll()
            with contextlib.suppress(BlockingIOError):
                incoming.write(raw.recv(65536))
            secure.poll()


def test_what_stands_between_certificates_does_not_matter(files: Certificates, secure: WebSocketServer) -> None:
    others = "".join(trustme.CA().cert_pem.bytes().decode() for _ in range(3))
    files.ca.write_text(f"# Főtanúsítvány\n{others}\n# ü\n{files.ca.read_text()}\0")
    client = trusting_client(files)
    client.connect_to_url(url(secure))
    poll_until(is_active(client), client, secure)


def test_many_hellos_at_once_cost_a_poll_no_more_than_its_time(secure: WebSocketServer) -> None:
    """A step of a handshake is long: the clock is asked after each."""
    secure.max_poll_time = 0.0001
    hello = files_hello(ssl.MemoryBIO())
    with contextlib.ExitStack() as sockets:
        clients = [
            sockets.enter_context(socket.create_connection(("127.0.0.1", secure.get_local_port()))) for _ in range(60)
        ]
        poll_until(lambda: len(secure._connections) == 60, secure)
        for raw in clients:
            raw.sendall(hello)
        secure.poll()
        answered, _, _ = select.select(clients, [], [], 0)
        assert len(answered) <= 4
        poll_until(lambda: len(select.select(clients, [], [], 0)[0]) == 60, secure)


class TestClientCertificates:
    @pytest.fixture
    def demanding(self, files: Certificates, secure: WebSocketServer) -> WebSocketServer:
        secure.stop()
        secure.tls_client_ca = str(files.ca)
        assert secure.listen(0) == Error.OK
        return secure

    def test_with_one(self, files: Certificates, demanding: WebSocketServer) -> None:
        issued = files.authority.issue_cert("player@example.org")
        issued.private_key_and_cert_chain_pem.write_to_path(files.folder / "player.pem")
        client = trusting_client(files)
        client.tls_certificate = str(files.folder / "player.pem")
        client.connect_to_url(url(demanding))
        poll_until(lambda: bool(demanding.peers) and is_active(client)(), client, demanding)
        (peer,) = demanding.peers.values()
        shown = x509.load_pem_x509_certificate(peer.request.certificate.encode())  # type: ignore[union-attr]
        assert "player@example.org" in str(shown.extensions.get_extension_for_class(x509.SubjectAlternativeName))

    def test_without_one(self, files: Certificates, demanding: WebSocketServer) -> None:
        log = record(demanding)
        client = trusting_client(files)
        client.auto_reconnect = True
        assert "wants a client certificate" in failure(client, url(demanding), demanding)
        assert is_idle(client)(), "it does not try again"
        poll_until(lambda: bool(named(log, "handshake_failed")), demanding)
        assert "which tls_client_ca demands" in named(log, "handshake_failed")[0][0]

    def test_with_one_of_another_authority(self, files: Certificates, demanding: WebSocketServer) -> None:
        log = record(demanding)
        trustme.CA().issue_cert("x@y.org").private_key_and_cert_chain_pem.write_to_path(files.folder / "x.pem")
        client = trusting_client(files)
        client.tls_certificate = str(files.folder / "x.pem")
        assert "wants a client certificate that it trusts" in failure(client, url(demanding), demanding)
        poll_until(lambda: bool(named(log, "handshake_failed")), demanding)
        assert "its client certificate is not trusted" in named(log, "handshake_failed")[0][0]


class TestRenewal:
    @pytest.fixture(autouse=True)
    def often(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert feature.LOOK_PERIOD <= 20, "within a minute, with room"
        monkeypatch.setattr(feature, "LOOK_PERIOD", 0.05)

    @pytest.fixture
    def watched(self, secure: WebSocketServer) -> WebSocketServer:
        secure.stop()
        assert secure.listen(0) == Error.OK
        return secure

    def test_new_connections_get_the_new_one_and_players_stay(
        self, files: Certificates, watched: WebSocketServer
    ) -> None:
        client = trusting_client(files)
        client.connect_to_url(url(watched))
        poll_until(is_active(client), client, watched)
        before = poll_while(lambda: shown_certificate(watched.get_local_port()), watched)
        files.issue()
        end = time.monotonic() + 10
        while poll_while(lambda: shown_certificate(watched.get_local_port()), watched) == before:
            assert time.monotonic() < end
        received: list[object] = []
        client.message_received.connect(received.append)
        watched.send(0, "still there")
        poll_until(lambda: received == ["still there"], client, watched)

    @pytest.mark.skipif(os.name == "nt", reason="Windows lets not everybody make links")
    def test_links_that_are_switched(self, files: Certificates, secure: WebSocketServer) -> None:
        """As certbot has them: live/ holds links into archive/."""
        live = files.folder / "live"
        live.mkdir()
        for path in (files.certificate, files.key):
            (live / path.name).symlink_to(path)
        secure.stop()
        secure.tls_certificate, secure.tls_private_key = str(live / "fullchain.pem"), str(live / "privkey.pem")
        assert secure.listen(0) == Error.OK
        before = poll_while(lambda: shown_certificate(secure.get_local_port()), secure)
        renewed = Certificates(tmp_folder(files))
        for path in (renewed.certificate, renewed.key):
            (live / "draft").symlink_to(path)
            (live / "draft").replace(live / path.name)
        end = time.monotonic() + 10
        while poll_while(lambda: shown_certificate(secure.get_local_port()), secure) == before:
            assert time.monotonic() < end

    def test_half_a_file_keeps_the_old_one_and_is_told_once(
        self, files: Certificates, watched: WebSocketServer, caplog: pytest.LogCaptureFixture
    ) -> None:
        before = poll_while(lambda: shown_certificate(watched.get_local_port()), watched)
        whole = files.certificate.read_bytes()
        files.certificate.write_bytes(whole[:300])
        poll_until(lambda: watched._counts["failed_certificate_renewal"] >= 5, watched)
        assert len(caplog.messages) == 1
        assert caplog.messages[0].endswith("what was read before stays in use")
        assert poll_while(lambda: shown_certificate(watched.get_local_port()), watched) == before
        files.issue()
        end = time.monotonic() + 10
        while poll_while(lambda: shown_certificate(watched.get_local_port()), watched) == before:
            assert time.monotonic() < end
        assert len(caplog.messages) == 1

    def test_a_server_that_is_stopped_looks_no_more(self, files: Certificates, watched: WebSocketServer) -> None:
        watched.stop()
        (tls_feature,) = [each for each in watched._features if isinstance(each, feature.ServerTlsFeature)]
        assert tls_feature._next_look is None


def tmp_folder(files: Certificates) -> Path:
    folder = files.folder / "renewed"
    folder.mkdir()
    return folder


class TestSettings:
    def test_a_server_may_begin_and_cease_to_speak_tls_while_it_listens(
        self, files: Certificates, server: WebSocketServer, caplog: pytest.LogCaptureFixture
    ) -> None:
        server.tls_options = TlsOptions.server(files.key.read_text(), files.certificate.read_text())
        client = trusting_client(files)
        client.connect_to_url(url(server))
        poll_until(is_active(client), client, server)
        server.tls_options = TlsOptions.server("nonsense", "nonsense")
        for _ in range(2):
            other = trusting_client(files)
            other.connect_to_url(url(server))
            poll_until(is_active(other), other, server)
        assert len(caplog.messages) == 1 and "what was set before stays in force" in caplog.text
        server.tls_options = None
        plain = WebSocketClient()
        plain.connect_to_url(url(server, scheme="ws"))
        poll_until(is_active(plain), plain, server)

    def test_contexts_of_ones_own(self, files: Certificates, server: WebSocketServer) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files.certificate, files.key)
        server.tls_options = context
        client = WebSocketClient()
        client.tls_options = files.trusting()
        client.connect_to_url(url(server))
        poll_until(is_active(client), client, server)

    @pytest.mark.parametrize(
        ("certificate", "key", "code", "expected"),
        [
            ("missing.pem", "", Error.ERR_FILE_NOT_FOUND, 'tls_certificate: there is no file "'),
            (".", "", Error.ERR_FILE_CANT_OPEN, "cannot be read (is a directory)"),
            ("privkey.pem", "privkey.pem", Error.ERR_FILE_UNRECOGNIZED, "holds no certificate in PEM"),
            ("fullchain.pem", "fullchain.pem", Error.ERR_FILE_UNRECOGNIZED, "holds no private key in PEM"),
            ("fullchain.pem", "", Error.ERR_INVALID_PARAMETER, "tls_private_key is empty"),
            ("", "privkey.pem", Error.ERR_INVALID_PARAMETER, "tls_certificate is empty"),
            ("fullchain.pem", "other.pem", Error.ERR_FILE_CORRUPT, "tls_private_key is not the key of"),
            ("fullchain.pem", "locked.pem", Error.ERR_FILE_CORRUPT, "locked by a password"),
            ("damaged.pem", "privkey.pem", Error.ERR_FILE_CORRUPT, "is damaged"),
        ],
    )
    def test_what_cannot_be_used_is_said_in_one_line(
        self,
        files: Certificates,
        certificate: str,
        key: str,
        code: Error,
        expected: str,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        (files.folder / "other.pem").write_bytes(trustme.CA().issue_cert("x").private_key_pem.bytes())
        (files.folder / "locked.pem").write_text("-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
        (files.folder / "damaged.pem").write_bytes(
            files.certificate.read_bytes()[:400] + b"\n-----END CERTIFICATE-----\n"
        )
        for node in (WebSocketServer(), WebSocketClient()):
            caplog.clear()
            node.tls_certificate = str(files.folder / certificate) if certificate else ""
            node.tls_private_key = str(files.folder / key) if key else ""
            got = node.listen(0) if isinstance(node, WebSocketServer) else node.connect_to_url("wss://localhost:1/")
            assert got == code
            (line,) = caplog.messages
            assert expected in line.lower() or expected in line
            assert "\n" not in line

    @pytest.mark.skipif(os.name == "nt", reason="Windows keeps no rights of a file in its mode")
    def test_a_file_that_may_not_be_read(self, files: Certificates, caplog: pytest.LogCaptureFixture) -> None:
        files.key.chmod(0)
        for node in (WebSocketServer(), WebSocketClient()):
            caplog.clear()
            node.tls_certificate, node.tls_private_key = str(files.certificate), str(files.key)
            with nobody():
                got = node.listen(0) if isinstance(node, WebSocketServer) else node.connect_to_url("wss://localhost:1/")
            assert got == Error.ERR_FILE_NO_PERMISSION
            (line,) = caplog.messages
            assert "cannot be read (Permission denied); let the user that runs this read it" in line

    @pytest.mark.parametrize(
        ("begin", "end", "warning", "reason"),
        [
            (-2, -1, "tls_certificate has expired (", "certificate has expired); have it renewed"),
            (1, 2, "tls_certificate is not valid yet (", "not yet valid); check this machine's clock"),
        ],
    )
    def test_a_certificate_out_of_date_is_told_on_both_sides(
        self,
        files: Certificates,
        begin: int,
        end: int,
        warning: str,
        reason: str,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        now = datetime.datetime.now(datetime.UTC)
        issued = files.authority.issue_cert(
            "localhost",
            not_before=now + datetime.timedelta(days=begin),
            not_after=now + datetime.timedelta(days=end),
        )
        files.put(issued.private_key_pem.bytes(), b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        server = WebSocketServer()
        server.tls_certificate, server.tls_private_key = str(files.certificate), str(files.key)
        log = record(server)
        assert server.listen(0) == Error.OK
        (line,) = caplog.messages
        assert line.startswith(warning)
        assert reason in failure(trusting_client(files), url(server), server)
        poll_until(lambda: bool(named(log, "handshake_failed")), server)
        assert "it does not trust this server's certificate (" in named(log, "handshake_failed")[0][0]
        # Who does not look at it gets in.
        client = WebSocketClient()
        assert client.connect_to_url(url(server), TlsOptions.client_unsafe()) == Error.OK
        poll_until(is_active(client), client, server)

    @pytest.mark.parametrize("name", [".x", "a\0b"])
    def test_a_name_that_is_none(self, files: Certificates, name: str, caplog: pytest.LogCaptureFixture) -> None:
        client = WebSocketClient()
        client.tls_options = TlsOptions.client(str(files.ca), name)
        assert client.connect_to_url("wss://localhost:1/") == Error.ERR_INVALID_PARAMETER
        assert caplog.messages == [
            "connect_to_url: common_name_override is no host name; give the name that is in the certificate"
        ]

    def test_a_context_that_can_do_nothing(self, secure: WebSocketServer) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        with pytest.warns(DeprecationWarning):
            context.options |= ssl.OP_NO_TLSv1_3
        client = WebSocketClient()
        client.tls_options = context
        assert "does not speak TLS as it should (no protocols available)" in failure(client, url(secure), secure)

    def test_options_of_the_other_side(self, files: Certificates, caplog: pytest.LogCaptureFixture) -> None:
        server, client = WebSocketServer(), WebSocketClient()
        server.tls_options = TlsOptions.client()
        assert server.listen(0) == Error.ERR_INVALID_PARAMETER
        options = TlsOptions.server(str(files.key), str(files.certificate))
        assert client.connect_to_url("wss://localhost:1/", options) == Error.ERR_INVALID_PARAMETER
        server.tls_options, client.tls_options = (
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER),
        )
        assert server.listen(0) == client.connect_to_url("wss://localhost:1/") == Error.ERR_INVALID_PARAMETER
        assert "ssl.PROTOCOL_TLS_SERVER" in caplog.messages[2] and "ssl.PROTOCOL_TLS_CLIENT" in caplog.messages[3]
        assert "TLSOptions.server(" in caplog.messages[0] and "TLSOptions.client(" in caplog.messages[1]
        with pytest.raises(TypeError, match="tls_options must be TlsOptions or an SSLContext, not"):
            server.tls_options = "x"  # type: ignore[assignment]

    def test_without_openssl(
        self, files: Certificates, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setitem(__import__("sys").modules, "ssl", None)
        server = WebSocketServer()
        server.tls_certificate = str(files.certificate)
        assert server.listen(0) == Error.ERR_UNAVAILABLE
        assert "TLS cannot be loaded" in caplog.text


class TestManyAuthorities:
    """A bundle of the authorities of a system takes tens of milliseconds to read: not of a frame, and not each time."""

    @pytest.fixture
    def bundle(self, files: Certificates) -> Path:
        path = files.folder / "bundle.pem"
        path.write_bytes(Path(certifi.where()).read_bytes() + files.ca.read_bytes())
        return path

    @pytest.fixture
    def readers(self, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        """The threads on which authorities were read, one for each time."""
        threads: list[int] = []
        trust = tls.trust_given

        def noted(context: ssl.SSLContext, trusted: str) -> None:
            threads.append(threading.get_ident())
            trust(context, trusted)

        monkeypatch.setattr(tls, "trust_given", noted)
        return threads

    @pytest.mark.parametrize("given", ["tls_trusted_ca", "path", "text"])
    def test_they_are_read_once_and_on_another_thread(
        self, secure: WebSocketServer, bundle: Path, readers: list[int], given: str
    ) -> None:
        client = WebSocketClient()
        client.auto_reconnect, client.reconnect_delay, client.reconnect_delay_max = True, 0.01, 0.01
        if given == "tls_trusted_ca":
            client.tls_trusted_ca = str(bundle)
        else:
            client.tls_options = TlsOptions.client(str(bundle) if given == "path" else bundle.read_text())
        port = secure.get_local_port()
        secure.stop()
        log = record(client)
        assert client.connect_to_url(f"wss://localhost:{port}/") == Error.OK
        poll_until(lambda: len(named(log, "connection_failed")) >= 3, client)
        assert secure.listen(port) == Error.OK
        poll_until(is_active(client), client, secure)
        client.close()
        poll_until(is_idle(client), client, secure)
        assert client.connect_to_url(f"wss://localhost:{port}/") == Error.OK
        poll_until(is_active(client), client, secure)
        assert len(readers) == 1
        assert readers[0] != threading.get_ident()

    def test_a_few_are_read_at_once(self, files: Certificates, secure: WebSocketServer, readers: list[int]) -> None:
        client = trusting_client(files)
        assert client.connect_to_url(url(secure)) == Error.OK
        assert readers == [threading.get_ident()]

    def test_what_was_replaced_counts_for_the_next_attempt(
        self, files: Certificates, secure: WebSocketServer, bundle: Path, readers: list[int]
    ) -> None:
        whole = bundle.read_bytes()
        bundle.write_bytes(Path(certifi.where()).read_bytes())
        client = WebSocketClient()
        client.tls_trusted_ca = str(bundle)
        assert "the certificate of localhost is not trusted" in failure(client, url(secure), secure)
        bundle.write_bytes(whole)
        assert client.connect_to_url(url(secure)) == Error.OK
        poll_until(is_active(client), client, secure)
        assert len(readers) == 2

    def test_one_that_is_damaged_is_told(self, secure: WebSocketServer, bundle: Path) -> None:
        bundle.write_text(bundle.read_text().replace("MII", "!!!"))
        client = WebSocketClient()
        client.auto_reconnect = True
        client.tls_trusted_ca = str(bundle)
        for _ in range(2):
            reason = failure(client, url(secure), secure)
            assert "tls_trusted_ca is damaged (" in reason
            assert "this does not pass by itself" in reason
        assert client.get_statistics()["counts"]["failed_certificate"] == 2

    def test_one_that_becomes_damaged_leaves_what_was_read(
        self, secure: WebSocketServer, bundle: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        client = WebSocketClient()
        client.auto_reconnect, client.reconnect_delay, client.reconnect_delay_max = True, 0.01, 0.01
        client.tls_trusted_ca = str(bundle)
        log = record(client)
        assert client.connect_to_url(url(secure)) == Error.OK
        poll_until(is_active(client), client, secure)
        bundle.write_text(bundle.read_text().replace("MII", "!!!"))
        caplog.clear()
        for times in (1, 2, 3):
            client._connection.drop("cut")  # type: ignore[union-attr]
            poll_until(lambda times=times: len(named(log, "reconnected")) == times, client, secure)  # type: ignore[misc]
        lines = [line for line in caplog.messages if "what was read before stays in use" in line]
        assert len(lines) == 1 and lines[0].startswith("tls_trusted_ca is damaged (")


class TestTheSystemsTrust:
    @pytest.fixture(autouse=True)
    def fresh(self) -> Iterator[None]:
        tls.forget_default()
        yield
        hub.close(0.0)
        tls.forget_default()

    def trusted(self) -> int:
        context = tls.ClientTls().ready_context()
        return len(context.get_ca_certs())

    def test_it_is_what_clients_trust(
        self, files: Certificates, secure: WebSocketServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tls, "TRUSTED_FILES", ("/nowhere", str(files.ca)))
        client = WebSocketClient()
        client.connect_to_url(url(secure))
        poll_until(is_active(client), client, secure)

    @pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
    def test_a_variable_that_names_nothing_takes_nothing_away(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        before = self.trusted()
        tls.forget_default()
        monkeypatch.setenv(name, "/nowhere")
        assert self.trusted() == before > 50

    def test_a_machine_without_any_has_those_of_certifi(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tls, "TRUSTED_FILES", ("/nowhere",))
        monkeypatch.setattr(tls, "TRUSTED_FOLDERS", ("/nowhere",))
        for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
            monkeypatch.delenv(name, raising=False)
        assert self.trusted() > 50
