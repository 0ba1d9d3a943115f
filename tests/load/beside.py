"""What a well-behaved peer feels of hostile ones: its round trips beside them, in turn with those without them."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import selectors
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from statistics import quantiles

from websockets.frames import Opcode

from tests.chaos.harness import DEFLATE, MIB, PATIENCE, Crowd, Game, frame, request, reset
from tests.chaos.test_bombs import packed

TITLE = "A well-behaved peer beside hostile ones"
TEXT = """
The round trip of a peer that sends a short message every 10 ms and gets an answer from a GDScript handler, while others
do what the row says, as fast as they can and the server lets them, in a process of their own of lower priority; who is
thrown out comes again at once. In turn with the same without them, in the same game. A headless engine sleeps 6.9 ms
between two frames, and a poll takes 5 ms at the most (`max_poll_time`): the round trip cannot be shorter than what is
left of a frame.

Where the time goes: with more to do than fits, a poll takes its 5 ms, then the engine sleeps, and an answer leaves at
the end of the poll. So a frame is 12 ms, and this peer, which asks again 10 ms after an answer, waits for 10 to 17 ms
in the middle. It does not wait for what the others have sent before: connections take turns, and those that have not
had their share of a round come first (`connection/inbox.pyx`). What is not cut is a step, of at most a millisecond or
so: what one read brought, or a third of unpacking 1 MiB. A handler's time is its own. What is beyond that, mostly in
the p99, is the wait for a processor: the game, the attackers and this peer share two.
"""
ROUNDS = 2
SECONDS = 3
EVERY = 0.01
BLOCK = 1 << 16
SMALL_BUFFER = 4096


@dataclass(frozen=True)
class Kind:
    """Hostile peers: how many, what each says again and again."""

    name: str
    says: bytes
    count: int = 20
    #: They read nothing, and the game sends back what they say.
    reads: bool = True
    #: They say it once and are thrown out, or leave with a reset.
    once: bool = False
    #: A byte each, so many seconds apart.
    pause: float = 0.0
    headers: tuple[str, ...] = ()


def _filled(said: bytes) -> bytes:
    return said * max(1, BLOCK // len(said))


KINDS = (
    Kind("flood of texts of 20 bytes", _filled(frame(Opcode.TEXT, b"x" * 20))),
    Kind("flood of binary messages of 1 KiB", _filled(frame(Opcode.BINARY, bytes(1024)))),
    Kind("flood of empty messages", _filled(frame(Opcode.BINARY))),
    Kind(
        "flood of fragments of 1 byte",
        _filled(
            frame(Opcode.BINARY, b"x", fin=False) + frame(Opcode.CONT, b"x", fin=False) * 100 + frame(Opcode.CONT, b"x")
        ),
    ),
    Kind("flood of pings", _filled(frame(Opcode.PING, b"x" * 20))),
    Kind("flood of pongs", _filled(frame(Opcode.PONG, b"x" * 20))),
    Kind(
        "flood of compressed messages", _filled(frame(Opcode.BINARY, packed(1000), compressed=True)), headers=(DEFLATE,)
    ),
    Kind("flood of close frames: connect, close, again", frame(Opcode.CLOSE, b"\x03\xe8"), once=True),
    Kind("flood of invalid frames: connect, garbage, again", b"\xff" * 100, once=True),
    Kind("50 slow readers: echoes of 1 KiB, never read", _filled(frame(Opcode.BINARY, bytes(1024))), 50, reads=False),
    Kind("1,000 slow senders: a byte a second", frame(Opcode.TEXT, b"x" * 100), 1000, pause=1.0),
    Kind("1,000 slow handshakes: a byte a second", b"", 1000, pause=1.0),
    Kind(
        "compression bombs: 1 KiB becomes 1 MiB", frame(Opcode.BINARY, packed(MIB), compressed=True), headers=(DEFLATE,)
    ),
    Kind(
        "compression bombs that are too large: 15 MiB",
        frame(Opcode.BINARY, packed(15 * MIB), compressed=True),
        once=True,
        headers=(DEFLATE,),
    ),
)


class Attack:
    """The hostile peers of one kind, for run()."""

    def __init__(self, kind: Kind, port: int) -> None:
        self._kind = kind
        self._port = port
        self._selector = selectors.DefaultSelector()
        #: How far each is with what it says; None while it waits for the answer to its handshake.
        self._said: dict[socket.socket, int | None] = {}
        self.bytes = 0
        self.came = 0

    def run(self, stop: Event) -> None:
        """Attack until `stop` is set. All leave with a reset, and what nobody has read goes with them."""
        for _ in range(self._kind.count):
            self._join()
        while not stop.is_set():
            for key, events in self._selector.select(0.1):
                sock = key.fileobj
                assert isinstance(sock, socket.socket)
                try:
                    self._handle(sock, events)
                except BlockingIOError:
                    continue
                except (ConnectionError, EOFError):
                    self._leave(sock)
                    self._join()
        for sock in list(self._said):
            self._leave(sock)

    def _join(self) -> None:
        sock = socket.socket()
        if not self._kind.reads:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
        sock.connect(("127.0.0.1", self._port))
        sock.sendall(request(*self._kind.headers))
        sock.setblocking(False)
        self._said[sock] = None
        self._selector.register(sock, selectors.EVENT_READ)
        self.came += 1

    def _leave(self, sock: socket.socket) -> None:
        self._selector.unregister(sock)
        del self._said[sock]
        reset(sock)

    def _handle(self, sock: socket.socket, events: int) -> None:
        if events & selectors.EVENT_READ:
            if not sock.recv(BLOCK):
                raise EOFError
            if self._said[sock] is None:
                self._said[sock] = 0
                reads = selectors.EVENT_READ if self._kind.reads else 0
                self._selector.modify(sock, reads | selectors.EVENT_WRITE)
        elif events & selectors.EVENT_WRITE:
            begin = self._said[sock]
            assert begin is not None
            taken = sock.send(memoryview(self._kind.says)[begin:])
            self.bytes += taken
            self._said[sock] = (begin + taken) % len(self._kind.says)
            if self._kind.once and self._said[sock] == 0:
                self._selector.modify(sock, selectors.EVENT_READ)


def _attack(name: str, port: int, stop: Event) -> None:
    os.nice(10)
    (kind,) = (kind for kind in KINDS if kind.name == name)
    if kind.pause:
        _drip(kind, port, stop)
    else:
        Attack(kind, port).run(stop)


def _drip(kind: Kind, port: int, stop: Event) -> None:
    says = kind.says or request()
    with Crowd(port, kind.count, says=None if kind.says else says[:1]) as crowd:
        if kind.says:
            crowd.wait_until_open()
        place = 1
        while not stop.is_set():
            for number, sock in enumerate(crowd.sockets):
                with contextlib.suppress(OSError):
                    sock.send(says[place : place + 1])
                if number % 10 == 9:
                    time.sleep(kind.pause / kind.count * 10)
            place = (place + 1) % (len(says) - 1)


@contextlib.contextmanager
def attacked(kind: Kind, port: int) -> Iterator[None]:
    """Hostile peers are there within this block."""
    processes = multiprocessing.get_context("spawn")
    stop = processes.Event()
    process = processes.Process(target=_attack, args=(kind.name, port, stop), daemon=True)
    process.start()
    try:
        yield
    finally:
        stop.set()
        process.join(PATIENCE)
        process.kill()
        process.join()


def round_trips(sock: socket.socket, seconds: float) -> list[float]:
    """How long the answers to a peer's messages take, in ms."""
    ask = frame(Opcode.TEXT, b"!")
    times = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sent = time.monotonic()
        sock.sendall(ask)
        assert sock.recv(4096), "the well-behaved peer was closed"
        times.append(1000 * (time.monotonic() - sent))
        time.sleep(EVERY)
    return times


