"""Tests of ws_python.features.trusted_proxies: who is believed, and what is then told of the client."""

from __future__ import annotations

import logging
import socket
import struct
import time
from collections.abc import Iterator

import pytest
from websockets.datastructures import Headers
from ws_python import WebSocketPeer, WebSocketServer
from ws_python.connection.connection import Connection
from ws_python.features.feature import Feature
from ws_python.features.trusted_proxies import Hop, Networks, find_client

from tests.ws_python.driving import named, poll_until, record

PROXY = Hop("127.0.0.1", 4000)
CONTRADICTION = "contradict one another"
REQUEST = (
    "GET /room HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
)
V2_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"


def request(*headers: str) -> bytes:
    return (REQUEST + "".join(header + "\r\n" for header in headers) + "\r\n").encode()


def told(*headers: str, trusted: tuple[str, ...] = ("127.0.0.1", "10.0.0.0/8", "2001:db8:ffff::/48")) -> Hop:
    parsed = Headers()
    for header in headers:
        name, _, value = header.partition(": ")
        parsed[name] = value
    return find_client(parsed, PROXY, Networks([*trusted]))


# --- what the property may hold


@pytest.mark.parametrize(
    ("entry", "inside", "outside"),
    [
        ("192.0.2.1", "192.0.2.1", "192.0.2.2"),
        ("10.0.0.0/8", "10.255.255.255", "11.0.0.0"),
        ("0.0.0.0/0", "203.0.113.9", "::1"),
        ("::1", "::1", "::2"),
        ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::1"),
        ("unix:", "", "127.0.0.1"),
        ("unix:", "unix:/run/game.sock", "127.0.0.1"),
        ("127.0.0.1", "127.0.0.1", ""),
        ("127.0.0.1", "127.0.0.1", "unix:/run/game.sock"),
        ("0.0.0.0/0", "192.0.2.1", "no address"),
    ],
)
def test_an_entry_holds_what_it_says(entry: str, inside: str, outside: str) -> None:
    networks = Networks([entry])
    assert networks.hold(inside)
    assert not networks.hold(outside)


@pytest.mark.parametrize(
    "entry",
    ["10.0.0.0/33", "10.0.0.1/8", "localhost", "", " ", "*", "10.0.0", "unix:/run/x", "::1/200", "a\nb", "9" * 500],
)
def test_listen_refuses_what_is_no_address(entry: str, caplog: pytest.LogCaptureFixture) -> None:
    server = WebSocketServer()
    server.bind_address = "localhost"
    server.trusted_proxies = ["127.0.0.1", entry]
    assert server.listen(0) == 31  # ERR_INVALID_PARAMETER
    (line,) = caplog.messages
    assert line.startswith("listen: trusted_proxies: ")
    assert "\n" not in line
    assert len(line) < 300
    server.trusted_proxies = ["127.0.0.1"]
    assert server.listen(0) == 0
    server.stop()


