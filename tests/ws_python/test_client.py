"""Tests of ws_python.client: connecting, failing, closing, reconnecting."""

from __future__ import annotations

import math
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.server import Server, ServerConnection, serve
from ws_python import Error, WebSocketClient, WebSocketServer
from ws_python.loop.hub import hub
from ws_python.net import tls
from ws_python.protocol.handshake import ServerHandshake

from tests.ws_python.driving import named, poll_until, record

pytestmark = pytest.mark.usefixtures("network")

Pair = tuple[WebSocketServer, WebSocketClient, int]
Status = WebSocketClient.Status


def is_idle(client: WebSocketClient) -> Callable[[], bool]:
    return lambda: client.status == Status.STATUS_IDLE


def is_active(client: WebSocketClient) -> Callable[[], bool]:
    return lambda: client.status == Status.STATUS_ACTIVE


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port where connections are taken and nothing is ever said."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        yield silent.getsockname()[1]


@pytest.fixture
def free_port() -> int:
    """A port where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


class Answering:
    """Answers each request with the same bytes, and counts them."""

    def __init__(self, answer: str) -> None:
        self._answer = answer.encode()
        self._listening = socket.create_server(("127.0.0.1", 0))
        # Not everywhere is a thread that accepts woken when another one closes the socket.
        self._listening.settimeout(0.1)
        self._is_over = False
        self.url = f"ws://127.0.0.1:{self._listening.getsockname()[1]}/"
        self.count = 0
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Answering:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over = True
        self._thread.join()
        self._listening.close()

    def _serve(self) -> None:
        while not self._is_over:
            try:
                accepted, _ = self._listening.accept()
            except TimeoutError:
                continue
            with accepted:
                accepted.setblocking(True)
                accepted.recv(4096)
                accepted.sendall(self._answer)
                self.count += 1


class TestConnecting:
    def test_the_way_to_open_and_back(self, server: WebSocketServer, client: WebSocketClient, url: str) -> None:
        log = record(client)
        assert client.connect_to_url(url) == Error.OK
        assert client.status is Status.STATUS_CONNECTING
        assert client.get_ready_state() is WebSocketClient.State.STATE_CONNECTING
        poll_until(is_active(client), server, client)
        assert client.get_ready_state() is WebSocketClient.State.STATE_OPEN
        assert (client.get_connected_host(), client.get_connected_port()) == ("127.0.0.1", server.get_local_port())
        assert client.get_close_code() == -1
        assert client.close(4000, "done") == Error.OK
        assert client.get_ready_state() is WebSocketClient.State.STATE_CLOSING
        poll_until(is_idle(client), server, client)
        assert client.get_ready_state() is WebSocketClient.State.STATE_CLOSED
        assert (client.get_close_code(), client.get_close_reason()) == (4000, "done")
        assert log == [
            ("status_changed", Status.STATUS_CONNECTING),
            ("status_changed", Status.STATUS_ACTIVE),
            ("connected_to_server",),
            ("status_changed", Status.STATUS_CLOSING),
            ("status_changed", Status.STATUS_IDLE),
            ("connection_closed",),
        ]

    @pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
    def test_names_and_addresses(self, server: WebSocketServer, client: WebSocketClient, host: str) -> None:
        if host == "[::1]" and not socket.has_dualstack_ipv6():
            pytest.skip("this machine has no IPv6")
        assert client.connect_to_url(f"ws://{host}:{server.get_local_port()}/") == Error.OK
        poll_until(is_active(client), server, client)

    def test_without_an_argument_the_property_counts(
        self, server: WebSocketServer, client: WebSocketClient, url: str
    ) -> None:
        client.url = url
        assert client.connect_to_url() == Error.OK
        poll_until(is_active(client), server, client)

    @pytest.mark.parametrize(
        "url",
        ["", "nonsense", "http://localhost/", "ws://a b/", "ws://example..com", "ws://.", f"ws://{70 * 'a'}.com"],
    )
    def test_a_bad_url(self, client: WebSocketClient, url: str, caplog: pytest.LogCaptureFixture) -> None:
        log = record(client)
        assert client.connect_to_url(url) == Error.ERR_INVALID_PARAMETER
        assert "is not a WebSocket URL" in caplog.text
        assert (log, client.status) == ([], Status.STATUS_IDLE)

    @pytest.mark.parametrize("name", ["supported_protocols", "handshake_headers"])
    def test_bad_properties(self, client: WebSocketClient, name: str) -> None:
        setattr(client, name, ["a b"])
        assert client.connect_to_url("ws://localhost:1/") == Error.ERR_INVALID_PARAMETER

    def test_connecting_while_in_use(self, client: WebSocketClient, silent_port: int) -> None:
        url = f"ws://127.0.0.1:{silent_port}/"
        assert client.connect_to_url(url) == Error.OK
        assert client.connect_to_url(url) == Error.ERR_ALREADY_IN_USE

    def test_connecting_does_not_block(
        self, client: WebSocketClient, server: WebSocketServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        resolve, resolving = threading.Event(), socket.getaddrinfo

        def slow(*arguments: Any, **hints: Any) -> Any:
            resolve.wait(10)
            return resolving(*arguments, **hints)

        monkeypatch.setattr(socket, "getaddrinfo", slow)
        start = time.monotonic()
        client.connect_to_url(f"ws://localhost:{server.get_local_port()}/")
        for _ in range(20):
            client.poll()
        assert time.monotonic() - start < 5
        assert client.status == Status.STATUS_CONNECTING
        resolve.set()
        poll_until(is_active(client), server, client)

    def test_without_tls_a_wss_url_is_unavailable(
        self, client: WebSocketClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setitem(sys.modules, "ssl", None)  # Importing it raises, as it does without OpenSSL's libraries.
        assert client.connect_to_url("wss://localhost/") == Error.ERR_UNAVAILABLE
        assert "connect_to_url: wss:// needs TLS, which this Python cannot load (" in caplog.text
        assert client.status == Status.STATUS_IDLE


class TestFailing:
    def failure(self, client: WebSocketClient, url: str, *others: Any) -> str:
        log = record(client)
        assert client.connect_to_url(url) == Error.OK
        poll_until(is_idle(client), client, *others)
        assert [entry[0] for entry in log] == ["status_changed", "status_changed", "connection_failed"]
        assert client.get_ready_state() is WebSocketClient.State.STATE_CLOSED
        reason: str = log[-1][1]
        assert reason.startswith(f"{url}: ")
        assert "\n" not in reason
        return reason

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
    def test_a_refused_connection(self, client: WebSocketClient, free_port: int, host: str) -> None:
        assert "check that the server is running" in self.failure(client, f"ws://{host}:{free_port}/")

    def test_an_unknown_host(self, client: WebSocketClient, monkeypatch: pytest.MonkeyPatch) -> None:
        def unknown(*_: Any, **__: Any) -> Any:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        monkeypatch.setattr(socket, "getaddrinfo", unknown)
        assert 'the host name "no.example" cannot be resolved' in self.failure(client, "ws://no.example/")

    def test_what_nobody_foresaw(self, client: WebSocketClient, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(*_: Any, **__: Any) -> Any:
            raise LookupError("unknown encoding\nand more")

        monkeypatch.setattr(socket, "getaddrinfo", broken)
        reason = self.failure(client, "ws://some.example/")
        assert reason.endswith("some.example, port 80, cannot be reached: LookupError: unknown encoding")
        client.auto_reconnect = True
        reason = self.failure(client, "ws://some.example/")
        assert reason.endswith("LookupError: unknown encoding; not tried again: this does not pass by itself")

    def test_a_server_that_never_answers(self, client: WebSocketClient, silent_port: int) -> None:
        client.connect_timeout = 0.1
        assert "did not finish the opening handshake in time" in self.failure(client, f"ws://127.0.0.1:{silent_port}/")

    def test_a_name_that_is_never_resolved(self, client: WebSocketClient, monkeypatch: pytest.MonkeyPatch) -> None:
        client.connect_timeout = 0.1
        end = threading.Event()
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: end.wait(10) and [])
        assert "did not answer in time" in self.failure(client, "ws://slow.example/")
        end.set()

    def test_a_server_that_hangs_up(self, client: WebSocketClient) -> None:
        with socket.create_server(("127.0.0.1", 0)) as rude:
            hang_up = threading.Thread(target=lambda: rude.accept()[0].close())
            hang_up.start()
            reason = self.failure(client, f"ws://127.0.0.1:{rude.getsockname()[1]}/")
            hang_up.join()
        assert "the connection was closed during the opening handshake" in reason or "cannot be reached" in reason

    def test_a_server_that_speaks_no_http(self, client: WebSocketClient) -> None:
        with socket.create_server(("127.0.0.1", 0)) as mail:

            def greet() -> None:
                accepted, _ = mail.accept()
                accepted.sendall(b"220 mail.example.com ESMTP\r\n")
                accepted.recv(1)
                accepted.close()

            greeting = threading.Thread(target=greet)
            greeting.start()
            reason = self.failure(client, f"ws://127.0.0.1:{mail.getsockname()[1]}/")
            greeting.join()
        assert "does not speak HTTP/1.1" in reason

    def test_no_common_subprotocol(self, client: WebSocketClient) -> None:
        server = WebSocketServer()
        server.supported_protocols = ["a"]
        assert server.listen(0) == Error.OK
        client.supported_protocols = ["b"]
        reason = self.failure(client, f"ws://127.0.0.1:{server.get_local_port()}/", server)
        assert "HTTP 400 Bad Request: Failed to open a WebSocket connection: invalid subprotocol" in reason

    def test_a_failure_can_be_answered_with_another_attempt(
        self, client: WebSocketClient, server: WebSocketServer, url: str, free_port: int
    ) -> None:
        client.connection_failed.connect(lambda _: client.connect_to_url(url))
        client.connect_to_url(f"ws://127.0.0.1:{free_port}/")
        poll_until(is_active(client), server, client)


class TestSending:
    @pytest.mark.parametrize(
        "send",
        [
            lambda client: client.send("x"),
            lambda client: client.send_text("x"),
            lambda client: client.send_json([]),
            lambda client: client.send_fragment("x", True),
            lambda client: client.ping(),
        ],
    )
    def test_without_a_connection(
        self, client: WebSocketClient, silent_port: int, send: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert send(client) == Error.ERR_CONNECTION_ERROR
        client.connect_to_url(f"ws://127.0.0.1:{silent_port}/")
        assert send(client) == Error.ERR_CONNECTION_ERROR
        assert caplog.text.count("not connected; call connect_to_url() and wait for connected_to_server") == 2

    def test_what_is_sent_while_closing_is_refused_silently(self, pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
        _, client, _ = pair
        client.close()
        assert client.send("x") == Error.ERR_CONNECTION_ERROR
        assert caplog.text == ""

    def test_messages_go_both_ways(self, pair: Pair) -> None:
        server, client, _ = pair
        messages = ["text", "", "åß☃𝄞\0", b"binary\0", b"", bytes(range(256)) * 4096, "å" * 500_000]
        received: list[object] = []
        server.message_received.connect(lambda peer_id, message: server.send(peer_id, message))
        client.message_received.connect(received.append)
        for message in messages:
            assert client.send(message) == Error.OK
        poll_until(lambda: len(received) == len(messages), server, client)
        assert received == messages

    def test_threads_that_send_are_refused_and_break_no_message(
        self, pair: Pair, caplog: pytest.LogCaptureFixture
    ) -> None:
        server, client, _ = pair
        received: list[object] = []
        server.message_received.connect(lambda peer_id, message: received.append(message))
        message = "of this thread " * 1000  # Compressing it lets the other ones run.
        answers: list[Error] = []

        def send() -> None:
            for _ in range(200):
                answers.append(client.send("of another one " * 1000))

        threads = [threading.Thread(target=send) for _ in range(2)]
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-5)
        try:
            for thread in threads:
                thread.start()
            for _ in range(200):
                assert client.send(message) == Error.OK
            for thread in threads:
                thread.join()
        finally:
            sys.setswitchinterval(interval)
        poll_until(lambda: len(received) >= 200, server, client)
        assert received == [message] * 200
        assert answers == [Error.ERR_UNAVAILABLE] * 400
        assert set(caplog.messages) == {
            "send: only the thread that polls may call it (in Godot, the main one): use call_deferred"
        }


class TestClosing:
    def test_closing_an_idle_client_is_ok(self, client: WebSocketClient) -> None:
        log = record(client)
        assert client.close() == Error.OK
        assert log == []

    def test_a_bad_code_changes_nothing(self, pair: Pair) -> None:
        _, client, _ = pair
        assert client.close(1006) == Error.ERR_INVALID_PARAMETER
        assert client.status == Status.STATUS_ACTIVE

    def test_giving_up_while_connecting(self, client: WebSocketClient, silent_port: int) -> None:
        log = record(client)
        client.connect_to_url(f"ws://127.0.0.1:{silent_port}/")
        client.poll()
        client.close()
        client.poll()
        assert log == [("status_changed", Status.STATUS_CONNECTING), ("status_changed", Status.STATUS_IDLE)]

    def test_giving_up_while_the_name_is_resolved(
        self, client: WebSocketClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        end = threading.Event()
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: end.wait(60) and [])
        client.connect_to_url("ws://slow.example/")
        client.poll()
        client.close()
        poll_until(lambda: not hub.tasks, client)
        end.set()

    def test_closing_in_connected_to_server(self, server: WebSocketServer, client: WebSocketClient, url: str) -> None:
        log = record(client)
        client.connected_to_server.connect(client.close)
        client.connect_to_url(url)
        poll_until(is_idle(client), server, client)
        assert named(log, "connection_closed") == [()]
        assert client.get_close_code() == 1000

    def test_closing_as_soon_as_the_status_is_active(
        self, server: WebSocketServer, client: WebSocketClient, url: str
    ) -> None:
        log = record(client)
        client.status_changed.connect(lambda status: client.close() if status == Status.STATUS_ACTIVE else None)
        client.connect_to_url(url)
        poll_until(is_idle(client), server, client)
        assert (named(log, "connected_to_server"), named(log, "connection_closed")) == ([], [()])

    def test_what_still_arrives_is_delivered_before_the_end(self, pair: Pair) -> None:
        server, client, peer_id = pair
        log = record(client)
        for number in range(3):
            server.send(peer_id, str(number))
        server.poll()
        client.close()
        poll_until(is_idle(client), server, client)
        assert [entry for entry in log if entry[0] != "status_changed"] == [
            ("message_received", "0"),
            ("message_received", "1"),
            ("message_received", "2"),
            ("connection_closed",),
        ]

    def test_a_server_that_does_not_answer_the_close(self, client: WebSocketClient) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:

            def say_hello_and_nothing_more() -> None:
                accepted, _ = listening.accept()
                handshake = ServerHandshake([], [])
                while not handshake.done:
                    handshake.receive_data(accepted.recv(4096))
                accepted.sendall(handshake.data_to_send())
                while accepted.recv(4096):
                    pass
                accepted.close()

            server = threading.Thread(target=say_hello_and_nothing_more)
            server.start()
            client.close_timeout = 0.1
            client.connect_to_url(f"ws://127.0.0.1:{listening.getsockname()[1]}/")
            poll_until(is_active(client), client)
            client.close(1000)
            poll_until(is_idle(client), client)
            server.join()
        assert client.get_close_code() == 1006

    def test_connecting_again_in_connection_closed(
        self, server: WebSocketServer, client: WebSocketClient, url: str
    ) -> None:
        log = record(client)
        client.connected_to_server.connect(lambda: client.close() if len(named(log, "connected_to_server")) < 3 else 0)
        client.connection_closed.connect(lambda: client.connect_to_url(url))
        client.connect_to_url(url)
        poll_until(lambda: len(named(log, "connected_to_server")) == 3, server, client)
        assert client.status == Status.STATUS_ACTIVE


class TestReconnecting:
    @pytest.fixture
    def eager(self, client: WebSocketClient) -> WebSocketClient:
        client.auto_reconnect = True
        client.reconnect_delay = 0.01
        client.reconnect_delay_max = 0.05
        client.reconnect_stable_time = 0.0
        return client

    def test_a_lost_connection_comes_back(self, server: WebSocketServer, eager: WebSocketClient, url: str) -> None:
        log = record(eager)
        eager.connect_to_url(url)
        poll_until(lambda: server.get_peer_count() == 1, server, eager)
        port = server.get_local_port()
        server.stop()
        poll_until(lambda: len(named(log, "reconnecting")) >= 2, eager)
        assert eager.status == Status.STATUS_RECONNECTING
        assert server.listen(port) == Error.OK
        poll_until(is_active(eager), server, eager)
        assert named(log, "connection_closed") == [()]
        assert [attempt for attempt, _ in named(log, "reconnecting")][:2] == [1, 2]
        assert len(named(log, "connected_to_server")) == 2
        assert log[-2:] == [("connected_to_server",), ("reconnected",)]
        statuses = [status for (status,) in named(log, "status_changed")]
        assert Status.STATUS_IDLE not in statuses
        server.stop()
        poll_until(lambda: [attempt for attempt, _ in named(log, "reconnecting")].count(1) == 2, eager)

    def test_the_first_attempt_is_repeated_too(self, eager: WebSocketClient, free_port: int) -> None:
        log = record(eager)
        eager.connect_to_url(f"ws://127.0.0.1:{free_port}/")
        poll_until(lambda: len(named(log, "connection_failed")) == 3, eager)
        assert [attempt for attempt, _ in named(log, "reconnecting")] == [1, 2, 3]

    def test_close_ends_it(self, eager: WebSocketClient, free_port: int) -> None:
        log = record(eager)
        eager.connection_failed.connect(lambda _: eager.close())
        eager.connect_to_url(f"ws://127.0.0.1:{free_port}/")
        poll_until(is_idle(eager), eager)
        assert named(log, "reconnecting") == []
        assert eager._reconnect.wait == 0

    def test_the_properties_of_the_moment_count(
        self, server: WebSocketServer, eager: WebSocketClient, url: str
    ) -> None:
        eager.connect_to_url(url)
        poll_until(lambda: server.get_peer_count() == 1, server, eager)
        eager.handshake_headers = ["X-Token: new"]
        (old,) = server.get_peer_ids()
        server.disconnect_peer(old)
        poll_until(lambda: server.get_peer_count() == 1 and not server.has_peer(old), server, eager)
        (peer,) = server.peers.values()
        assert peer.get_handshake_header("X-Token") == "new"

    def test_properties_that_became_bad_end_it(self, server: WebSocketServer, eager: WebSocketClient, url: str) -> None:
        eager.connect_to_url(url)
        poll_until(lambda: server.get_peer_count() == 1, server, eager)
        eager.handshake_headers = ["nonsense"]
        log = record(eager)
        server.disconnect_peer(server.get_peer_ids()[0])
        poll_until(is_idle(eager), server, eager)
        ((reason,),) = named(log, "connection_failed")
        assert reason == (
            f'{url}: line 1 of the headers is not a header; write it like "Name: value"; '
            "not tried again: this does not pass by itself"
        )
        eager.handshake_headers = []
        assert eager.connect_to_url(url) == Error.OK
        poll_until(is_active(eager), server, eager)

    def test_a_final_answer_is_not_repeated(self, eager: WebSocketClient) -> None:
        server = WebSocketServer()
        server.supported_protocols = ["a"]
        assert server.listen(0) == Error.OK
        log = record(eager)
        eager.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}/")
        poll_until(is_idle(eager), server, eager)
        assert (len(named(log, "connection_failed")), named(log, "reconnecting")) == (1, [])

    def test_the_first_connection_is_not_told_as_one_that_came_back(
        self, eager: WebSocketClient, free_port: int
    ) -> None:
        log = record(eager)
        eager.connect_to_url(f"ws://127.0.0.1:{free_port}/")
        poll_until(lambda: bool(named(log, "reconnecting")), eager)
        server = WebSocketServer()
        server.bind_address = "localhost"
        assert server.listen(free_port) == Error.OK
        poll_until(is_active(eager), server, eager)
        assert named(log, "reconnected") == []
        assert eager._counts["reconnect_attempts"] == len(named(log, "reconnecting"))
        assert eager._events["recovered"] == 1

    @pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden", "404 Not Found", "301 Moved"])
    def test_what_does_not_pass_by_itself(self, eager: WebSocketClient, status: str) -> None:
        log = record(eager)
        with Answering(f"HTTP/1.1 {status}\r\n\r\n") as answering:
            eager.connect_to_url(answering.url)
            poll_until(is_idle(eager), eager)
        ((reason,),) = named(log, "connection_failed")
        assert reason.endswith("; not tried again: this does not pass by itself")
        assert answering.count == 1
        assert eager._counts == {"gave_up": 1, "refused_by_status": 1}
        assert eager.get_statistics()["handshakes_failed"] == {int(status[:3]): 1}

    @pytest.mark.parametrize("status", ["503 Service Unavailable", "429 Too Many Requests"])
    @pytest.mark.parametrize(
        "headers",
        [
            "Retry-After: 60\r\n",
            "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nRetry-After: Sun, 06 Nov 1994 08:50:37 GMT\r\n",
        ],
    )
    def test_a_server_that_says_when_to_come_back(self, eager: WebSocketClient, status: str, headers: str) -> None:
        log = record(eager)
        with Answering(f"HTTP/1.1 {status}\r\n{headers}\r\n") as answering:
            eager.connect_to_url(answering.url)
            poll_until(lambda: bool(named(log, "reconnecting")), eager)
        ((attempt, delay),) = named(log, "reconnecting")
        assert attempt == 1
        assert 59.9 <= delay <= 60.1
        assert "Retry-After" not in named(log, "connection_failed")[0][0]

    def test_close_codes_that_mean_to_stay_away(
        self, server: WebSocketServer, eager: WebSocketClient, url: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        log = record(eager)
        for code in (1008, 3000, 3003):
            eager.connect_to_url(url)
            poll_until(lambda: server.get_peer_count() == 1 and is_active(eager)(), server, eager)
            server.disconnect_peer(server.get_peer_ids()[0], code, "secret")
            poll_until(is_idle(eager), server, eager)
            assert eager.get_close_code() == code
            assert caplog.messages[-1] == (
                f"{url}: the connection has ended; not tried again: the server has closed with {code}, which is one of "
                "reconnect_stop_codes"
            )
            poll_until(lambda: server.get_peer_count() == 0, server)
        assert named(log, "reconnecting") == []
        assert len(named(log, "connection_closed")) == len(caplog.messages) == 3

    def test_a_code_of_ones_own_does_not_keep_away(
        self, server: WebSocketServer, eager: WebSocketClient, url: str
    ) -> None:
        eager.unfinished_timeout = 0.1
        log = record(eager)
        eager.connect_to_url(url)
        poll_until(lambda: server.get_peer_count() == 1, server, eager)
        (peer,) = server.peers.values()
        peer.send_fragment("a message without an end", False)
        poll_until(lambda: bool(named(log, "reconnecting")), server, eager)
        assert named(log, "connection_closed") == [()]
        poll_until(is_active(eager), server, eager)

    def test_a_server_that_accepts_and_closes_is_not_asked_again_and_again(
        self, server: WebSocketServer, client: WebSocketClient, url: str
    ) -> None:
        server.client_connected.connect(lambda peer_id: server.disconnect_peer(peer_id, 1001))
        client.auto_reconnect = True
        client.reconnect_delay = 0.1
        log = record(client)
        client.connect_to_url(url)
        begin = time.monotonic()
        poll_until(
            lambda: time.monotonic() >= begin + 3.0 and len(named(log, "connected_to_server")) >= 3, server, client
        )
        # At once, and then after at least 0.05, 0.1, 0.2, 0.4 s and so on: six in 3 s.
        most = 1 + math.log2((time.monotonic() - begin) / 0.05 + 1)
        assert len(named(log, "connected_to_server")) <= most
        assert [attempt for attempt, _ in named(log, "reconnecting")] == list(
            range(1, len(named(log, "reconnecting")) + 1)
        )

    def test_it_gives_up_on_one_as_on_any_other(
        self, server: WebSocketServer, eager: WebSocketClient, url: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        server.client_connected.connect(lambda peer_id: server.disconnect_peer(peer_id, 1001))
        eager.reconnect_stable_time = 60.0
        eager.reconnect_max_attempts = 2
        log = record(eager)
        eager.connect_to_url(url)
        poll_until(is_idle(eager), server, eager)
        assert len(named(log, "connected_to_server")) == len(named(log, "connection_closed")) == 3
        assert caplog.messages == [
            f"{url}: the connection has ended; not tried again: 2 attempts were made (reconnect_max_attempts)"
        ]

    @pytest.mark.parametrize("name", ["reconnecting", "connection_failed", "connection_closed", "reconnected"])
    @pytest.mark.parametrize("act", ["close", "poll", "connect again"])
    def test_handlers_may_do_anything(
        self, server: WebSocketServer, eager: WebSocketClient, url: str, name: str, act: str
    ) -> None:
        port = server.get_local_port()
        log = record(eager)
        acted: list[str] = []

        def handle(*_: object) -> None:
            acted.append(name)
            if len(acted) > 1:
                return
            if act == "poll":
                for _ in range(20):  # type: ignore[assignment]
                    eager.poll()
                    time.sleep(0.005)
                return
            eager.close()
            if act == "connect again" and is_idle(eager)():
                assert eager.connect_to_url(url) == Error.OK

        eager.connect_to_url(url)
        poll_until(lambda: server.get_peer_count() == 1 and is_active(eager)(), server, eager)
        getattr(eager, name).connect(handle)
        server.stop()
        poll_until(lambda: bool(acted) or len(named(log, "reconnecting")) >= 2, eager)
        assert server.listen(port) == Error.OK
        poll_until(lambda: bool(acted), server, eager)
        # What is open takes a moment to close.
        closes = act == "close" or (act, name) == ("connect again", "reconnected")
        poll_until(is_idle(eager) if closes else is_active(eager), server, eager)
        end = time.monotonic() + 0.2
        poll_until(lambda: time.monotonic() >= end, server, eager)
        assert eager._reconnect.wait == 0
        assert (is_idle(eager)(), server.get_peer_count()) == ((True, 0) if closes else (False, 1))


class TestTls:
    @pytest.fixture
    def certificate(self, tmp_path: Path) -> tuple[Path, Path]:
        """A certificate for localhost that nobody vouches for, and its key."""
        if shutil.which("openssl") is None:
            pytest.skip("the openssl program is missing; it makes the certificate for this test")
        certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
        command = (
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
        )
        subprocess.run(
            [*command.split(), "-addext", "subjectAltName=DNS:localhost", "-out", certificate, "-keyout", key],
            check=True,
            capture_output=True,
        )
        return certificate, key

    @pytest.fixture
    def tls_port(self, certificate: tuple[Path, Path]) -> Iterator[int]:
        """Where `websockets` echoes over TLS."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)

        def echo(connection: ServerConnection) -> None:
            for message in connection:
                connection.send(message)

        server: Server = serve(echo, "127.0.0.1", 0, ssl=context)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.socket.getsockname()[1]
        hub.close(0.0)  # The server waits for its connections.
        server.shutdown()
        thread.join()

    @pytest.fixture(autouse=True)
    def fresh_context(self) -> Iterator[None]:
        tls.forget_default()
        yield
        tls.forget_default()

    def test_messages_go_over_tls(
        self,
        client: WebSocketClient,
        tls_port: int,
        certificate: tuple[Path, Path],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
        received: list[object] = []
        client.message_received.connect(received.append)
        messages = ["hello", bytes(300_000)]
        client.connected_to_server.connect(lambda: [client.send(message) for message in messages])
        client.connect_to_url(f"wss://localhost:{tls_port}/")
        poll_until(lambda: len(received) == 2, client)
        assert received == messages
        client.close()
        poll_until(is_idle(client), client)
        assert client.get_close_code() == 1000

    def test_an_untrusted_certificate_is_refused_for_good(self, client: WebSocketClient, tls_port: int) -> None:
        client.auto_reconnect = True
        log = record(client)
        client.connect_to_url(f"wss://localhost:{tls_port}/")
        poll_until(is_idle(client), client)
        ((reason,),) = named(log, "connection_failed")
        assert "the certificate of localhost is not trusted (self-signed certificate)" in reason

    def test_a_server_without_tls(self, client: WebSocketClient, server: WebSocketServer) -> None:
        log = record(client)
        client.connect_to_url(f"wss://localhost:{server.get_local_port()}/")
        poll_until(is_idle(client), client, server, deadline=60.0)
        ((reason,),) = named(log, "connection_failed")
        assert "use ws:// if it has no TLS" in reason


def test_without_idna_a_name_beyond_ascii_is_unavailable(
    server: WebSocketServer, client: WebSocketClient, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "idna", None)
    assert client.connect_to_url("ws://bücher.example/") == Error.ERR_UNAVAILABLE
    (line,) = caplog.messages
    assert line.startswith("connect_to_url: a host name beyond ASCII needs the Python package idna, which cannot be")
    assert client.connect_to_url(f"ws://localhost:{server.get_local_port()}/") == Error.OK
    poll_until(lambda: client.status == client.Status.STATUS_ACTIVE, client, server)


def test_without_idna_a_client_does_not_try_again(
    client: WebSocketClient, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.auto_reconnect, client.reconnect_delay, client.proxy = True, 0.01, f"http://127.0.0.1:{free_port}"
    log = record(client)
    assert client.connect_to_url("ws://bücher.example/") == Error.OK
    monkeypatch.setitem(sys.modules, "idna", None)
    poll_until(lambda: client.status == client.Status.STATUS_IDLE, client)
    assert "needs the Python package idna" in named(log, "connection_failed")[-1][0]
