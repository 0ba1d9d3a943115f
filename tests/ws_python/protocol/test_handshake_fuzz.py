"""The opening handshake against bytes from strangers, and the server's side against that of `websockets`."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.http11 import Request
from websockets.server import ServerProtocol
from ws_python.protocol.deflate import Deflate
from ws_python.protocol.handshake import ClientHandshake, Handshake, ServerHandshake

from .handshakes import REQUEST, answer

# What heads are made of, and what breaks them.
FRAGMENTS = [
    b"\r\n", b"\n", b"\r", b"\r\n\r\n", b":", b" ", b"\t", b",", b";", b"=", b'"', b"\\", b"\0", b"\xff", b"\x9b",
    b"\x1b[31m",
    "\u202e".encode(), b"Host: b\r\n", b"Upgrade: ", b"websocket", b"Connection: ", b"Sec-WebSocket-Key: ",
    b"Sec-WebSocket-Version: 8\r\n", b"Sec-WebSocket-Protocol: a, b\r\n", b"Sec-WebSocket-Extensions: ",
    b"permessage-deflate", b"client_max_window_bits", b"server_max_window_bits=8", b"99999999999999999999", b"-1",
    b"Content-Length: 5\r\n", b"Content-Length: -1\r\n", b"Transfer-Encoding: chunked\r\n",
    b"Content-Encoding: gzip\r\n",
    b"ffffffffffffffffff\r\n", b"Location: http://u:p@h/?a=b\r\n", b"HTTP/1.0", b"HTTP/2",
    b"HTTP/1.1 100 A\r\n\r\n", b"503",
    b"GET", b"POST", b"*", b"http://h/", b"#", b"%zz", b"\x16\x03", b"\x15\x03", b"a," * 40, b";a" * 70, b"\\a" * 70,
    b"x" * 9000, b"A: b\r\n" * 130,
]  # fmt: skip
REFUSED = b"HTTP/1.1 302 Found\r\nLocation: http://x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"

edits = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 40), st.sampled_from(FRAGMENTS) | st.binary(max_size=6)), max_size=5
)
sizes = st.lists(st.sampled_from([1, 2, 3, 50, 16384]), min_size=1, max_size=8)


def edited(data: bytes, changes: list[tuple[float, int, bytes]]) -> bytes:
    for where, removed, put in changes:
        at = int(where * len(data))
        data = data[:at] + put + data[at + removed :]
    return data


def check(handshake: Handshake, data: bytes, pieces: list[int]) -> None:
    """Feed the bytes in pieces of these sizes, again and again; see that what holds always, does."""
    at = 0
    while at < len(data):
        size = pieces[0]
        pieces = [*pieces[1:], size]
        was_done = (handshake.done, handshake.error, handshake.status)
        handshake.receive_data(data[at : at + size])
        assert not was_done[0] or was_done == (handshake.done, handshake.error, handshake.status)
        assert len(handshake.data_to_send()) < 1000
        at += size
        if handshake.done and len(data) - at > 100:
            break
    handshake.receive_eof()
    assert handshake.done
    assert handshake.error.isprintable()
    assert len(handshake.error) <= 200
    handshake.error.encode()
    assert handshake.error or handshake.status == 101
    for name in ("Host", "x", "Location"):
        assert "\n" not in handshake.header(name)


@given(edits, sizes, st.booleans(), st.sampled_from([[], ["a"]]))
def test_a_request_of_any_bytes(
    changes: list[tuple[float, int, bytes]], pieces: list[int], deflate: bool, subprotocols: list[str]
) -> None:
    handshake = ServerHandshake(subprotocols, [("X", "y")], Deflate() if deflate else None)  # type: ignore[arg-type]
    check(handshake, edited(REQUEST, changes), pieces)


@given(edits, sizes, st.booleans(), st.booleans())
def test_an_answer_of_any_bytes(
    changes: list[tuple[float, int, bytes]], pieces: list[int], accepted: bool, deflate: bool
) -> None:
    handshake = ClientHandshake("ws://h/?q", [], [], Deflate() if deflate else None)
    good = answer(handshake, b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=10")
    check(handshake, edited(good if accepted else REFUSED, changes), pieces)


@given(st.binary(max_size=200), sizes)
def test_bytes_that_never_were_a_head(data: bytes, pieces: list[int]) -> None:
    check(ServerHandshake([], []), data, pieces)
    check(ClientHandshake("ws://h/", [], []), data, pieces)


@given(edits, sizes)
@example([(0.3, 0, b"\0"), (0.0, 3, b"POST")], [1])
@example([(0.5, 0, b"\r"), (0.02, 0, b"#")], [3])
def test_how_a_request_is_cut_changes_nothing(changes: list[tuple[float, int, bytes]], pieces: list[int]) -> None:
    data = edited(REQUEST, changes)[:16384]
    whole, cut = ServerHandshake([], [], Deflate()), ServerHandshake([], [], Deflate())
    whole.receive_data(data)
    at, index = 0, 0
    while at < len(data) and not cut.done:
        size = pieces[index % len(pieces)]
        cut.receive_data(data[at : at + size])
        at, index = at + size, index + 1
    assert (whole.done, whole.status, whole.path, whole.url) == (cut.done, cut.status, cut.path, cut.url)
    # How much was read when a bound was passed is the one thing that may differ.
    assert whole.error == cut.error or "expected no more" in whole.error


# --- well-formed requests: ours accepts what `websockets` accepts, except for what it leaves to others to check

tokens = st.text("abcXYZ019-_.!", min_size=1, max_size=8)
spaces = st.sampled_from(["", " ", "\t", "  "])
lists = st.lists(st.sampled_from(["Upgrade", "upgrade", "keep-alive", "close", ""]) | tokens, min_size=1, max_size=4)
upgrades = st.sampled_from(["websocket", "WebSocket", "h2c", "websocket, h2c", "websocket/13", ""])
parameters = st.sampled_from(
    ["client_max_window_bits", "client_max_window_bits=10", 'server_max_window_bits="9"', "client_no_context_takeover",
     "server_no_context_takeover=1", "server_max_window_bits=16", "x", "x=", '"'],
)  # fmt: skip
extensions = st.lists(
    st.tuples(st.sampled_from(["permessage-deflate", "x-other"]), st.lists(parameters, max_size=3)), max_size=3
)
keys = st.sampled_from(["dGhlIHNhbXBsZSBub25jZQ==", "dGhl", "????", "", "dGhlIHNhbXBsZSBub25jZQ== "])


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """A well-formed request: a proper handshake in which some things are replaced, added, left out, and shuffled."""
    offered = ", ".join("; ".join([name, *params]) for name, params in draw(extensions))
    good = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    good |= {"Sec-WebSocket-Version": "13", "Sec-WebSocket-Extensions": offered or "x", "Method": "GET"}
    other = {
        "Upgrade": upgrades,
        "Connection": lists.map(",".join),
        "Sec-WebSocket-Key": keys,
        "Sec-WebSocket-Version": st.sampled_from(["8", "13, 8", ""]),
        "Method": st.sampled_from(["HEAD", "POST", "get"]),
    }
    for name in draw(st.lists(st.sampled_from(sorted(other)), max_size=1)):
        good[name] = draw(other[name])
    method = good.pop("Method")
    for name in draw(st.lists(st.sampled_from(sorted(good)), max_size=draw(st.integers(0, 1)))):
        del good[name]
    known = st.sampled_from(["Origin", "Sec-WebSocket-Protocol", "Content-Length", "Connection"])
    more = draw(st.lists(st.tuples(known | tokens, tokens | st.sampled_from(["a", "0", "é\xff"])), max_size=3))
    fields = draw(st.permutations([*good.items(), *more]))
    lines = [f"{name}:{draw(spaces)}{value}{draw(spaces)}" for name, value in fields]
    head = [f"{method} /{draw(tokens)}?{draw(tokens)} HTTP/1.1", "Host: h", *lines, "", ""]
    return "\r\n".join(head).encode("latin-1")


@given(requests(), st.sampled_from([[], ["a"], ["abc", "a"]]), st.booleans())
@example(REQUEST, [], True)
@example(REQUEST.replace(b"Sec-WebSocket-Version: 13\r\n", b"Connection: \xff\r\n"), [], True)
def test_a_well_formed_request_is_answered_as_websockets_does(
    data: bytes, subprotocols: list[str], deflate: bool
) -> None:
    ours = ServerHandshake(subprotocols, [], Deflate() if deflate else None)  # type: ignore[arg-type]
    ours.receive_data(data)
    offered = [ServerPerMessageDeflateFactory()] if deflate else None
    theirs = ServerProtocol(subprotocols=subprotocols or None, extensions=offered)  # type: ignore[arg-type]
    theirs.receive_data(data)
    request = next(iter(theirs.events_received()), None)
    if request is None:
        assert ours.error
        return
    assert isinstance(request, Request)
    response = theirs.accept(request)
    assert (ours.status == 101) is (response.status_code == 101)
    assert (ours.status, ours.subprotocol) == (response.status_code, theirs.subprotocol or "") or (
        # RFC 6455 section 4.2.2: another version gets 426, which `websockets` answers as 400.
        (ours.status, response.status_code) == (426, 400) and "Sec-WebSocket-" in ours.error
    )
