"""Opening handshakes of strangers: whatever they say, however slowly, it takes little, ends and is told."""

from __future__ import annotations

import contextlib
import time

import pytest
from ws_python import WebSocketServer

from tests.chaos.harness import DEFLATE, MIB, PATIENCE, SCALE, Crowd, Timed, request, reset, send_some
from tests.ws_python.driving import named, poll_until, record

SLOW = 300 * SCALE
WHO = "127.0.0.1"
MANY = 120

REQUEST = request()
HEADS = {
    "extensions": request(*[f"Sec-WebSocket-Extensions: {'a,' * 4000}a"] * MANY),
    "extensions to negotiate": request(*[DEFLATE + ", permessage-deflate" * 200] * MANY),
    "parameters": request(*[DEFLATE + "; client_max_window_bits" * 300] * MANY),
    "connection": request(*[f"Connection: {'a,' * 4000}Upgrade"] * MANY),
    "subprotocols": request(*[f"Sec-WebSocket-Protocol: {'a,' * 4000}a"] * MANY),
    "long headers": request(*[f"X-{number}: {'a' * 8000}" for number in range(MANY)]),
    "many headers": request(*[f"X-{number}: a" for number in range(20_000)]),
    "a long line": b"GET / HTTP/1.1\r\nX: " + b"a" * MIB,
    "a long target": b"GET /" + b"a" * MIB,
    "noise": bytes(range(128, 256)) * 8000,
}


@pytest.mark.parametrize("kind", HEADS)
def test_a_head_that_is_too_much(server: WebSocketServer, kind: str) -> None:
    log = record(server)
    timed = Timed(server)
    with Crowd(server.get_local_port(), 5, says=b"") as crowd:
        rest = {sock: memoryview(HEADS[kind]) for sock in crowd.sockets}

        def all_ended() -> bool:
            for sock, data in list(rest.items()):
                with contextlib.suppress(BlockingIOError):
                    try:
                        rest[sock] = data[send_some(sock, data) :]
                        while sock.recv(4096):
                            pass
                    except (ConnectionResetError, BrokenPipeError):
                        pass
                    del rest[sock]
            return not rest

        poll_until(all_ended, timed, deadline=PATIENCE)
    poll_until(lambda: len(named(log, "handshake_failed")) == 5, timed)
    timed.assert_bounded()
    for (reason,) in named(log, "handshake_failed"):
        assert WHO in reason
        assert reason.isprintable()
        assert len(reason) <= 300
    assert server.get_peer_count() == 0


FITTING = {
    "extensions": request("Sec-WebSocket-Extensions: " + "a," * 7000 + "a"),
    "parameters": request(DEFLATE + "; a" * 4500),
    "subprotocols": request("Sec-WebSocket-Protocol: " + "a," * 7000 + "a"),
    "headers": request(*["a: a"] * 120),
}


@pytest.mark.parametrize("kind", FITTING)
def test_a_head_that_may_pass_takes_little(server: WebSocketServer, kind: str) -> None:
    """Each of these lists is within 16 KiB. Whether it is refused does not matter here."""
    assert len(FITTING[kind]) < 16_384
    server.supported_protocols = ["b", "a"]
    log = record(server)
    timed = Timed(server)
    with Crowd(server.get_local_port(), 50, says=FITTING[kind]):
        poll_until(lambda: len(named(log, "handshake_failed") + named(log, "client_connected")) == 50, timed)
    timed.assert_bounded()


def test_who_is_slow_is_given_up_and_holds_nobody_up(server: WebSocketServer) -> None:
    server.handshake_timeout = 1.0
    log = record(server)
    timed = Timed(server)
    port = server.get_local_port()
    silent = Crowd(port, SLOW, says=b"")
    slow = Crowd(port, SLOW, says=REQUEST[:10])
    with silent, slow, Crowd(port, 1) as behaved:
        behaved.wait_until_open(timed)

        def a_byte_of_each() -> bool:
            for sock in slow.sockets:
                with contextlib.suppress(OSError):
                    sock.send(b"a")
            return len(named(log, "handshake_failed")) == 2 * SLOW

        poll_until(a_byte_of_each, timed, deadline=PATIENCE)
        assert server.get_peer_count() == 1
    timed.assert_bounded()
    assert all(WHO in reason for (reason,) in named(log, "handshake_failed"))


FIRST_WORDS = {
    "nothing": b"",
    "half a request": REQUEST[:40],
    "what is no request": b"\x16\x03\x01\x00\xf1 hello",
    "a request that is refused": request().replace(b"Version: 13", b"Version: 7"),
}


@pytest.mark.parametrize("says", FIRST_WORDS)
def test_who_resets_at_once_is_told_by_address(server: WebSocketServer, says: str) -> None:
    log = record(server)
    with Crowd(server.get_local_port(), 3, says=FIRST_WORDS[says]) as crowd:
        for sock in crowd.sockets:
            reset(sock)
        poll_until(lambda: len(named(log, "handshake_failed")) == 3, server)
    for (reason,) in named(log, "handshake_failed"):
        assert reason.startswith(WHO)


def test_who_resets_after_a_whole_request_is_known(server: WebSocketServer) -> None:
    """Whether it comes to a peer or not: that is a matter of when the system tells."""
    hosts: list[str] = []

    def welcome(peer_id: int) -> None:
        peer = server.get_peer(peer_id)
        assert peer is not None
        hosts.append(peer.get_connected_host())

    server.client_connected.connect(welcome)
    server.handshake_failed.connect(hosts.append)
    with Crowd(server.get_local_port(), 3) as crowd:
        for sock in crowd.sockets:
            reset(sock)
        poll_until(lambda: len(hosts) == 3, server)
    assert all(host.startswith(WHO) for host in hosts)


def test_who_leaves_before_the_answer_is_known(server: WebSocketServer) -> None:
    log = record(server)
    with Crowd(server.get_local_port(), 3, says=REQUEST[:40]) as crowd:
        server.poll()
        crowd.close()
        poll_until(lambda: len(named(log, "handshake_failed")) == 3, server)
    assert all(reason.startswith(WHO) for (reason,) in named(log, "handshake_failed"))


def test_time_in_which_nobody_polled_does_not_end_a_handshake(server: WebSocketServer) -> None:
    server.handshake_timeout = 0.3
    with Crowd(server.get_local_port(), 3, says=REQUEST[:40]) as crowd:
        for _ in range(5):
            server.poll()
        time.sleep(1)
        for sock in crowd.sockets:
            sock.sendall(REQUEST[40:])
        crowd.wait_until_open(server)
