"""Tests of ws_python.features.authorization: an authorizer in Python. tests/godot/test_authorizer.gd has GDScript's."""

from __future__ import annotations

import asyncio
import concurrent.futures
import gc
import threading
import time
import warnings
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

import pytest
from ws_python import WebSocketClient, WebSocketRequest, WebSocketServer
from ws_python.features.authorization import Authorization, answer_of
from ws_python.loop.clock import monotonic
from ws_python.loop.hub import hub

from tests.ws_python.driving import RawClient, named, poll_until, poll_while, record, reset_at_close

pytestmark = pytest.mark.usefixtures("network")

REFUSE = WebSocketRequest.refuse


def knock(server: WebSocketServer, path: str = "/", *headers: str) -> tuple[WebSocketClient, list[tuple[Any, ...]]]:
    """A client that connects."""
    client = WebSocketClient()
    client.handshake_headers = list(headers)
    log = record(client)
    assert client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}{path}") == 0
    return client, log


def outcome(server: WebSocketServer, path: str = "/") -> str:
    """What becomes of a client: "in", or why not."""
    client, log = knock(server, path)
    poll_until(lambda: bool(named(log, "connection_failed") or named(log, "connected_to_server")), server, client)
    failed = named(log, "connection_failed")
    client.close()
    return str(failed[0][0]) if failed else "in"


def test_it_is_the_last_feature() -> None:
    assert WebSocketServer.FEATURES[-1] is Authorization


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        (True, "in"),
        (False, "HTTP 403 Forbidden: You may not connect here"),
        (401, "HTTP 401 Unauthorized"),
        (HTTPStatus.NOT_FOUND, "HTTP 404 Not Found"),
        (200, "HTTP 500"),
        (101, "HTTP 500"),
        (1, "HTTP 500"),
        (0, "HTTP 500"),
        (None, "HTTP 500"),
        ("", "HTTP 500"),
        (1.0, "HTTP 500"),
        ([], "HTTP 500"),
        (object(), "HTTP 500"),
        (REFUSE(429, "Not so fast."), "HTTP 429 Too Many Requests: Not so fast"),
        (REFUSE(302, headers=["Location: wss://elsewhere/"]), "HTTP 302 Found"),
        (430, "HTTP 430 Refused"),
        (306, "HTTP 306"),
        (REFUSE(599, "Own trouble."), "HTTP 599 Refused: Own trouble"),
        (299, "HTTP 500"),
        (600, "HTTP 500"),
        (10**30, "HTTP 500"),
        (REFUSE(401, "half \ud800 a pair"), "HTTP 401 Unauthorized: half ? a pair"),
        ({"status": 403}, "HTTP 403"),
        ({}, "HTTP 500"),
        ({"text": "no"}, "HTTP 500"),
        (REFUSE(True), "HTTP 500"),
        (REFUSE(401, headers=["no colon"]), "HTTP 500"),
        (REFUSE(401, headers=["Content-Length: 0"]), "HTTP 500"),
        (REFUSE(401, headers=["X: a\r\nInjected: b"]), "HTTP 500"),
        ({"status": 401, "headers": "X: a"}, "HTTP 500"),
        ({"status": 401, "headers": [b"X: a"]}, "HTTP 500"),
        ({"status": 401, "headers": 5}, "HTTP 500"),
        ({"status": 401, "reason": "?"}, "HTTP 500"),
        ({"status": 401, 5: "?"}, "HTTP 500"),
    ],
)
def test_what_it_returns(
    server: WebSocketServer, verdict: object, expected: str, caplog: pytest.LogCaptureFixture
) -> None:
    server.authorizer = lambda request: verdict
    assert expected in outcome(server)
    assert (expected == "in") == (server.get_peer_count() == 1)
    faults = [line for line in caplog.messages if line.startswith("authorizer: ")]
    assert len(faults) == ("500" in expected)
    assert all("\n" not in line and "HTTP 500" in line for line in faults)
    counted = {"refused_by_authorizer": 1} if "HTTP" in expected else {}
    assert server._counts == ({"refused_authorizer_failed": 1} if "500" in expected else counted)


