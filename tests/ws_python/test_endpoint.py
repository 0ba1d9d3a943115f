"""Tests of ws_python.endpoint: what a client and a peer have in common, tried on both ends of one connection."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from ws_python import Error, WebSocketClient, WebSocketServer
from ws_python.endpoint import Endpoint

from tests.ws_python.driving import named, poll_until, record

pytestmark = pytest.mark.usefixtures("network")

Pair = tuple[WebSocketServer, WebSocketClient, int]


@pytest.fixture(params=["client", "peer"])
def ends(request: pytest.FixtureRequest, pair: Pair) -> tuple[Endpoint, Endpoint]:
    """The end under test, and the other one."""
    server, client, peer_id = pair
    peer = server.get_peer(peer_id)
    assert peer is not None
    return (client, peer) if request.param == "client" else (peer, client)


def test_every_way_to_send(pair: Pair, ends: tuple[Endpoint, Endpoint]) -> None:
    server, client, _ = pair
    sender, receiver = ends
    log = record(receiver)
    assert sender.send("text") == Error.OK
    assert sender.send(bytearray(b"array")) == Error.OK
    assert sender.send(memoryview(b"view")) == Error.OK
    assert sender.send_text("more") == Error.OK
    assert sender.send_json({"a": 1}) == Error.OK
    poll_until(lambda: len(log) == 5, server, client)
    assert [message for (message,) in named(log, "message_received")] == ["text", b"array", b"view", "more", '{"a":1}']


def test_text_of_a_kind_derived_from_str(pair: Pair, ends: tuple[Endpoint, Endpoint]) -> None:
    class Name(str):
        pass

    server, client, _ = pair
    sender, receiver = ends
    log = record(receiver)
    assert sender.send(Name("å")) == Error.OK
    assert sender.send_fragment(Name("b"), True) == Error.OK
    poll_until(lambda: len(log) == 2, server, client)
    assert named(log, "message_received") == [("å",), ("b",)]
    to_client = record(client)
    assert server.send(0, Name("all")) == Error.OK
    poll_until(lambda: bool(to_client), server, client)
    assert named(to_client, "message_received") == [("all",)]


@pytest.mark.parametrize("parts", [["a", "å", ""], [b"a", b"", b"b"]])
def test_a_message_in_fragments(pair: Pair, ends: tuple[Endpoint, Endpoint], parts: list[str] | list[bytes]) -> None:
    server, client, _ = pair
    sender, receiver = ends
    log = record(receiver)
    for part in parts[:-1]:
        assert sender.send_fragment(part, False) == Error.OK
        assert sender.send("between") == Error.ERR_ALREADY_IN_USE
        assert sender.ping() == Error.OK
    assert sender.send_fragment(parts[-1], True) == Error.OK
    assert sender.send("after") == Error.OK
    poll_until(lambda: len(log) == 2, server, client)
    whole = parts[0][:0].join(parts)  # type: ignore[arg-type]
    assert named(log, "message_received") == [(whole,), ("after",)]


def test_fragments_of_one_message_have_one_type(
    ends: tuple[Endpoint, Endpoint], caplog: pytest.LogCaptureFixture
) -> None:
    sender, _ = ends
    assert sender.send_fragment(1, True) == Error.ERR_INVALID_PARAMETER
    assert sender.send_fragment("text", False) == Error.OK
    assert sender.send_fragment(b"binary", True) == Error.ERR_INVALID_PARAMETER
    assert "text or binary throughout" in caplog.text
    assert sender.send_fragment("", True) == Error.OK


def test_a_broadcast_does_not_break_into_a_fragmented_message(pair: Pair) -> None:
    server, _client, peer_id = pair
    peer = server.get_peer(peer_id)
    assert peer is not None
    peer.send_fragment("a", False)
    assert server.send(0, "x") == Error.ERR_ALREADY_IN_USE


def test_ping_and_pong(pair: Pair, ends: tuple[Endpoint, Endpoint], caplog: pytest.LogCaptureFixture) -> None:
    server, client, _ = pair
    sender, receiver = ends
    log, other_log = record(sender), record(receiver)
    assert sender.ping(b"are you there?") == Error.OK
    assert sender.ping() == Error.OK
    assert sender.ping(bytes(126)) == Error.ERR_INVALID_PARAMETER
    assert "at most 125 fit" in caplog.text
    poll_until(lambda: len(log) == 2, server, client)
    assert log == [("pong_received", b"are you there?"), ("pong_received", b"")]
    assert other_log == []


def test_closing(pair: Pair, ends: tuple[Endpoint, Endpoint]) -> None:
    server, client, _ = pair
    closer, other = ends
    log = record(other)
    assert closer.close(3000, "å") == Error.OK
    assert closer.close(3001, "second") == Error.OK
    assert closer.get_ready_state() is Endpoint.State.STATE_CLOSING
    poll_until(lambda: server.get_peer_count() == 0 and client.status == client.Status.STATUS_IDLE, server, client)
    assert named(log, "connection_closed") == [()]
    for end in ends:
        assert end.get_ready_state() is Endpoint.State.STATE_CLOSED
        assert (end.get_close_code(), end.get_close_reason()) == (3000, "å")
        assert end.close() == Error.OK


def test_the_buffered_amount(pair: Pair, ends: tuple[Endpoint, Endpoint]) -> None:
    server, client, _ = pair
    sender, _ = ends
    assert sender.get_current_outbound_buffered_amount() == 0
    sender.send(bytes(1000))
    assert 1000 < sender.get_current_outbound_buffered_amount() <= 1014
    poll_until(lambda: sender.get_current_outbound_buffered_amount() == 0, server, client)


def test_an_end_that_was_never_connected() -> None:
    end = Endpoint()
    assert end.get_ready_state() is Endpoint.State.STATE_CLOSED
    assert (end.get_close_code(), end.get_close_reason()) == (-1, "")
    assert (end.get_connected_host(), end.get_connected_port()) == ("", 0)
    assert (end.get_selected_protocol(), end.get_handshake_header("Host")) == ("", "")
    assert (end.get_request_path(), end.get_requested_url()) == ("", "")
    assert end.get_current_outbound_buffered_amount() == 0
    assert end.close() == Error.OK
    assert end.send("x") == Error.ERR_CONNECTION_ERROR


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, lambda data: memoryview(bytearray(data))])
def test_long_messages_that_the_system_does_not_take_at_once(
    pair: Pair, ends: tuple[Endpoint, Endpoint], kind: Callable[[bytes], bytes | bytearray | memoryview]
) -> None:
    server, client, _ = pair
    sender, receiver = ends
    log = record(receiver)
    sent = [bytes([i]) * size for i, size in enumerate([40_000, 8_000_000, 10, 3_000_000, 100_000])]
    for data in sent:
        message = kind(data)
        assert sender.send(message) == Error.OK
        if isinstance(message, bytearray):
            message[:] = bytes(len(message))  # What was sent stays as it was.
    assert sender.send("last") == Error.OK
    assert sender.get_current_outbound_buffered_amount() > 0
    poll_until(lambda: len(log) == len(sent) + 1, server, client)
    assert [message for (message,) in named(log, "message_received")] == [*sent, "last"]
    assert sender.get_current_outbound_buffered_amount() == 0


def test_a_long_message_and_a_close_right_behind_it(pair: Pair, ends: tuple[Endpoint, Endpoint]) -> None:
    server, client, _ = pair
    sender, receiver = ends
    log = record(receiver)
    assert sender.send(bytes(8_000_000)) == Error.OK
    assert sender.close(4000, "done") == Error.OK
    poll_until(lambda: bool(named(log, "connection_closed")), server, client)
    ((message,),) = named(log, "message_received")
    assert len(message) == 8_000_000
    assert receiver.get_close_code() == 4000
