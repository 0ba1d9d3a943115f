"""The last words of a node that goes: all that was sent arrives, at a receiver that is slow, and the sockets end."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import pytest
from websockets.frames import Opcode

from tests.chaos.harness import (
    MIB,
    PATIENCE,
    Crowd,
    RawServer,
    close_code,
    frames_in,
    read_to_end,
)
from tests.godot_process import GodotProcess, assert_clean_log

SIZE = 20_000_000
# At quit a second is all there is, on a busy machine, too: much more than the system takes, and quickly read.
SIZE_AT_QUIT = 10_000_000
SLOW_BUFFER = 16_384
# How long the receiver does something else, in s.
ASLEEP = 0.3

StartGodot = Callable[..., GodotProcess]

EITHER = ["free", "queue_free", "remove and free", "change the scene", "quit"]


def start(
    start_godot: StartGodot, how: str, url: str = "", size: int = SIZE, close_timeout: float = 5.0
) -> GodotProcess:
    arguments = [how, str(size), str(close_timeout), *([url] if url else [])]
    return start_godot("--script", "res://tests/chaos/parting.gd", "--", *arguments)


def assert_all_arrives(sock: socket.socket, engine: GodotProcess, size: int, code: int) -> None:
    engine.wait_for("^sent OK$", PATIENCE)
    engine.wait_for("^going$", PATIENCE)
    time.sleep(ASLEEP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * MIB)  # Slow, but quick when it is awake.
    said = read_to_end(sock)
    assert [(opcode, len(payload)) for opcode, payload in frames_in(said)][:-1] == [(Opcode.BINARY, size)]
    assert close_code(said) == code
    assert_clean_log(engine.log)


@pytest.mark.parametrize("how", ["close", "close and queue_free", *EITHER])
def test_a_client_that_goes(how: str, start_godot: StartGodot) -> None:
    size = SIZE_AT_QUIT if how == "quit" else SIZE
    with RawServer(receive_buffer=SLOW_BUFFER) as receiver:
        engine = start(start_godot, how, receiver.url, size)
        receiver.accept()
        assert_all_arrives(receiver.socket, engine, size, 1000 if how.startswith("close") else 1001)
    if how == "quit":
        assert engine.wait(PATIENCE) == 0


@pytest.mark.parametrize("how", ["stop", "stop and free", "disconnect_peer", "free the peer", *EITHER])
def test_a_server_that_goes(how: str, start_godot: StartGodot) -> None:
    size = SIZE_AT_QUIT if how == "quit" else SIZE
    engine = start(start_godot, how, size=size)
    port = int(engine.wait_for(r"^port (\d+)$", PATIENCE)[1])
    with Crowd(port, 1, receive_buffer=SLOW_BUFFER) as crowd:
        sock = crowd.sockets[0]
        # The handshake only: what follows waits.
        sock.settimeout(PATIENCE)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += sock.recv(1)
        assert_all_arrives(sock, engine, size, 1000 if how == "disconnect_peer" else 1001)
    if how == "quit":
        assert engine.wait(PATIENCE) == 0


@pytest.mark.parametrize("how", ["close", "free", "queue_free", "change the scene"])
def test_a_receiver_that_never_reads_is_given_up(how: str, start_godot: StartGodot) -> None:
    """Also where no node polls any more."""
    with RawServer(receive_buffer=SLOW_BUFFER) as receiver:
        engine = start(start_godot, how, receiver.url, close_timeout=1.0)
        receiver.accept()
        ends = receiver.socket.getpeername(), receiver.socket.getsockname()
        wait_until(lambda: is_held(*ends), "the connection is not listed")
        engine.wait_for("^going$", PATIENCE)
        wait_until(lambda: not is_held(*ends), "the connection is still open")
        assert_clean_log(engine.log)


def wait_until(condition: Callable[[], bool], otherwise: str) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, otherwise
        time.sleep(0.05)


def is_held(local: tuple[str, int], remote: tuple[str, int]) -> bool:
    """Whether a process still holds the socket of a connection. Linux may miss one while it lists them."""
    return any(_is_listed(_hex(local), _hex(remote)) for _ in range(5))


def _is_listed(local: str, remote: str) -> bool:
    with open("/proc/net/tcp") as table:
        for line in table:
            fields = line.split()
            # Others may have the same port, connected to somewhere else.
            if fields[1:3] == [local, remote]:
                return fields[9] != "0"
    return False


def _hex(address: tuple[str, int]) -> str:
    return f"{socket.inet_aton(address[0])[::-1].hex().upper()}:{address[1]:04X}"


@pytest.mark.parametrize("node", ["client", "server"])
def test_quitting_does_not_wait_for_a_receiver_that_never_reads(node: str, start_godot: StartGodot) -> None:
    with RawServer(receive_buffer=SLOW_BUFFER) as receiver:
        if node == "client":
            engine = start(start_godot, "quit", receiver.url, close_timeout=60.0)
            receiver.accept()
        else:
            engine = start(start_godot, "quit", close_timeout=60.0)
            port = int(engine.wait_for(r"^port (\d+)$", PATIENCE)[1])
            crowd = Crowd(port, 1, receive_buffer=SLOW_BUFFER)
        engine.wait_for("^going$", PATIENCE)
        since = time.monotonic()
        assert engine.wait(PATIENCE) == 0
        # 1 s is what is promised.
        assert time.monotonic() - since < 1 + 8
        if node == "server":
            crowd.close()
        assert_clean_log(engine.log)
