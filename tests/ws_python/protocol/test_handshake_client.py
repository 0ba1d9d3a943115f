"""Tests of ws_python.protocol.handshake_client (RFC 6455 section 4.1), with bytes written out."""

from __future__ import annotations

import pytest
from ws_python.protocol.http_head import MAX_HEAD

from .handshakes import answer, client_handshake, cuts, feed

CLOSED = "the connection was closed during the opening handshake"
IMPROPER = "the server's answer is no proper opening handshake ("


@pytest.mark.parametrize("index", range(5))
def test_an_answer_is_accepted_however_it_is_cut(index: int) -> None:
    handshake = client_handshake()
    left = feed(handshake, cuts(answer(handshake, b"X-A: b") + b"\x81\x00\r\n\r\n\0\n")[index])
    assert (handshake.error, left) == ("", b"\x81\x00\r\n\r\n\0\n")
    assert (handshake.header("X-A"), handshake.status) == ("b", 101)


def test_host_comes_first_and_the_users_headers_replace_ours_where_only_one_may_be() -> None:
    assert client_handshake().data_to_send().startswith(b"GET /chat?room=1 HTTP/1.1\r\nHost: example.com:8080\r\n")
    request = client_handshake(headers=["user-agent: me", "Host: other", "Cookie: a=b"]).data_to_send()
    assert request.startswith(b"GET /chat?room=1 HTTP/1.1\r\n")
    assert request.lower().count(b"user-agent:") == 1
    assert b"user-agent: me\r\n" in request
    assert request.count(b"Host:") == 1
    assert b"Host: other\r\n" in request
    assert b"Cookie: a=b\r\n" in request


def test_credentials_of_the_url_are_sent_and_those_of_the_user_come_first() -> None:
    url = "ws://é:p%26%C3%A9@h/"
    assert b"Authorization: Basic w6k6cCbDqQ==\r\n" in client_handshake(url=url).data_to_send()
    request = client_handshake(headers=["Authorization: Bearer x"], url=url).data_to_send()
    assert request.count(b"Authorization: ") == request.count(b"Authorization: Bearer x\r\n") == 1


@pytest.mark.parametrize(
    ("header", "error"),
    [
        (b"Sec-WebSocket-Protocol: chat", "(no subprotocols supported); check supported_protocols"),
        (b"Sec-WebSocket-Extensions: permessage-deflate", "(no extensions supported)"),
        (b"Connection: " + b"," * 2000, IMPROPER + "Connection lists more than 32 entries)"),
        (b"X: \x1b[31m", IMPROPER + "invalid HTTP header value)"),
        (b"X: a\nb", IMPROPER + "a line feed without a carriage return)"),
        (b"X: " + b"x" * MAX_HEAD, IMPROPER + f"more than {MAX_HEAD} bytes)"),
        (
            b"Sec-WebSocket-Accept: " + b"\xff" * 1000,
            IMPROPER + "invalid Sec-WebSocket-Accept header: multiple values)",
        ),
    ],
)
def test_an_improper_answer_is_refused(header: bytes, error: str) -> None:
    handshake = client_handshake()
    handshake.receive_data(answer(handshake, header))
    assert error in handshake.error
    assert handshake.error.isprintable()
    assert not handshake.retryable


def test_a_wrong_accept_header_is_refused() -> None:
    handshake = client_handshake()
    handshake.receive_data(answer(client_handshake()))
    assert "(invalid Sec-WebSocket-Accept header" in handshake.error


STATUSES = [
    (b"401 Unauthorized", False, "give credentials in the URL or in handshake_headers (Authorization)"),
    (b"404 Not Found", False, "check the path of the URL"),
    (b"200 OK", False, "check that the URL is that of a WebSocket server"),
    (b"503 Busy", True, "try again later"),
    (b"429 Too Many Requests", True, "try again later"),
    (b"426 Upgrade Required", False, "if a proxy is in between, have it speak HTTP/1.1 and pass on Upgrade and Conn"),
    (
        b"505 Version",
        True,
        "if a proxy is in between, have it speak HTTP/1.1 and pass on Upgrade and Connection, or use",
    ),
    (b"999 Denied", True, "try again later"),
]
BODIES = [
    # Whatever becomes of the body.
    b"Content-Length: 11\r\n\r\nno, sorry\n\n",
    b"Content-Length: 2000000\r\n\r\nno, sorry\n" + b"<" * 10_000,
    b"Content-Length: 400\r\n\r\nno, sorry",
    b"Content-Length: 9\r\n\r\nno, sorry, this is of another answer",
    b"Transfer-Encoding: chunked\r\n\r\n9;a=b\r\nno, sorry\r\n",
    b"\r\nno, sorry.",
    b"Content-Encoding: identity\r\n\r\nno, sorry\x0a\x1b[31m",
]


