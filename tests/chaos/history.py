"""What the games of a run wrote down: lines of JSON, read as they come, as what was sent and received on each stream.

A stream is what one game sees of a connection, or with sessions of a session: from "connected" to "closed". Its name is
that of the node and a number, and for a server of the peer. Lines have `usec`, of a clock of that game, and `event`:

| event | of a stream | with |
|---|---|---|
| begun | | what comes from now on is written down |
| listening | | `port` |
| connected, interrupted, resumed | yes | |
| sent | yes | `n`, from 1 on; `kind`: text, binary or request; `size`, in characters or bytes; `hash`. Told before |
| refused | yes | `n`, `error`: what was just said to be sent was not |
| received | yes | `kind`, `size`, `hash`; `head`: the stream and number that the message itself names, or "" |
| replied | yes | `n`, of a request; `error`, or `hash`, which the other side answered |
| handled | yes | `head`, as of "received": a request has its answer here |
| closing | yes | the game says goodbye |
| freed | yes | the game has freed the node |
| closed | yes | `code`, `reason` |
| answered | yes | `took`, in µs: a round trip |
| handing_over, handed_over | | the process stands still, for the next one to go on with its streams; that has them |
| failed | | `node`, `reason` |
| statistics | | `node`, `statistics`: what get_statistics() says |
| rested | | the last messages of a run are sent |
| ended | | the last line |
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple


class Message(NamedTuple):
    """What was sent, as the one who sent it saw it, or what was received."""

    kind: str
    size: int
    hash: int


REQUEST = "request"  # As kind of a message.


class Reply(NamedTuple):
    """What a request came to: one of Godot's errors, or 0, and the hash of what the other side has read."""

    error: int
    hash: int
    # Whether it came while this process handed over to the next one.
    at_handover: bool = False


class Received(NamedTuple):
    """A message, and the stream and number that it names itself; "" and 0 where it is too short."""

    message: Message
    stream: str
    number: int


@dataclass
class Stream:
    """What one game saw of one connection or session."""

    name: str
    # By number. Those that were refused are not among them.
    sent: dict[int, Message] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    # Of those that were sent as requests.
    replies: dict[int, list[Reply]] = field(default_factory=dict)
    # Numbers, of the other side, of requests that have their answers here.
    handled: set[int] = field(default_factory=set)
    # Numbers in `received` of what came when nothing could: not connected, interrupted, closed.
    untimely: list[int] = field(default_factory=list)
    is_connected: bool = False
    interruptions: int = 0
    resumptions: int = 0
    # So much in `received` had come to processes before this one, which goes on with it.
    received_before: int = 0
    # The game said goodbye, after it had sent so many.
    said_goodbye: bool = False
    # Its end: a close code, or why the game does not know one.
    close_code: int | None = None
    lost_by: str = ""

    @property
    def is_open(self) -> bool:
        """Whether the game has not seen its end."""
        return self.close_code is None and not self.lost_by

    @property
    def unanswered(self) -> list[int]:
        """Numbers of the requests that have come to nothing yet."""
        return [n for n, message in self.sent.items() if message.kind == REQUEST and n not in self.replies]

    @property
    def comes_from(self) -> str:
        """The stream at the other side, as its messages name it; "" while none came."""
        return next((received.stream for received in self.received if received.stream), "")


class History:
    """That of one game in one run, from its begin to its end or to the kill."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.streams: dict[str, Stream] = {}
        self.statistics: dict[str, dict[str, Any]] = {}
        # Round trips in s, each with the node that asked.
        self.round_trips: list[tuple[str, float]] = []
        self.failures: list[str] = []
        self.port = 0
        self.has_begun = self.has_rested = self.has_ended = False
        self.was_killed = False
        self._hands_over = False
        self._rest = b""
        self._position = 0

    def read(self) -> None:
        """Take in what was written since."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(self._position)
            *lines, self._rest = (self._rest + file.read()).split(b"\n")
            self._position = file.tell()
        for line in lines:
            self.add(json.loads(line))

    def killed(self) -> None:
        """The game is no more. What it was writing when it was killed is not counted."""
        self.read()
        self.was_killed = True
        for stream in self.open_streams():
            stream.lost_by = "killed"

    def open_streams(self) -> Iterator[Stream]:
        """Those whose end the game has not seen."""
        return (stream for stream in self.streams.values() if stream.is_open)

    def add(self, line: dict[str, Any]) -> None:
        """Take in one line."""
        event = line["event"]
        if name := line.get("stream"):
            if name not in self.streams:
                self.streams[name] = Stream(name)
            _ON_STREAM[event](self.streams[name], line | {"at_handover": self._hands_over})
        if event == "statistics":
            self.statistics[line["node"]] = line["statistics"]
        elif event == "answered":
            self.round_trips.append((line["stream"].rpartition(".")[0], line["took"] / 1e6))
        elif event == "failed":
            self.failures.append(line["reason"])
        elif event == "listening":
            self.port = int(line["port"])
        elif event == "handing_over":
            self._hands_over = True
        elif event == "handed_over":
            self._hands_over = False
            for stream in self.open_streams():
                stream.received_before = len(stream.received)
        elif event == "begun":
            self.has_begun = True
        elif event == "rested":
            self.has_rested = True
        elif event == "ended":
            self.has_ended = True


def _message(line: dict[str, Any]) -> Message:
    return Message(line["kind"], int(line["size"]), int(line["hash"]))


def _sent(stream: Stream, line: dict[str, Any]) -> None:
    stream.sent[int(line["n"])] = _message(line)


def _refused(stream: Stream, line: dict[str, Any]) -> None:
    del stream.sent[int(line["n"])]


def _replied(stream: Stream, line: dict[str, Any]) -> None:
    reply = Reply(int(line["error"]), int(line["hash"]), line["at_handover"])
    stream.replies.setdefault(int(line["n"]), []).append(reply)


def _named(line: dict[str, Any]) -> tuple[str, int]:
    # A head that is none of ours has the number 0, with which nothing is sent.
    name, _, number = line["head"].partition("#")
    digits = number.rstrip("?").partition("=")[0]
    return name, int(digits) if digits.isdigit() else 0


def _received(stream: Stream, line: dict[str, Any]) -> None:
    if not stream.is_connected:
        stream.untimely.append(len(stream.received))
    stream.received.append(Received(_message(line), *_named(line)))


def _handled(stream: Stream, line: dict[str, Any]) -> None:
    stream.handled.add(_named(line)[1])


def _connected(stream: Stream, _line: dict[str, Any]) -> None:
    stream.is_connected = True


def _interrupted(stream: Stream, _line: dict[str, Any]) -> None:
    stream.is_connected = False
    stream.interruptions += 1


def _resumed(stream: Stream, _line: dict[str, Any]) -> None:
    stream.is_connected = True
    stream.resumptions += 1


def _closing(stream: Stream, _line: dict[str, Any]) -> None:
    stream.said_goodbye = True


def _freed(stream: Stream, _line: dict[str, Any]) -> None:
    stream.is_connected = False
    stream.lost_by = "freed"


def _closed(stream: Stream, line: dict[str, Any]) -> None:
    stream.is_connected = False
    stream.close_code = int(line["code"])


def _answered(_stream: Stream, _line: dict[str, Any]) -> None:
    pass


_ON_STREAM = {
    "connected": _connected,
    "interrupted": _interrupted,
    "resumed": _resumed,
    "sent": _sent,
    "refused": _refused,
    "received": _received,
    "handled": _handled,
    "replied": _replied,
    "closing": _closing,
    "freed": _freed,
    "closed": _closed,
    "answered": _answered,
}
