"""Tests of ws_python.features.supervision: what supervisors let through, change and refuse, and what they may do."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from ws_python import Error, WebSocketClient, WebSocketServer
from ws_python.connection.inbox import PeerSink

from tests.ws_python.driving import named, poll_until, record

Pair = tuple[WebSocketServer, WebSocketClient, int]
Verdict = Callable[..., Any]


def received(server: WebSocketServer) -> list[Any]:
    """A list of the messages that the server tells of from now on."""
    messages: list[Any] = []
    server.message_received.connect(lambda _peer_id, message: messages.append(message))
    return messages


def let_through(pair: Pair, supervisor: Verdict, *messages: str | bytes) -> list[Any]:
    """What of the messages arrives at the game, if the last one does."""
    server, client, _ = pair
    server.supervisor = supervisor
    arrived = received(server)
    seen_by_peer: list[Any] = []
    server.peers[pair[2]].message_received.connect(seen_by_peer.append)
    for message in messages:
        assert client.send(message) == Error.OK
    poll_until(lambda: bool(arrived) and arrived[-1] == messages[-1], server, client)
    assert seen_by_peer == arrived
    return arrived


class TestIncoming:
    def test_it_sees_each_message_with_its_peer(self, pair: Pair) -> None:
        seen: list[tuple[int, Any]] = []

        def note(peer_id: int, message: Any) -> bool:
            seen.append((peer_id, message))
            return True

        assert let_through(pair, note, "text", b"binary", "") == ["text", b"binary", ""]
        assert seen == [(pair[2], "text"), (pair[2], b"binary"), (pair[2], "")]

    def test_it_changes_and_refuses(self, pair: Pair) -> None:
        verdicts: dict[Any, Any] = {"a": "A", "b": b"B", b"c": bytearray(b"C"), "d": False, b"e": "", "end": True}
        arrived = let_through(pair, lambda _peer_id, message: verdicts[message], *verdicts)
        assert arrived == ["A", b"B", b"C", "", "end"]
        assert [type(message) for message in arrived] == [str, bytes, bytes, str, str]
        assert pair[0]._counts == {"refused_by_supervisor": 1}

    @pytest.mark.parametrize("verdict", [None, 1, 0, [], object()])
    def test_what_is_no_verdict_refuses(self, pair: Pair, verdict: object, caplog: pytest.LogCaptureFixture) -> None:
        arrived = let_through(pair, lambda _peer_id, message: message == "end" or verdict, "a", "b", "end")
        assert arrived == ["end"]
        assert pair[0]._counts == {"failed_supervisor": 2}
        (line,) = [record.getMessage() for record in caplog.records]
        assert "return true, false, a String or a PackedByteArray" in line

    def test_an_error_refuses_and_is_told_once(self, pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
        def fail(_peer_id: int, message: Any) -> bool:
            if message != "end":
                raise ValueError(f"{message} is secret")
            return True

        arrived = let_through(pair, fail, *["password"] * 100, "end")
        assert arrived == ["end"]
        assert pair[0]._counts == {"failed_supervisor": 100}
        messages = [record.getMessage() for record in caplog.records]
        assert len(messages) <= 2
        assert "raised ValueError (" in messages[0]
        assert "test_supervision.py:" in messages[0]
        assert "password" not in caplog.text
        assert all(record.exc_info is None for record in caplog.records)
        assert all(record.levelno == logging.WARNING for record in caplog.records)

    def test_a_wrong_number_of_arguments_refuses(self, pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
        server, client, _ = pair
        arrived = received(server)
        server.supervisor = lambda: True
        client.send("a")
        poll_until(lambda: server._counts["failed_supervisor"] == 1, server, client)
        assert arrived == []
        assert "raised TypeError" in caplog.text

    def test_without_one_the_sink_is_the_servers_own(self, pair: Pair) -> None:
        server, client, _ = pair
        assert server._inbox.sink is server._sink
        assert isinstance(server._sink, PeerSink)
        server.supervisor = lambda *_: True
        assert server._inbox.sink is not server._sink
        server.supervisor = None
        assert server._inbox.sink is server._sink
        arrived = received(server)
        client.send("a")
        poll_until(lambda: arrived == ["a"], server, client)

    def test_a_client_has_one_too(self, pair: Pair) -> None:
        server, client, peer_id = pair
        client.supervisor = lambda message: message != "no"
        log = record(client)
        for message in ("yes", "no", "end"):
            server.send(peer_id, message)
        poll_until(lambda: bool(named(log, "message_received")) and log[-1][1] == "end", server, client)
        assert named(log, "message_received") == [("yes",), ("end",)]

    def test_what_cannot_be_called_is_none(self) -> None:
        with pytest.raises(TypeError, match="supervisor must be a Callable, not int"):
            WebSocketServer().supervisor = 5  # type: ignore[assignment]


class TestWhatItMayDo:
    def test_while_it_polls_nothing_overtakes(self, pair: Pair) -> None:
        server, client, _ = pair

        def poll(_peer_id: int, message: Any) -> bool:
            if message == "1":
                for _ in range(20):
                    client.poll()
                    server.poll()
            return True

        assert let_through(pair, poll, *"123456", "end") == [*"123456", "end"]

    def test_it_stops_the_server(self, pair: Pair) -> None:
        server, client, _ = pair
        arrived, log = received(server), record(server)

        def stop(_peer_id: int, _message: Any) -> bool:
            server.stop()
            return True

        server.supervisor = stop
        client.send("a")
        client.send("b")
        poll_until(lambda: client.status == client.Status.STATUS_IDLE, server, client)
        assert arrived == []
        assert len(named(log, "client_disconnected")) == 1
        assert not server._inbox.is_held
        assert server.listen(0) == Error.OK

    def test_it_closes_the_connection(self, pair: Pair) -> None:
        server, client, peer_id = pair
        arrived = received(server)

        def close(_peer_id: int, _message: Any) -> bool:
            server.disconnect_peer(peer_id, 4000, "language")
            return False

        server.supervisor = close
        client.send("a")
        poll_until(lambda: client.status == client.Status.STATUS_IDLE, server, client)
        assert client.get_close_code() == 4000
        assert arrived == []

    def test_it_takes_itself_away(self, pair: Pair) -> None:
        server, _, _ = pair

        def once(_peer_id: int, _message: Any) -> bool:
            server.supervisor = None
            return False

        assert let_through(pair, once, "a", "b", "c") == ["b", "c"]

    def test_it_shuts_the_server_down(self, pair: Pair) -> None:
        server, client, _ = pair
        arrived = received(server)

        def end(_peer_id: int, _message: Any) -> str:
            server._shut_down()
            return "late"

        server.supervisor = end
        client.send("a")
        poll_until(lambda: client.status == client.Status.STATUS_IDLE, server, client)
        assert arrived == []

    def test_it_answers(self, pair: Pair) -> None:
        server, client, _ = pair
        log = record(client)

        def answer(peer_id: int, _message: Any) -> bool:
            server.send(peer_id, "mind your words")
            return False

        server.supervisor = answer
        client.send("a")
        poll_until(lambda: named(log, "message_received") == [("mind your words",)], server, client)


class TestOutgoing:
    def test_it_is_called_once_for_each_send(self, pair: Pair) -> None:
        server, client, peer_id = pair
        other = WebSocketClient()
        other.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}/")
        poll_until(lambda: server.get_peer_count() == 2, server, client, other)
        seen: list[tuple[int, Any]] = []

        def note(target: int, message: Any) -> bool:
            seen.append((target, message))
            return True

        server.outgoing_supervisor = note
        log = record(client)
        server.send(peer_id, "one")
        server.peers[peer_id].send(b"two")
        server.send(0, "all")
        server.send(-peer_id, "others")
        server.send_json(peer_id, [1])
        server.send_text(0, "end")
        assert seen == [
            (peer_id, "one"), (peer_id, b"two"), (0, "all"), (-peer_id, "others"), (peer_id, "[1]"), (0, "end")
        ]  # fmt: skip
        poll_until(lambda: log[-1:] == [("message_received", "end")], server, client, other)
        assert [message for (message,) in named(log, "message_received")] == ["one", b"two", "all", "[1]", "end"]
        other.close()

    def test_it_changes_and_refuses(self, pair: Pair) -> None:
        server, client, peer_id = pair
        log = record(client)
        server.outgoing_supervisor = lambda _target, message: False if b"no" in message else message + b"!"
        assert server.send(peer_id, b"no") == Error.ERR_UNAUTHORIZED
        assert server.send(0, b"no") == Error.ERR_UNAUTHORIZED
        assert server.send(peer_id, bytearray(b"a")) == Error.OK
        assert server.send(0, memoryview(b"b")) == Error.OK
        assert server.send(peer_id, bytes(100_000)) == Error.OK
        poll_until(lambda: len(named(log, "message_received")) == 3, server, client)
        assert named(log, "message_received") == [(b"a!",), (b"b!",), (bytes(100_000) + b"!",)]
        assert server._counts == {"refused_by_outgoing_supervisor": 2}

    def test_an_error_refuses(self, pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
        server, _, peer_id = pair
        server.outgoing_supervisor = lambda _target, _message: 1 // 0
        for _ in range(50):
            assert server.send(peer_id, "a") == Error.ERR_UNAUTHORIZED
        assert len(caplog.records) <= 2
        assert "ZeroDivisionError" in caplog.text

    def test_what_it_sends_itself_it_does_not_see(self, pair: Pair) -> None:
        server, client, peer_id = pair
        log = record(client)

        def warn(target: int, message: Any) -> bool:
            server.send(peer_id, f"warning of {message}")
            server.send(0, "to all")
            return True

        server.outgoing_supervisor = warn
        server.send(peer_id, "a")
        poll_until(lambda: len(named(log, "message_received")) == 3, server, client)
        assert [message for (message,) in named(log, "message_received")] == ["warning of a", "to all", "a"]

    def test_it_closes_what_it_is_asked_for(self, pair: Pair) -> None:
        server, client, peer_id = pair

        def close(_target: int, _message: Any) -> bool:
            server.peers[peer_id].close()
            return True

        server.outgoing_supervisor = close
        assert server.send(peer_id, "a") == Error.ERR_CONNECTION_ERROR
        poll_until(lambda: client.status == client.Status.STATUS_IDLE, server, client)

    def test_it_stops_the_server_in_a_send_to_all(self, pair: Pair) -> None:
        server, client, _ = pair

        def stop(_target: int, _message: Any) -> bool:
            server.stop()
            return True

        server.outgoing_supervisor = stop
        assert server.send(0, "a") == Error.OK  # To nobody.
        poll_until(lambda: client.status == client.Status.STATUS_IDLE, client)

    def test_no_fragmented_message_can_be_begun(self, pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
        server, client, _ = pair
        arrived = received(server)
        assert client.send_fragment("a", False) == Error.OK
        client.outgoing_supervisor = lambda _message: True
        assert client.send_fragment("b", True) == Error.OK, "one that was begun before can be ended"
        assert client.send_fragment("c", True) == Error.ERR_UNAUTHORIZED
        assert "has to see whole messages" in caplog.text
        client.outgoing_supervisor = None
        assert client.send_fragment("d", True) == Error.OK
        poll_until(lambda: arrived == ["ab", "d"], server, client)

    def test_one_that_is_set_later_counts_for_who_comes_later_too(self, pair: Pair) -> None:
        server, client, _ = pair
        server.outgoing_supervisor = lambda _target, message: message.upper()
        other = WebSocketClient()
        log = record(other)
        other.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}/")
        poll_until(lambda: server.get_peer_count() == 2, server, client, other)
        server.send(server.get_peer_ids()[1], "late")
        poll_until(lambda: named(log, "message_received") == [("LATE",)], server, client, other)
        other.close()

    def test_what_cannot_be_sent_is_not_shown(self, pair: Pair) -> None:
        server, _, peer_id = pair
        seen: list[Any] = []
        server.outgoing_supervisor = lambda _target, message: not seen.append(message)  # type: ignore[func-returns-value]
        assert server.send(peer_id, 5) == Error.ERR_INVALID_PARAMETER
        assert server.send(0, None) == Error.ERR_INVALID_PARAMETER
        assert server.send(77, "nobody") == Error.ERR_DOES_NOT_EXIST
        assert seen == []
