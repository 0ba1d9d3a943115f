"""Tests of ws_python.protocol.handshake_server (RFC 6455 section 4.2), with bytes written out."""

from __future__ import annotations

from http import HTTPStatus

import pytest
from ws_python.protocol.deflate import Deflate
from ws_python.protocol.handshake import ServerHandshake

from .handshakes import REQUEST, cuts, feed, server_handshake, with_lines


def status_and_headers(answer: bytes) -> tuple[int, dict[str, list[str]], bytes]:
    head, _, body = answer.partition(b"\r\n\r\n")
    line, *lines = head.decode().split("\r\n")
    headers: dict[str, list[str]] = {}
    for header in lines:
        name, _, value = header.partition(": ")
        headers.setdefault(name, []).append(value)
    return int(line.split(" ")[1]), headers, body


@pytest.mark.parametrize("pieces", cuts(REQUEST + b"\x81\x85more\r\n\r\n\0\n"))
def test_a_request_is_accepted_however_it_is_cut(pieces: list[bytes]) -> None:
    handshake = server_handshake(headers=["X-Extra: yes"])
    left = feed(handshake, pieces)
    assert (handshake.error, left) == ("", b"\x81\x85more\r\n\r\n\0\n")
    answer = handshake.data_to_send()
    assert answer.startswith(b"HTTP/1.1 101 ")
    # The example of RFC 6455 section 1.3.
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in answer
    assert b"X-Extra: yes\r\n" in answer
    assert (handshake.path, handshake.url) == ("/chat?room=1", "ws://example.com:8080/chat?room=1")
    assert handshake.header("x-twice") == "a, b"
    assert handshake.header("X-None") == ""
    assert handshake.status == 101


def replaced(old: bytes, new: bytes) -> bytes:
    assert old in REQUEST
    return REQUEST.replace(old, new)


