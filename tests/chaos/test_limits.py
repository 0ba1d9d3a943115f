"""Limits under attack: who behaves is served beside thousands that trickle, flood or knock, and the log stays short."""

from __future__ import annotations

import contextlib
import re
import statistics
import subprocess
import time
from pathlib import Path

import pytest
from websockets.frames import Opcode
from ws_python import WebSocketServer

from tests.chaos.harness import PATIENCE, SCALE, Crowd, Game, Timed, frame, python, request, send_some
from tests.chaos.machine import Cable
from tests.ws_python.driving import poll_until

TRICKLING = 2000
SECONDS = 8.0
# What a well-behaved client may wait for an answer, in s: behind all who came before it, on a machine that is busy.
PATIENT = 15.0


class Trickle:
    """Connections that send a byte of their request in a second, and come back when they were thrown out."""

    def __init__(self, port: int, count: int) -> None:
        self.crowd = Crowd(port, 0, says=request()[:1])
        self._count = count
        self._rest = request()[1:] + b"X: " + b"a" * 1000
        self._said: dict[int, int] = {}
        self.thrown_out = 0
        self._next = time.monotonic()

    def __enter__(self) -> Trickle:
        return self

    def __exit__(self, *_: object) -> None:
        self.crowd.close()

    def go_on(self) -> None:
        """A byte of each, if it is time; and as many come as have gone."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + 1.0
        staying = []
        for sock in self.crowd.sockets:
            at = self._said.get(sock.fileno(), 0)
            try:
                if sock.recv(4096) is not None:
                    raise ConnectionResetError  # It was answered, or closed.
            except BlockingIOError:
                with contextlib.suppress(BlockingIOError, OSError):
                    sock.send(self._rest[at : at + 1])
                self._said[sock.fileno()] = at + 1
                staying.append(sock)
            except OSError:
                self._said.pop(sock.fileno(), None)
                sock.close()
                self.thrown_out += 1
        self.crowd.sockets[:] = staying
        self.crowd.join(self._count - len(staying))


@pytest.mark.parametrize("limit", [0, 1024], ids=["without a limit of handshakes", "by default"])
def test_two_thousand_that_trickle_keep_nobody_out(limit: int) -> None:
    with Game(max_pending_handshakes=limit, echo=True) as game, Trickle(game.port, TRICKLING) as trickle:
        while not trickle.crowd.sockets:
            trickle.go_on()
        waits: list[float] = []
        arrivals: list[float] = []
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            trickle.go_on()
            begin = time.monotonic()
            game.witness.send("hello")
            assert game.witness.recv(PATIENCE) == "hello"
            waits.append(time.monotonic() - begin)
            begin = time.monotonic()
            with game.connect() as newcomer:
                newcomer.send("new")
                assert newcomer.recv(PATIENCE) == "new"
            arrivals.append(time.monotonic() - begin)
        assert len(trickle.crowd.sockets) == TRICKLING
        report = game.report()
        log = game.errors()
    assert trickle.thrown_out > 100, "they were there, and their time ran out"
    assert report["connected"] >= len(arrivals) + 1
    assert statistics.median(waits) < PATIENT
    assert statistics.median(arrivals) < PATIENT
    # Ten lines, one more in each second, and one that sums up, of thousands.
    assert 1 <= len([line for line in log if "WARNING" in line]) <= 10 + 2 * (SECONDS + 30)


def test_a_crowd_that_knocks_on_a_full_server_fills_no_log() -> None:
    knocks = 1000 * SCALE
    with Game(max_connections=2, echo=True) as game:
        for _ in range(knocks // 500):
            with Crowd(game.port, 500, says=b""):
                game.witness.send("hello")
                assert game.witness.recv(PATIENCE) == "hello"
                time.sleep(0.1)
        report = game.wait_for("peers", 1)
        assert report["connected"] == 1
        game.assert_bounded()
        lines = game.errors()
    assert 1 <= len(lines) <= 100
    assert all("max_connections" in line or "further ones" in line for line in lines)


FROM_ELSEWHERE = """
import socket, sys
wanted, statuses, kept = int(sys.argv[3]), [], []
for _ in range(wanted):
    sock = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=30)
    sock.sendall(sys.argv[4].encode())
    statuses.append(sock.recv(4096).split()[1].decode())
    kept.append(sock)