# --- what headers tell


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], PROXY),
        (["X-Forwarded-For: 192.0.2.7"], Hop("192.0.2.7")),
        (["X-Forwarded-For: 192.0.2.7:5000"], Hop("192.0.2.7", 5000)),
        (["X-Forwarded-For: 2001:DB8::7"], Hop("2001:db8::7")),
        (["X-Forwarded-For: [2001:db8::7]:5000"], Hop("2001:db8::7", 5000)),
        (["X-Forwarded-For: [2001:db8::7]"], Hop("2001:db8::7")),
        (["X-Forwarded-For: ::ffff:192.0.2.7"], Hop("192.0.2.7")),
        # What stands on the left may be the client's own invention.
        (["X-Forwarded-For: 198.51.100.1, 192.0.2.7"], Hop("192.0.2.7")),
        (["X-Forwarded-For: 127.0.0.1, 192.0.2.7"], Hop("192.0.2.7")),
        (["X-Forwarded-For: unknown, 192.0.2.7"], Hop("192.0.2.7")),
        # Past those that are trusted.
        (["X-Forwarded-For: 198.51.100.1, 192.0.2.7, 10.1.2.3,127.0.0.1"], Hop("192.0.2.7")),
        (["X-Forwarded-For: 198.51.100.1, 192.0.2.7, 2001:db8:ffff::5"], Hop("192.0.2.7")),
        (
            ["X-Forwarded-For: 198.51.100.1", "X-Forwarded-For: 192.0.2.7", "X-Forwarded-For: 10.1.2.3"],
            Hop("192.0.2.7"),
        ),
        (["X-Forwarded-For: 192.0.2.7, , 10.1.2.3, ,"], Hop("192.0.2.7")),
        # All of them are: the first one has asked for itself.
        (["X-Forwarded-For: 10.1.2.4, 10.1.2.3"], Hop("10.1.2.4")),
        # As far as it is an address.
        (["X-Forwarded-For: 192.0.2.7, unknown, 10.1.2.3"], Hop("10.1.2.3")),
        (["X-Forwarded-For: 192.0.2.7, <script>"], PROXY),
        (["X-Forwarded-For: 192.0.2.7, fe80::1%eth0"], PROXY),
        (["X-Forwarded-For: 192.0.2.7 198.51.100.1"], PROXY),
        (["X-Forwarded-For: 192.0.2.7:70000"], Hop("192.0.2.7")),
        (["X-Forwarded-For: "], PROXY),
        (["X-Forwarded-For: ,,,"], PROXY),
        (["X-Real-IP: 192.0.2.7"], Hop("192.0.2.7")),
        (["X-Real-IP: nobody"], PROXY),
        (["Forwarded: for=192.0.2.7"], Hop("192.0.2.7")),
        (['Forwarded: FOR="192.0.2.7:5000"'], Hop("192.0.2.7", 5000)),
        (['Forwarded: for="[2001:db8::7]:5000";by=10.0.0.1;host=x'], Hop("2001:db8::7", 5000)),
        (["Forwarded: by=10.0.0.1; for=192.0.2.7;proto=https"], Hop("192.0.2.7", 0, "wss")),
        (
            ["Forwarded: for=198.51.100.1, for=192.0.2.7;proto=http, for=10.0.0.1;proto=https"],
            Hop("192.0.2.7", 0, "ws"),
        ),
        (["Forwarded: for=198.51.100.1", "Forwarded: for=192.0.2.7, for=10.0.0.1"], Hop("192.0.2.7")),
        (["Forwarded: for=192.0.2.7, for=unknown, for=10.0.0.1"], Hop("10.0.0.1")),
        (["Forwarded: for=192.0.2.7, for=_hidden"], PROXY),
        (["Forwarded: for=192.0.2.7, by=10.0.0.1"], PROXY),
        (['Forwarded: for="192.0\\.2.7"'], Hop("192.0.2.7")),
        (['Forwarded: for=198.51.100.1;x="a,for=203.0.113.1;b", for=192.0.2.7'], Hop("192.0.2.7")),
        (["Forwarded: "], PROXY),
        # Several that agree.
        (["X-Forwarded-For: 192.0.2.7", "X-Real-IP: 192.0.2.7"], Hop("192.0.2.7")),
        (["X-Forwarded-For: 192.0.2.7, 10.1.2.3", "X-Real-IP: 10.1.2.3"], Hop("192.0.2.7")),
        (["X-Forwarded-For: 192.0.2.7", "Forwarded: for=192.0.2.7;proto=https"], Hop("192.0.2.7", 0, "wss")),
        (["X-Forwarded-For: 192.0.2.7", "X-Real-IP: nobody"], Hop("192.0.2.7")),
        # How the client came.
        (["X-Forwarded-For: 192.0.2.7", "X-Forwarded-Proto: https"], Hop("192.0.2.7", 0, "wss")),
        (["X-Forwarded-For: 192.0.2.7", "X-Forwarded-Proto: HTTP"], Hop("192.0.2.7", 0, "ws")),
        (["X-Forwarded-For: 192.0.2.7", "X-Forwarded-Proto: https, http"], Hop("192.0.2.7", 0, "wss")),
        (["X-Forwarded-For: 192.0.2.7", "X-Forwarded-Proto: javascript"], Hop("192.0.2.7")),
        (["X-Forwarded-Proto: wss"], Hop(*PROXY[:2], "wss")),
    ],
)
def test_headers_tell_of_the_client(headers: list[str], expected: Hop) -> None:
    assert told(*headers) == expected


