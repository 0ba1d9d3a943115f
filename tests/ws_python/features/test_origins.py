"""Tests of ws_python.features.origins: whose pages may connect."""

from __future__ import annotations

import contextlib
import socket
import sys
from http import HTTPStatus

import pytest
from ws_python import Error, WebSocketServer, settings_of
from ws_python.features.origins import Site, _Allowed, is_loopback, parse_site
from ws_python.net.link import Link

from tests.ws_python.driving import named, poll_until, record

HEAD = (
    "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n{}\r\n"
)


def knock(
    server: WebSocketServer, *origins: str, host: str = "localhost", target: str = "/", address: str = "127.0.0.1"
) -> int:
    """The HTTP status that a page of that origin is answered with."""
    lines = "".join(f"Origin: {origin}\r\n" for origin in origins)
    received = b""
    with socket.create_connection((address, server.get_local_port()), timeout=10) as page:
        page.sendall(HEAD.format(target, host, lines).encode("latin-1"))
        page.setblocking(False)

        def answered() -> bool:
            nonlocal received
            with contextlib.suppress(BlockingIOError):
                received += page.recv(65536)
            return b"\r\n\r\n" in received

        poll_until(answered, server)
    return HTTPStatus(int(received.split()[1]))


OF_THIS_MACHINE = [
    "http://localhost", "https://localhost", "http://localhost:8060", "http://LOCALHOST", "http://localhost.:80",
    "http://game.localhost:1", "http://127.0.0.1:8060", "http://127.1.2.3", "http://[::1]", "http://[::1]:8060",
    "http://[0:0:0:0:0:0:0:1]", "http://[::ffff:127.0.0.1]", "http://0.0.0.0:8000", "http://[::]",
    "capacitor://localhost", "https://tauri.localhost", "file://",
]  # fmt: skip
OF_ELSEWHERE = [
    "https://example.com", "http://localhost.example.com", "http://127.0.0.1.example.com", "http://localhosts",
    "http://xn--bcher-kva.example", "http://10.0.0.1", "http://192.168.0.1:80", "http://[fe80::1]", "http://[::2]",
    "http://128.0.0.1", "http://2130706433", "http://127.1", "null", "NULL", "", " ", "*", "http://", "localhost",
    "//localhost", "http:localhost", "http:/localhost", "http://localhost@example.com", "http://example.com#localhost",
    "http://localhost:65536", "http://localhost:x", "http://localhost/a", "http://local host", "http://localhost\t.com",
    "http://*.localhost", "http://[::1", "http://[::1]example.com", "file:///etc/passwd", "File://", "http://\xeb",
    "http://localhost, http://localhost", "http://" + "a." * 4000 + "localhost", "chrome-extension://abcdef",
]  # fmt: skip


@pytest.mark.parametrize("origin", OF_THIS_MACHINE)
def test_over_loopback_a_page_of_this_machine_is_let_in(server: WebSocketServer, origin: str) -> None:
    assert knock(server, origin) == HTTPStatus.SWITCHING_PROTOCOLS


@pytest.mark.parametrize("origin", OF_ELSEWHERE)
def test_over_loopback_a_page_of_elsewhere_is_refused(server: WebSocketServer, origin: str) -> None:
    assert knock(server, origin) == HTTPStatus.FORBIDDEN
    assert server._counts == {"refused_origin": 1}


def test_what_is_no_browser_is_let_in(server: WebSocketServer) -> None:
    assert knock(server) == HTTPStatus.SWITCHING_PROTOCOLS
    assert knock(server, host="whatever.example") == HTTPStatus.SWITCHING_PROTOCOLS
    server.allowed_origins = ["https://example.com"]
    assert knock(server) == HTTPStatus.SWITCHING_PROTOCOLS


def test_two_origins_are_none(server: WebSocketServer) -> None:
    assert knock(server, "http://localhost", "http://localhost") == HTTPStatus.FORBIDDEN
    assert knock(server, "http://localhost", "http://example.com") == HTTPStatus.FORBIDDEN


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:80", "localhost.", "127.0.0.1:8080", "[::1]:8080", "a.localhost"]
)
def test_a_host_that_is_local(server: WebSocketServer, host: str) -> None:
    assert knock(server, "http://localhost", host=host) == HTTPStatus.SWITCHING_PROTOCOLS


