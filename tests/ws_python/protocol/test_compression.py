"""permessage-deflate from the handshake to the messages, against `websockets`' own two sides, with all parameters."""

from __future__ import annotations

import itertools
import os
from typing import Any, Literal

import pytest
from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, ServerPerMessageDeflateFactory
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import Protocol
from websockets.server import ServerProtocol
from websockets.uri import parse_uri
from ws_python.protocol.codec import Codec
from ws_python.protocol.deflate import Deflate
from ws_python.protocol.handshake import ClientHandshake, Handshake, ServerHandshake
from ws_python.protocol.prepared import PreparedMessage

URL = "ws://localhost/"
BITS = (9, 15)
# Takeover in the server's, in the client's messages; both windows.
OURS = [
    Deflate(server_no, client_no, server_bits, client_bits, min_size=0)
    for server_no, client_no in itertools.product((False, True), repeat=2)
    for server_bits, client_bits in itertools.product(BITS, repeat=2)
]
# What repeats is further apart than a small window reaches, and nearer.
_NOISE = os.urandom(600)
MESSAGES: list[str | bytes] = ["", "a" * 50, b"", _NOISE, _NOISE * 20, "é" * 3000, bytes(9000), "a" * 50, _NOISE]


def their_parameters(client: bool) -> list[tuple[Any, ...]]:
    unlimited: Literal[True] | None = True if client else None
    return list(itertools.product((False, True), (False, True), (None, 9, 15), (unlimited, 9, 15)))


def send(codec: Codec, message: str | bytes) -> None:
    if isinstance(message, str):
        codec.send_text(message)
    else:
        codec.send_binary(message)


def receive(codec: Codec, data: bytes) -> None:
    """Feed a codec, and have it parse all of that."""
    codec.receive_data(data)
    while codec.held:
        codec.resume()


def check_messages(codec: Codec, theirs: Protocol) -> None:
    """MESSAGES go both ways, and each end unpacks what the other one packed."""
    assert theirs.extensions
    for message in MESSAGES:
        send(codec, message)
        wire = codec.data_to_send()
        assert wire[0] & 0x40
        theirs.receive_data(wire)
        (frame,) = theirs.events_received()
        assert isinstance(frame, Frame)
        data = message.encode() if isinstance(message, str) else message
        assert bytes(frame.data) == data
        if frame.opcode == Opcode.TEXT:
            theirs.send_text(data)
        else:
            theirs.send_binary(data)
        receive(codec, b"".join(theirs.data_to_send()))
    assert codec.events_received() == MESSAGES


@pytest.mark.parametrize("ours", OURS, ids=str)
def test_our_server_with_their_client(ours: Deflate) -> None:
    for parameters in their_parameters(client=True):
        client = ClientProtocol(parse_uri(URL), extensions=[ClientPerMessageDeflateFactory(*parameters)])
        client.send_request(client.connect())
        handshake = ServerHandshake([], [], ours)
        handshake.receive_data(b"".join(client.data_to_send()))
        client.receive_data(handshake.data_to_send())
        client.events_received()
        assert (handshake.error, client.handshake_exc) == ("", None)
        agreed = handshake.deflate
        assert agreed is not None
        assert agreed.server_max_window_bits <= ours.server_max_window_bits
        assert agreed.client_max_window_bits <= ours.client_max_window_bits
        assert agreed.server_no_context_takeover >= ours.server_no_context_takeover
        assert agreed.client_no_context_takeover >= ours.client_no_context_takeover
        check_messages(Codec(server=True, deflate=agreed), client)


@pytest.mark.parametrize("ours", OURS, ids=str)
def test_our_client_with_their_server(ours: Deflate) -> None:
    for parameters in their_parameters(client=False):
        server = ServerProtocol(extensions=[ServerPerMessageDeflateFactory(*parameters)])
        handshake = ClientHandshake(URL, [], [], ours)
        server.receive_data(handshake.data_to_send())
        (request,) = server.events_received()
        assert isinstance(request, Request)
        server.send_response(server.accept(request))
        handshake.receive_data(b"".join(server.data_to_send()))
        assert handshake.error == ""
        agreed = handshake.deflate
        assert agreed is not None
        assert agreed.server_max_window_bits <= ours.server_max_window_bits
        check_messages(Codec(server=False, deflate=agreed), server)


def join(client: Handshake, server: Handshake) -> None:
    server.receive_data(client.data_to_send())
    client.receive_data(server.data_to_send())
    assert (client.error, server.error) == ("", "")


class TestNegotiation:
    @pytest.mark.parametrize("wanted", [(None, None), (Deflate(), None), (None, Deflate())])
    def test_without_one_side_there_is_none(self, wanted: tuple[Deflate | None, Deflate | None]) -> None:
        client, server = ClientHandshake(URL, [], [], wanted[0]), ServerHandshake([], [], wanted[1])
        join(client, server)
        assert (client.deflate, server.deflate) == (None, None)

    def test_the_narrower_of_both_holds(self) -> None:
        client = ClientHandshake(URL, [], [], Deflate(False, True, 11, 12, min_size=5, binary=False))
        server = ServerHandshake([], [], Deflate(True, False, 14, 10, min_size=7))
        join(client, server)
        assert client.deflate == Deflate(True, True, 11, 10, min_size=5, binary=False)
        assert server.deflate == Deflate(True, True, 11, 10, min_size=7)

    def test_an_answer_that_was_not_asked_for_is_an_error(self) -> None:
        client, server = ClientHandshake(URL, [], [], Deflate()), ServerHandshake([], [], Deflate())
        server.receive_data(client.data_to_send())
        client.receive_data(server.data_to_send().replace(b"permessage-deflate", b"permessage-deflate; unknown"))
        assert "(Unsupported extension: name = permessage-deflate, params = [('unknown'" in client.error


class TestPreparedMessages:
    @pytest.mark.parametrize("takeover", [False, True])
    def test_among_others(self, takeover: bool) -> None:
        deflate = Deflate(not takeover, False, min_size=0)
        server, client = Codec(server=True, deflate=deflate), Codec(server=False, deflate=deflate)
        prepared = [PreparedMessage(message) for message in MESSAGES]
        for message, shared in zip(MESSAGES, prepared, strict=True):
            for _ in range(2):
                send(server, message)
                server.send_prepared(shared)
        receive(client, server.data_to_send())
        assert client.events_received() == [message for message in MESSAGES for _ in range(4)]

    def test_each_connection_gets_what_it_agreed_on(self) -> None:
        text = "a" * 2000 + os.urandom(500).hex() + "a" * 2000
        message = PreparedMessage(text)
        sent = []
        for deflate in (None, Deflate(), Deflate(server_max_window_bits=9), Deflate(min_size=10_000), Deflate()):
            server, client = Codec(server=True, deflate=deflate), Codec(server=False, deflate=deflate)
            server.send_prepared(message)
            sent.append(server.data_to_send())
            client.receive_data(sent[-1])
            assert client.events_received() == [text]
        plain, compressed, small_window, too_short, again = sent
        assert plain == too_short
        assert compressed == again
        assert len(compressed) < len(plain) // 2
        assert small_window != compressed

    def test_a_lone_surrogate(self) -> None:
        with pytest.raises(UnicodeEncodeError):
            PreparedMessage("\ud800")