@pytest.mark.parametrize(
    "headers",
    [
        # A proxy sets one of them, and passes on what a client has made up in the other.
        ["X-Forwarded-For: 192.0.2.7", "Forwarded: for=198.51.100.1"],
        ["X-Forwarded-For: 192.0.2.7", "X-Real-IP: 198.51.100.1"],
        ["X-Forwarded-For: 10.1.2.3", "X-Real-IP: 198.51.100.1"],
        ["X-Forwarded-For: unknown", "X-Real-IP: 198.51.100.1"],
        ["Forwarded: for=192.0.2.7", "X-Real-IP: 198.51.100.1"],
        ["Forwarded: for=10.0.0.1", "X-Forwarded-For: 192.0.2.7"],
        ["X-Real-IP: 192.0.2.7", "X-Real-IP: 198.51.100.1"],
    ],
)
def test_headers_that_contradict_one_another_are_not_believed(headers: list[str]) -> None:
    with pytest.raises(ValueError, match=CONTRADICTION):
        told(*headers)
    with pytest.raises(ValueError, match=CONTRADICTION):
        told(*reversed(headers))


@pytest.mark.parametrize(
    "header",
    [
        'for="192.0.2.7',
        'for=198.51.100.1;x=", for="[2001:db8::7]"',
        'for=198.51.100.1;x=", for="192.0.2.7:80";by="x"',
        "for=192.0.2.7 for=198.51.100.1",
        "=192.0.2.7",
        "for",
        'for="a"b',
    ],
)
def test_a_malformed_forwarded_header_hides_nobody(header: str) -> None:
    """What a client begins and does not end must not swallow what the proxy has added."""
    with pytest.raises(ValueError, match="malformed"):
        told(f"Forwarded: {header}")


def test_a_long_chain_takes_no_long_time() -> None:
    begin = time.process_time()
    assert told("X-Forwarded-For: " + "10.0.0.1," * 1700 + "10.0.0.2") == Hop("10.0.0.1")
    assert told("Forwarded: " + "for=10.0.0.1," * 1200 + "for=10.0.0.2") == Hop("10.0.0.1")
    with pytest.raises(ValueError, match="malformed"):
        told('Forwarded: x="' + "\\" * 16000)
    assert time.process_time() - begin < 0.5


# --- on a server


class Witness(Feature):
    """Notes whom a feature that is asked later sees."""

    seen: list[tuple[str, int]]

    def admit(self, connection: Connection, request: object) -> None:
        self.node.seen.append((connection.host, connection.port))


class Server(WebSocketServer):
    FEATURES = (*WebSocketServer.FEATURES, Witness)

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, int]] = []
        self.peer: WebSocketPeer | None = None
        self.clients: list[Client] = []
        self.client_connected.connect(self._keep)

    def _keep(self, peer_id: int) -> None:
        self.peer = self.get_peer(peer_id)


