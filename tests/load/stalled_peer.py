"""What a peer that reads nothing costs the others: 100 peers of a game that sends 10 MB/s in all, with and without it.

    PYTHONPATH=python python -m tests.load.stalled_peer [SECONDS] [BYTES A SECOND]

The bytes are those to all peers together. Round trips are those of one of the peers, which gets what all get.
"""

from __future__ import annotations

import multiprocessing
import selectors
import socket
import sys
import time
from multiprocessing.synchronize import Event
from statistics import quantiles

from websockets.frames import Opcode

from tests.chaos.harness import PATIENCE, Crowd, frame, memory
from tests.godot_process import GodotProcess

TITLE = "A peer that reads nothing, beside 99 others"
TEXT = """
A game sends 10 MB/s in all, in messages of 1,000 bytes, to 100 peers; one of them takes nothing, until its
`outbound_buffer_size` (1 MiB here) is full and beyond. Round trips are those of one of the peers, which gets what all
get; memory is at the begin and end of each run. `slow_peer_timeout`, which would close the stalled one, is off.
"""
PEERS = 100
SECONDS = 30.0
RATE = 10_000_000
SIZE = 1000
BUFFER = 1024 * 1024
ROUND_TRIP_EVERY = 0.02
SMALL_BUFFER = 4096
_HEADER = 4  # Of a frame of SIZE bytes (RFC 6455 section 5.2); that of a short one has 2.


def read_all(port: int, count: int, ready: Event) -> None:
    """Peers that take whatever comes."""
    with Crowd(port, count).wait_until_open() as crowd, selectors.DefaultSelector() as selector:
        for sock in crowd.sockets:
            selector.register(sock, selectors.EVENT_READ)
        ready.set()
        buffer = bytearray(1 << 16)
        while True:
            for key, _ in selector.select():
                assert isinstance(key.fileobj, socket.socket)
                key.fileobj.recv_into(buffer)
            time.sleep(0.005)  # A processor is shared with what is measured.


def round_trips(port: int, seconds: float) -> tuple[list[float], int]:
    """How long the answers to one peer's messages take, and how many other messages it got."""
    times: list[float] = []
    others = 0
    with Crowd(port, 1).wait_until_open() as crowd:
        sock = crowd.sockets[0]
        sock.settimeout(PATIENCE)
        held = bytearray()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            sent = time.monotonic()
            sock.sendall(frame(Opcode.TEXT, b"ping"))
            is_back = False
            while not is_back:
                held += sock.recv(1 << 16)
                while held:
                    is_text = held[0] & 0x0F == Opcode.TEXT
                    length = 2 + 4 if is_text else _HEADER + SIZE
                    if len(held) < length:
                        break
                    del held[:length]
                    is_back |= is_text
                    others += not is_text
            times.append(time.monotonic() - sent)
            time.sleep(ROUND_TRIP_EVERY)
    return times, others


def measure_with(stalled: int, seconds: float, rate: int) -> list[str]:
    """With so many stalled peers: a row of the table."""
    options = [f"outbound_buffer_size={BUFFER}", "slow_peer_timeout=0", "heartbeat_interval=0"]
    arguments = ["--script", "res://tests/load/broadcast.gd", "--", f"size={SIZE}", f"rate={rate}", *options]
    processes = multiprocessing.get_context("spawn")
    with GodotProcess(arguments) as game:
        port = int(game.wait_for(r"^port (\d+)$", PATIENCE)[1])
        ready = processes.Event()
        readers = processes.Process(target=read_all, args=(port, PEERS - 1 - stalled, ready), daemon=True)
        readers.start()
        try:
            ready.wait(PATIENCE)
            with Crowd(port, stalled, receive_buffer=SMALL_BUFFER).wait_until_open():
                before = memory(game.pid)
                times, others = round_trips(port, seconds)
                after = memory(game.pid)
        finally:
            readers.kill()
            readers.join()
        is_full = "outbound_buffer_size is reached" in game.log
    cuts = [1000 * cut for cut in quantiles(times, n=100)]
    return [
        f"{stalled}",
        f"{cuts[49]:.2f}, {cuts[98]:.2f} ms",
        f"{len(times)}",
        f"{others * SIZE / seconds / 1e3:.0f} KB/s",
        f"{before:.1f} → {after:.1f} MiB",
        "yes" if is_full else "no",
    ]


def measure(scale: float) -> list[list[str]]:
    """The rows of the table: with and without a stalled peer, in turn."""
    header = ["stalled peers", "round trip: p50, p99", "round trips", "to each peer", "memory", "its buffer was full"]
    return [header, *(measure_with(stalled, SECONDS * scale, RATE) for stalled in (0, 1, 0, 1))]


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    rate = int(float(sys.argv[2])) if len(sys.argv) > 2 else RATE
    for stalled in (0, 1, 0, 1):
        print(*measure_with(stalled, seconds, rate), sep=" | ", flush=True)


if __name__ == "__main__":
    main()
