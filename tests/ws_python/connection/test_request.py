"""Tests of ws_python.connection.request: what a request says, from the bytes that a client sends."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator

import pytest
from ws_python import Error, WebSocketRequest, WebSocketServer
from ws_python.features.feature import Feature

from tests.ws_python.driving import RawClient, poll_until

HEAD = (
    "GET {} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n{}\r\n"
)
Ask = Callable[..., WebSocketRequest]


@pytest.fixture
def ask(server: WebSocketServer) -> Iterator[Ask]:
    """Send a request, and take what the authorizer is shown."""
    raw: list[RawClient] = []

    def ask(target: str = "/", *lines: str) -> WebSocketRequest:
        seen: list[WebSocketRequest] = []

        def authorizer(request: WebSocketRequest) -> bool:
            seen.append(request)
            return True

        server.authorizer = authorizer
        client = RawClient(server.get_local_port())
        raw.append(client)
        client.send_raw(HEAD.format(target, "".join(f"{line}\r\n" for line in lines)).encode("latin-1"))
        poll_until(lambda: bool(seen), server)
        return seen[0]

    yield ask
    for client in raw:
        client.close()


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/", "/", {}),
        ("/a/b", "/a/b", {}),
        ("/a?", "/a", {}),
        ("/a%2Fb%20c+d", "/a/b c+d", {}),
        ("/%61dmin", "/admin", {}),
        ("/%C3%AB", "/ë", {}),
        ("/%ff", "/\ufffd", {}),
        ("/%", "/%", {}),
        ("/%00", "/\0", {}),
        ("/?a=1&b=2", "/", {"a": "1", "b": "2"}),
        ("/?a=1&a=2", "/", {"a": "1"}),
        ("/?a", "/", {"a": ""}),
        ("/?a=&&b", "/", {"a": "", "b": ""}),
        ("/?=x", "/", {"": "x"}),
        ("/?a=b=c?d", "/", {"a": "b=c?d"}),
        ("/?a=x+y%2Bz%26", "/", {"a": "x y+z&"}),
        ("/?%C3%AB=%C3%AB", "/", {"ë": "ë"}),
        ("/?a;b=1", "/", {"a;b": "1"}),
        ("http://elsewhere/x?y=1", "/x", {"y": "1"}),
    ],
)
def test_path_and_query(ask: Ask, target: str, path: str, query: dict[str, str]) -> None:
    request = ask(target)
    assert (request.path, request.query) == (path, query)
    assert request.target == target.removeprefix("http://elsewhere")


def test_repeated_names_of_a_query_in_order(ask: Ask) -> None:
    request = ask("/?a=2&b=x&a=1&%61=3")
    assert request.get_query_values("a") == ["2", "1", "3"]
    assert request.get_query_values("c") == []


def test_a_query_with_more_pairs_than_anybody_sends(ask: Ask) -> None:
    request = ask("/?" + "&".join(f"{number}" for number in range(1000)))
    assert len(request.query) == 256
    assert request.get_query_values("255") == [""]
    assert request.get_query_values("256") == []


def test_headers_without_case(ask: Ask) -> None:
    request = ask("/", "X-One: a", "x-ONE: b ", "X-Latin: \xeb", "X-Empty:")
    assert request.get_header("X-one") == "a, b"
    assert request.get_header_values("x-One") == ["a", "b"]
    assert request.get_header("X-Two") == ""
    assert request.get_header_values("X-Two") == []
    headers = request.get_headers()
    assert (headers["x-one"], headers["x-latin"], headers["x-empty"], headers["host"]) == ("a, b", "ë", "", "localhost")
    assert request.headers.get_all("X-ONE") == ["a", "b"]
    assert request.headers["upgrade"] == "websocket"


def test_headers_are_the_same_while_it_is_answered_and_later(ask: Ask, server: WebSocketServer) -> None:
    seen: list[list[tuple[str, str]]] = []

    class Looking(Feature):
        def admit(self, connection: object, request: WebSocketRequest) -> None:
            seen.append(list(request.headers.raw_items()))

    server._features.insert(0, Looking(server))
    request = ask("/", "X-One: a", "X-One: b")
    assert request.headers.get_all("x-one") == ["a", "b"]
    assert list(request.headers.raw_items()) == seen[0]


@pytest.mark.parametrize(
    ("lines", "cookies"),
    [
        ((), {}),
        (("Cookie: a=1",), {"a": "1"}),
        (("Cookie: a=1; b=2;c=3",), {"a": "1", "b": "2", "c": "3"}),
        (("Cookie: a=1; a=2",), {"a": "1"}),
        (("Cookie: a=1", "Cookie: b=2"), {"a": "1", "b": "2"}),
        (("Cookie: a=x=y==",), {"a": "x=y=="}),
        (('Cookie: a="q r"; b=""; c="',), {"a": "q r", "b": "", "c": '"'}),
        (("Cookie: noise; =x; a = 1 ; ;",), {"a": "1"}),
        (("Cookie: a=%41",), {"a": "%41"}),
        ((f"Cookie: {'x; ' * 400}a=1",), {}),
    ],
)
def test_cookies(ask: Ask, lines: tuple[str, ...], cookies: dict[str, str]) -> None:
    assert ask("/", *lines).cookies == cookies


def test_who_asks(ask: Ask, server: WebSocketServer) -> None:
    request = ask("/", "Origin: http://localhost", "Sec-WebSocket-Protocol: a, b", "Sec-WebSocket-Protocol: c")
    poll_until(lambda: server.get_peer_count() == 1, server)
    (peer,) = server.peers.values()
    assert peer.request is request
    assert (request.address, request.port) == (peer.get_connected_host(), peer.get_connected_port())
    assert request.origin == "http://localhost"
    assert request.subprotocols == ["a", "b", "c"]
    assert request.certificate == ""


def test_the_certificate_is_the_links(ask: Ask, server: WebSocketServer) -> None:
    def shown(link: object, accepted: Callable[..., None] = server._listener._accepted) -> None:  # type: ignore[union-attr]
        link.certificate = "-----BEGIN CERTIFICATE-----"  # type: ignore[attr-defined]
        accepted(link)

    server._listener._accepted = shown  # type: ignore[union-attr]
    assert ask("/").certificate == "-----BEGIN CERTIFICATE-----"


def test_what_is_stored_stays_with_the_peer(ask: Ask, server: WebSocketServer) -> None:
    seen: list[object] = []

    def note(peer_id: int) -> None:
        request = server.peers[peer_id].request
        assert request is not None
        seen.append((request.data, request.path))
        request.data = "changed"

    server.client_connected.connect(note)
    server.client_disconnected.connect(note)
    server.authorizer = lambda request: setattr(request, "data", request.path) or True  # type: ignore[func-returns-value, redundant-expr]
    raw = RawClient(server.get_local_port())
    raw.shake_hands(server)
    poll_until(lambda: bool(seen), server)
    server.stop()
    raw.close()
    assert seen == [("/", "/"), ("changed", "/")]


def test_there_is_one_without_an_authorizer(server: WebSocketServer) -> None:
    raw = RawClient(server.get_local_port())
    raw.shake_hands(server)
    poll_until(lambda: server.get_peer_count() == 1, server)
    (peer,) = server.peers.values()
    assert peer.request is not None and peer.request is peer.request
    assert (peer.request.path, peer.request.data) == ("/", None)
    raw.close()


def basic(pair: bytes) -> str:
    return base64.b64encode(pair).decode()


@pytest.mark.parametrize(
    ("lines", "token", "user", "password"),
    [
        ((), "", "", ""),
        (("Authorization: Bearer abc",), "abc", "", ""),
        (("authorization: bEARER   abc ",), "abc", "", ""),
        (("Authorization: Bearer",), "", "", ""),
        (("Authorization: abc",), "", "", ""),
        (("Authorization: Bearer a", "Authorization: Bearer b"), "", "", ""),
        (("Authorization: Basic " + basic(b"ada:s:ecret"),), "", "ada", "s:ecret"),
        (("Authorization: basic " + basic("Zoë:ж".encode()),), "", "Zoë", "ж"),
        (("Authorization: Basic " + basic(b"ada"),), "", "ada", ""),
        (("Authorization: Basic " + basic(b":x"),), "", "", "x"),
        (("Authorization: Basic " + basic(b"\xff:x"),), "", "", ""),
        (("Authorization: Basic !!!",), "", "", ""),
        (("Authorization: Basic YWRhOng",), "", "", ""),
    ],
)
def test_credentials(ask: Ask, lines: tuple[str, ...], token: str, user: str, password: str) -> None:
    request = ask("/", *lines)
    assert request.get_bearer_token() == token
    assert (request.get_basic_user(), request.get_basic_password()) == (user, password)


def test_a_token_in_the_query(ask: Ask) -> None:
    request = ask("/?access_token=abc&t=def")
    assert request.get_bearer_token() == "abc"
    assert request.get_bearer_token("t") == "def"
    assert request.get_bearer_token("none") == ""
    assert request.get_bearer_token("") == ""
    assert ask("/?access_token=abc", "Authorization: Bearer header").get_bearer_token() == "header"


def test_comparing_secrets() -> None:
    same = WebSocketRequest.constant_time_compare
    assert same("", "") and same("жё\ud800", "жё\ud800")
    assert not same("a", "b") and not same("a", "ab") and not same("", "a")


def test_one_that_nobody_has_sent() -> None:
    request = WebSocketRequest()
    assert (request.target, request.path, request.query, request.get_headers(), request.cookies) == ("", "", {}, {}, {})
    assert (request.origin, request.subprotocols, request.address, request.port) == ("", [], "", 0)
    assert (request.get_bearer_token(), request.get_basic_user(), list(request.headers)) == ("", "", [])
    assert request.select_protocol("a") == Error.ERR_INVALID_PARAMETER
