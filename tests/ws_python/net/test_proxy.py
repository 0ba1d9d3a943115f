"""Tests of ws_python.net.proxy and .socks: clients connect through proxies, their own and the environment's."""

from __future__ import annotations

import logging
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
import trustme
import ws_python.net
from websockets.sync.server import ServerConnection, serve
from ws_python import Error, WebSocketClient, WebSocketServer
from ws_python.loop.hub import hub
from ws_python.net.dialer import Dialer
from ws_python.net.proxy import ProxyDialer, dialer_through, parse_proxy

from tests.ws_python.driving import named, needs_proc, poll_until, record, reset_at_close
from tests.ws_python.net.proxies import HTTPProxy, OddProxy, Proxy, SOCKSProxy

USER = ("me", "p%&:ä")
SOCKS_USER = ("me", "p%&:a@")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the machine has."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture(params=["http", "socks5h", "socks5"])
def proxy(request: pytest.FixtureRequest) -> Iterator[Proxy]:
    with HTTPProxy() if request.param == "http" else SOCKSProxy() as proxy:
        proxy.scheme = request.param  # type: ignore[attr-defined]
        yield proxy


def url_of(proxy: Proxy, user: str = "") -> str:
    scheme = getattr(proxy, "scheme", "http" if isinstance(proxy, HTTPProxy) else "socks5h")
    return f"{scheme}://{user}127.0.0.1:{proxy.port}"


def connect(client: WebSocketClient, server: WebSocketServer, url: str) -> None:
    log = record(client)
    assert client.connect_to_url(url) == Error.OK
    poll_until(lambda: named(log, "connection_failed") != [] or server.get_peer_count() == 1, server, client)
    assert named(log, "connection_failed") == []
    poll_until(lambda: client.status == client.Status.STATUS_ACTIVE, server, client)


def leave(client: WebSocketClient, server: WebSocketServer) -> None:
    client.close()
    poll_until(lambda: server.get_peer_count() == 0 and client.status == client.Status.STATUS_IDLE, server, client)


def failure(client: WebSocketClient, url: str = "ws://game.test/?token=secret") -> str:
    """Why it does not connect: checked to be one line, and no more attempts than one."""
    log = record(client)
    assert client.connect_to_url(url) == Error.OK
    poll_until(lambda: named(log, "connection_failed") != [], client, deadline=30)
    ((reason,),) = named(log, "connection_failed")
    assert reason.isprintable()
    assert "secret" not in reason
    return str(reason)


