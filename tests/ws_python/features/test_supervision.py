"""Tests of ws_python.features.supervision: what supervisors let through, change and refuse, and what they may do."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from ws_python import Error, WebSocketClient, WebSocketReply, WebSocketServer
from ws_python.connection.inbox import PeerSink

from tests.ws_python.driving import listening, named, poll_until, record

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


@pytest.fixture
def sessions() -> Pair:
    """As `pair`, in a session."""
    server, client = listening(session_timeout=30.0), WebSocketClient()
    client.session = True
    assert client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}/") == 0
    poll_until(lambda: client.status == client.Status.STATUS_ACTIVE and server.get_peer_count() == 1, server, client)
    return server, client, server.get_peer_ids()[0]


def replied(reply: Any, *nodes: Any) -> tuple[Error, Any]:
    poll_until(lambda: reply.is_completed, *nodes)
    return reply.error, reply.data


class TestOfTheSessionLayer:
    """Values, requests and replies are messages, too: what holds for all holds for them."""

    def test_it_sees_values(self, sessions: Pair) -> None:
        server, client, peer_id = sessions
        seen: list[Any] = []
        verdicts = {b"no": False, b"change": b"changed", b"fail": None, b"end": True}
        server.supervisor = lambda peer, value: (seen.append((peer, value)), verdicts[value])[1]  # type: ignore[func-returns-value]
        log = record(server)
        for value in verdicts:
            assert client.send_var(value) == Error.OK
        poll_until(lambda: log[-1:] == [("var_received", peer_id, b"end")], server, client)
        assert log == [("var_received", peer_id, b"changed"), ("var_received", peer_id, b"end")]
        assert seen == [(peer_id, value) for value in verdicts]
        assert (server._counts["refused_by_supervisor"], server._counts["failed_supervisor"]) == (1, 1)

    def test_it_sees_requests(self, sessions: Pair) -> None:
        server, client, _ = sessions
        handled: list[Any] = []
        server.handle("login", lambda _peer, data: handled.append(data))
        server.supervisor = lambda _peer, data: '{"name": "Ada"}' if "Eve" in data else len(data) < 20
        assert replied(client.start_request("login", {"name": "x" * 20}), server, client)[0] == Error.ERR_UNAUTHORIZED
        assert handled == []
        assert replied(client.start_request("login", {"name": "Bo"}), server, client)[0] == Error.OK
        assert replied(client.start_request("login", {"name": "Eve"}), server, client)[0] == Error.OK
        assert handled == [{"name": "Bo"}, {"name": "Ada"}]
        assert server._counts["refused_by_supervisor"] == 1

    def test_it_sees_replies_and_what_errors_say(self, sessions: Pair) -> None:
        server, client, peer_id = sessions
        seen: list[Any] = []
        client.handle("name", lambda data: data)
        client.handle("fail", lambda data: WebSocketReply.fail(Error.ERR_BUSY, data))
        server.supervisor = lambda _peer, data: (seen.append(data), "evil" not in data)[1]  # type: ignore[func-returns-value]
        assert replied(server.start_request(peer_id, "name", "good"), server, client) == (Error.OK, "good")
        assert replied(server.start_request(peer_id, "name", "evil"), server, client)[0] == Error.ERR_UNAUTHORIZED
        reply = server.start_request(peer_id, "fail", "evil")
        assert replied(reply, server, client)[0] == Error.ERR_BUSY
        assert reply.message == ""
        assert seen == ['"good"', '"evil"', "evil"]

    def test_while_it_polls_nothing_overtakes(self, sessions: Pair) -> None:
        server, client, _ = sessions

        def poll(_peer_id: int, _data: Any) -> bool:
            for _ in range(10):
                client.poll()
                server.poll()
            return True

        server.supervisor = poll
        log = record(server)
        for number in range(5):
            client.send_var(str(number).encode())
            client.send(str(number))
        poll_until(lambda: len(log) == 10, server, client)
        assert [entry[-1] for entry in log] == [way for number in "01234" for way in (number.encode(), number)]

    @pytest.mark.parametrize("end", ["stop", "_shut_down", "disconnect"])
    def test_it_ends_it_all(self, sessions: Pair, end: str) -> None:
        server, client, peer_id = sessions
        handled: list[Any] = []
        server.handle("login", lambda _peer, data: handled.append(data))

        def stop(_peer_id: int, _data: Any) -> bool:
            if end == "disconnect":
                server.disconnect_peer(peer_id)
            else:
                getattr(server, end)()
            return end != "disconnect"

        server.supervisor = stop
        client.send_var(b"a")
        reply = client.start_request("login", 1)
        poll_until(lambda: server.get_peer_count() == 0, server, client)
        client.close()
        poll_until(lambda: reply.is_completed, server, client)
        assert handled == []
        assert not server._inbox.is_held

    def test_one_that_ends_the_client_that_waits(self, sessions: Pair) -> None:
        server, client, _ = sessions
        server.handle("login", lambda _peer, _data: 1)

        def end(_data: Any) -> bool:
            client._shut_down()
            return True

        client.supervisor = end
        assert replied(client.start_request("login", 1), server, client)[0] == Error.ERR_CONNECTION_ERROR

    def test_outgoing_values_are_seen_once_for_each_call(self, sessions: Pair) -> None:
        server, client, peer_id = sessions
        seen: list[Any] = []

        def look(target: int, value: Any) -> Any:
            seen.append((target, value))
            return {b"no": False, b"change": b"changed", b"bad": "\ud800"}.get(value, True)

        server.outgoing_supervisor = look
        log = record(client)
        assert server.send_var(0, b"all") == Error.OK
        assert server.send_var(peer_id, b"one") == Error.OK
        assert server.peers[peer_id].send_var(b"change") == Error.OK
        assert server.send_var(-peer_id, b"others") == Error.OK
        for target in (0, peer_id):
            assert server.send_var(target, b"no") == Error.ERR_UNAUTHORIZED
            assert server.send_var(target, b"bad") == Error.ERR_UNAUTHORIZED
        assert server.send_var(77, b"nobody") == Error.ERR_DOES_NOT_EXIST
        poll_until(lambda: len(log) == 3, server, client)
        assert log == [("var_received", b"all"), ("var_received", b"one"), ("var_received", b"changed")]
        expected = [(0, b"all"), (peer_id, b"one"), (peer_id, b"change"), (-peer_id, b"others")]
        assert seen[:4] == expected
        assert len(seen) == 8
        assert server._counts["refused_by_outgoing_supervisor"] == 2
        assert server._counts["failed_outgoing_supervisor"] == 2

    def test_outgoing_requests_and_replies(self, sessions: Pair) -> None:
        server, client, _ = sessions
        handled: list[Any] = []
        server.handle("echo", lambda _peer, data: (handled.append(data), data)[1])  # type: ignore[func-returns-value]
        server.handle("fail", lambda _peer, data: WebSocketReply.fail(Error.ERR_BUSY, data))
        client.outgoing_supervisor = lambda data: "no" not in data
        assert replied(client.start_request("echo", "no"), server, client)[0] == Error.ERR_UNAUTHORIZED
        assert handled == []
        client.outgoing_supervisor = None
        server.outgoing_supervisor = lambda _peer, data: data.replace("bad", "good") if "secret" not in data else False
        assert replied(client.start_request("echo", "bad"), server, client) == (Error.OK, "good")
        assert replied(client.start_request("echo", "secret"), server, client)[0] == Error.ERR_UNAUTHORIZED
        reply = client.start_request("fail", "bad luck")
        assert (replied(reply, server, client)[0], reply.message) == (Error.ERR_BUSY, "good luck")
        reply = client.start_request("fail", "secret")
        assert (replied(reply, server, client)[0], reply.message) == (Error.ERR_BUSY, "")

    def test_outgoing_that_closes_or_sends(self, sessions: Pair) -> None:
        server, client, _ = sessions
        log = record(server)

        def close(_value: Any) -> bool:
            assert client.send_var(b"before") == Error.OK
            client.close()
            return True

        client.outgoing_supervisor = close
        assert client.send_var(b"a") == Error.ERR_CONNECTION_ERROR
        poll_until(lambda: server.get_peer_count() == 0, server, client)
        assert [entry[2] for entry in log if entry[0] == "var_received"] == [b"before"]

    def test_what_cannot_be_sent_is_not_shown(self, pair: Pair) -> None:
        server, client, peer_id = pair
        seen: list[Any] = []
        server.outgoing_supervisor = lambda *shown: not seen.append(shown)  # type: ignore[func-returns-value]
        client.outgoing_supervisor = lambda *shown: not seen.append(shown)  # type: ignore[func-returns-value]
        assert server.send_var(peer_id, b"without a session") == Error.ERR_UNAVAILABLE
        assert client.send_var(object()) == Error.ERR_INVALID_PARAMETER
        assert replied(client.start_request("x", 1), client, server)[0] == Error.ERR_UNAVAILABLE
        assert seen == []


class TestPackets:
    """Packets of the multiplayer are messages, both ways; the peer id that comes first is not the game's."""

    def test_both_ways(self) -> None:
        server, client = listening(), WebSocketClient()
        of_server, of_client = server.get_multiplayer_peer(), client.get_multiplayer_peer()
        seen: list[Any] = []

        def look(*shown: Any) -> bool:
            seen.append(shown[-1])
            return bool(shown[-1] != b"no")

        for node in (server, client):
            node.supervisor = node.outgoing_supervisor = look
        assert client.connect_to_url(f"ws://127.0.0.1:{server.get_local_port()}/") == 0
        log = record(of_server)
        poll_until(lambda: of_client.get_connection_status() == 2 and bool(log), of_server, of_client)
        assert seen == []
        for packet in (b"no", b"up"):
            of_client.put_packet(packet)
        poll_until(lambda: of_server.get_available_packet_count() > 0, of_server, of_client)
        assert (of_server.get_packet(), of_server.get_available_packet_count()) == (b"up", 0)
        assert seen == [b"no", b"up", b"up"]
        of_server.put_packet(b"down")
        poll_until(lambda: of_client.get_available_packet_count() > 0, of_server, of_client)
        assert of_client.get_packet() == b"down"
        assert seen[3:] == [b"down", b"down"]
        client.close()
        server.stop()
