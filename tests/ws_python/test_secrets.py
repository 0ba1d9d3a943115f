"""What is logged, and what events tell in words, repeats nothing that may be a secret: tokens, passwords, messages."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ws_python import WebSocketClient, WebSocketServer

from tests.chaos.harness import request
from tests.ws_python.driving import RawClient, named, poll_until, record

SECRET = "s3cr3t"
HEAD = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
KEY = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"


def raises(*arguments: object) -> bool:
    """What it is given, and its exception says."""
    raise ValueError(f"{arguments} {SECRET}")


class Ears:
    """All that is logged, at any level, and told in words by nodes."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        self._caplog = caplog
        self._logs: list[list[tuple[Any, ...]]] = []

    def listen_to(self, *nodes: object) -> None:
        self._logs += [record(node) for node in nodes]

    def heard(self) -> str:
        told = [str(event) for log in self._logs for event in log if event[0] != "message_received"]
        return "\n".join([self._caplog.text, *told])

    def check(self) -> None:
        assert self.heard(), "something was said"
        assert SECRET not in self.heard()


@pytest.fixture
def ears(caplog: pytest.LogCaptureFixture) -> Ears:
    return Ears(caplog)


@pytest.mark.parametrize(
    "url",
    [
        f"ws://user:{SECRET}@127.0.0.1:1/?token={SECRET}&{SECRET}",
        f"ws://user:{SECRET}/x@127.0.0.1:1/",
        f"ws://127.0.0.1:1/#{SECRET}",
        f"ws://127.0.0.1:1/ ?token={SECRET}",
        f"http://{SECRET}@127.0.0.1/?{SECRET}",
        f"ws://a:{SECRET}:b@127.0.0.1:1/",
    ],
)
def test_urls(ears: Ears, url: str) -> None:
    client = WebSocketClient()
    ears.listen_to(client)
    if client.connect_to_url(url) == 0:
        poll_until(lambda: client.status == client.Status.STATUS_IDLE, client)
    ears.check()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("handshake_headers", [f"Authorization: Bearer {SECRET}\0"]),
        ("handshake_headers", [f"Bearer {SECRET}"]),
        ("handshake_headers", [SECRET]),
        ("handshake_headers", [f"Authorization {SECRET}: x"]),
        ("handshake_headers", [f"Connection: {SECRET}"]),
        ("supported_protocols", [f"{SECRET}=="]),
        ("supported_protocols", [SECRET, SECRET]),
        ("proxy", f"http://user:{SECRET}@127.0.0.1:1"),
        ("proxy", f"http://user:{SECRET}"),
        ("proxy", f"ftp://user:{SECRET}@127.0.0.1:1"),
        ("proxy", f"socks5h://{SECRET}:{SECRET}é@127.0.0.1:1"),
        ("tls_private_key", f"MHcCAQEE{SECRET}/+"),
        ("tls_private_key", f"MHcCAQEE\n{SECRET}.\n"),
        ("tls_certificate", f"MHcCAQEE{SECRET}/+"),
    ],
)
def test_settings(ears: Ears, name: str, value: object) -> None:
    client, server = WebSocketClient(), WebSocketServer()
    ears.listen_to(client, server)
    setattr(client, name, value)
    if client.connect_to_url("wss://127.0.0.1:1/") == 0:
        poll_until(lambda: client.status == client.Status.STATUS_IDLE, client, deadline=60.0)
    if hasattr(server, name):
        setattr(server, name, value)
        assert server.listen(0) != 0
    ears.check()