@pytest.mark.parametrize(
    "host", ["example.com", "localhost.example.com:80", "10.0.0.1", "[fe80::1]", "local%68ost", "a,b"]
)
def test_a_name_that_was_rebound_does_not_help(server: WebSocketServer, host: str) -> None:
    assert knock(server, "http://localhost", host=host) == HTTPStatus.FORBIDDEN
    assert knock(server, f"http://{host}", host=host) == HTTPStatus.FORBIDDEN


def test_the_absolute_form_counts_before_the_host(server: WebSocketServer) -> None:
    """RFC 9112 section 3.2.2."""
    assert knock(server, "http://localhost", target="http://example.com/") == HTTPStatus.FORBIDDEN
    assert knock(server, "http://localhost", host="example.com", target="ws://localhost/") == 101


def test_over_ipv6_and_the_other_loopback_addresses(network: None) -> None:
    server = WebSocketServer()  # On all addresses.
    assert server.listen(0) == Error.OK
    for address in ("127.0.0.1", "127.8.9.10", "::1"):
        assert knock(server, "http://localhost", address=address) == HTTPStatus.SWITCHING_PROTOCOLS
        assert knock(server, "http://example.com", address=address) == HTTPStatus.FORBIDDEN


def test_through_a_proxy_that_says_for_whom(server: WebSocketServer) -> None:
    """Then whoever connects is not of this machine, and reaches what is public anyway."""
    listener = server._listener
    assert listener is not None
    accepted = listener._accepted

    def of_the_proxy(link: Link) -> None:
        link.host = "203.0.113.5"
        accepted(link)

    assert knock(server, "https://example.com") == HTTPStatus.FORBIDDEN
    listener._accepted = of_the_proxy
    assert knock(server, "https://example.com") == HTTPStatus.SWITCHING_PROTOCOLS
    server.allowed_origins = ["https://example.org"]
    assert knock(server, "https://example.com") == HTTPStatus.FORBIDDEN


LISTED = [
    # what is listed, what comes, whether it is let in
    ("https://example.com", "https://example.com", True),
    ("https://example.com", "https://example.com:443", True),
    ("https://example.com:443", "https://example.com", True),
    ("http://example.com:80", "http://example.com", True),
    ("https://EXAMPLE.com", "HTTPS://example.COM", True),
    ("https://example.com.", "https://example.com", True),
    ("https://example.com", "https://example.com.", True),
    ("https://example.com/", "https://example.com", True),
    ("https://example.com", "http://example.com", False),
    ("https://example.com", "https://example.com:8443", False),
    ("https://example.com:8443", "https://example.com", False),
    ("https://example.com", "https://www.example.com", False),
    ("https://example.com", "https://example.com.evil.example", False),
    ("https://example.com", "https://evilexample.com", False),
    ("https://example.com", "null", False),
    ("https://example.com", "http://localhost", False),
    ("https://*.example.com", "https://a.example.com", True),
    ("https://*.example.com", "https://a.b.example.com", True),
    ("https://*.example.com", "https://A.EXAMPLE.COM.", True),
    ("https://*.example.com", "https://example.com", False),
    ("https://*.example.com", "https://evilexample.com", False),
    ("https://*.example.com", "http://a.example.com", False),
    ("https://*.example.com", "https://a.example.com:444", False),
    ("https://*.example.com", "https://*.example.com", False),
    ("https://*.example.com:444", "https://a.example.com:444", True),
    ("http://[::1]:8060", "http://[0::1]:8060", True),
    ("http://[::1]:8060", "http://[::1]:8061", False),
    ("http://192.168.0.5", "http://192.168.0.5", True),
    ("https://bücher.example", "https://xn--bcher-kva.example", True),
    ("https://BÜCHER.example", "https://xn--bcher-kva.example", True),
    ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example", True),
    ("https://*.bücher.example", "https://a.xn--bcher-kva.example", True),
    ("https://bücher.example", "https://b\xfccher.example", False),
    ("chrome-extension://abcdef", "chrome-extension://abcdef", True),
    ("chrome-extension://abcdef", "chrome-extension://abcdee", False),
    ("null", "null", True),
    ("null", "https://example.com", False),
    ("file://", "file://", True),
    ("file://", "null", False),
    ("*", "https://example.com", True),
    ("*", "null", True),
    ("*", "whatever", True),
]