MALFORMED = "its request is no proper HTTP ("
IMPROPER = "its request is no proper opening handshake ("
PAGE = "it asked for a page, not for a WebSocket ("
LONG = "its request is too long ("
BAD_REQUESTS = [
    # Not a handshake (RFC 6455 section 4.2.1).
    (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 426, PAGE + "missing Connection header); use"),
    (replaced(b"Upgrade: websocket", b"Upgrade: h2c"), 426, PAGE + "invalid Upgrade header: h2c"),
    (replaced(b"keep-alive, Upgrade", b"keep-alive"), 426, PAGE + "invalid Connection header: keep-alive"),
    (replaced(b"n: 13", b"n: 12"), 426, IMPROPER + "invalid Sec-WebSocket-Version header: 12"),
    (replaced(b"n: 13", b"n: 25"), 426, IMPROPER + "invalid Sec-WebSocket-Version header: 25"),
    (replaced(b"Sec-WebSocket-Version: 13\r\n", b""), 426, IMPROPER + "missing Sec-WebSocket-V"),
    (with_lines(b"Sec-WebSocket-Version: 13"), 426, IMPROPER + "invalid Sec-WebSocket-Version header: multiple"),
    (
        # What the protocol was before it had a version.
        b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key1: 1 2\r\n"
        b"Sec-WebSocket-Key2: 3 4\r\nOrigin: http://x\r\n\r\n12345678",
        426,
        IMPROPER + "missing Sec-WebSocket-Key",
    ),
    (replaced(b"dGhl", b"????"), 400, IMPROPER + "invalid Sec-WebSocket-Key header: ????"),
    (replaced(b"dGhlIHNhbXBsZSBub25jZQ==", b"dGhl"), 400, IMPROPER + "invalid Sec-WebSocket-Key header: dGhl)"),
    (with_lines(b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="), 400, IMPROPER + "invalid Sec-WebSocket-Key"),
    (
        with_lines(b"Sec-WebSocket-Protocol: a b, secret"),
        400,
        IMPROPER + "invalid Sec-WebSocket-Protocol header: expec",
    ),
    (replaced(b"GET", b"POST"), 405, IMPROPER + "unsupported HTTP method: POST)"),
    (replaced(b"GET", b"HEAD"), 405, IMPROPER + "unsupported HTTP method: HEAD)"),
    (b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n12345", 405, IMPROPER + "unsupported HTTP method: POST)"),
    (b"OPTIONS * HTTP/1.1\r\n", 405, IMPROPER + "unsupported HTTP method: OPTIONS)"),
    # Too large.
    (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n", 414, LONG + "read 9"),
    (b"GET /" + b"a" * 16384, 414, LONG + "more than 16384 bytes"),
    (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", 431, LONG + "expected no more than"),
    (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 4000, 431, LONG + "more than 16384 bytes"),
    (with_lines(b"Connection: " + b"a," * 40 + b"a"), 400, MALFORMED + "Connection lists more than 32 entries)"),
    (
        with_lines(b"Sec-WebSocket-Extensions: a" + b";b" * 65),
        400,
        MALFORMED + "Sec-WebSocket-Extensions has more than",
    ),
    # Another version of HTTP.
    (replaced(b"HTTP/1.1", b"HTTP/1.0"), 505, "it speaks HTTP/1.0, not HTTP/1.1; if a proxy is in between"),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "it speaks HTTP/2.0, not HTTP/1.1; if"),
    # Host (RFC 9112 section 3.2).
    (replaced(b"Host: example.com:8080\r\n", b""), 400, MALFORMED + "no Host headers"),
    (with_lines(b"Host: b"), 400, MALFORMED + "2 Host headers"),
    (replaced(b"example.com:8080", b"a/b?c d"), 400, MALFORMED + "the Host header is no host)"),
    # Targets (RFC 9112 section 3.2).
    (replaced(b"/chat?room=1", b"*"), 400, MALFORMED + "the request target is no path and no URL)"),
    (replaced(b"/chat?room=1", b"chat"), 400, MALFORMED + "the request target"),
    (replaced(b"/chat?room=1", b"/a#f"), 400, MALFORMED + "the request target"),
    (replaced(b"/chat?room=1", b"/\xe9"), 400, MALFORMED + "the request target"),
    (replaced(b"/chat?room=1", b"http://u:p@h/"), 400, MALFORMED + "the request target"),
    # Bodies, and what is malformed (RFC 9112 sections 2.2, 5.1, 5.2 and 6).
    (with_lines(b"Content-Length: 5") + b"12345", 400, MALFORMED + "unsupported request body)"),
    (with_lines(b"Transfer-Encoding: chunked") + b"0\r\n\r\n", 400, MALFORMED + "transfer codings aren't supported)"),
    (with_lines(b"X: a", b" folded"), 400, MALFORMED + "invalid HTTP header line)"),
    (with_lines(b"X : a"), 400, MALFORMED + "invalid HTTP header name)"),
    (with_lines(b"X: \0"), 400, MALFORMED + "a NUL byte)"),
    (with_lines(b"X: \x1b[31m"), 400, MALFORMED + "invalid HTTP header value)"),
    (with_lines(b"X: a\nY: b"), 400, MALFORMED + "a line feed without a carriage return)"),
    (with_lines(b"X: a\rY: b"), 400, MALFORMED + "a carriage return without a line feed)"),
    (b"GET / HTTP/1.1\n\n", 400, MALFORMED + "a line feed"),
    (b"SSH-2.0-x\r\n", 400, MALFORMED + "the first line is no request line)"),
    (b"\0", 400, MALFORMED + "a NUL byte)"),
]


@pytest.mark.parametrize("size", [100_000, 16384, 7, 1])
@pytest.mark.parametrize(("request_bytes", "status", "error"), BAD_REQUESTS)
def test_a_bad_request_gets_an_http_error(request_bytes: bytes, status: int, error: str, size: int) -> None:
    handshake = server_handshake()
    for start in range(0, len(request_bytes), size):
        handshake.receive_data(request_bytes[start : start + size])
    assert handshake.done
    assert handshake.error.startswith(error)
    assert handshake.error.isprintable()
    assert len(handshake.error) <= 200
    # The hint for who took wss:// is for TLS only.
    assert "wss://" not in handshake.error
    answered, headers, body = status_and_headers(handshake.data_to_send())
    assert (answered, handshake.status) == (status, status)
    assert headers["Connection"][0] == "close"
    assert (headers.get("Allow") == ["GET"]) is (status == 405)
    assert (headers.get("Upgrade") == ["websocket"]) is ("Upgrade" in headers["Connection"]) is (status == 426)
    assert (headers.get("Sec-WebSocket-Version") == ["13"]) is (status == 426 and error.startswith(IMPROPER))
    if not request_bytes.startswith(b"HEAD"):
        assert headers["Content-Length"] == [str(len(body))]
        assert body.count(b"\n") == 1
        assert body[:-1].decode().isprintable()
        assert len(body) < 300
    else:
        assert body == b""
    assert handshake.leftover == b""


def test_a_person_with_a_browser_is_told_what_this_is() -> None:
    handshake = server_handshake()
    handshake.receive_data(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert b"This is a WebSocket server, not a web page. You need a WebSocket client" in handshake.data_to_send()


def test_no_error_repeats_what_may_be_secret() -> None:
    for request in (
        replaced(b"/chat?room=1", b"/chat?token=secret#"),
        replaced(b"/chat?room=1 HTTP/1.1", b"/chat?token=secret"),
        with_lines(b"Authorization: secret\x1b"),
        with_lines(b"Cookie secret"),
        with_lines(b"Sec-WebSocket-Protocol: token, secret secret"),
    ):
        handshake = server_handshake(["token"])
        handshake.receive_data(request)
        assert handshake.error
        assert "secret" not in handshake.error
        assert b"secret" not in handshake.data_to_send()


@pytest.mark.parametrize(
    "hello", [b"\x16\x03\x01\x02\x00\r\n\r\n", bytes.fromhex("16030100f1010000ed0303") + b"x" * 240]
)
@pytest.mark.parametrize("size", [1000, 1])
def test_tls_is_told_and_answered_by_an_alert(hello: bytes, size: int) -> None:
    handshake = server_handshake()
    for start in range(0, len(hello), size):
        handshake.receive_data(hello[start : start + size])
    assert handshake.error == "it speaks TLS, which this port does not; use a ws:// URL, not wss://"
    # RFC 8446 section 6: fatal (2), protocol_version (70).
    assert (handshake.data_to_send(), handshake.status) == (b"\x15\x03\x03\0\2\2\x46", 0)


@pytest.mark.parametrize(
    ("target", "path", "url"),
    [
        (b"http://h:1/chat?a=%26", "/chat?a=%26", "ws://h:1/chat?a=%26"),
        (b"WSS://h", "/", "wss://h/"),
        (b"/a%20b/%C3%A9?q=%26", "/a%20b/%C3%A9?q=%26", "ws://example.com:8080/a%20b/%C3%A9?q=%26"),
        (b"//double", "//double", "ws://example.com:8080//double"),
    ],
)
def test_a_target_is_told_as_path_and_as_url(target: bytes, path: str, url: str) -> None:
    handshake = server_handshake()
    handshake.receive_data(replaced(b"/chat?room=1", target))
    assert (handshake.error, handshake.path, handshake.url) == ("", path, url)


@pytest.mark.parametrize("line", [b"Content-Length: 0", b"Connection: a\r\nConnection: b", b"X:", b"X: \xff\x80"])
def test_what_is_well_formed_is_accepted(line: bytes) -> None:
    handshake = server_handshake(deflate=Deflate())
    handshake.receive_data(with_lines(line))
    assert handshake.error == ""


def test_an_end_in_the_middle_is_an_error() -> None:
    handshake = server_handshake()
    handshake.receive_data(REQUEST[:-2])
    handshake.receive_eof()
    assert (handshake.error, handshake.status) == ("the connection was closed during the opening handshake", 0)


def test_a_refusal_answers_503() -> None:
    handshake = server_handshake()
    handshake.answers_at_once = False
    handshake.receive_data(REQUEST)
    handshake.refuse(HTTPStatus.SERVICE_UNAVAILABLE, "Full.")
    assert (handshake.error, handshake.status) == ("Full.", 503)
    assert status_and_headers(handshake.data_to_send())[0::2] == (503, b"Full.\n")


class TestAnsweringLater:
    def read(self) -> ServerHandshake:
        handshake = server_handshake(["a"])
        handshake.answers_at_once = False
        assert not handshake.request_read
        handshake.receive_data(with_lines(b"Sec-WebSocket-Protocol: a"))
        assert handshake.request_read
        assert not handshake.done
        assert handshake.request is not None
        assert (handshake.request.method, handshake.request.path) == ("GET", "/chat?room=1")
        assert (handshake.header("Host"), handshake.data_to_send()) == ("example.com:8080", b"")
        return handshake

    def test_the_owner_accepts(self) -> None:
        handshake = self.read()
        handshake.receive_data(b"early")
        handshake.accept()
        assert handshake.data_to_send().startswith(b"HTTP/1.1 101 ")
        assert (handshake.done, handshake.error, handshake.subprotocol, handshake.leftover) == (True, "", "a", b"early")
        assert not handshake.request_read

    def test_the_owner_refuses(self) -> None:
        handshake = self.read()
        handshake.refuse(HTTPStatus.FORBIDDEN, "Banned.", [("X-A", "b")], error="it is banned")
        status, headers, body = status_and_headers(handshake.data_to_send())
        assert (status, headers["X-A"], body) == (403, ["b"], b"Banned.\n")
        assert (handshake.done, handshake.error, handshake.status) == (True, "it is banned", 403)

    def test_the_client_goes_before_it_is_answered(self) -> None:
        handshake = self.read()
        handshake.receive_eof()
        error = handshake.error
        assert error
        handshake.accept()
        handshake.refuse(HTTPStatus.FORBIDDEN, "Banned.")
        assert (handshake.error, handshake.data_to_send(), handshake.request_read) == (error, b"", False)

    def test_only_one_answer_counts(self) -> None:
        handshake = self.read()
        handshake.accept()
        handshake.data_to_send()
        handshake.refuse(HTTPStatus.FORBIDDEN, "Banned.")
        handshake.accept()
        assert (handshake.error, handshake.data_to_send()) == ("", b"")

    def test_the_owner_has_given_it_up(self) -> None:
        handshake = self.read()
        handshake.done = True
        handshake.accept()
        handshake.refuse(HTTPStatus.FORBIDDEN, "Banned.")
        assert (handshake.status, handshake.data_to_send()) == (0, b"")

    def test_too_early_does_nothing(self) -> None:
        handshake = server_handshake()
        handshake.accept()
        assert (handshake.done, handshake.data_to_send()) == (False, b"")

    def test_what_comes_meanwhile_is_bounded(self) -> None:
        handshake = self.read()
        for _ in range(16):
            handshake.receive_data(b"x" * 1024)
        assert not handshake.done
        handshake.receive_data(b"x")
        assert handshake.status == 400
        assert handshake.leftover == b""


def test_a_subprotocol_that_the_owner_selects() -> None:
    handshake = server_handshake(subprotocols=["v1"])
    handshake.answers_at_once = False
    assert not handshake.select("v2"), "nothing is read"
    handshake.receive_data(with_lines(b"Sec-WebSocket-Protocol: v1, v2"))
    assert handshake.site == "ws://example.com:8080"
    assert handshake.select("v2")
    handshake.accept()
    assert (handshake.error, handshake.subprotocol) == ("", "v2")
    assert not handshake.select("v1"), "it is answered"
    assert handshake.headers().get_all("sec-websocket-protocol") == ["v1, v2"]