def test_text_and_headers_of_a_refusal(server: WebSocketServer) -> None:
    server.authorizer = lambda request: REFUSE(
        401, "Zoë, sign in.\nHere.", ['WWW-Authenticate: Basic realm="x"', "X: 1"]
    )
    seen = record(server)
    raw = RawClient(server.get_local_port())
    raw.protocol.send_request(raw.protocol.connect())
    raw.flush()
    received = b""

    def is_over() -> bool:
        nonlocal received
        try:
            received += (data := raw.socket.recv(65536))
        except BlockingIOError:
            return False
        return not data

    poll_until(is_over, server)
    raw.close()
    head, _, body = received.decode().partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 401 Unauthorized\r\n")
    assert 'WWW-Authenticate: Basic realm="x"' in head and "X: 1" in head
    assert body == "Zoë, sign in.\nHere.\n"
    assert named(seen, "handshake_failed") == [
        ("127.0.0.1: the authorizer refused it (HTTP 401: Zoë, sign in. Here.)",)
    ]


def test_not_modified_has_no_content(server: WebSocketServer) -> None:
    server.authorizer = lambda request: REFUSE(304, "nobody reads this")
    raw = RawClient(server.get_local_port())
    raw.protocol.send_request(raw.protocol.connect())
    raw.flush()
    raw.socket.setblocking(True)
    raw.socket.settimeout(10)

    def answer() -> bytes:
        received = b""
        while data := raw.socket.recv(65536):
            received += data
        return received

    head, _, body = poll_while(answer, server).decode().partition("\r\n\r\n")
    raw.close()
    assert head.startswith("HTTP/1.1 304 Not Modified\r\n")
    assert "Content" not in head and body == ""


def test_it_is_called_in_a_delivery_and_not_in_a_turn(server: WebSocketServer) -> None:
    depths: list[bool] = []
    server.authorizer = lambda request: depths.append(hub.loop().is_running()) or True  # type: ignore[func-returns-value, redundant-expr]
    assert outcome(server) == "in"
    assert depths == [False]


def test_a_slow_one_is_bounded_by_the_time_of_a_poll(server: WebSocketServer) -> None:
    calls = 0

    def slow(request: WebSocketRequest) -> bool:
        nonlocal calls
        calls += 1
        end = monotonic() + server.max_poll_time
        while monotonic() < end:
            pass
        return True

    server.authorizer = slow
    raws = [RawClient(server.get_local_port()) for _ in range(20)]
    for raw in raws:
        raw.protocol.send_request(raw.protocol.connect())
        raw.flush()
    most = 0

    def all_in() -> bool:
        nonlocal calls, most
        most, calls = max(most, calls), 0
        return server.get_peer_count() == 20

    poll_until(all_in, server, deadline=30)
    assert most == 1, "of 20 that wait"
    for raw in raws:
        raw.close()


def test_one_that_is_over_before_it_began_says_nothing(server: WebSocketServer) -> None:
    asked: list[str] = []

    async def never(_request: WebSocketRequest) -> bool:
        return await asyncio.Event().wait()

    def authorizer(request: WebSocketRequest) -> Coroutine[Any, Any, bool]:
        asked.append(request.path)
        return never(request)

    server.authorizer = authorizer
    raw = RawClient(server.get_local_port())
    raw.protocol.send_request(raw.protocol.connect())
    raw.flush()
    poll_until(lambda: bool(asked), server)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        server.stop()
        for _ in range(3):
            hub.turn(0.0, 1.0)
        raw.close()
        gc.collect()
    assert [str(each.message) for each in told] == []


def test_what_others_refuse_it_does_not_see(server: WebSocketServer) -> None:
    asked: list[str] = []
    server.authorizer = lambda request: asked.append(request.path) or True  # type: ignore[func-returns-value, redundant-expr]
    server.refuse_new_connections = True
    assert "HTTP 503" in outcome(server, "/full")
    server.refuse_new_connections = False
    client, log = knock(server, "/page", "Origin: https://example.com")
    poll_until(lambda: bool(named(log, "connection_failed")), server, client)
    assert asked == []
    assert outcome(server, "/in") == "in"
    assert asked == ["/in"]


