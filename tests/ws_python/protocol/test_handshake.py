"""Tests of ws_python.protocol.handshake, against `websockets`' own two sides, and with bytes written out."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from websockets.utils import accept_key
from ws_python.protocol.handshake import (
    ClientHandshake,
    Handshake,
    ServerHandshake,
    parse_headers,
    parse_subprotocols,
    parse_url,
)

REQUEST = (
    b"GET /chat?room=1 HTTP/1.1\r\nHost: example.com:8080\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"X-Twice: a\r\nX-Twice: b\r\n\r\n"
)


def server_handshake(subprotocols: Iterable[str] = (), headers: Iterable[str] = ()) -> ServerHandshake:
    return ServerHandshake(parse_subprotocols(list(subprotocols)), parse_headers(list(headers)))


def client_handshake(subprotocols: Iterable[str] = (), headers: Iterable[str] = ()) -> ClientHandshake:
    return ClientHandshake(
        "ws://example.com:8080/chat?room=1", parse_subprotocols(list(subprotocols)), parse_headers(list(headers))
    )


def cuts(data: bytes) -> list[list[bytes]]:
    """The bytes as they may arrive: whole, byte by byte, and cut within the blank line that ends the head."""
    end = data.index(b"\r\n\r\n")
    return [[data], [bytes([byte]) for byte in data], *([data[: end + n], data[end + n :]] for n in (1, 2, 3))]


def join(client: Handshake, server: Handshake) -> None:
    """Hand over what both sides have to say, until both are done."""
    while not (client.done and server.done):
        request = client.data_to_send()
        server.receive_data(request)
        client.receive_data(server.data_to_send())


class TestServer:
    """RFC 6455 section 4.2."""

    @pytest.mark.parametrize("pieces", cuts(REQUEST + b"\x81\x85more\r\n\r\n"))
    def test_a_request_is_accepted_however_it_is_cut(self, pieces: list[bytes]) -> None:
        handshake = server_handshake(headers=["X-Extra: yes"])
        left = b""
        for piece in pieces:
            if handshake.done:
                left += piece
            else:
                handshake.receive_data(piece)
        assert (handshake.error, handshake.leftover + left) == ("", b"\x81\x85more\r\n\r\n")
        answer = handshake.data_to_send()
        assert answer.startswith(b"HTTP/1.1 101 ")
        # The example of RFC 6455 section 1.3.
        assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in answer
        assert b"X-Extra: yes\r\n" in answer
        assert (handshake.path, handshake.url) == ("/chat?room=1", "ws://example.com:8080/chat?room=1")
        assert handshake.header("x-twice") == "a, b"
        assert handshake.header("X-None") == ""

    @pytest.mark.parametrize(
        ("request_bytes", "status", "error"),
        [
            (
                b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
                b"426",
                "it asked for a page, not for a WebSocket (missing Connection header); use",
            ),
            (
                REQUEST.replace(b"13", b"12"),
                b"400",
                "its request is no proper opening handshake (invalid Sec-WebSocket-V",
            ),
            (
                REQUEST.replace(b"dGhl", b"????"),
                b"400",
                "its request is no proper opening handshake (invalid Sec-WebSocket-K",
            ),
            (
                REQUEST.replace(b"GET", b"POST"),
                b"405",
                "its request is no proper opening handshake (unsupported HTTP method: POST)",
            ),
            (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n", b"414", "its request is too long (read 9"),
            (
                b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n",
                b"431",
                "its request is too long (expected no more than",
            ),
            (
                REQUEST.replace(b"HTTP/1.1", b"HTTP/1.0"),
                b"505",
                "its request is no proper opening handshake (unsupported HTTP version",
            ),
        ],
    )
    def test_a_bad_request_gets_an_http_error(self, request_bytes: bytes, status: bytes, error: str) -> None:
        handshake = server_handshake()
        handshake.receive_data(request_bytes)
        assert handshake.done
        assert handshake.error.startswith(error)
        assert handshake.data_to_send().startswith(b"HTTP/1.1 " + status + b" ")

    @pytest.mark.parametrize("junk", [b"\x16\x03\x01\x02\x00\r\n\r\n", b"GET / HTTP/1.1\n\n", b"SSH-2.0-x\r\n"])
    def test_what_is_not_http_is_dropped(self, junk: bytes) -> None:
        handshake = server_handshake()
        handshake.receive_data(junk)
        assert handshake.done
        assert handshake.error.startswith("the other side does not speak HTTP/1.1 (")

    def test_an_end_in_the_middle_is_an_error(self) -> None:
        handshake = server_handshake()
        handshake.receive_data(REQUEST[:-2])
        handshake.receive_eof()
        assert handshake.error == "the connection was closed during the opening handshake"

    def test_a_refusal_answers_503(self) -> None:
        handshake = server_handshake()
        handshake.refusal = "Full."
        handshake.receive_data(REQUEST)
        assert handshake.error == "Full."
        assert b"503 Service Unavailable" in handshake.data_to_send()


class TestClient:
    """RFC 6455 section 4.1."""

    def answer(self, client: ClientHandshake, *headers: bytes) -> bytes:
        request = client.data_to_send()
        key = request.partition(b"Sec-WebSocket-Key: ")[2].partition(b"\r\n")[0]
        accept = accept_key(key.decode()).encode()
        lines = [b"HTTP/1.1 101 Switching Protocols", b"Upgrade: websocket", b"Connection: Upgrade"]
        return b"\r\n".join([*lines, b"Sec-WebSocket-Accept: " + accept, *headers, b"", b""])

    @pytest.mark.parametrize("index", range(5))
    def test_an_answer_is_accepted_however_it_is_cut(self, index: int) -> None:
        handshake = client_handshake()
        left = b""
        for piece in cuts(self.answer(handshake, b"X-A: b") + b"\x81\x00\r\n\r\n")[index]:
            if handshake.done:
                left += piece
            else:
                handshake.receive_data(piece)
        assert (handshake.error, handshake.leftover + left) == ("", b"\x81\x00\r\n\r\n")
        assert handshake.header("X-A") == "b"

    def test_the_users_headers_replace_ours_where_only_one_may_be(self) -> None:
        request = client_handshake(headers=["user-agent: me", "Host: other", "Cookie: a=b"]).data_to_send()
        assert request.startswith(b"GET /chat?room=1 HTTP/1.1\r\n")
        assert request.lower().count(b"user-agent:") == 1
        assert b"user-agent: me\r\n" in request
        assert request.count(b"Host:") == 1
        assert b"Host: other\r\n" in request
        assert b"Cookie: a=b\r\n" in request

    @pytest.mark.parametrize(
        ("header", "error"),
        [
            (b"Sec-WebSocket-Protocol: chat", "(no subprotocols supported); check supported_protocols"),
            (b"Sec-WebSocket-Extensions: permessage-deflate", "(no extensions supported)"),
        ],
    )
    def test_what_was_not_offered_is_refused(self, header: bytes, error: str) -> None:
        handshake = client_handshake()
        handshake.receive_data(self.answer(handshake, header))
        assert error in handshake.error
        assert not handshake.retryable

    def test_a_wrong_accept_header_is_refused(self) -> None:
        handshake = client_handshake()
        handshake.receive_data(self.answer(client_handshake()))
        assert "(invalid Sec-WebSocket-Accept header" in handshake.error

    @pytest.mark.parametrize(
        ("status", "retryable", "remedy"),
        [
            (b"401 Unauthorized", False, "give credentials in the URL or in handshake_headers (Authorization)"),
            (b"404 Not Found", False, "check the path of the URL"),
            (b"200 OK", False, "check that the URL is that of a WebSocket server"),
            (b"503 Busy", True, "try again later"),
            (b"429 Too Many Requests", True, "try again later"),
        ],
    )
    def test_an_http_error_is_told_with_the_first_line_of_its_body(
        self, status: bytes, retryable: bool, remedy: str
    ) -> None:
        handshake = client_handshake()
        answer = b"HTTP/1.1 " + status + b"\r\nContent-Length: 11\r\n\r\nno, sorry\n\n"
        for byte in answer:
            assert not handshake.done
            handshake.receive_data(bytes([byte]))
        assert handshake.error == f"the server answered HTTP {status.decode()}: no, sorry; {remedy}"
        assert handshake.retryable is retryable

    def test_a_body_without_a_length_ends_with_the_connection(self) -> None:
        handshake = client_handshake()
        handshake.receive_data(b"HTTP/1.1 403 Forbidden\r\n\r\n<html>")
        handshake.receive_eof()
        expected = "the server answered HTTP 403 Forbidden; check credentials and Origin in handshake_headers"
        assert handshake.error == expected

    @pytest.mark.parametrize(
        ("line", "retryable", "expected"),
        [
            (b"HTTP/1.0 401 Unauthorized", False, "the server answered HTTP 401 Unauthorized; give credentials"),
            (b"HTTP/1.0 404 File not found", False, "the server answered HTTP 404 File not found; check the path"),
            (b"HTTP/1.0 502", True, "the server answered HTTP 502; try again later"),
            (b"HTTP/1.0 101 Switching Protocols", False, "the other side does not speak HTTP/1.1 ("),
        ],
    )
    def test_an_old_servers_error_is_told(self, line: bytes, retryable: bool, expected: str) -> None:
        handshake = client_handshake()
        for byte in line + b"\r\n":
            assert not handshake.done
            handshake.receive_data(bytes([byte]))
        assert handshake.error.startswith(expected)
        assert handshake.retryable is retryable

    def test_a_redirection_tells_where_to(self) -> None:
        handshake = client_handshake()
        handshake.receive_data(b"HTTP/1.1 301 Moved\r\nLocation: wss://b/\r\nContent-Length: 0\r\n\r\n")
        assert handshake.error == "the server answered HTTP 301 Moved; it leads to wss://b/"

    @pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 101 Swi"])
    def test_an_end_in_the_middle_may_be_retried(self, answer: bytes) -> None:
        handshake = client_handshake()
        if answer:
            handshake.receive_data(answer)
        handshake.receive_eof()
        assert handshake.error == "the connection was closed during the opening handshake"
        assert handshake.retryable

    def test_what_is_not_http_is_told(self) -> None:
        handshake = client_handshake()
        handshake.receive_data(b"220 mail.example.com ESMTP\r\n")
        assert handshake.error.startswith("the other side does not speak HTTP/1.1 (")
        assert not handshake.retryable


class TestBothSides:
    @pytest.mark.parametrize(
        ("offered", "spoken", "selected"),
        [([], [], ""), (["a", "b"], [], ""), (["a", "b"], ["b", "a"], "b"), (["a"], ["c", "a"], "a")],
    )
    def test_the_servers_preference_selects_the_subprotocol(
        self, offered: list[str], spoken: list[str], selected: str
    ) -> None:
        client, server = client_handshake(offered), server_handshake(spoken)
        join(client, server)
        assert (client.error, server.error) == ("", "")
        assert (client.subprotocol, server.subprotocol) == (selected, selected)

    @pytest.mark.parametrize("offered", [[], ["x"]])
    def test_no_common_subprotocol_is_an_error_on_both_sides(self, offered: list[str]) -> None:
        client, server = client_handshake(offered), server_handshake(["a"])
        join(client, server)
        assert server.error.startswith("no common subprotocol (")
        assert server.error.endswith("have it offer one of supported_protocols")
        assert client.error.endswith("; set supported_protocols to what the server speaks")
        assert client.error.startswith("the server answered HTTP 400 Bad Request: Failed to open")


class TestParsing:
    @pytest.mark.parametrize(
        "url",
        [
            "", "localhost:8080", "http://a/", "ws://", "ws://a/ b", "ws://a:99999/", "ws://[::1/", "ws://a/#f", "ws://a\n/",
            "ws://a:0/", "ws://a..b/", "ws://./", f"ws://{64 * 'a'}/", "ws://å..b/"
        ],
    )  # fmt: skip
    def test_a_bad_url_raises_one_line_with_an_example(self, url: str) -> None:
        with pytest.raises(ValueError, match=r'is not a WebSocket URL: .*write it like "ws://localhost:8080/path"'):
            parse_url(url)

    def test_a_url_gives_its_parts(self) -> None:
        parts = parse_url("wss://[::1]/a?b")
        assert (parts.secure, parts.host, parts.port, parts.resource_name) == (True, "::1", 443, "/a?b")

    @pytest.mark.parametrize("line", ["no colon", "a b: c", ": c", "A: b\r\nC: d", "A: ☃"])
    def test_a_bad_header_line_raises(self, line: str) -> None:
        with pytest.raises(ValueError, match="is not a header"):
            parse_headers([line])

    @pytest.mark.parametrize("line", ["Sec-WebSocket-Key: x", "upgrade: h2c", "Connection: close"])
    def test_the_handshakes_own_headers_are_not_for_the_user(self, line: str) -> None:
        with pytest.raises(ValueError, match="belongs to the opening handshake"):
            parse_headers([line])

    @pytest.mark.parametrize("names", [[""], ["a b"], ["a", "a"]])
    def test_bad_subprotocol_names_raise(self, names: list[str]) -> None:
        with pytest.raises(ValueError, match="subprotocol"):
            parse_subprotocols(names)