@pytest.mark.parametrize(("listed", "origin", "is_let_in"), LISTED)
def test_what_is_listed(server: WebSocketServer, listed: str, origin: str, is_let_in: bool) -> None:
    server.allowed_origins = [listed, "https://another.example"]
    wanted = HTTPStatus.SWITCHING_PROTOCOLS if is_let_in else HTTPStatus.FORBIDDEN
    assert knock(server, origin, host="example.com") == wanted


@pytest.mark.parametrize(
    "line",
    ["", "example.com", "*.example.com", "https://", "https://*", "https://*.", "https://a.*.com", "https://a*.com",
     "https://exam ple.com", "https://example.com/path", "https://a@example.com", "https://example.com:65536",
     "https://[::g]", "https://a..b", "https://" + "a" * 64, "NULL", "http://ex%61mple.com", "https://\u2024.de"],
)  # fmt: skip
def test_what_is_no_origin_is_told(line: str, caplog: pytest.LogCaptureFixture) -> None:
    server = WebSocketServer()
    server.allowed_origins = ["https://example.com", line]
    assert server.listen(0) == Error.ERR_INVALID_PARAMETER
    assert "listen: allowed_origins: " in caplog.text and "is no origin" in caplog.text
    assert not server.is_listening()


@pytest.mark.parametrize("before", [[], ["https://example.com"]])
def test_a_change_that_is_none_is_told_once(
    server: WebSocketServer, before: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    server.allowed_origins = before
    assert knock(server, "http://localhost") == (HTTPStatus.FORBIDDEN if before else HTTPStatus.SWITCHING_PROTOCOLS)
    caplog.clear()
    server.allowed_origins = ["nonsense"]
    for _ in range(3):
        assert knock(server, "http://localhost") == (HTTPStatus.FORBIDDEN if before else 101)
    assert len([line for line in caplog.messages if "stays in force" in line]) == 1
    server.allowed_origins = ["http://localhost"]
    assert knock(server, "http://localhost") == HTTPStatus.SWITCHING_PROTOCOLS
    server.allowed_origins.clear()
    assert knock(server, "https://example.com") == HTTPStatus.FORBIDDEN, "appended to and cleared counts, too"


def test_it_is_told_with_the_property_and_not_for_ever(
    server: WebSocketServer, caplog: pytest.LogCaptureFixture
) -> None:
    log = record(server)
    for number in range(60):
        knock(server, f"https://{number % 30}.example.com/\xe2\x80\xae{'x' * 300}")
        knock(server, "https://example.com")
    poll_until(lambda: len(named(log, "handshake_failed")) == 120, server)
    for (reason,) in named(log, "handshake_failed"):
        assert "allowed_origins" in reason and reason.isprintable() and len(reason) < 250
    assert 0 < len(caplog.messages) <= 8
    assert all("allowed_origins" in line and line.isprintable() for line in caplog.messages)
    assert caplog.messages.count(next(line for line in caplog.messages if '"https://example.com"' in line)) == 1


@pytest.mark.parametrize(
    ("address", "is_own"),
    [("127.0.0.1", True), ("127.255.0.1", True), ("::1", True), ("::ffff:127.0.0.1", True), ("0.0.0.0", True),
     ("::", True), ("128.0.0.1", False), ("fe80::1", False), ("::ffff:10.0.0.1", False), ("", False), ("x", False)],
)  # fmt: skip
def test_addresses_of_this_machine(address: str, is_own: bool) -> None:
    assert is_loopback(address) == is_own


def test_sites() -> None:
    assert parse_site("https://Example.COM") == Site("https", "example.com", 443)
    assert parse_site("https://*.example.com:1") == Site("https", "example.com", 1, True)
    assert parse_site("app://x") == Site("app", "x", 0)
    assert parse_site("https://" + "a" * 1000) is None
    assert "https://example.com" not in _Allowed([])


def test_the_default_lets_games_on_other_hosts_in() -> None:
    assert settings_of(WebSocketServer)["allowed_origins"].default == []


def test_without_idna_a_name_in_ascii_will_do(
    server: WebSocketServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "idna", None)
    server.stop()
    server.allowed_origins = ["https://bücher.example"]
    assert server.listen(0) == Error.ERR_INVALID_PARAMETER
    (line,) = caplog.messages
    assert "listen: allowed_origins: a host name beyond ASCII needs the Python package idna, which cannot be" in line
    server.allowed_origins = ["https://xn--bcher-kva.example"]
    assert server.listen(0) == Error.OK