def test_what_is_no_client_it_does_not_see(server: WebSocketServer) -> None:
    asked: list[object] = []
    server.authorizer = lambda request: asked.append(request) or True  # type: ignore[func-returns-value, redundant-expr]
    seen = record(server)
    raw = RawClient(server.get_local_port())
    raw.send_raw(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    poll_until(lambda: bool(named(seen, "handshake_failed")), server)
    raw.close()
    assert asked == [] and "asked for a page" in named(seen, "handshake_failed")[0][0]


@pytest.mark.parametrize("upgrade", ["h2c, websocket", "WEBSOCKET", "websocket, websocket", "xwebsocketx"])
def test_nobody_comes_past_it_by_another_spelling(server: WebSocketServer, upgrade: str) -> None:
    server.authorizer = lambda request: False
    seen = record(server)
    raw = RawClient(server.get_local_port())
    raw.send_raw(
        f"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: {upgrade}\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    poll_until(lambda: bool(named(seen, "handshake_failed")), server)
    raw.close()
    assert server.get_peer_count() == 0


def test_it_raises(server: WebSocketServer, caplog: pytest.LogCaptureFixture) -> None:
    def broken(request: WebSocketRequest) -> bool:
        raise ValueError("two\nlines")

    server.authorizer = broken
    assert "HTTP 500" in outcome(server)
    (line,) = (line for line in caplog.messages if line.startswith("authorizer: "))
    assert "it raised ValueError (" in line and "two lines" not in line and "test_authorization.py:" in line


def test_many_faults_are_few_lines(server: WebSocketServer, caplog: pytest.LogCaptureFixture) -> None:
    server.authorizer = lambda request: request.path
    for _ in range(30):
        assert "HTTP 500" in outcome(server)
    server.authorizer = lambda request: {request.path: 1}
    for number in range(30):
        assert "HTTP 500" in outcome(server, f"/{number}")
    assert 2 <= len([line for line in caplog.messages if line.startswith("authorizer: ")]) <= 8
    assert server._counts["refused_authorizer_failed"] == 60


# --- later


async def _soon(value: object) -> object:
    await asyncio.sleep(0.01)
    if isinstance(value, BaseException):
        raise value
    return value


class _Awaitable:
    def __init__(self, value: object) -> None:
        self._value = value

    def __await__(self) -> Any:
        return _soon(self._value).__await__()


def _future(value: object) -> concurrent.futures.Future[object]:
    """Is settled on another thread."""
    future: concurrent.futures.Future[object] = concurrent.futures.Future()

    def settle() -> None:
        time.sleep(0.01)
        future.set_exception(value) if isinstance(value, BaseException) else future.set_result(value)

    threading.Thread(target=settle).start()
    return future


def _settled(value: object) -> concurrent.futures.Future[object]:
    future: concurrent.futures.Future[object] = concurrent.futures.Future()
    future.set_exception(value) if isinstance(value, BaseException) else future.set_result(value)
    return future


def _asyncio_future(value: object) -> asyncio.Future[object]:
    return asyncio.ensure_future(_soon(value), loop=hub.loop())


@pytest.mark.parametrize("make", [_soon, _Awaitable, _future, _settled, _asyncio_future])
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, "in"),
        (False, "HTTP 403"),
        (REFUSE(402, "Insert coin."), "Insert coin"),
        (None, "HTTP 500"),
        (ValueError("x"), "HTTP 500"),
    ],
)
def test_it_answers_later(
    server: WebSocketServer, make: Callable[[object], object], value: object, expected: str
) -> None:
    server.authorizer = lambda request: make(value)
    for _ in range(2):
        assert expected in outcome(server)


def test_a_coroutine_may_call_anything(server: WebSocketServer) -> None:
    calls: list[str] = []

    async def authorizer(request: WebSocketRequest) -> bool:
        server.poll()
        await asyncio.sleep(0)
        server.poll()
        server.send(0, "nobody")
        request.data = request.path
        calls.append(request.path)
        if request.path == "/stop":
            server.stop()
        return True

    server.authorizer = authorizer
    assert outcome(server, "/a") == "in"
    assert "HTTP" not in outcome(server, "/stop")
    assert calls == ["/a", "/stop"]
    assert not server.is_listening() and server.get_peer_count() == 0


@pytest.mark.parametrize("cancels", [False, True])
def test_nobody_answers(server: WebSocketServer, cancels: bool) -> None:
    server.handshake_timeout = 60.0 if cancels else 0.2
    waiting: list[asyncio.Future[Any]] = []
    tasks: list[asyncio.Task[Any] | None] = []

    async def authorizer(request: WebSocketRequest) -> bool:
        waiting.append(asyncio.get_running_loop().create_future())
        tasks.append(asyncio.current_task())
        return bool(await waiting[-1])

    server.authorizer = authorizer
    seen = record(server)
    client, log = knock(server)
    if cancels:
        poll_until(lambda: bool(tasks), server, client)
        assert tasks[0] is not None
        tasks[0].cancel()
    poll_until(lambda: bool(named(log, "connection_failed")), server, client)
    assert ("HTTP 500" if cancels else "HTTP 503") in named(log, "connection_failed")[0][0]
    poll_until(lambda: bool(named(seen, "handshake_failed")), server)
    assert ("handshake_timeout" in named(seen, "handshake_failed")[0][0]) == (not cancels)
    poll_until(lambda: not hub.tasks, server)  # Nothing of it goes on.
    assert server._counts["refused_authorizer_failed" if cancels else "refused_authorizer_too_late"] == 1