@pytest.mark.parametrize(
    "said",
    [
        f"GET /?token={SECRET} HTTP/1.0\r\n\r\n",
        f"GET /?token={SECRET}\r\n\r\n",
        f"{SECRET}\r\n\r\n",
        f"GET http://user:{SECRET}@localhost/ HTTP/1.1\r\n\r\n",
        f"{HEAD}Authorization {SECRET}\r\n\r\n",
        f"{HEAD}{SECRET}\r\n\r\n",
        f"{HEAD}Cookie: {SECRET}\0\r\n\r\n",
        f"{HEAD}Cookie: {SECRET}\r\n folded {SECRET}\r\n\r\n",
        f"{HEAD}Authorization: {SECRET}\r\nCookie: {SECRET}\r\n\r\n",
        f"{HEAD}Authorization: Bearer {SECRET * 3000}\r\n\r\n",
        f"{HEAD}{KEY}Sec-WebSocket-Protocol: {SECRET}, {SECRET}(\r\n\r\n",
        f"{HEAD}{KEY}Sec-WebSocket-Protocol: bearer, {SECRET}\r\n\r\n",
        f"GET /?{SECRET} HTTP/1.1\r\nHost: localhost\r\nCookie: {SECRET}\r\n\r\n",
    ],
)
def test_requests(ears: Ears, said: str) -> None:
    server = WebSocketServer()
    server.bind_address = "localhost"
    server.supported_protocols = ["v1"]
    ears.listen_to(server)
    assert server.listen(0) == 0
    log = record(server)
    raw = RawClient(server.get_local_port())
    raw.send_raw(said.encode())
    poll_until(lambda: bool(named(log, "handshake_failed")), server)
    raw.close()
    ears.check()


@pytest.mark.parametrize("name", ["authorizer", "supervisor", "outgoing_supervisor"])
def test_functions_of_the_users(ears: Ears, name: str) -> None:
    server = WebSocketServer()
    server.bind_address = "localhost"
    ears.listen_to(server)
    assert server.listen(0) == 0
    setattr(server, name, raises)
    log = record(server)
    raw = RawClient(server.get_local_port())
    raw.send_raw(request(f"Authorization: Bearer {SECRET}", f"Cookie: {SECRET}"))
    poll_until(lambda: bool(named(log, "handshake_failed") or server.get_peer_count()), server)
    raw.send_raw(b"\x81\x86\0\0\0\0" + SECRET.encode())
    if name != "authorizer":
        server.send(0, SECRET)
    poll_until(lambda: bool(server._counts[f"failed_{name}"] or named(log, "handshake_failed")), server)
    raw.close()
    ears.check()


Send = Callable[[WebSocketServer, int], object]


@pytest.mark.parametrize(
    "send",
    [
        lambda server, peer: server.send(peer, [SECRET]),
        lambda server, peer: server.send(peer, SECRET + "\ud800"),
        lambda server, peer: server.send_json(peer, {SECRET: {SECRET}}),
        lambda server, peer: server.send_json(peer, {SECRET: float("nan")}),
        lambda server, peer: server.send_json(peer, {(SECRET,): 1}),
        lambda server, peer: server.send_latest(peer, SECRET * 100, "x"),
        lambda server, peer: server.send_latest(peer, [SECRET], "x"),
        lambda server, peer: server.disconnect_peer(peer, 1000, SECRET * 100),
        lambda server, peer: server.disconnect_peer(peer, 1000, SECRET + "\ud800"),
    ],
)
def test_what_cannot_be_sent(ears: Ears, server: WebSocketServer, raw: RawClient, send: Send) -> None:
    ears.listen_to(server)
    assert send(server, server.get_peer_ids()[0]) != 0
    ears.check()


@pytest.mark.parametrize(
    "frame",
    [
        b"\x81\x87\0\0\0\0" + SECRET.encode() + b"\xff",
        b"\xf1\x86\0\0\0\0" + SECRET.encode(),
        b"\x88\x89\0\0\0\0\0\1\xff" + SECRET.encode(),
        b"\x88\x88\0\0\0\0\x03\xf0" + SECRET.encode(),
        b"\x81\xff\0\0\0\0\x7f\xff\xff\xff\0\0\0\0" + SECRET.encode(),
    ],
)
def test_what_cannot_be_received(ears: Ears, server: WebSocketServer, raw: RawClient, frame: bytes) -> None:
    ears.listen_to(server)
    log = record(server)
    raw.send_raw(frame)
    poll_until(lambda: bool(named(log, "client_disconnected")), server)
    ears.check()


def test_a_file_that_holds_no_pem(ears: Ears, tmp_path: Path) -> None:
    server = WebSocketServer()
    (tmp_path / "key.pem").write_text(f"{SECRET}\n" * 3)
    server.tls_certificate = server.tls_private_key = str(tmp_path / "key.pem")
    assert server.listen(0) != 0
    ears.check()
