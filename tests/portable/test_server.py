"""The portable server with clients of another implementation, and with bytes that no implementation sends."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from tests.godot_process import ROOT, UNCLEAN, GodotProcess
from tests.interop import scenario
from tests.interop.test_websockets import talk

SCRIPT = "tests/portable/echo_server.gd"
REQUEST = (
    b"GET /raw HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
)
# RFC 6455 section 1.3: the answer to that key.
ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
TIMEOUT = 20.0


def start(project: Path, *arguments: str) -> GodotProcess:
    target = project / SCRIPT
    target.parent.mkdir(exist_ok=True)
    shutil.copy(ROOT / SCRIPT, target)
    return GodotProcess(["--script", f"res://{SCRIPT}", "--", *arguments], path=project)


@pytest.fixture(scope="module")
def engine(portable_project: Path) -> Iterator[GodotProcess]:
    with start(portable_project) as running:
        yield running
        assert not UNCLEAN.search(running.log), running.log


@pytest.fixture(scope="module")
def port(engine: GodotProcess) -> int:
    return int(engine.wait_for(r"^port (\d+)$")[1])


def say(port: int, *pieces: bytes) -> bytes:
    """What the server answers, to its end."""
    with socket.create_connection(("127.0.0.1", port), TIMEOUT) as connection:
        for piece in pieces:
            connection.sendall(piece)
        heard = b""
        while piece := connection.recv(65536):
            heard += piece
        return heard


def frame(first: int, payload: bytes, length: bytes = b"") -> bytes:
    """A client's, masked."""
    key = b"\x11\x22\x33\x44"
    masked = bytes(byte ^ key[at % 4] for at, byte in enumerate(payload))
    return bytes([first]) + (length or bytes([0x80 | len(payload)])) + key + masked


def converse(port: int, *frames: bytes) -> bytes:
    """What comes behind the opening handshake."""
    head, _, rest = say(port, REQUEST + b"\r\n", *frames).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 ")
    assert ACCEPT in head
    return rest


def test_a_client_of_websockets(portable_project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # An engine's String cannot hold U+0000.
    monkeypatch.setattr(scenario, "MESSAGES", [each for each in scenario.MESSAGES if each != "a\0b"])
    with start(portable_project, "--protocols") as engine:
        port = int(engine.wait_for(r"^port (\d+)$")[1])
        talk(f"ws://127.0.0.1:{port}{scenario.PATH}")
        ended = engine.wait_for(r"^ended: (.*)$")[1]
        assert ended == f"{scenario.CLOSE_CODE} {scenario.CLOSE_REASON} {scenario.PATH}"


def test_what_was_sent_leaves_when_the_game_quits(portable_project: Path) -> None:
    """The message, and the close behind it."""
    with start(portable_project) as engine:
        port = int(engine.wait_for(r"^port (\d+)$")[1])
        with connect(f"ws://127.0.0.1:{port}", max_size=None) as connection:
            connection.send("quit")
            assert len(connection.recv(TIMEOUT)) == 1_000_000
            with pytest.raises(ConnectionClosed) as closed:
                connection.recv(TIMEOUT)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1001
        assert engine.wait(TIMEOUT) == 0
        assert not UNCLEAN.search(engine.log), engine.log


def test_a_refusal_with_status_text_and_header(port: int) -> None:
    with pytest.raises(InvalidStatus) as refused, connect(f"ws://127.0.0.1:{port}/?refused"):
        pass
    response = refused.value.response
    assert (response.status_code, response.headers["Retry-After"]) == (429, "7")
    assert response.body.decode() == "Not so fast, Zoë.\n"


def test_twenty_clients_at_once(port: int) -> None:
    echoes: list[bool] = []

    def chat() -> None:
        with connect(f"ws://127.0.0.1:{port}/", open_timeout=TIMEOUT) as connection:
            for number in range(50):
                connection.send(f"number {number}")
                echoes.append(connection.recv(TIMEOUT) == f"number {number}")

    threads = [threading.Thread(target=chat) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert echoes == [True] * 1000


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"hello\r\n\r\n", 400),
        (b"GET / HTTP/1.0\r\nHost: a\r\n\r\n", 505),
        (b"POST / HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        (b"GET nowhere HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 426),
        (b"GET / HTTP/1.1\nHost: a\n\n", 400),
        (REQUEST + b"X: \0\r\n\r\n", 400),
        (REQUEST + b"no colon\r\n\r\n", 400),
        (REQUEST + b" folded: x\r\n\r\n", 400),
        (REQUEST + b"Content-Length: 5\r\n\r\nhello", 400),
        (REQUEST + b"Transfer-Encoding: chunked\r\n\r\n", 400),
        (REQUEST + b"Sec-WebSocket-Version: 8\r\n\r\n", 426),
        (REQUEST + b"Sec-WebSocket-Key: AAAA\r\n\r\n", 400),
        (REQUEST.replace(b"dGhlIHNhbXBsZSBub25jZQ==", b"short") + b"\r\n", 400),
        (REQUEST.replace(b"keep-alive, Upgrade", b"close") + b"\r\n", 426),
        (REQUEST + b"X: " + b"x" * 20_000, 431),
        (b"GET /" + b"x" * 20_000, 414),
        (REQUEST + b"Connection: " + b"," * 100 + b"\r\n\r\n", 400),
    ],
)
def test_a_request_that_is_none(port: int, request_: bytes, status: int) -> None:
    answer = say(port, request_)
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"Content-Length: %d\r\n" % len(body) in head