class Client:
    """A raw connection to a server."""

    def __init__(self, server: Server, said: bytes = b"") -> None:
        server.clients.append(self)
        self.socket = socket.create_connection(("127.0.0.1", server.get_local_port()))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.own = self.socket.getsockname()
        self.socket.setblocking(False)
        self.socket.sendall(said)
        self._server = server

    def answer(self) -> bytes:
        """All that comes until a head is there, or the end."""
        heard = bytearray()
        self.ended = False

        def is_there() -> bool:
            try:
                data = self.socket.recv(4096)
            except BlockingIOError:
                return False
            except ConnectionResetError:
                data = b""
            heard.extend(data)
            self.ended = not data
            return not data or b"\r\n\r\n" in heard

        poll_until(is_there, self._server)
        return bytes(heard)


@pytest.fixture
def listening(network: None) -> Iterator[Server]:
    server = Server()
    server.bind_address = "localhost"
    server.trusted_proxies = ["127.0.0.1"]
    assert server.listen(0) == 0
    yield server
    server.stop()
    for client in server.clients:
        client.socket.close()


def opened(server: Server, said: bytes) -> tuple[WebSocketPeer, Client]:
    client = Client(server, said)
    assert client.answer().startswith(b"HTTP/1.1 101 ")
    poll_until(lambda: server.peer is not None, server)
    assert server.peer is not None
    return server.peer, client


def test_a_peer_is_the_client_and_not_the_proxy(listening: Server) -> None:
    peer, _client = opened(listening, request("X-Forwarded-For: 192.0.2.7:5000", "X-Forwarded-Proto: https"))
    assert (peer.get_connected_host(), peer.get_connected_port()) == ("192.0.2.7", 5000)
    assert peer.get_requested_url() == "wss://example.com/room"
    assert listening.seen == [("192.0.2.7", 5000)]


@pytest.mark.parametrize(
    "header", ["X-Forwarded-For: 192.0.2.7", "X-Real-IP: 192.0.2.7", "Forwarded: for=192.0.2.7;proto=https", ""]
)
@pytest.mark.parametrize("trusted", [[], ["10.0.0.0/8", "unix:", "::1"]])
def test_a_stranger_is_not_believed(listening: Server, header: str, trusted: list[str]) -> None:
    listening.trusted_proxies = trusted
    headers = [header, "X-Forwarded-Proto: https"] if header else []
    peer, client = opened(listening, request(*headers))
    assert (peer.get_connected_host(), peer.get_connected_port()) == client.own
    assert peer.get_requested_url() == "ws://example.com/room"


V1 = b"PROXY TCP4 192.0.2.7 127.0.0.1 5000 80\r\n"
V2 = V2_SIGNATURE + b"\x21\x11" + struct.pack("!H4s4sHH", 12, bytes([192, 0, 2, 7]), bytes(4), 5000, 80)


@pytest.mark.parametrize("header", [V1, V2])
def test_the_proxy_protocol_tells_of_the_client(listening: Server, header: bytes) -> None:
    peer, _client = opened(listening, header + request())
    assert (peer.get_connected_host(), peer.get_connected_port()) == ("192.0.2.7", 5000)
    assert listening.seen == [("192.0.2.7", 5000)]


@pytest.mark.parametrize("header", [V1, V2])
def test_the_proxy_protocol_of_a_stranger_is_no_request(listening: Server, header: bytes) -> None:
    listening.trusted_proxies = ["10.0.0.0/8"]
    log = record(listening)
    client = Client(listening, header + request())
    assert b"101 Switching" not in client.answer()
    poll_until(lambda: bool(named(log, "handshake_failed")), listening)
    ((reason,),) = named(log, "handshake_failed")
    assert reason.startswith("127.0.0.1: ")
    assert listening.seen == []


def test_who_is_told_by_the_proxy_protocol_is_a_stranger_again(listening: Server) -> None:
    peer, _client = opened(listening, V1 + request("X-Forwarded-For: 198.51.100.1"))
    assert peer.get_connected_host() == "192.0.2.7"


