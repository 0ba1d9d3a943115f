"""Requests, answers, and ways to cut them, for the tests of the opening handshake."""

from __future__ import annotations

from collections.abc import Iterable

from websockets.utils import accept_key
from ws_python.protocol.deflate import Deflate
from ws_python.protocol.handshake import (
    ClientHandshake,
    Handshake,
    ServerHandshake,
    parse_headers,
    parse_subprotocols,
)

REQUEST = (
    b"GET /chat?room=1 HTTP/1.1\r\nHost: example.com:8080\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"X-Twice: a\r\nX-Twice: b\r\n\r\n"
)


def with_lines(*lines: bytes) -> bytes:
    """The request with further header lines."""
    return REQUEST[:-2] + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


def server_handshake(
    subprotocols: Iterable[str] = (), headers: Iterable[str] = (), deflate: Deflate | None = None
) -> ServerHandshake:
    return ServerHandshake(parse_subprotocols(list(subprotocols)), parse_headers(list(headers)), deflate)


def client_handshake(
    subprotocols: Iterable[str] = (), headers: Iterable[str] = (), url: str = "ws://example.com:8080/chat?room=1"
) -> ClientHandshake:
    return ClientHandshake(url, parse_subprotocols(list(subprotocols)), parse_headers(list(headers)))


def answer(client: ClientHandshake, *headers: bytes) -> bytes:
    """What a server that accepts answers to the request of this client, with further header lines."""
    key = client.data_to_send().partition(b"Sec-WebSocket-Key: ")[2].partition(b"\r\n")[0]
    accept = accept_key(key.decode()).encode()
    lines = [b"HTTP/1.1 101 Switching Protocols", b"Upgrade: websocket", b"Connection: Upgrade"]
    return b"\r\n".join([*lines, b"Sec-WebSocket-Accept: " + accept, *headers, b"", b""])


def cuts(data: bytes) -> list[list[bytes]]:
    """The bytes as they may arrive: whole, byte by byte, and cut within the blank line that ends the head."""
    end = data.index(b"\r\n\r\n")
    return [[data], [bytes([byte]) for byte in data], *([data[: end + n], data[end + n :]] for n in (1, 2, 3))]


def feed(handshake: Handshake, pieces: Iterable[bytes]) -> bytes:
    """Hand over the pieces. What is behind the handshake, whether it came with it or after."""
    left = b""
    for piece in pieces:
        if handshake.done:
            left += piece
        else:
            handshake.receive_data(piece)
    return handshake.leftover + left


def join(client: Handshake, server: Handshake) -> None:
    """Hand over what both sides have to say, until both are done."""
    while not (client.done and server.done):
        request = client.data_to_send()
        server.receive_data(request)
        client.receive_data(server.data_to_send())