def test_tls_to_a_port_without_it_gets_an_alert(port: int, engine: GodotProcess) -> None:
    assert say(port, bytes.fromhex("16030100a5010000a10303") + bytes(100)) == bytes.fromhex("15030300020246")
    engine.wait_for("failed: 127.0.0.1: it speaks TLS, which this port does not; use a ws:// URL, not wss://")


def test_a_request_byte_by_byte_with_a_message_behind_it(port: int) -> None:
    data = REQUEST + b"\r\n" + frame(0x81, b"early") + frame(0x88, b"\x03\xe8")
    answer = say(port, *(data[at : at + 1] for at in range(len(data))))
    assert answer.partition(b"\r\n\r\n")[2] == b"\x81\x05early\x88\x02\x03\xe8"


def test_who_says_nothing_is_dropped(port: int, engine: GodotProcess) -> None:
    assert say(port) == b""
    engine.wait_for("failed: 127.0.0.1: the other side did not finish the opening handshake in time")


BYE = b"\x88\x02\x03\xe8"


@pytest.mark.parametrize(
    ("frames", "answer"),
    [
        ([frame(0x01, b"a"), frame(0x89, b"p"), frame(0x00, b"b"), frame(0x80, b"c"), frame(0x88, b"\x03\xe8")],
         b"\x81\x03abc\x8a\x01p" + BYE),
        ([frame(0x01, "€".encode()[:1]), frame(0x80, "€".encode()[1:]), frame(0x88, b"\x03\xe8")],
         b"\x81\x03\xe2\x82\xac" + BYE),
        ([frame(0x82, b""), frame(0x88, b"")], b"\x82\x00\x88\x00"),
        ([frame(0x88, b"\x0f\xa1why")], b"\x88\x05\x0f\xa1why"),
    ],
)  # fmt: skip
def test_frames(port: int, frames: list[bytes], answer: bytes) -> None:
    heard = converse(port, *frames)
    # A pong may come before or behind the message that it came within.
    assert sorted(heard) == sorted(answer)
    assert heard.endswith(answer[-4:])


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ([b"\x81\x05hello"], 1002),  # no mask
        ([frame(0xC1, b"x")], 1002),  # RSV1, with nothing agreed on
        ([frame(0x83, b"x")], 1002),
        ([frame(0x8B, b"x")], 1002),
        ([frame(0x80, b"x")], 1002),  # a continuation of nothing
        ([frame(0x01, b"x"), frame(0x81, b"x")], 1002),
        ([frame(0x09, b"x")], 1002),  # a fragmented ping
        ([frame(0x89, b"x" * 126, b"\xfe\x00\x7e")], 1002),
        ([frame(0x88, b"x")], 1002),
        ([frame(0x88, b"\x03\xed")], 1002),  # 1005 is never sent
        ([frame(0x88, b"\x03\xe8\xff")], 1007),
        ([frame(0x81, b"\xed\xa0\x80")], 1007),
        ([frame(0x81, b"\xc0\x80")], 1007),
        ([frame(0x82, b"", b"\xff\x7f" + b"\xff" * 7)], 1009),
        ([frame(0x82, b"", b"\xff\xff" + b"\xff" * 7)], 1002),
        ([frame(0x82, b"", b"\xff\x00\x00\x00\x00\x00\x20\x00\x01")], 1009),
        ([frame(0x02, b"x"), *[frame(0x00, b"x")] * 100], 1008),
    ],
)
def test_what_breaks_the_protocol_or_a_limit(port: int, frames: list[bytes], code: int) -> None:
    heard = converse(port, frame(0x81, b"before"), *frames)
    assert heard.startswith(b"\x81\x06before\x88"), "what came before is answered"
    assert heard[10:12] == code.to_bytes(2, "big")


def test_it_still_serves(port: int) -> None:
    with connect(f"ws://127.0.0.1:{port}/") as connection:
        connection.send("still well")
        assert connection.recv(TIMEOUT) == "still well"
