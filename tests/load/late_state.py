"""How late a slow receiver gets the state of a game, sent 60 times a second: by send(), and by send_latest().

    PYTHONPATH=python python -m tests.load.late_state [SECONDS] [BYTES A SECOND THAT THE RECEIVER READS; 0: all]

A receiver that reads slowly is one kind. A slow link is the other, which root can make in a network namespace:

    unshare -rn sh -c 'ip link set lo up mtu 1500; tc qdisc add dev lo root tbf rate 1mbit burst 5000 limit 60000;
        PYTHONPATH=python python -m tests.load.late_state 10 0'
"""

from __future__ import annotations

import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from statistics import quantiles

from ws_python import WebSocketPeer, WebSocketServer

from tests.chaos.harness import Crowd

TITLE = "State on a slow link"
TEXT = """
A server sends 5,000 bytes 60 times a second to a peer that reads 100 KB/s, a third of that, for 20 s: how old is what
it reads.
"""
SECONDS = 20.0
RATE = 100_000
SIZE = 5000
FRAME = 4 + SIZE  # RFC 6455 section 5.2: a header of 4 bytes, no mask.
PER_SECOND = 60
SMALL_BUFFER = 4096


def receive(sock: socket.socket, rate: int, late: list[float], stop: threading.Event) -> None:
    """Read until `stop`; `late` grows by the seconds that each message was under way."""
    held = bytearray()
    begin, taken = time.monotonic(), 0
    sock.settimeout(0.05)
    while not stop.is_set():
        if rate and taken > rate * (time.monotonic() - begin):
            time.sleep(0.005)
            continue
        try:
            data = sock.recv(min(rate // 50, 4096) if rate else 65536)
        except TimeoutError:
            continue
        taken += len(data)
        held += data
        while len(held) >= FRAME:
            late.append(time.monotonic() - struct.unpack_from("d", held, 4)[0])
            del held[:FRAME]


def lateness(send: Callable[[WebSocketPeer, bytes], object], seconds: float, rate: int) -> list[float]:
    server = WebSocketServer()
    server.bind_address = "localhost"
    server.slow_peer_timeout = 0.0
    server.heartbeat_interval = 0.0  # Its pings would be taken for messages.
    assert server.listen(0) == 0
    late: list[float] = []
    stop = threading.Event()
    with Crowd(server.get_local_port(), 1, receive_buffer=SMALL_BUFFER if rate else 0).wait_until_open(server) as crowd:
        while not server.peers:
            server.poll()
        (peer,) = server.peers.values()
        reader = threading.Thread(target=receive, args=(crowd.sockets[0], rate, late, stop))
        reader.start()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            send(peer, struct.pack("d", time.monotonic()).ljust(SIZE, b"\0"))
            frame_end = time.monotonic() + 1 / PER_SECOND
            while time.monotonic() < frame_end:
                server.poll()
                time.sleep(0.002)
        stop.set()
        reader.join()
    server.stop()
    return late


_WAYS: dict[str, Callable[[WebSocketPeer, bytes], object]] = {
    "send": lambda peer, message: peer.send(message),
    "send_latest": lambda peer, message: peer.send_latest("state", message),
}


def _row(name: str, seconds: float, rate: int) -> list[str]:
    late = lateness(_WAYS[name], seconds, rate)
    cuts = quantiles(late, n=100) if len(late) > 1 else [0.0] * 99
    return [f"`{name}()`", f"{len(late)}", f"{cuts[49]:.3f} s", f"{max(late, default=0.0):.3f} s"]


def measure(scale: float) -> list[list[str]]:
    """The rows of the table."""
    header = ["sent with", "messages that arrived", "late by: p50", "late by: most"]
    return [header, *(_row(name, SECONDS * scale, RATE) for name in _WAYS)]


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    rate = int(sys.argv[2]) if len(sys.argv) > 2 else RATE
    for name in _WAYS:
        print(*_row(name, seconds, rate), sep=" | ", flush=True)


if __name__ == "__main__":
    main()