print(*statuses, flush=True)
print("ready", flush=True)
sys.stdin.read()
"""


def test_one_address_has_its_part(cable: Cable, tmp_path: Path) -> None:
    """From another network, as strangers come; who is on this machine is served all the same."""
    with Game(max_connections_per_address=5, echo=True) as game:
        command = python(FROM_ELSEWHERE, cable.address, game.port, 8, request().decode())
        output = tmp_path / "statuses"
        with output.open("w") as written:
            child = subprocess.Popen(cable.at_its_end(*command), stdin=subprocess.PIPE, stdout=written)
        try:
            end = time.monotonic() + PATIENCE
            while "ready" not in output.read_text():
                assert time.monotonic() < end
                time.sleep(0.05)
            assert output.read_text().split()[:-1] == ["101"] * 5 + ["503"] * 3
            assert game.report()["peers"] == 6
            with contextlib.ExitStack() as here:
                for _ in range(8):
                    here.enter_context(game.connect())
                game.wait_for("peers", 14)
        finally:
            child.kill()
            child.communicate()
        game.wait_for("peers", 1)
        (line,) = game.errors()
    assert re.search(r"169\.254\.\d+\.\d+: refused with HTTP 503: there are 5, max_connections_per_address is 5", line)


def until_all_are_closed(crowd: Crowd, *nodes: Timed, says: bytes) -> None:
    """Each says it again and again until the server has closed."""
    left = {sock: memoryview(says) for sock in crowd.sockets}

    def all_closed() -> bool:
        for sock in list(left):
            try:
                send_some(sock, left[sock])
                while sock.recv(65536):
                    pass
                del left[sock]
            except BlockingIOError:
                pass
            except OSError:
                del left[sock]
        return not left

    poll_until(all_closed, *nodes, deadline=2 * PATIENCE)


FLOODS: dict[str, tuple[bytes, dict[str, object]]] = {
    "messages": (frame(Opcode.BINARY, b"x") * 2000, {"max_messages_per_second": 100}),
    "bytes": (frame(Opcode.BINARY, bytes(60_000)), {"max_bytes_per_second": 10_000}),
    "pings": (frame(Opcode.PING, b"x") * 2000, {}),
    "pongs": (frame(Opcode.PONG, b"x") * 2000, {}),
    "fragments": (
        frame(Opcode.BINARY, b"x", fin=False) + frame(Opcode.CONT, b"x", fin=False) * 3000,
        {"max_fragments": 1000},
    ),
}


@pytest.mark.parametrize("kind", FLOODS)
def test_who_floods_is_closed_and_who_behaves_stays(
    kind: str, server: WebSocketServer, caplog: pytest.LogCaptureFixture
) -> None:
    says, properties = FLOODS[kind]
    server.rate_timeout = 3.0
    for name, value in properties.items():
        setattr(server, name, value)
    received: list[object] = []
    server.message_received.connect(lambda _peer_id, message: received.append(message))
    timed = Timed(server)
    crowd = Crowd(server.get_local_port(), 50).wait_until_open(server)
    behaved = Crowd(server.get_local_port(), 1).wait_until_open(server)
    with crowd, behaved:
        until_all_are_closed(crowd, timed, says=says)
        poll_until(lambda: server.get_peer_count() == 1, timed)
        behaved.sockets[0].sendall(frame(Opcode.TEXT, b"hello"))
        poll_until(lambda: received[-1:] == ["hello"], timed)
    timed.assert_bounded()
    assert len(caplog.records) <= 100
