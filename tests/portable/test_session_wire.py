"""The session layer of the portable server as it is on the wire, with clients that say what they should not."""

from __future__ import annotations

import json
import re
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.godot_process import UNCLEAN, GodotProcess
from tests.portable.test_server import TIMEOUT, start

SUBPROTOCOL = Subprotocol("session1.ws-python")
# TYPE_INT of the engine, 5; TYPE_OBJECT; TYPE_ARRAY with one item that is not there.
FIVE, AN_OBJECT, CUT_OFF = (bytes.fromhex(code) for code in ("0200000005000000", "18000000", "1c00000001000000"))


@pytest.fixture(scope="module")
def engine(portable_project: Path) -> Iterator[GodotProcess]:
    with start(portable_project, "--sessions") as running:
        yield running
        wrong = [line for line in running.log.splitlines() if UNCLEAN.search(line) and "cannot be read" not in line]
        assert not wrong, running.log


@pytest.fixture(scope="module")
def port(engine: GodotProcess) -> int:
    return int(engine.wait_for(r"^port (\d+)$")[1])


def open_layer(port: int) -> ClientConnection:
    connection = connect(
        f"ws://127.0.0.1:{port}/", subprotocols=[SUBPROTOCOL], open_timeout=TIMEOUT, ping_interval=None
    )
    assert connection.subprotocol == SUBPROTOCOL
    return connection


def hello(**fields: object) -> str:
    return "\x10h" + json.dumps({"v": 1, "buffer": 4096} | fields) + "\n"


def new_hello() -> str:
    return hello(token=secrets.token_urlsafe(16))


def welcome(connection: ClientConnection) -> dict[str, Any]:
    said = connection.recv(TIMEOUT)
    assert isinstance(said, str)
    assert said.startswith("\x10w")
    assert said.endswith("\n")
    fields: dict[str, Any] = json.loads(said[2:])
    return fields


def cut(connection: ClientConnection) -> None:
    """End the TCP connection without a word."""
    connection.socket.shutdown(socket.SHUT_RDWR)


def heard(connection: ClientConnection) -> str | bytes:
    """The next message that is no acknowledgement: these come when they like."""
    while True:
        said = connection.recv(TIMEOUT)
        if not (isinstance(said, str) and said.startswith("\x10a")):
            return said


def next_of(connection: ClientConnection, letter: str) -> str | bytes:
    """The next message, which must be one of the layer with this letter."""
    said = heard(connection)
    assert (said[:2] if isinstance(said, str) else said[:2].decode()) == "\x10" + letter, said
    return said


def said_until_gone(engine: GodotProcess, peer_id: int, before: int) -> str:
    """What it printed after so many lines and until this peer was disconnected."""
    engine.wait_for(f"^disconnected: {peer_id}$")
    return "\n".join(engine.log.splitlines()[before:])


def test_messages_requests_values_and_the_time(port: int) -> None:
    with open_layer(port) as connection:
        connection.send(new_hello())
        fields = welcome(connection)
        assert (fields["resumed"], fields["received"], fields["buffer"], fields["ttl"]) == (False, 0, 4096, 20.0)
        assert re.fullmatch("[A-Za-z0-9_-]{22}", fields["session"])
        connection.send("\x10t123\n")
        assert re.fullmatch(r"\x10t123 \d+\n", str(next_of(connection, "t")))
        for message in ("hello", "\x10\x10escaped", b"\x10\x10escaped", b"bytes"):
            connection.send(message)
            assert heard(connection) == message
        connection.send('\x10q1 double\n{"a":[1,2.5,12345678901234567]}')
        assert next_of(connection, "r") == '\x10r1\n[{"a":[1,2.5,12345678901234567]},{"a":[1,2.5,12345678901234567]}]'
        connection.send("\x10q2 missing\n")
        assert str(next_of(connection, "x")).startswith("\x10x2 37\n")
        connection.send("\x10q3 double\nno json")
        assert str(next_of(connection, "x")).startswith("\x10x3 30\n")
        connection.send(b"\x10v\n" + FIVE)
        assert next_of(connection, "v") == b"\x10v\n" + FIVE