def test_a_proxy_behind_a_proxy_is_believed(listening: Server) -> None:
    listening.trusted_proxies = ["127.0.0.1", "192.0.2.7"]
    peer, _client = opened(listening, V1 + request("X-Forwarded-For: 198.51.100.1"))
    assert peer.get_connected_host() == "198.51.100.1"


@pytest.mark.parametrize(
    "header", [b"PROXY UNKNOWN\r\n", V2_SIGNATURE + b"\x20\x00\x00\x00", V2_SIGNATURE + b"\x20\x11\x00\x01x"]
)
def test_what_is_the_proxys_own_has_its_address(listening: Server, header: bytes) -> None:
    peer, client = opened(listening, header + request())
    assert (peer.get_connected_host(), peer.get_connected_port()) == client.own


def test_a_header_byte_by_byte_and_the_request_with_its_end(listening: Server) -> None:
    client = Client(listening)
    for at in range(len(V1)):
        client.socket.sendall(V1[at : at + 1])
        for _ in range(3):
            listening.poll()
    client.socket.sendall(request())
    assert client.answer().startswith(b"HTTP/1.1 101 ")
    assert listening.seen == [("192.0.2.7", 5000)]


@pytest.mark.parametrize("said", [b"", b"PROX", b"PROXY TCP4 192.0.2.7", V2[:20]])
def test_a_header_that_does_not_end_times_out(listening: Server, said: bytes) -> None:
    listening.handshake_timeout = 0.3
    log = record(listening)
    client = Client(listening, said)
    assert client.answer() == b""
    poll_until(lambda: bool(named(log, "handshake_failed")), listening)
    ((reason,),) = named(log, "handshake_failed")
    assert reason == "127.0.0.1: the proxy said nothing, or did not finish its PROXY header in time"
    assert not listening._connections


