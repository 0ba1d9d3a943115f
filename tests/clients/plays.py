"""Plays that every client of the session layer goes through: numbered messages and requests both ways, over cuts.

Each client does the same as play.mjs: it sends so many messages, each fifth of which is a request, answers those of
the server, and reports what came in a request of its own. The server's end is here, and what is true at the end.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ws_python import Error, WebSocketServer

from tests.clients.cutter import Cutter
from tests.ws_python.driving import listening, named, poll_until, record

DEADLINE = 100.0
# Of the native nodes: what is to be full is the session's buffer, before there is anything to be said of this one.
AMPLE = {"outbound_buffer_size": 64 * 1024 * 1024}
# Bytes of the opening handshakes and the hello, before which the first connection of a play is not cut.
_BEGINNING = 1200


class Play(NamedTuple):
    """One play."""

    name: str
    #: Messages of each end, and how long one is at the most, in characters.
    length: int = 200
    size: int = 300
    #: How often the connection is cut, and after how many bytes at the most.
    cuts: int = 0
    budget: int = 5000
    #: session_buffer_size of both ends; 0 for the default.
    buffer: int = 0
    #: Whether nobody is told of a cut.
    is_silent: bool = False

    def budgets(self) -> Iterator[int]:
        """Bytes that pass before each cut, the same ones each time."""
        choice = random.Random(self.name)
        for number in range(self.cuts):
            yield choice.randint(_BEGINNING if number == 0 else 1, _BEGINNING + self.budget)


PLAYS = (
    Play("no-cut", length=100),
    Play("cuts", length=300, cuts=12),
    Play("a-small-buffer", length=200, cuts=8, buffer=4096),
    Play("long-messages", length=60, size=100_000, cuts=8, budget=100_000),
    Play("a-dead-link", length=100, cuts=1, budget=3000, is_silent=True),
)


def made(n: int, size: int) -> str | bytes:
    """Message number n: text or bytes, some of which begin as the layer's own do."""
    text = f"{'' if n % 3 else chr(16)}{n} {padding(n, size)}"
    return text.encode() if n % 2 else text


def padding(n: int, size: int) -> str:
    """What makes message number n as long as it is."""
    return "x" * (n * 7919 % size)


def told(message: str | bytes, size: int) -> str:
    """What came, as its kind and number; garbled where it is not that message."""
    text = message if isinstance(message, str) else message.decode()
    number = text.lstrip("\x10").partition(" ")[0]
    is_same = number.isdigit() and message == made(int(number), size)
    return f"m {number}" if is_same else f"garbled: {text[:40]}"


def is_request(n: int) -> bool:
    """Whether number n is a request."""
    return n % 5 == 4


def expected(play: Play) -> list[str]:
    """What comes, at either end."""
    return [f"{'q' if is_request(n) else 'm'} {n}" for n in range(play.length)]


def expected_replies(play: Play) -> list[str]:
    """What is answered, at either end, in the order of the requests."""
    return [f"{n} {n * 2}" for n in range(play.length) if is_request(n)]


class ServerEnd:
    """The server of a play."""

    def __init__(self, play: Play) -> None:
        self.play = play
        buffer = {"session_buffer_size": play.buffer} if play.buffer else {}
        self.server: WebSocketServer = listening(session_timeout=60.0, request_timeout=DEADLINE, **buffer, **AMPLE)
        self.log = record(self.server)
        self.received: list[str] = []
        self.replies: list[tuple[int, Any]] = []
        #: What the client says at the end, and this server's clock then.
        self.report: dict[str, Any] | None = None
        self.reported_at = 0.0
        self._sent = 0
        self.server.message_received.connect(lambda _, message: self.received.append(told(message, play.size)))
        self.server.handle("ask", self._asked)
        self.server.handle("report", self._reported)

    def poll(self) -> None:
        """Poll the server, and go on sending."""
        self.server.poll()
        known = list(self.server._sessions._by_peer.values())
        for _ in range(5):
            if not known or self._sent == self.play.length:
                return
            n = self._sent
            if is_request(n):
                if not known[0].session.has_room(self.play.size + 200):
                    return
                data = {"n": n, "pad": padding(n, self.play.size)}
                self.replies.append((n, self.server.start_request(known[0].peer.peer_id, "ask", data)))
            else:
                error = self.server.send(known[0].peer.peer_id, made(n, self.play.size))
                if error == Error.ERR_BUSY:
                    return
                assert error == Error.OK
            self._sent += 1

    def _asked(self, _peer_id: int, data: dict[str, Any]) -> int:
        self.received.append(f"q {data['n']}")
        return int(data["n"]) * 2

    def _reported(self, _peer_id: int, data: dict[str, Any]) -> None:
        self.reported_at = self.server.server_time
        self.report = data


def act(play: Play, start: Callable[[str, dict[str, Any]], Any]) -> None:
    """Go through a play with the client that `start` gives, a context manager of what is to be polled."""
    end = ServerEnd(play)
    options = {"bufferSize": play.buffer} if play.buffer else {}
    begun = end.server.server_time
    with Cutter(end.server.get_local_port(), play.budgets(), is_silent=play.is_silent) as cutter:
        url = f"ws://127.0.0.1:{cutter.port}/"
        with start(url, {"length": play.length, "size": play.size, "options": options}) as client:
            poll_until(lambda: bool(named(end.log, "client_disconnected")), end, client, deadline=DEADLINE)
        cuts = cutter.cuts
    check(play, end, begun, cuts)
    end.server.stop()


def check(play: Play, end: ServerEnd, begun: float, cuts: int) -> None:
    """What has to be true at the end of a play."""
    assert end.report is not None, "the client left before it had reported"
    assert end.received == expected(play), "what the server received"
    assert end.report["received"] == expected(play), "what the client received"
    assert [f"{n} {reply.data}" for n, reply in end.replies] == expected_replies(play), "what the client replied"
    assert end.report["replies"] == expected_replies(play), "what the server replied"
    assert cuts > play.cuts // 2 or cuts == play.cuts, "a browser may leave a connection before its cut, not each time"
    events = end.report["events"]
    assert events[0] == "open"
    assert events[1:] == ["interrupted", "resumed"] * (len(events) // 2), "the session lasted"
    assert (len(events) > 1) == (play.cuts > 0)
    kinds = [name for name, *_ in end.log if name.startswith("client_")]
    assert (kinds.count("client_connected"), kinds.count("client_disconnected")) == (1, 1)
    assert not end.report["goesBack"]
    # Between two times of the server's clock, but for what was in the way of the samples.
    assert begun - 5.0 < end.report["time"] < end.reported_at + 5.0
    (peer_id,) = (peer_id for name, peer_id, *_ in end.log if name == "client_connected")
    assert end.report.get("peer", peer_id) == peer_id  # The native client does not tell its own.
