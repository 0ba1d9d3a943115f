"""Tests of ws_python.protocol.handshake: both sides of it joined, and what they keep."""

from __future__ import annotations

import gc
import sys

import pytest
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.protocol import Protocol
from ws_python.protocol.deflate import Deflate
from ws_python.protocol.handshake import ClientHandshake, Handshake, ServerHandshake
from ws_python.protocol.http_head import HeadReader

from .handshakes import client_handshake, join, server_handshake


@pytest.mark.parametrize(
    ("offered", "spoken", "selected"),
    [([], [], ""), (["a", "b"], [], ""), (["a", "b"], ["b", "a"], "b"), (["a"], ["c", "a"], "a")],
)
def test_the_servers_preference_selects_the_subprotocol(offered: list[str], spoken: list[str], selected: str) -> None:
    client, server = client_handshake(offered), server_handshake(spoken)
    join(client, server)
    assert (client.error, server.error) == ("", "")
    assert (client.status, server.status) == (101, 101)
    assert (client.subprotocol, server.subprotocol) == (selected, selected)


@pytest.mark.parametrize("offered", [[], ["x"]])
def test_no_common_subprotocol_is_an_error_on_both_sides(offered: list[str]) -> None:
    client, server = client_handshake(offered), server_handshake(["a"])
    join(client, server)
    assert server.error.startswith("no common subprotocol (")
    assert server.error.endswith("have it offer one of supported_protocols")
    assert client.error.endswith("; set supported_protocols to what the server speaks")
    assert client.error.startswith("the server answered HTTP 400 Bad Request: Failed to open")
    assert (client.status, server.status) == (400, 400)


@pytest.mark.parametrize(
    ("url", "path", "host"),
    [
        ("ws://h/?name=J%26J&room=é", "/?name=J%26J&room=%C3%A9", "h"),
        ("ws://bücher.example:81/é/100%", "/%C3%A9/100%25", "xn--bcher-kva.example:81"),
        ("ws://[fe80::1%25eth0]:81/", "/", "[fe80::1]:81"),
        ('ws://[::1]/?q={"a":[1]}', "/?q=%7B%22a%22:%5B1%5D%7D", "[::1]"),
    ],
)
def test_what_a_url_says_arrives(url: str, path: str, host: str) -> None:
    client, server = client_handshake(url=url), server_handshake()
    join(client, server)
    assert (client.error, server.error) == ("", "")
    assert (server.path, server.header("Host"), server.url) == (path, host, f"ws://{host}{path}")
    assert (client.path, client.url) == (path, url)


def everything_held(handshake: Handshake) -> list[object]:
    """What a handshake refers to, except for classes, and what those refer to."""
    found: dict[int, object] = {}
    waiting = [handshake]
    while waiting:
        for held in gc.get_referents(waiting.pop()):
            if id(held) not in found and not isinstance(held, type):
                found[id(held)] = held
                waiting.append(held)
    return list(found.values())


def test_a_handshake_that_is_done_keeps_what_can_be_asked_for_and_no_more() -> None:
    headers = ["User-Agent: " + "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 " * 2, "Cookie: id=" + "x" * 100]
    client = ClientHandshake("ws://h/chat", [], [tuple(line.split(": ")) for line in headers], Deflate())  # type: ignore[misc]
    server = ServerHandshake([], [], Deflate())
    request = client.data_to_send()
    server.receive_data(request)
    client.receive_data(server.data_to_send())
    for handshake in (client, server):
        assert handshake.error == ""
        held = everything_held(handshake)
        assert not [value for value in held if isinstance(value, (Protocol, PerMessageDeflate, HeadReader, bytearray))]
    # What the other side sent, once, and less than a kilobyte beside it.
    size = sys.getsizeof(server) + sum(map(sys.getsizeof, everything_held(server)))
    assert size < len(request) + 1000
    assert server.header("cookie") == "id=" + "x" * 100


@pytest.mark.parametrize("side", ["client", "server"])
def test_bytes_after_the_end_are_not_looked_at(side: str) -> None:
    handshake: Handshake = client_handshake() if side == "client" else server_handshake()
    handshake.receive_eof()
    handshake.data_to_send()
    error = handshake.error
    handshake.receive_data(b"GET / HTTP/1.1\r\n\r\n")
    handshake.receive_eof()
    assert (handshake.error, handshake.data_to_send(), handshake.leftover) == (error, b"", b"")
