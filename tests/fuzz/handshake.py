"""Fuzz target: the opening handshake of either side, with any request, or any answer, cut anywhere.

What holds, whatever comes: nothing raises. An error is one line of at most 200 printable characters, and with none
there is a 101. What comes behind the handshake is left over, whole. How it is cut changes nothing.
"""

from __future__ import annotations

from http import HTTPStatus

from websockets.utils import accept_key
from ws_python.protocol.deflate import Deflate
from ws_python.protocol.handshake import ClientHandshake, Handshake, ServerHandshake, parse_headers, parse_subprotocols

from tests.fuzz.given import Given, pieces

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
# What the key that answers it stands for: no input would contain that.
ACCEPT = b"{accept}"
# Takes more than one read of a socket brings, though never more than that at once.
READ = 16 * 1024
MOST_ANSWERED = 2000
HEADERS = parse_headers(["X-Own: é", "Set-Cookie: a=b"])
NAMES = ("Host", "x", "Location", "Sec-WebSocket-Extensions")


def text(given: Given) -> bytes:
    """What arrives: what was read, with up to three parts that are repeated before its end."""
    long = [given.payload(20_000) for _ in range(given.below(4))]
    return given.rest().replace(b"{long}", b"".join(long), 2)


def feed(handshake: Handshake, parts: list[bytes]) -> bytes:
    """Hand over the parts. Returns what is left over, and what came after the end."""
    left = b""
    for part in parts:
        if handshake.done:
            left += part
            continue
        for at in range(0, len(part), READ):
            handshake.receive_data(part[at : at + READ])
    return handshake.leftover + left


def check(handshake: Handshake, data: bytes, left: bytes) -> tuple[object, ...]:
    """What holds at the end; returns what must not depend on how the data was cut."""
    answer = handshake.data_to_send()
    assert len(answer) <= MOST_ANSWERED
    handshake.receive_eof()
    assert handshake.done
    assert handshake.error.isprintable()
    assert len(handshake.error) <= 200
    handshake.error.encode()
    if handshake.error:
        assert not handshake.deflate
    else:
        assert handshake.status == HTTPStatus.SWITCHING_PROTOCOLS
        # What was taken ends with the head that decided, and all behind it is left over.
        heads = data[: len(data) - len(left)].split(b"\r\n\r\n")
        assert heads[-1] == b""
        assert heads[-2].startswith((b"GET ", b"HTTP/1.1 101"))
        assert all(head.startswith(b"HTTP/1.") for head in heads[:-2])
        assert data.endswith(left)
    for name in NAMES:
        assert not set(handshake.header(name)) & set("\r\n\0")
    before = (handshake.done, handshake.error, handshake.status)
    handshake.receive_data(b"\0GET / HTTP/1.1\r\n\r\n")
    assert (handshake.done, handshake.error, handshake.status) == before
    error = "" if "expected no more" in handshake.error else handshake.error
    return handshake.status, handshake.path, handshake.subprotocol, handshake.deflate, error


def server(given: Given) -> None:
    setup, sizes = given.byte(), given.sizes()
    subprotocols = parse_subprotocols(["chat", "a"] if setup & 1 else [])
    deflate = Deflate(server_max_window_bits=10) if setup & 2 else None
    later, refused = setup & 4, setup & 8
    data = text(given)
    ends = []
    for parts in ([data], pieces(data, sizes)):
        handshake = ServerHandshake(subprotocols, HEADERS, deflate)
        handshake.answers_at_once = not later
        left = feed(handshake, parts)
        if handshake.request_read:
            assert not handshake.done
            assert handshake.url.startswith(("ws://", "wss://"))
            if refused:
                handshake.refuse(HTTPStatus.FORBIDDEN, "no", [("X-Why", "so")])
            else:
                handshake.accept()
            assert handshake.done
            left = handshake.leftover
        url = handshake.url
        ends.append((*check(handshake, data, left), url))
        if not handshake.error:
            assert handshake.subprotocol in ("", *subprotocols)
    # What comes while an answer waits counts, and that is cut.
    assert ends[0] == ends[1] or later


def client(given: Given) -> None:
    setup, sizes = given.byte(), given.sizes()
    subprotocols = parse_subprotocols(["chat", "a"] if setup & 1 else [])
    deflate = Deflate(client_max_window_bits=10) if setup & 2 else None
    data = text(given)
    data = data.replace(ACCEPT, accept_key(KEY).encode())
    ends = []
    for parts in ([data], pieces(data, sizes)):
        handshake = ClientHandshake("ws://user:password@host:81/a?b", subprotocols, HEADERS, deflate)
        assert handshake._protocol is not None
        handshake._protocol.key = KEY  # It would be another each time.
        handshake.data_to_send()
        left = feed(handshake, parts)
        end = check(handshake, data, left)
        if not handshake.error:
            assert handshake.subprotocol in ("", *subprotocols)
        # The body of a refusal is quoted where it came with the head.
        ends.append(end if end[0] == HTTPStatus.SWITCHING_PROTOCOLS else end[:1])
    assert ends[0] == ends[1]


def both(given: Given) -> None:
    """One side's request is another's: they agree, whatever their settings are."""
    bits = [9 + given.below(7) for _ in range(4)]
    flags = given.byte()
    ours = Deflate(bool(flags & 1), bool(flags & 2), bits[0], bits[1]) if flags & 4 else None
    theirs = Deflate(bool(flags & 8), bool(flags & 16), bits[2], bits[3]) if flags & 32 else None
    asking = ClientHandshake("ws://host/", parse_subprotocols(["a", "b"] if flags & 64 else []), [], ours)
    serving = ServerHandshake(parse_subprotocols(["b"] if flags & 128 else []), [], theirs)
    serving.receive_data(asking.data_to_send())
    asking.receive_data(serving.data_to_send() + b"\x81\x00")
    assert (asking.done, serving.done) == (True, True)
    assert (asking.error, serving.error) == ("", "") or flags & 192 == 128
    assert (asking.leftover, asking.subprotocol) == (b"\x81\x00", serving.subprotocol) or asking.error
    if asking.deflate is None or serving.deflate is None:
        assert asking.deflate is serving.deflate
        return
    for name in ("no_context_takeover", "max_window_bits"):
        for side in ("server", "client"):
            assert getattr(asking.deflate, f"{side}_{name}") == getattr(serving.deflate, f"{side}_{name}")


def run(data: bytes) -> None:
    """One handshake, seen from one side or from both."""
    given = Given(data)
    (server, client, server, client, both)[given.below(5)](given)