@pytest.mark.usefixtures("network")
class TestThroughIt:
    def test_messages_go_both_ways(self, proxy: Proxy, server: WebSocketServer, client: WebSocketClient) -> None:
        server_log = record(server)
        client.proxy = url_of(proxy)
        port = server.get_local_port()
        connect(client, server, f"ws://127.0.0.1:{port}/chat")
        log = record(client)
        large = os.urandom(3_000_000)
        client.send("hello")
        server.send(0, large)
        poll_until(lambda: named(server_log, "message_received") != [], server, client)
        poll_until(lambda: named(log, "message_received") == [(large,)], server, client)
        assert proxy.asked == [("127.0.0.1", port)]
        assert proxy.relayed > len(large)
        assert (client.get_connected_host(), client.get_connected_port()) == ("127.0.0.1", port)
        leave(client, server)
        assert client.get_close_code() == 1000

    @pytest.mark.parametrize("kind", ["http", "socks5h"])
    def test_it_resolves_the_name(self, kind: str, server: WebSocketServer, client: WebSocketClient) -> None:
        with HTTPProxy() if kind == "http" else SOCKSProxy() as proxy:
            proxy.hosts["game.test"] = "127.0.0.1"
            client.proxy = url_of(proxy)
            connect(client, server, f"ws://game.test:{server.get_local_port()}/")
            assert proxy.asked == [("game.test", server.get_local_port())]
            assert client.get_connected_host() == "game.test"
            client.close()

    def test_socks5_resolves_the_name_here(self, server: WebSocketServer, client: WebSocketClient) -> None:
        with SOCKSProxy() as proxy:
            client.proxy = f"socks5://127.0.0.1:{proxy.port}"
            connect(client, server, f"ws://localhost:{server.get_local_port()}/")
            ((host, _),) = proxy.asked
            assert host in ("127.0.0.1", "::1")

    def test_an_ipv6_address(self, proxy: Proxy, client: WebSocketClient) -> None:
        server = WebSocketServer()
        server.bind_address = "::1"
        if server.listen(0) != Error.OK:
            pytest.skip("this machine has no IPv6")
        client.proxy = url_of(proxy)
        connect(client, server, f"ws://[::1]:{server.get_local_port()}/")
        assert proxy.asked == [("::1", server.get_local_port())]

    def test_whichever_address_of_the_proxy_answers_serves(
        self, server: WebSocketServer, client: WebSocketClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hosts = {"127.0.0.1", "::1"}
        resolve = hub.loop().getaddrinfo

        async def both(host: str, port: int, **hints: Any) -> list[Any]:  # Not each machine's localhost is.
            assert host == "proxy.test"
            return [info for host in sorted(hosts, reverse=True) for info in await resolve(host, port, **hints)]

        monkeypatch.setattr(hub.loop(), "getaddrinfo", both)
        for host in hosts:
            try:
                proxy = HTTPProxy(host=host)
            except OSError:
                pytest.skip("this machine has no IPv6")
            with proxy:
                client.proxy = f"http://proxy.test:{proxy.port}"
                connect(client, server, f"ws://127.0.0.1:{server.get_local_port()}/")
                leave(client, server)

    def test_with_credentials(self, server: WebSocketServer, client: WebSocketClient) -> None:
        with HTTPProxy(credentials=USER) as http, SOCKSProxy(credentials=SOCKS_USER) as socks:
            urls = (url_of(http, "me:p%25%26%3A%C3%A4@"), url_of(socks, "me:p%25%26:a%40@"))
            for proxy, url in zip((http, socks), urls, strict=True):
                client.proxy = url
                connect(client, server, f"ws://127.0.0.1:{server.get_local_port()}/")
                assert len(proxy.asked) == 1
                leave(client, server)

    def test_credentials_that_nobody_wants_do_no_harm(self, server: WebSocketServer, client: WebSocketClient) -> None:
        with SOCKSProxy() as proxy:
            client.proxy = url_of(proxy, "me:secret@")
            connect(client, server, f"ws://127.0.0.1:{server.get_local_port()}/")

    def test_an_answer_in_pieces_and_with_others_before(self, server: WebSocketServer, client: WebSocketClient) -> None:
        with HTTPProxy() as proxy:
            proxy.answer = (  # type: ignore[attr-defined]
                b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.0 204 Fine\r\n" + b"A: b\r\n" * 50 + b"\r\n"
            )
            client.proxy = url_of(proxy)
            connect(client, server, f"ws://127.0.0.1:{server.get_local_port()}/")

    def test_it_connects_again_by_itself(self, proxy: Proxy, server: WebSocketServer, client: WebSocketClient) -> None:
        client.proxy = url_of(proxy)
        client.auto_reconnect = True
        client.reconnect_delay = 0.01
        connect(client, server, f"ws://127.0.0.1:{server.get_local_port()}/")
        server.disconnect_peer(server.get_peer_ids()[0])
        poll_until(lambda: len(proxy.asked) == 2 and client.status == client.Status.STATUS_ACTIVE, server, client)


class TestTls:
    @pytest.fixture
    def tls_port(self, tmp_path: Path, client: WebSocketClient) -> Iterator[int]:
        """Where `websockets` echoes over TLS, as game.test."""
        authority = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("game.test").configure_cert(context)
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        client.tls_trusted_ca = str(tmp_path / "ca.pem")

        def echo(connection: ServerConnection) -> None:
            for message in connection:
                connection.send(message)

        server = serve(echo, "127.0.0.1", 0, ssl=context)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.socket.getsockname()[1]
        hub.close(0.0)  # The server waits for its connections.
        server.shutdown()
        thread.join()

    @pytest.mark.parametrize("kind", [HTTPProxy, SOCKSProxy])
    def test_it_is_with_the_server_itself(self, kind: type[Proxy], tls_port: int, client: WebSocketClient) -> None:
        with kind() as proxy:
            proxy.hosts["game.test"] = "127.0.0.1"
            client.proxy = url_of(proxy)
            log = record(client)
            assert client.connect_to_url(f"wss://game.test:{tls_port}/") == Error.OK
            client.connected_to_server.connect(lambda: client.send("through"))
            poll_until(lambda: named(log, "message_received") == [("through",)], client)
            assert proxy.asked == [("game.test", tls_port)]

    def test_a_wrong_name_is_refused_and_the_proxy_named(self, tls_port: int, client: WebSocketClient) -> None:
        with HTTPProxy() as proxy:
            proxy.hosts["other.test"] = "127.0.0.1"
            client.proxy = url_of(proxy, "me:secret@")
            client.auto_reconnect = True
            reason = failure(client, f"wss://other.test:{tls_port}/")
            assert "the certificate of other.test is not trusted" in reason
            assert f"(through the proxy http://…@127.0.0.1:{proxy.port})" in reason
            assert client.status == client.Status.STATUS_IDLE


class TestFailures:
    @pytest.fixture
    def client(self) -> WebSocketClient:
        """One that tells by its status whether it would try again."""
        client = WebSocketClient()
        client.auto_reconnect = True
        client.reconnect_delay = client.reconnect_delay_max = 1000.0
        return client

    def tries_again(self, client: WebSocketClient) -> bool:
        return client.status == client.Status.STATUS_RECONNECTING

    def test_it_is_not_running(self, client: WebSocketClient) -> None:
        with socket.create_server(("127.0.0.1", 0)) as gone:
            port = gone.getsockname()[1]
        client.proxy = f"http://me:secret@127.0.0.1:{port}"
        reason = failure(client)
        assert reason == (
            f"ws://game.test/?token=…: the proxy http://…@127.0.0.1:{port} refuses connections; "
            "check that it runs, and its port in the property proxy"
        )
        assert self.tries_again(client)
        assert client._counts["proxy_unreachable"] == 1

    def test_its_name_is_unknown(self, client: WebSocketClient) -> None:
        client.proxy = "socks5h://proxy.invalid"
        assert "the proxy socks5h://proxy.invalid:1080 cannot be resolved (" in failure(client)
        assert self.tries_again(client)

    def test_it_wants_credentials(self, client: WebSocketClient) -> None:
        with HTTPProxy(credentials=USER) as http, SOCKSProxy(credentials=SOCKS_USER) as socks:
            for proxy, how in ((http, "HTTP 407; Basic is spoken here"), (socks, "SOCKS5")):
                client.proxy = url_of(proxy)
                reason = failure(client)
                assert f"wants a user name and a password ({how}); give them in the property proxy: write it" in reason
                assert client.status == client.Status.STATUS_IDLE
                client.proxy = url_of(proxy, "me:wrong-secret@")
                reason = failure(client)
                assert f"does not take our user name and password ({how}); correct them in the property" in reason
                assert client.status == client.Status.STATUS_IDLE
        assert client._counts["proxy_unauthorised"] == 4

    def test_it_does_not_reach_the_server(self, client: WebSocketClient) -> None:
        with socket.create_server(("127.0.0.1", 0)) as gone:
            port = gone.getsockname()[1]
        for kind, said in ((HTTPProxy, "HTTP 502 Bad Gateway"), (SOCKSProxy, "Connection refused by destination host")):
            with kind() as proxy:
                proxy.hosts["game.test"] = "127.0.0.1"
                client.proxy = url_of(proxy)
                reason = failure(client, f"ws://game.test:{port}/")
                assert f"does not connect to game.test, port {port} ({said}); try again later" in reason
                assert self.tries_again(client)
                client.close()

    @pytest.mark.parametrize(
        ("reply", "said", "again"),
        [(1, "General SOCKS server failure", True), (2, "Connection not allowed by ruleset", False), (4, "Host", True)],
    )
    def test_a_socks_proxy_says_why(self, client: WebSocketClient, reply: int, said: str, again: bool) -> None:
        with SOCKSProxy() as proxy:
            proxy.reply = reply  # type: ignore[attr-defined]
            client.proxy = url_of(proxy)
            assert f"does not connect to game.test, port 80 ({said}" in failure(client)
            assert self.tries_again(client) is again

    @pytest.mark.parametrize(("status", "again"), [(403, False), (404, False), (408, True), (429, True), (503, True)])
    def test_a_status_says_whether_to_try_again(self, client: WebSocketClient, status: int, again: bool) -> None:
        with OddProxy(lambda peer: (peer.recv(1000), peer.sendall(b"HTTP/1.1 %d Hello\r\n\r\n" % status))) as proxy:  # type: ignore[func-returns-value]
            client.proxy = f"http://127.0.0.1:{proxy.port}"
            reason = failure(client)
            assert f"does not connect to game.test, port 80 (HTTP {status} {HTTPStatus(status).phrase}); " in reason
            assert self.tries_again(client) is again

    def test_socks5_cannot_resolve_the_servers_name(self, client: WebSocketClient) -> None:
        with SOCKSProxy() as proxy:
            client.proxy = f"socks5://127.0.0.1:{proxy.port}"
            reason = failure(client, "ws://game.invalid/")
            assert 'the host name "game.invalid" cannot be resolved' in reason
            assert f"(through the proxy socks5://127.0.0.1:{proxy.port})" in reason

    @pytest.mark.parametrize("scheme", ["http", "socks5h"])
    @pytest.mark.parametrize("stage", [0, 1])
    def test_one_that_says_nothing_ends_in_time(self, client: WebSocketClient, scheme: str, stage: int) -> None:
        over = threading.Event()
        first = b"HTTP/1.1 200 OK\r\n" if scheme == "http" else b"\x05\x00"
        with OddProxy(lambda peer: (peer.sendall(first * stage), over.wait(60))) as proxy:  # type: ignore[func-returns-value]
            client.connect_timeout = 0.2
            client.proxy = f"{scheme}://127.0.0.1:{proxy.port}"
            assert failure(client).endswith(
                f"game.test, port 80, did not answer through the proxy {scheme}://127.0.0.1:{proxy.port} in time; "
                "check that the proxy runs (the property proxy), and connect_timeout"
            )
            assert self.tries_again(client)
            over.set()

    @pytest.mark.parametrize("scheme", ["http", "socks5h"])
    @pytest.mark.parametrize("reset", [False, True])
    def test_one_that_hangs_up(self, client: WebSocketClient, scheme: str, reset: bool) -> None:
        def hang_up(peer: socket.socket) -> None:
            peer.recv(1000)
            if reset:
                reset_at_close(peer)

        with OddProxy(hang_up) as proxy:
            client.proxy = f"{scheme}://127.0.0.1:{proxy.port}"
            assert "hung up; check its kind, its port and the credentials in the property proxy" in failure(client)
            assert self.tries_again(client)
            assert client._counts["proxy_hung_up"] == 1

    @pytest.mark.parametrize(
        ("scheme", "answer"),
        [
            ("http", b"SSH-2.0-OpenSSH_9.2\r\n"),
            ("http", b"\x05\x00"),
            ("http", b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200),
            ("http", b"HTTP/1.1 200 OK\r\n" + (b"A: " + b"x" * 1000 + b"\r\n") * 20 + b"\r\n"),
            ("http", b"HTTP/1.1 200 OK\r\nA: " + b"x" * 20_000),
            ("http", b"HTTP/1.1 100 Continue\r\n\r\n" * 20),
            ("http", b"HTTP/1.1 101 Switching\r\n\r\n"),
            ("http", b"HTTP/1.1 200 OK\r\n\r\nmore than was asked for"),
            ("http", b"HTTP/1.1 OK\r\n\r\n"),
            ("http", b"HTTP/1.1 999 X\r\n\r\n"),
            ("http", b"HTTP/2 200 OK\r\n\r\n"),
            ("http", b"\n" * 20_000),
            ("socks5h", b"HTTP/1.1 400 Bad Request\r\n\r\n"),
            ("socks5h", b"\x04\x00"),
            ("socks5h", b"\x05\x01"),
            ("socks5h", b"\x05\x02"),
            ("socks5h", b"\x05\x00\x05\x63\x00\x01"),
            ("socks5h", b"\x05\x00\x05\x00\x00\x09"),
            ("socks5h", b"\x05\x00\x05\x00\x00\x03\x02\xff\xff\x00\x00"),
        ],
    )
    def test_one_that_is_none(self, client: WebSocketClient, scheme: str, answer: bytes) -> None:
        def say(peer: socket.socket) -> None:
            peer.sendall(answer)
            while peer.recv(1000):
                pass

        with OddProxy(say) as proxy:
            client.proxy = f"{scheme}://127.0.0.1:{proxy.port}"
            kind = "an HTTP" if scheme == "http" else "a SOCKS5"
            assert f"does not answer as {kind} proxy does; check its kind and port in the property" in failure(client)
            assert client.status == client.Status.STATUS_IDLE
            assert client._counts["proxy_malformed"] == 1

    def test_one_that_never_ends_costs_a_bounded_amount(self, client: WebSocketClient) -> None:
        sent = 0

        def flood(peer: socket.socket) -> None:
            nonlocal sent
            peer.sendall(b"HTTP/1.1 200 OK\r\nA: ")
            while True:
                sent += peer.send(b"x" * 65536)

        with OddProxy(flood) as proxy:
            client.proxy = f"http://127.0.0.1:{proxy.port}"
            assert "does not answer as an HTTP proxy does" in failure(client)
        assert sent < 20_000_000  # What the system takes.

    @needs_proc
    @pytest.mark.parametrize("scheme", ["http", "socks5h", "socks5"])
    def test_attempts_leave_no_sockets(self, client: WebSocketClient, scheme: str) -> None:
        over = threading.Event()
        with OddProxy(lambda peer: (peer.sendall(b"\x05\x00" if scheme != "http" else b"H"), over.wait(60))) as proxy:  # type: ignore[func-returns-value]
            client.proxy = f"{scheme}://127.0.0.1:{proxy.port}"
            hub.loop()
            before = len(os.listdir("/proc/self/fd")) - len(proxy._open)
            for _ in range(20):
                assert client.connect_to_url("ws://127.0.0.1:1/") == Error.OK
                opened = len(proxy._open) + 1
                poll_until(lambda opened=opened: len(proxy._open) == opened, client)  # type: ignore[misc]
                client.close()
                poll_until(lambda: not hub.tasks, client)
            poll_until(lambda: len(os.listdir("/proc/self/fd")) - len(proxy._open) <= before, client)
            over.set()

    def test_without_python_socks(self, client: WebSocketClient, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "python_socks", None)
        monkeypatch.delitem(sys.modules, "ws_python.net.socks", raising=False)
        monkeypatch.delattr(ws_python.net, "socks", raising=False)
        with SOCKSProxy() as proxy:
            client.proxy = url_of(proxy)
            assert "this needs the Python package python-socks, which cannot be loaded (" in failure(client)
            assert client.status == client.Status.STATUS_IDLE


class TestTheProperty:
    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("http://proxy:3128", "http://proxy:3128"),
            ("HTTP://Proxy", "http://proxy:80"),
            ("proxy:3128", "http://proxy:3128"),
            ("socks5h://u:p@proxy/", "socks5h://…@proxy:1080"),
            ("socks://proxy", "socks5h://proxy:1080"),
            ("socks5://[::1]:9", "socks5://[::1]:9"),
            ("http://bücher.example", "http://xn--bcher-kva.example:80"),
        ],
    )
    def test_what_it_may_say(self, text: str, shown: str) -> None:
        assert str(parse_proxy(text, "x")) == shown

    @pytest.mark.parametrize(
        "text",
        [
            "https://proxy:443",
            "socks4://proxy",
            "ftp://proxy",
            "http://",
            "http://:80",
            "http://secret@proxy",
            "http://me:secret@proxy:port",
            "http://me:secret@proxy:99999",
            "http://me:secret@proxy/path",
            "http://me:secret@[proxy",
            "http://me:%FFsecret@proxy",
            "http://me%3Ayou:secret@proxy",
            "http://a..b",
            "socks5://me:secretä@proxy",
            "socks5://me:@proxy",
            f"socks5://me:{'secret' * 50}@proxy",
            "\x00",
        ],
    )
    def test_what_it_may_not(self, text: str, client: WebSocketClient, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.ERROR)
        client.proxy = text
        assert client.connect_to_url("ws://127.0.0.1:1/") == Error.ERR_INVALID_PARAMETER
        (line,) = caplog.messages
        assert line.startswith("connect_to_url: the property proxy")
        assert "secret" not in line
        assert line.isprintable()
        assert client.status == client.Status.STATUS_IDLE

    def test_a_change_counts_for_the_next_attempt(self, server: WebSocketServer, client: WebSocketClient) -> None:
        client.auto_reconnect = True
        client.reconnect_delay = 0.01
        client.proxy = "http://127.0.0.1:1"
        log = record(client)
        client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}/")
        poll_until(lambda: named(log, "connection_failed") != [], server, client)
        client.proxy = "none"
        poll_until(lambda: client.status == client.Status.STATUS_ACTIVE, server, client)

    def test_it_counts_for_this_machine_too(self, server: WebSocketServer, client: WebSocketClient) -> None:
        with HTTPProxy() as proxy:
            client.proxy = url_of(proxy)
            connect(client, server, f"ws://127.0.0.1:{server.get_local_port()}/")
            assert len(proxy.asked) == 1


