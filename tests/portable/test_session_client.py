"""The session layer of the portable client as it is on the wire, with servers that say what they are told."""

from __future__ import annotations

import json
import re
import shutil
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve
from websockets.typing import Subprotocol

from tests.godot_process import ROOT, GodotProcess
from tests.portable.test_server import TIMEOUT

SCRIPT = "tests/portable/session_client.gd"
SUBPROTOCOL = Subprotocol("session1.ws-python")
Says = Callable[[ServerConnection], None]


@contextmanager
def server(*talks: Says) -> Iterator[str]:
    """One that speaks to its first client as the first of these says, and so on. Its URL."""
    left = list(talks)
    failed: list[BaseException] = []

    def talk(connection: ServerConnection) -> None:
        try:
            left.pop(0)(connection)
        except BaseException as problem:
            failed.append(problem)
            raise

    with serve(talk, "127.0.0.1", 0, subprotocols=[SUBPROTOCOL], ping_interval=None) as listening:
        thread = threading.Thread(target=listening.serve_forever, daemon=True)
        thread.start()
        yield f"ws://127.0.0.1:{listening.socket.getsockname()[1]}/"
        listening.shutdown()
        thread.join()
    assert not failed, failed
    assert not left


@pytest.fixture
def play(portable_project: Path) -> Callable[[str], GodotProcess]:
    target = portable_project / SCRIPT
    target.parent.mkdir(exist_ok=True)
    shutil.copy(ROOT / SCRIPT, target)
    return lambda url: GodotProcess(["--script", f"res://{SCRIPT}", "--", url], path=portable_project)


def hello(connection: ServerConnection) -> dict[str, Any]:
    said = connection.recv(TIMEOUT)
    assert isinstance(said, str)
    assert said.startswith("\x10h")
    fields: dict[str, Any] = json.loads(said[2:])
    return fields


def welcome(connection: ServerConnection, token: str, received: int = 0, *, resumed: bool = False) -> None:
    fields = {"session": token, "id": 7, "received": received, "resumed": resumed, "ttl": 20, "buffer": 4096}
    connection.send("\x10w" + json.dumps(fields) + "\n")


def hear(connection: ServerConnection, expected: Sequence[str | bytes]) -> None:
    """These messages, and acknowledgements between them."""
    heard: list[str | bytes] = []
    while len(heard) < len(expected):
        said = connection.recv(TIMEOUT)
        if not (isinstance(said, str) and said.startswith("\x10a")):
            heard.append(said)
    assert heard == list(expected)


def cut(connection: ServerConnection) -> None:
    connection.socket.shutdown(socket.SHUT_RDWR)


def test_from_hello_to_goodbye(play: Callable[[str], GodotProcess]) -> None:
    tokens: list[str] = []

    def begin(connection: ServerConnection) -> None:
        fields = hello(connection)
        assert fields.keys() == {"v", "buffer", "token"}
        assert re.fullmatch("[A-Za-z0-9_-]{22}", fields["token"])
        tokens.append(fields["token"])
        cut(connection)  # Before the welcome.

    def go_on(connection: ServerConnection) -> None:
        fields = hello(connection)
        assert (fields["resume"], fields["received"]) == (tokens[0], 0)
        welcome(connection, "second", resumed=True)
        assert connection.recv(TIMEOUT) == "\x10a0\n"
        for message in ("plain", "\x10\x10escaped", b"\x10\x10bytes"):
            connection.send(message)
        connection.send('\x10q1 double\n{"a":[1,2.5]}')
        hear(connection, ["plain", "\x10\x10escaped", b"\x10\x10bytes", '\x10r1\n[{"a":[1,2.5]},{"a":[1,2.5]}]'])
        connection.send("\x10a2\n")
        connection.send(b"\x10v\n" + bytes.fromhex("0200000005000000"))
        connection.send("\x10m10\n")
        connection.close(1012)

    def come_back(connection: ServerConnection) -> None:
        fields = hello(connection)
        assert (fields["resume"], fields["received"]) == ("second", 5)
        welcome(connection, "third", 2, resumed=True)
        # What was not acknowledged comes again.
        hear(connection, [b"\x10\x10bytes", '\x10r1\n[{"a":[1,2.5]},{"a":[1,2.5]}]'])
        connection.close(4000, "enough")

    with server(begin, go_on, come_back) as url, play(url) as engine:
        engine.wait_for("^closed: 4000 enough$", TIMEOUT)
        said = [line for line in engine.log.splitlines() if re.match("connected|interr|resumed|value|closed", line)]
    assert said == [
        "connected",
        "interrupted: 1006",
        "resumed",
        "value: 5",
        "interrupted: 1012",
        "resumed",
        "closed: 4000 enough",
    ]


def test_it_goes_where_it_is_sent(play: Callable[[str], GodotProcess]) -> None:
    def there(connection: ServerConnection) -> None:
        assert hello(connection)["resume"] == "first"
        welcome(connection, "other", resumed=False)
        connection.close(1000)

    with server(there) as other:

        def here(connection: ServerConnection) -> None:
            hello(connection)
            welcome(connection, "first")
            connection.send(f"\x10m0 {other}\n")
            connection.close(1012)

        with server(here) as url, play(url) as engine:
            engine.wait_for("^closed: 1000", TIMEOUT)
            said = [line for line in engine.log.splitlines() if re.match("connected|interr|resumed|closed", line)]
    # The other one does not know the session.
    assert said == ["connected", "interrupted: 1012", "closed: 1012 ", "connected", "closed: 1000 "]


def test_a_server_that_agrees_to_what_it_does_not_know(play: Callable[[str], GodotProcess]) -> None:
    def talk(connection: ServerConnection) -> None:
        said = connection.recv(TIMEOUT)
        connection.send(said)  # One that sends back what it gets.
        connection.send("\x10mine")
        assert connection.recv(TIMEOUT) == "\x10mine"
        connection.close(1000)

    with server(talk) as url, play(url) as engine:
        engine.wait_for("^closed: 1000", TIMEOUT)


@pytest.mark.parametrize(
    "messages",
    [
        ["\x10w[]\n"],
        ["\x10w{}\n"],
        ['\x10w{"session":"x","id":-1}\n'],
        ["welcome", "\x10w{}\n"],
        ["welcome", "\x10a1\n"],
        ["welcome", "\x10"],
        ["welcome", "\x10r1\n"],
        ["welcome", "\x10q1\n"],
        ["welcome", "\x10t1 soon\n"],
    ],
)
def test_a_server_that_breaks_the_rules(play: Callable[[str], GodotProcess], messages: list[str]) -> None:
    def talk(connection: ServerConnection) -> None:
        hello(connection)
        with pytest.raises(ConnectionClosed):
            for message in messages:
                welcome(connection, "x") if message == "welcome" else connection.send(message)
            while True:
                connection.recv(TIMEOUT)
        assert connection.close_code == 1002

    with server(talk) as url, play(url) as engine:
        engine.wait_for("^closed: 1002", TIMEOUT)