@pytest.mark.parametrize(("status", "retryable", "remedy"), STATUSES)
@pytest.mark.parametrize("rest", BODIES)
def test_the_status_is_told_with_the_first_line_of_the_body(
    status: bytes, retryable: bool, remedy: str, rest: bytes
) -> None:
    handshake = client_handshake()
    handshake.receive_data(b"HTTP/1.1 " + status + b"\r\nX-A: b\r\n" + rest)
    assert handshake.error.startswith(f"the server answered HTTP {status.decode()}: no, sorry; {remedy}")
    assert (handshake.retryable, handshake.status) == (retryable, int(status[:3]))
    assert (handshake.header("X-A"), handshake.leftover) == ("b", b"")


@pytest.mark.parametrize(("status", "retryable", "remedy"), STATUSES)
@pytest.mark.parametrize("rest", BODIES)
def test_the_head_decides_and_no_body_is_waited_for(status: bytes, retryable: bool, remedy: str, rest: bytes) -> None:
    handshake = client_handshake()
    head, end, _ = (b"HTTP/1.1 " + status + b"\r\nX-A: b\r\n" + rest).partition(b"\r\n\r\n")
    for byte in head + end:
        assert not handshake.done
        handshake.receive_data(bytes([byte]))
    assert handshake.error.startswith(f"the server answered HTTP {status.decode()}; {remedy}")
    assert (handshake.retryable, handshake.status) == (retryable, int(status[:3]))


@pytest.mark.parametrize(
    "rest",
    [
        b"Transfer-Encoding: gzip, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
        b"Content-Encoding: gzip\r\n\r\n\x1f\x8b",
        b"Transfer-Encoding: chunked\r\n\r\nnonsense",
        b"Content-Length: 0\r\n\r\nof another answer",
        b"Content-Length: 6\r\n\r\n<html>",
        b"\r\n\x1b[31mred\n",
        b"\r\n" + "\u202e".encode(),
        b"\r\n",
    ],
)
def test_a_body_that_is_not_for_people_is_not_quoted(rest: bytes) -> None:
    handshake = client_handshake()
    handshake.receive_data(b"HTTP/1.1 403 Forbidden\r\n" + rest)
    assert handshake.error == (
        "the server answered HTTP 403 Forbidden; check credentials and Origin in handshake_headers"
    )


@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Le",
        b"no colon\r\n\r\n",
        b"X: a\n\r\n\r\n",
        b"X: \0",
        b"A: b\r\n" * 200 + b"\r\n",
        b"X: " + b"x" * MAX_HEAD,
        b"Connection: " + b"," * 2000 + b"\r\n\r\n",
    ],
)
@pytest.mark.parametrize(("status", "retryable"), [(b"503 Busy", True), (b"404 Not Found", False)])
def test_a_status_that_was_read_decides_whatever_follows_it(status: bytes, retryable: bool, rest: bytes) -> None:
    handshake = client_handshake()
    handshake.receive_data(b"HTTP/1.1 " + status + b"\r\n" + rest)
    handshake.receive_eof()
    assert handshake.error.startswith(f"the server answered HTTP {status.decode()}; ")
    assert (handshake.retryable, handshake.status) == (retryable, int(status[:3]))


@pytest.mark.parametrize(
    ("line", "retryable", "expected"),
    [
        (b"HTTP/1.0 401 Unauthorized", False, "the server answered HTTP 401 Unauthorized; give credentials"),
        (b"HTTP/1.0 404 File not found", False, "the server answered HTTP 404 File not found; check the path"),
        (b"HTTP/1.0 502", True, "the server answered HTTP 502; try again later"),
        (b"HTTP/1.1 502", True, "the server answered HTTP 502; try again later"),
        (b"HTTP/2 403 No", False, "the server answered HTTP 403 No; check cred"),
        (
            b"HTTP/1.0 101 Switching Protocols",
            False,
            "the answer came in HTTP/1.0, which knows no WebSocket; if a prox",
        ),
        (b"HTTP/1.0 200 OK", False, "the server answered HTTP 200 OK; that came in HTTP/1.0; if a proxy is in between"),
        (b"HTTP/1.1 2000 OK", False, IMPROPER + "its first line is no status line)"),
        (b"HTTP/1.1 Hello", False, IMPROPER + "its first line is no status line)"),
    ],
)
def test_other_versions_and_status_lines(line: bytes, retryable: bool, expected: str) -> None:
    handshake = client_handshake()
    for byte in line + b"\r\n\r\n":
        assert not handshake.done
        handshake.receive_data(bytes([byte]))
    assert handshake.error.startswith(expected)
    assert handshake.retryable is retryable


