"""What session.js does besides carrying messages: with other servers, with requests, where it is full, at the end."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from ws_python import Error, WebSocketReply, WebSocketServer

from tests.clients.node_player import NodePlayer
from tests.ws_python.driving import listening, named, poll_until, record

DEADLINE = 100.0


class Servers:
    """One with sessions and one without, and what becomes of what they ask."""

    def __init__(self) -> None:
        self.plain = listening()
        self.plain.message_received.connect(self.plain.send)
        self.session = served()
        self.log = record(self.session)
        self.plain_log = record(self.plain)
        self._asked: dict[str, Any] = {}
        self.session.handle("ask-me", self._ask)
        self.session.handle("greet-me", lambda peer_id, _: [int(self.session.send(peer_id, word)) for word in "ab"])
        self.session.handle("count", self._count)
        self.session.handle("time", lambda *_: self.session.server_time)
        self.session.var_received.connect(self.session.send_var)

    def _count(self, peer_id: int, _: object) -> int:
        """Messages of that peer."""
        return [peer for peer, _ in named(self.log, "message_received")].count(peer_id)

    def poll(self) -> None:
        self.plain.poll()
        self.session.poll()

    def _ask(self, peer_id: int, _: object) -> WebSocketReply:
        """Each of the client's handlers, the last of which says what became of them."""
        for method in ("echo", "fails", "refuses", "unsendable", "nobody"):
            self._asked[method] = self.session.start_request(peer_id, method, {"a": 1})
        self._asked["bytes"] = self.session.start_request(peer_id, "echo", b"\x10\0")
        self._asked["never"] = self.session.start_request(peer_id, "never", None, 0.1)
        reply = WebSocketReply()
        for asked in self._asked.values():
            asked.completed.connect(lambda _: self._tell(reply))
        return reply

    def _tell(self, reply: WebSocketReply) -> None:
        def of(asked: WebSocketReply) -> list[Any]:
            data = list(asked.data) if isinstance(asked.data, bytes) else asked.data
            return [int(asked.error), asked.message, data]

        if not reply.is_completed and all(asked.is_completed for asked in self._asked.values()):
            reply._complete(Error.OK, "", {name: of(asked) for name, asked in self._asked.items()})


def served() -> WebSocketServer:
    """A server with sessions that answers."""
    server = listening(session_timeout=30.0)
    server.handle("echo", lambda _, data: data)
    server.handle("fails", lambda *_: 1 / 0)
    server.handle("refuses", lambda *_: WebSocketReply.fail(Error.ERR_LOCKED, "not now"))
    server.handle("never", lambda *_: WebSocketReply())
    return server


def url_of(server: WebSocketServer) -> str:
    return f"ws://127.0.0.1:{server.get_local_port()}/"


def result(player: NodePlayer) -> dict[str, Any]:
    (line,) = re.findall(r"^\{.*\}$", player.said, re.MULTILINE)
    found: dict[str, Any] = json.loads(line)
    return found


@pytest.fixture(scope="module")
def servers() -> Servers:
    return Servers()


@pytest.fixture(scope="module")
def outcomes(servers: Servers) -> Iterator[dict[str, Any]]:
    """Of every case of behaviour.mjs."""
    urls = {"session": url_of(servers.session), "plain": url_of(servers.plain)}
    with NodePlayer("behaviour", {"urls": urls}, own=False) as player:
        poll_until(lambda: player.is_over, servers, player, deadline=DEADLINE)
        assert player.is_over_well, player.said
        found = result(player)
    yield found
    servers.plain.stop()
    servers.session.stop()


def test_numbers_of_errors_are_godots(outcomes: dict[str, Any]) -> None:
    assert outcomes["ErrorCode"] == {name: int(Error[name]) for name in outcomes["ErrorCode"]}


def test_a_server_without_sessions_is_a_plain_one(outcomes: dict[str, Any], servers: Servers) -> None:
    unavailable = "2 the server has no sessions: set its session_timeout"
    assert outcomes["plain"] == {
        "log": ["open", "a", "\x10b", "16,1", "close 4000"],
        "early": unavailable,
        "late": unavailable,
        "state": [False, 0, True],
    }
    received = [message for _, message in named(servers.plain_log, "message_received")]
    assert received == ["a", "\x10b", b"\x10\x01"]


def test_unless_that_is_forbidden(outcomes: dict[str, Any]) -> None:
    assert outcomes["plainIsForbidden"] == ["close 1006"]