def test_requests_beyond_the_limit_and_given_up(port: int) -> None:
    with open_layer(port) as connection:
        connection.send(new_hello())
        welcome(connection)
        connection.send("\x10q1 wait\n")
        connection.send("\x10q2 double\n")
        assert str(next_of(connection, "x")).startswith("\x10x2 44\n")
        connection.send("\x10k1\n")
        connection.send("\x10k7\n")
        with pytest.raises(ConnectionClosed):
            next_of(connection, "r")
    assert connection.close_code == 1002


def test_back_with_the_first_token_and_with_the_next(port: int, engine: GodotProcess) -> None:
    first = secrets.token_urlsafe(16)
    with open_layer(port) as connection:
        connection.send(hello(token=first))
        connection.send("one")
        peer_id = welcome(connection)["id"]
        engine.wait_for(f"^connected: {peer_id}$")
        assert heard(connection) == "one"
        cut(connection)
    engine.wait_for(f"^interrupted: {peer_id}$")
    # As where no welcome had come.
    with open_layer(port) as connection:
        connection.send(hello(resume=first, received=0))
        fields = welcome(connection)
        assert (fields["resumed"], fields["received"], fields["id"]) == (True, 1, peer_id)
        assert heard(connection) == "one"
        connection.send("two")
        assert heard(connection) == "two"
        connection.send("\x10a2\n")
        cut(connection)
    engine.wait_for(f"^resumed: {peer_id}$")
    with open_layer(port) as connection:
        connection.send(hello(resume=fields["session"], received=2))
        again = welcome(connection)
        assert (again["resumed"], again["received"], again["id"]) == (True, 2, peer_id)
        assert again["session"] != fields["session"]


def test_a_session_that_nobody_knows(port: int) -> None:
    unknown = secrets.token_urlsafe(16)
    ids = []
    for _ in range(2):
        # Its welcome is lost the first time: the peer is the same.
        with open_layer(port) as connection:
            connection.send(hello(resume=unknown, received=7))
            fields = welcome(connection)
            assert (fields["resumed"], fields["received"]) == (False, 0)
            ids.append(fields["id"])
            cut(connection)
    assert ids[0] == ids[1]


def test_a_token_that_is_in_use_begins_nothing(port: int) -> None:
    taken = secrets.token_urlsafe(16)
    with open_layer(port) as connection, open_layer(port) as other:
        connection.send(hello(token=taken))
        welcome(connection)
        other.send(hello(token=taken))
        with pytest.raises(ConnectionClosed):
            other.recv(TIMEOUT)
        assert other.close_code == 1008
        connection.send("still there")
        assert heard(connection) == "still there"


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        (["hello"], 1002),
        ([b"\x10h{}\n"], 1002),
        (["\x10h\n"], 1002),
        (["\x10h[]\n"], 1002),
        (["\x10h" + "[" * 900 + "\n"], 1002),
        (["\x10h" + "x" * 2000 + "\n"], 1002),
        ([hello(v=2, token="x" * 22)], 1002),
        ([hello(buffer=-1, token="x" * 22)], 1002),
        ([hello(buffer=1.5, token="x" * 22)], 1002),
        ([hello(buffer=1e300, token="x" * 22)], 1002),
        ([hello(received=True, resume="x" * 22)], 1002),
        ([hello(token=5)], 1002),
        ([hello()], 1008),
        ([hello(token="x" * 23)], 1008),
        ([hello(token="x" * 22 + "\n")], 1008),
        (["hello", "\x10a0\n"], 1002),
        (["new", new_hello()], 1002),
        (["new", "\x10a1\n"], 1002),
        (["new", "\x10a\n"], 1002),
        (["new", "\x10a-1\n"], 1002),
        (["new", "\x10a" + "9" * 30 + "\n"], 1002),
        (["new", "\x10"], 1002),
        (["new", b"\x10"], 1002),
        (["new", "\x10é\n"], 1002),
        (["new", b"\x10\xff\x00\n"], 1002),
        (["new", "\x10tyesterday\n"], 1002),
        (["new", "\x10q\n"], 1002),
        (["new", "\x10q1\n"], 1002),
        (["new", "\x10q1 double\n1", "\x10q1 double\n1"], 1002),
        (["new", "\x10r1\n"], 1002),
        (["new", "\x10x1 nothing\n"], 1002),
        (["new", "\x10k1\n"], 1002),
    ],
)
def test_what_breaks_the_rules(port: int, messages: list[str | bytes], code: int) -> None:
    with open_layer(port) as connection:
        with pytest.raises(ConnectionClosed):
            for message in messages:
                connection.send(new_hello() if message == "new" else message)
            while True:
                connection.recv(TIMEOUT)
        assert connection.close_code == code