@pytest.mark.parametrize(
    ("location", "told"),
    [
        (b"wss://b/", "it leads to wss://b/"),
        (b"https://u:secret@b/login?token=secret", "it leads to https://…@b/login?token=…"),
        (b"/" + b"x" * 5000, "it leads to /" + "x" * 98 + "…"),
        (b"/\x9b\xff", "it leads to /\ufffdÿ"),
    ],
)
def test_a_redirection_tells_where_to_without_secrets(location: bytes, told: str) -> None:
    handshake = client_handshake()
    handshake.receive_data(b"HTTP/1.1 301 Moved\r\nLocation: " + location + b"\r\nContent-Length: 0\r\n\r\n")
    assert handshake.error == f"the server answered HTTP 301 Moved; {told}"
    assert handshake.header("Location") == location.decode("latin-1")


@pytest.mark.parametrize("index", range(5))
def test_answers_before_the_final_one_are_skipped(index: int) -> None:
    handshake = client_handshake()
    final = answer(handshake, b"X-A: b")
    interim = b"HTTP/1.1 100 Continue\r\n\r\n" + b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nX-A: c\r\n\r\n" * 7
    pieces = cuts(final)[index]
    left = feed(handshake, [interim + pieces[0], *pieces[1:], b"more"])
    assert (handshake.error, handshake.status, handshake.header("X-A"), left) == ("", 101, "b", b"more")


@pytest.mark.parametrize(
    "interim", [b"HTTP/1.1 100 Continue\r\n\r\n" * 9, b"HTTP/1.1 103 Hints\r\nX: " + b"x" * 3000 + b"\r\n\r\n"]
)
def test_they_have_bounds(interim: bytes) -> None:
    handshake = client_handshake()
    for _ in range(6):
        handshake.receive_data(interim)
    assert handshake.error.startswith(IMPROPER + "more than ")
    assert (handshake.status, handshake.retryable) == (0, False)


def test_a_final_answer_after_another_is_told() -> None:
    handshake = client_handshake()
    handshake.receive_data(b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 503 Busy\r\n\r\nwait")
    assert handshake.error == "the server answered HTTP 503 Busy: wait; try again later"


@pytest.mark.parametrize(
    "received", [b"", b"HTTP/1.1 101 Swi", b"HTTP/1.1 101 Switching\r\nX", b"HTTP/1.1 100 A\r\n\r\n"]
)
def test_an_end_in_the_middle_may_be_retried(received: bytes) -> None:
    handshake = client_handshake()
    if received:
        handshake.receive_data(received)
    handshake.receive_eof()
    assert (handshake.error, handshake.status) == (CLOSED, 0)
    assert handshake.retryable


@pytest.mark.parametrize(
    ("received", "shown"),
    [
        (b"220 mail.example.com ESMTP\r\n", "220 mail.example.com ESMTP"),
        (b"SSH-2.0-x", "SSH-2.0-x"),
        (b"\x1b[31m\0" + b"x" * 5000, "\ufffd[31m\ufffdxxx"),
        (b"HTTX", "HTTX"),
        (b"\n", ""),
    ],
)
def test_what_is_not_http_is_told_at_once(received: bytes, shown: str) -> None:
    handshake = client_handshake()
    handshake.receive_data(received)
    assert handshake.error.startswith(f"the other side does not speak HTTP/1.1 (it says: {shown}")
    assert handshake.error.endswith("); check host and port of the URL")
    assert handshake.error.isprintable()
    assert not handshake.retryable


@pytest.mark.parametrize("record", [b"\x15\x03\x01\x00\x02\x02\x46", b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76"])
@pytest.mark.parametrize("size", [1, 100])
def test_tls_is_told(record: bytes, size: int) -> None:
    handshake = client_handshake()
    for start in range(0, len(record), size):
        handshake.receive_data(record[start : start + size])
    assert handshake.error == "the server speaks TLS on this port; use a wss:// URL, not ws://"
    assert not handshake.retryable


def test_a_server_that_says_it_speaks_https_names_the_cure() -> None:
    handshake = client_handshake()
    handshake.receive_data(b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n")
    assert handshake.error.endswith("to an HTTPS server; use a wss:// URL, not ws://")


def test_a_long_answer_is_told_in_one_short_line() -> None:
    handshake = client_handshake()
    body = b"why " * 500
    handshake.receive_data(b"HTTP/1.1 404 " + b"\xff\x1b" * 1000 + b"\r\nContent-Length: 2000\r\n\r\n" + body)
    assert len(handshake.error) == 200
    assert handshake.error.isprintable()
    assert handshake.error.endswith("…; check the path of the URL")