def test_a_server_that_agrees_to_what_it_does_not_know(outcomes: dict[str, Any]) -> None:
    unavailable = "2 the server has no sessions: set its session_timeout"
    assert outcomes["agreesToEverything"] == {
        "log": ["open", "a", "\x10b", "c", "close 1000"],
        "early": unavailable,
    }
    assert outcomes["agreesAndIsSilent"] == {"log": ["open", "thanks", "close 1000"], "heard": ["a", "b"]}


def test_a_server_that_breaks_the_rules_is_left(outcomes: dict[str, Any]) -> None:
    assert set(outcomes["breaksTheRules"].values()) == {4002}


def test_a_server_that_sends_it_elsewhere(outcomes: dict[str, Any]) -> None:
    log = ["open", "interrupted", "resumed", "close 1000"]
    assert outcomes["goesWhereItIsSent"] == {"log": log, "greetings": "\x10h"}


def test_requests_that_fail_say_why(outcomes: dict[str, Any]) -> None:
    asked = outcomes["requests"]
    assert (asked["json"], asked["bytes"], asked["nothing"]) == ({"a": [1, "ä", None]}, [16, 0, 255], None)
    assert {name: value for name, value in asked.items() if name not in ("json", "bytes", "nothing")} == {
        "nobody": '37 nobody handles "nobody"',
        "fails": "39 the handler failed",
        "refuses": "23 not now",
        "timeout": "24 no reply came in time",
        "method": "31 a method is a name of 1 to 128 characters of ASCII, without spaces",
        "long": "6 it is longer than bufferSize: raise it, or send less",
        "cancelled": "45 it was cancelled",
        "cancelledBefore": "45 it was cancelled",
        "unanswerable": "TypeError",
        "ended": "27 the session has ended before the reply came",
        "closed": "27 there is no connection",
        "send": False,
    }


def test_the_server_asks(outcomes: dict[str, Any]) -> None:
    assert outcomes["handlers"]["outcomes"] == {
        "echo": [0, "", {"a": 1}],
        "bytes": [0, "", [16, 0]],
        "fails": [39, "the handler failed", None],
        "unsendable": [39, "the handler failed", None],
        "refuses": [7, "no such file", None],
        "nobody": [37, 'nobody handles "nobody"', None],
        "never": [24, "no reply came in time", None],
    }
    assert outcomes["handlers"]["log"] == ["open", "close 1000"]


def test_values(outcomes: dict[str, Any]) -> None:
    assert outcomes["values"] == {"values": [{"a": [1, "ä"]}, None, [16, 0]], "taken": [True, True, True, False]}


def test_the_clock_is_as_right_as_it_says(outcomes: dict[str, Any]) -> None:
    clock = outcomes["clock"]
    assert clock["before"] == [0, "Infinity", 0]
    assert clock["isRight"]
    assert 0 < clock["clockError"] <= clock["latency"]


def test_where_it_is_full(outcomes: dict[str, Any]) -> None:
    full = outcomes["full"]
    assert full["sent"] == 2000 // 164
    assert full["error"] == "RangeError"
    assert full["log"][:2] == ["open", "drained"]
    assert full["log"][-1] == "close 1000"


def test_what_was_sent_before_close_arrives(outcomes: dict[str, Any], servers: Servers) -> None:
    assert outcomes["closesAtOnce"] == [4000, "enough"]
    received = [message for _, message in named(servers.log, "message_received")]
    assert received[-2:] == ["first", "\x10last"]


def test_nobody_there(outcomes: dict[str, Any]) -> None:
    assert outcomes["nobodyThere"] == ["close 1006"]
    assert outcomes["closesBeforeItIsOpen"] == ["close 1006"]


def test_a_listener_that_throws(outcomes: dict[str, Any]) -> None:
    assert outcomes["throwsInAHandler"] == {"problems": ["of a game"] * 2, "log": ["open", "a", "b"]}


def test_a_server_that_was_killed_says_so() -> None:
    """As of the native client: tests/ws_python/features/test_sessions.py."""
    server = served()
    url, port = url_of(server), server.get_local_port()
    with NodePlayer("behaviour", {"urls": {"session": url}, "only": "restarted"}, own=False) as player:
        poll_until(lambda: "waiting" in player.said and bool(server.peers), server, player, deadline=DEADLINE)
        for peer in server.peers.values():
            assert peer._connection is not None
            peer._connection.drop()
        server.stop()
        another = WebSocketServer()
        another.bind_address, another.session_timeout = "localhost", 30.0
        another.handle("echo", lambda _, data: data)
        assert another.listen(port) == Error.OK
        poll_until(lambda: player.is_over, another, player, deadline=DEADLINE)
        assert result(player)["restarted"] == {
            "log": ["open", "interrupted", "close 1006", "open", "close 1000"],
            "pending": "27 the session has ended before the reply came",
            "reply": 5,
        }
    another.stop()