@pytest.mark.parametrize("payload", [b"", b"\x02", AN_OBJECT, CUT_OFF, FIVE + b"x", b"\xff" * 64, "[1,", '{"a":1,"a'])
def test_a_value_that_is_none_is_told_in_one_line(port: int, engine: GodotProcess, payload: bytes | str) -> None:
    before = len(engine.log.splitlines())
    with open_layer(port) as connection:
        connection.send(new_hello())
        peer_id = welcome(connection)["id"]
        connection.send(b"\x10v\n" + payload if isinstance(payload, bytes) else "\x10v\n" + payload)
        connection.send("and on")
        assert heard(connection) == "and on"
    assert said_until_gone(engine, peer_id, before).count("a value that came cannot be read") == 1


def memory(engine: GodotProcess, kind: str = "VmRSS") -> float:
    """What the engine takes, in MB; with "VmHWM" the most that it has taken."""
    found = re.search(rf"^{kind}:\s+(\d+) kB$", Path(f"/proc/{engine.pid}/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1024


@pytest.mark.parametrize("payload", ["[1e999,1e-999,1e0512]", "9" * 600, "0." + "0" * 600 + "1"])
def test_numbers_that_are_too_large(port: int, engine: GodotProcess, payload: str) -> None:
    before = len(engine.log.splitlines())
    with open_layer(port) as connection:
        connection.send(new_hello())
        peer_id = welcome(connection)["id"]
        connection.send("\x10v\n" + payload)
        connection.send("and on")
        assert heard(connection) == "and on"
    said = said_until_gone(engine, peer_id, before)
    assert "a value that came cannot be read: it holds a number that is too large" in said
    assert "Exponent too high" not in said


def test_numbers_and_nuls_stay_what_they_are(port: int, engine: GodotProcess) -> None:
    said = '[9223372036854775807,-9223372036854775807,1,1.5,-2e3,"1 \\\\u0000","\\\\\\u0000\\u0000"]'
    with open_layer(port) as connection:
        connection.send(new_hello())
        peer_id = welcome(connection)["id"]
        connection.send(f"\x10q1 double\n{said}")
        answer = str(next_of(connection, "r")).partition("\n")[2]
        both = [9223372036854775807, -9223372036854775807, 1, 1.5, -2000.0, "1 \\u0000", "\\\ufffd\ufffd"]
        assert json.loads(answer) == [both, both]
        assert "9223372036854775807,-9223372036854775807,1,1.5,-2000.0" in answer
    assert "Unicode parsing error" not in said_until_gone(engine, peer_id, 0)


def test_many_numbers_take_little_memory(port: int, engine: GodotProcess) -> None:
    with open_layer(port) as connection:
        connection.send(new_hello())
        welcome(connection)
        before = memory(engine, "VmHWM")
        connection.send("\x10q1 wait\n[1" + ",1" * 250_000 + "]")
        connection.send("\x10q2 missing\n")
        assert str(next_of(connection, "x")).startswith("\x10x2 44\n")
        assert memory(engine, "VmHWM") - before < 150


def test_what_is_cut_keeps_no_half_of_a_message(port: int, engine: GodotProcess) -> None:
    before = memory(engine)
    for _ in range(24):
        with open_layer(port) as connection:
            connection.send(new_hello())
            peer_id = welcome(connection)["id"]
            # A frame of 2,000,000 bytes with all but the last of them.
            half = b"\x82\xff" + (2_000_000).to_bytes(8, "big") + b"mask" + bytes(1_999_999)
            connection.socket.sendall(half)
            connection.socket.shutdown(socket.SHUT_WR)
            engine.wait_for(f"^interrupted: {peer_id}$")
    assert memory(engine) - before < 24


def test_one_that_does_not_speak_it_is_served_as_ever(port: int) -> None:
    with connect(f"ws://127.0.0.1:{port}/") as connection:
        assert connection.subprotocol is None
        connection.send("\x10plain")
        assert connection.recv(TIMEOUT) == "\x10plain"


def test_who_says_no_hello_is_closed(port: int) -> None:
    with open_layer(port) as connection:
        with pytest.raises(ConnectionClosed):
            connection.recv(TIMEOUT)
        assert connection.close_code == 1002