def _row(kind: Kind, seconds: float) -> list[str]:
    alone: list[float] = []
    beside: list[float] = []
    with Game(script="tests/load/game.gd", echo=not kind.reads, heartbeat_interval=0) as game:
        with Crowd(game.port, 1).wait_until_open() as crowd:
            sock = crowd.sockets[0]
            sock.settimeout(PATIENCE)
            for _ in range(ROUNDS):
                game.wait_for("peers", 2)
                alone += round_trips(sock, seconds)
                before = game.report()
                with attacked(kind, game.port):
                    end = time.monotonic() + PATIENCE
                    while not _is_under_way(kind, before, game.report()):
                        assert time.monotonic() < end, "there is no attack"
                    beside += round_trips(sock, seconds)
        told = sum(line.startswith(("ERROR", "WARNING")) for line in game.errors())
        statistics = game.ask("statistics")
        peak = game.peak()
    out = sum(statistics["connections_closed"].values()) + sum(statistics["handshakes_failed"].values())
    cuts = [quantiles(times, n=100) for times in (alone, beside)]
    return [
        kind.name,
        *(f"{cut[49]:.1f}, {cut[98]:.1f} ms" for cut in cuts),
        f"{cuts[1][98] / cuts[0][98]:.2f} ×",
        f"{max(beside):.0f} ms",
        f"{statistics['messages_received']:,}",
        f"{statistics['frames_received']:,}",
        f"{out:,}",
        f"{told}",
        f"{peak:.0f} MiB",
    ]


def _is_under_way(kind: Kind, before: dict[str, int], now: dict[str, int]) -> bool:
    if kind.pause and not kind.says:
        return True  # Nobody is told of those who have not yet asked.
    return now["connected"] - before["connected"] >= kind.count


def measure(scale: float) -> Sequence[Sequence[str]]:
    """The rows of the table."""
    rows = [
        [
            "beside",
            "without: p50, p99",
            "with: p50, p99",
            "p99, with ÷ without",
            "with: longest",
            "messages that came",
            "frames that came",
            "connections that ended",
            "lines in the log",
            "most memory",
        ]
    ]
    for kind in KINDS:
        rows.append(_row(kind, max(1.0, SECONDS * scale)))
        print(*rows[-1], sep=" | ", file=sys.stderr, flush=True)
    return rows