class TestTheEnvironment:
    def test_a_client_goes_through_it(
        self, server: WebSocketServer, client: WebSocketClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with HTTPProxy() as proxy:
            proxy.hosts["game.test"] = "127.0.0.1"
            monkeypatch.setenv("http_proxy", url_of(proxy))
            connect(client, server, f"ws://game.test:{server.get_local_port()}/")
            assert len(proxy.asked) == 1

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", socket.gethostname()])
    def test_it_is_never_for_this_machine(
        self, host: str, client: WebSocketClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
        reason = failure(client, f"ws://{host}:1/")
        assert "proxy" not in reason

    @pytest.mark.parametrize(
        "host",
        [
            "localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "0.0.0.0",
            "::", "169.254.1.1", "fe80::1%eth0", socket.gethostname(), socket.gethostname().partition(".")[0],
        ],
    )  # fmt: skip
    def test_what_this_machine_is(self, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("all_proxy", "http://proxy:1")
        assert type(dialer_through("", host, 80, secure=False)) is Dialer

    @pytest.mark.parametrize("host", ["game.test", "localhost.example", "128.0.0.1", "10.0.0.1", "2001:db8::1"])
    def test_what_it_is_not(self, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("all_proxy", "http://proxy:1")
        assert isinstance(dialer_through("", host, 80, secure=False), ProxyDialer)

    @pytest.mark.parametrize(
        ("names", "plain", "secure"),
        [
            (["all", "https", "socks", "ws", "http"], "ws", "socks"),
            (["all", "https", "socks", "wss", "http"], "socks", "wss"),
            (["all", "https", "http"], "https", "https"),
            (["all", "http"], "http", "all"),
            (["ftp"], None, None),
        ],
    )
    @pytest.mark.parametrize("capitals", [False, True])
    def test_which_variable_counts(
        self, names: list[str], plain: str, secure: str, capitals: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in names:
            variable = f"{name}_proxy"
            monkeypatch.setenv(variable.upper() if capitals else variable, f"http://{name}:1")
        for wanted, is_secure in ((plain, False), (secure, True)):
            dialer = dialer_through("", "game.test", 80, secure=is_secure)
            scheme = "socks5h" if wanted == "socks" else "http"
            assert dialer.via == (f" (through the proxy {scheme}://{wanted}:1)" if wanted else "")

    @pytest.mark.parametrize(
        ("no_proxy", "host", "straight"),
        [
            ("*", "game.test", True),
            ("game.test", "game.test", True),
            (".game.test, other", "a.game.test", True),
            ("game.test", "game.test.", True),
            ("10.1.2.3", "10.1.2.3.", True),
            ("game.test:80", "game.test", True),
            ("game.test:81", "game.test", False),
            ("game.test", "mygame.test", False),
            ("10.0.0.0/8", "10.1.2.3", True),
            ("10.0.0.0/8", "11.1.2.3", False),
            ("10.1.2.3", "10.1.2.3", True),
            ("2001:db8::/32", "2001:db8::5", True),
            ("[2001:db8::5]", "2001:db8::5", True),
            (" ,,nonsense/99", "game.test", False),
        ],
    )
    def test_what_is_excepted(self, no_proxy: str, host: str, straight: bool, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("http_proxy", "http://proxy:1")
        for name in ("no_proxy", "NO_PROXY"):
            with monkeypatch.context() as patch:
                patch.setenv(name, no_proxy)
                assert (type(dialer_through("", host, 80, secure=False)) is Dialer) is straight

    def test_none_goes_without(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("all_proxy", "http://proxy:1")
        assert type(dialer_through("None ", "game.test", 80, secure=False)) is Dialer

    @pytest.mark.parametrize("value", ["https://me:secret@proxy", "http://me:secret@proxy:port", "\x1b[31m", "http://"])
    def test_a_malformed_one_fails_the_attempt_and_nothing_else(
        self, value: str, client: WebSocketClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HTTPS_PROXY", value)
        client.auto_reconnect = True
        reason = failure(client)
        assert "https_proxy of the environment" in reason
        assert '(proxy = "none" would do without)' in reason
        assert client.status == client.Status.STATUS_IDLE

    def test_failures_name_the_variable(self, client: WebSocketClient, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("WS_PROXY", "http://127.0.0.1:1")
        assert "and its port in ws_proxy of the environment" in failure(client)

    @pytest.mark.skipif(sys.platform != "linux", reason="other systems keep proxies elsewhere, too, and are asked")
    def test_without_variables_nothing_is_loaded_for_them(self) -> None:
        script = (
            f"import sys; sys.path.insert(0, {str(Path(ws_python.__file__).parents[1])!r})\n"
            "from ws_python.net.proxy import dialer_through\n"
            "dialer_through('', 'game.test', 80, secure=True)\n"
            "print([name for name in ('urllib.request', 'websockets.proxy', 'python_socks') if name in sys.modules])"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
        assert done.stdout == "[]\n", done.stderr