@pytest.mark.parametrize(
    "said", [b"PROXY TCP4 a b c d\r\n", V2_SIGNATURE + b"\x31\x11\x00\x00", b"PROXY " + bytes(200)]
)
def test_a_malformed_header_is_told_in_one_line_and_closed(
    listening: Server, said: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    log = record(listening)
    client = Client(listening, said + request())
    assert client.answer() == b""
    assert client.ended
    poll_until(lambda: bool(named(log, "handshake_failed")), listening)
    ((reason,),) = named(log, "handshake_failed")
    assert reason.startswith("127.0.0.1: its PROXY header is malformed (")
    assert "\n" not in reason
    assert listening._counts["refused_malformed_proxy_header"] == 1
    assert not listening._connections
    assert caplog.messages == []


def test_contradictory_headers_are_refused(listening: Server) -> None:
    log = record(listening)
    client = Client(listening, request("X-Forwarded-For: 192.0.2.7", "X-Real-IP: 198.51.100.1"))
    assert client.answer().startswith(b"HTTP/1.1 400 ")
    poll_until(lambda: bool(named(log, "handshake_failed")), listening)
    ((reason,),) = named(log, "handshake_failed")
    assert reason.startswith("127.0.0.1: ")
    assert CONTRADICTION in reason
    assert listening._counts["refused_contradictory_proxy_headers"] == 1
    assert listening.seen == []


def test_handshake_failed_names_the_client(listening: Server) -> None:
    listening.refuse_new_connections = True
    log = record(listening)
    client = Client(listening, request("X-Forwarded-For: 192.0.2.7"))
    assert client.answer().startswith(b"HTTP/1.1 503 ")
    poll_until(lambda: bool(named(log, "handshake_failed")), listening)
    assert named(log, "handshake_failed")[0][0].startswith("192.0.2.7: ")


@pytest.mark.parametrize("said", [b"", b"PROX", V1[:-1]])
def test_stop_ends_those_whose_header_is_awaited(listening: Server, said: bytes) -> None:
    log = record(listening)
    client = Client(listening, said)
    poll_until(lambda: bool(listening._connections), listening)
    for _ in range(3):
        listening.poll()
    listening.stop()
    listening.stop()
    assert client.answer() == b""
    assert client.ended
    assert named(log, "handshake_failed") == []


def test_changes_count_for_who_comes_later(listening: Server, caplog: pytest.LogCaptureFixture) -> None:
    said = request("X-Forwarded-For: 192.0.2.7")
    assert opened(listening, said)[0].get_connected_host() == "192.0.2.7"
    listening.trusted_proxies = ["rubbish"]
    for _ in range(3):
        listening.peer = None
        assert opened(listening, said)[0].get_connected_host() == "192.0.2.7", "what was set before stays"
    assert len(caplog.messages) == 1
    assert "rubbish" in caplog.messages[0]
    listening.trusted_proxies = ["10.0.0.1"]
    listening.peer = None
    assert opened(listening, said)[0].get_connected_host() == "127.0.0.1"
    listening.trusted_proxies.append("127.0.0.1")
    listening.peer = None
    assert opened(listening, said)[0].get_connected_host() == "192.0.2.7"


def test_a_header_in_front_of_no_request(listening: Server) -> None:
    log = record(listening)
    client = Client(listening, V1)
    client.socket.shutdown(socket.SHUT_WR)
    client.answer()
    poll_until(lambda: bool(named(log, "handshake_failed")), listening)
    assert named(log, "handshake_failed")[0][0].startswith("192.0.2.7: ")


def test_nothing_is_logged_of_all_this(listening: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "ws_python")
    opened(listening, V2 + request("X-Forwarded-For: 198.51.100.1"))
    assert caplog.messages == []


def test_a_second_header_is_no_request(listening: Server) -> None:
    client = Client(listening, V1 + V1 + request())
    assert client.answer().startswith(b"HTTP/1.1 400 ")
    assert listening.seen == []


@pytest.mark.parametrize("first", [b"", b"PRO", V1[:20], V2[:14]])
def test_a_stalled_main_thread_is_not_the_proxys_silence(listening: Server, first: bytes) -> None:
    listening.handshake_timeout = 0.2
    whole = (V2 if first == V2[:14] else V1) + request()
    client = Client(listening, first)
    poll_until(lambda: bool(listening._connections), listening)
    client.socket.sendall(whole[len(first) :])
    time.sleep(1.0)
    assert client.answer().startswith(b"HTTP/1.1 101 ")
    assert listening.seen == [("192.0.2.7", 5000)]


def test_a_crowd_behind_one_proxy(listening: Server) -> None:
    listening.handshake_timeout = 60.0
    clients = [
        Client(listening, f"PROXY TCP4 192.0.2.{number} 127.0.0.1 {1000 + number} 80\r\n".encode() + request())
        for number in range(1, 200)
    ]
    poll_until(lambda: listening.get_peer_count() == len(clients), listening, deadline=30)
    expected = {(f"192.0.2.{number}", 1000 + number) for number in range(1, 200)}
    assert set(listening.seen) == expected
    assert {(peer.get_connected_host(), peer.get_connected_port()) for peer in listening.peers.values()} == expected


@pytest.mark.parametrize(("host", "trusted"), [("127.0.0.1", "127.0.0.0/8"), ("::1", "::1")])
def test_on_all_addresses(listening: Server, host: str, trusted: str) -> None:
    """IPv4 comes to a socket for both families as IPv6, and is meant by entries for IPv4 all the same."""
    if host == "::1" and not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    listening.stop()
    listening.bind_address = "*"
    listening.trusted_proxies = [trusted]
    assert listening.listen(0) == 0
    said = V1 if host == "127.0.0.1" else b"PROXY TCP6 2001:db8::7 ::1 5000 80\r\n"
    with socket.create_connection((host, listening.get_local_port())) as client:
        client.sendall(said + request())
        poll_until(lambda: bool(listening.seen), listening)
    assert listening.seen == [("192.0.2.7" if host == "127.0.0.1" else "2001:db8::7", 5000)]