def test_the_client_goes_before(server: WebSocketServer) -> None:
    futures: list[concurrent.futures.Future[bool]] = []
    server.authorizer = lambda request: futures.append(concurrent.futures.Future()) or futures[-1]  # type: ignore[func-returns-value, redundant-expr]
    seen = record(server)
    for gone in ("closed", "reset"):
        raw = RawClient(server.get_local_port())
        raw.protocol.send_request(raw.protocol.connect())
        raw.flush()
        poll_until(lambda: len(futures) == 1, server)
        if gone == "reset":
            reset_at_close(raw.socket)
        raw.close()
        poll_until(lambda: bool(named(seen, "handshake_failed")), server)
        futures.pop().set_result(True)
        for _ in range(10):
            server.poll()
        assert server.get_peer_count() == 0 and len(named(seen, "handshake_failed")) == 1
        seen.clear()


def test_the_server_stops_before(server: WebSocketServer) -> None:
    future: concurrent.futures.Future[bool] = concurrent.futures.Future()
    asked: list[object] = []
    server.authorizer = lambda request: asked.append(request) or future  # type: ignore[func-returns-value, redundant-expr]
    client, log = knock(server)
    poll_until(lambda: bool(asked), server, client)
    server.stop()
    assert server.listen(0) == 0
    future.set_result(True)
    poll_until(lambda: bool(named(log, "connection_failed")), server, client)
    assert server.get_peer_count() == 0


def test_one_that_is_taken_back_lets_in_who_waits(server: WebSocketServer) -> None:
    def first(request: WebSocketRequest) -> bool:
        server.authorizer = None
        return True

    server.authorizer = first
    clients = [knock(server)[0] for _ in range(3)]
    poll_until(lambda: server.get_peer_count() == 3, server, *clients)


def test_a_stalled_main_thread_does_not_count(server: WebSocketServer) -> None:
    server.handshake_timeout = 0.5
    future: concurrent.futures.Future[bool] = concurrent.futures.Future()
    asked: list[object] = []
    server.authorizer = lambda request: asked.append(request) or future  # type: ignore[func-returns-value, redundant-expr]
    client, _ = knock(server)
    poll_until(lambda: bool(asked), server, client)
    time.sleep(1.5)  # A level is loaded.
    future.set_result(True)
    poll_until(lambda: server.get_peer_count() == 1, server, client)


def test_nothing_is_kept_of_who_was_refused(server: WebSocketServer) -> None:
    server.authorizer = lambda request: _soon(request.path == "/in")
    for _ in range(20):
        assert "403" in outcome(server)
    poll_until(lambda: not server._connections and not hub.tasks, server)


def test_it_polls_while_others_wait(server: WebSocketServer) -> None:
    nested = 0

    def authorizer(request: WebSocketRequest) -> bool:
        nonlocal nested
        nested += 1
        server.poll()
        return True

    server.authorizer = authorizer
    clients = [knock(server)[0] for _ in range(40)]
    poll_until(lambda: server.get_peer_count() == 40, server, *clients)
    assert nested == 40


def test_it_chooses_the_subprotocol(server: WebSocketServer) -> None:
    server.supported_protocols = ["v1"]
    chosen: list[int] = []
    server.authorizer = lambda request: chosen.append(request.select_protocol("v2")) or True  # type: ignore[func-returns-value, redundant-expr]
    client = WebSocketClient()
    client.supported_protocols = ["v1", "v2"]
    assert client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}") == 0
    poll_until(lambda: client.status == client.Status.STATUS_ACTIVE, server, client)
    assert (client.get_selected_protocol(), chosen) == ("v2", [0])


def test_what_it_shows_of_values_is_short_and_no_secret() -> None:
    with pytest.raises(ValueError, match="it returned String; return true"):
        answer_of("a secret")
    with pytest.raises(ValueError, match=r'the key "x{39}…"'):
        answer_of({"x" * 1000: 1})
    with pytest.raises(ValueError, match="line 1 of the headers, X, is not a header"):
        answer_of(REFUSE(401, headers=["X: a secret\0"]))
