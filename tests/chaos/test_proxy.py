"""The proxy of the seeded runs does to bytes what it is told, where it is told, and nothing else."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator

import pytest
from websockets.frames import Opcode

from tests.chaos.harness import PATIENCE, frame, request
from tests.chaos.proxy import DOWN, UP, Cut, Delay, Frames, Garbage, Mishap, Proxy, Silence, Split, Stall

DATA = bytes(range(256)) * 400
HEAD = request()
FRAMES = [
    frame(Opcode.TEXT, b""),
    frame(Opcode.BINARY, b"x"),
    frame(Opcode.BINARY, bytes(125)),
    frame(Opcode.BINARY, bytes(126)),
    frame(Opcode.BINARY, bytes(70_000)),
]


class Ends:
    """The two ends of a connection through the proxy."""

    def __init__(self, proxy: Proxy, listening: socket.socket) -> None:
        self.proxy = proxy
        self.client = socket.create_connection(("127.0.0.1", proxy.doors[0].port))
        self.server, _ = listening.accept()
        for end in (self.client, self.server):
            end.settimeout(PATIENCE)
        # The proxy has connected, and may not know it yet.
        while not proxy.doors[0].links:
            time.sleep(0.001)

    def arm(self, mishap: Mishap, after: int, way: str = UP) -> None:
        self.proxy.call(lambda: self.proxy.doors[0].arm(way, mishap, after))

    def close(self) -> None:
        self.client.close()
        self.server.close()


@pytest.fixture
def ends() -> Iterator[Ends]:
    with Proxy() as proxy, socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(PATIENCE)
        proxy.target = listening.getsockname()[1]
        proxy.set_doors(1)
        both = Ends(proxy, listening)
        yield both
        both.close()


def heard(sock: socket.socket, count: int = 1 << 30) -> bytes:
    """So many bytes, or all until the end."""
    data = bytearray()
    with contextlib.suppress(ConnectionResetError):
        while len(data) < count and (more := sock.recv(65536)):
            data += more
    return bytes(data)


@pytest.mark.parametrize("way", [UP, DOWN])
def test_without_mishaps_it_changes_nothing(ends: Ends, way: str) -> None:
    here, there = (ends.client, ends.server) if way == UP else (ends.server, ends.client)
    here.sendall(DATA)
    here.shutdown(socket.SHUT_WR)
    assert heard(there) == DATA
    there.sendall(b"back")
    assert heard(here, 4) == b"back"


@pytest.mark.parametrize("after", [0, 1, 2, 1000, len(DATA) - 1])
def test_half_a_cut_is_at_its_byte(ends: Ends, after: int) -> None:
    ends.arm(Cut("half"), after)
    ends.client.sendall(DATA)
    assert heard(ends.server) == DATA[:after]
    ends.server.sendall(b"back")
    assert heard(ends.client, 4) == b"back", "the other direction is as it was"


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_cut_ends_both(ends: Ends, how: str) -> None:
    ends.arm(Cut(how), 100)
    ends.client.sendall(DATA[:100])
    assert DATA[:100].startswith(heard(ends.server))
    assert heard(ends.client) == b""


def test_bytes_go_one_by_one(ends: Ends) -> None:
    ends.arm(Split(50), 10)
    ends.client.sendall(DATA)
    assert heard(ends.server, len(DATA)) == DATA


def test_a_stall_and_a_delay_come_to_their_end(ends: Ends) -> None:
    for mishap in (Stall(0.3), Delay(0.3, 0.4, 30.0)):
        since = time.monotonic()
        ends.arm(mishap, 0)
        ends.client.sendall(b"late")
        assert heard(ends.server, 4) == b"late"
        assert time.monotonic() - since >= 0.25


def test_silence_tells_nobody(ends: Ends) -> None:
    ends.arm(Silence(both=False), 10)
    ends.client.sendall(DATA)
    assert heard(ends.server, 10) == DATA[:10]
    ends.server.sendall(b"back")
    assert heard(ends.client, 4) == b"back"
    ends.client.shutdown(socket.SHUT_WR)
    ends.server.settimeout(0.2)
    with pytest.raises(TimeoutError):
        ends.server.recv(1)


@pytest.mark.parametrize("after", [0, len(HEAD) + 1, len(HEAD) + 30, len(HEAD) + 500])
def test_garbage_comes_between_two_frames(ends: Ends, after: int) -> None:
    said = HEAD + b"".join(FRAMES)
    ends.arm(Garbage(seed=1, count=7), after)
    ends.client.sendall(said)
    ends.client.sendall(frame(Opcode.TEXT, b"last"))
    data = heard(ends.server, len(said) + 9)
    ends_of_frames = [len(HEAD) + sum(map(len, FRAMES[:count])) for count in range(len(FRAMES) + 1)]
    begin = next(end for end in ends_of_frames if end >= after)
    assert data[:begin] == said[:begin]
    assert data[begin : begin + 2] == b"\xff\xff"
    assert data[begin + 9 : len(said) + 9] == said[begin:]


def test_the_next_connection_gets_what_was_meant_for_it(ends: Ends) -> None:
    ends.proxy.call(lambda: ends.proxy.doors[0].arm(UP, Cut("half"), 5, on_next=True))
    ends.client.sendall(DATA)
    assert heard(ends.server, len(DATA)) == DATA
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(PATIENCE)
        ends.proxy.target = listening.getsockname()[1]
        other = Ends(ends.proxy, listening)
        other.client.sendall(DATA)
        assert heard(other.server) == DATA[:5]
        other.close()


def test_calm_ends_what_did_not_happen_yet(ends: Ends) -> None:
    ends.arm(Cut("reset"), 1000)
    ends.proxy.calm()
    ends.client.sendall(DATA)
    assert heard(ends.server, len(DATA)) == DATA


@pytest.mark.parametrize("size", [1, 3, 4096], ids=lambda size: f"{size} at once")
def test_frames_end_where_they_end(size: int) -> None:
    frames, told = Frames(), []
    for part in (HEAD, *FRAMES):
        assert part is HEAD or frames.at_end
        for begin in range(0, len(part), size):
            frames.feed(part[begin : begin + size])
            told.append(frames.at_end)
        assert frames.at_end
    assert size > 1 or sum(told) == 1 + len(FRAMES)
