"""Drives servers and clients by poll() in tests: until a condition holds, or a deadline is over."""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import struct
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

import pytest
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.typing import Subprotocol
from websockets.uri import parse_uri
from ws_python import WebSocketServer
from ws_python.declare.events import events_of
from ws_python.net.asyncio_link import AsyncioLink
from ws_python.net.link import Link

T = TypeVar("T")

# For a test of what only Linux's TCP tells: elsewhere all that the system took counts as arrived, and as sent.
needs_confirmation = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux tells how much of what the system took was sent, and has arrived"
)
# Wine has Linux's sockets below those of Windows, and some of what happens to them does not come through.
IS_WINE = sys.platform == "win32" and hasattr(ctypes.WinDLL("ntdll"), "wine_get_version")
# For a test of how a reset is told.
needs_resets = pytest.mark.skipif(IS_WINE, reason="under Wine a reset arrives as an end, where Windows tells it")
# For a test that looks at the descriptors of this process.
needs_proc = pytest.mark.skipif(os.name == "nt", reason="only Linux shows descriptors in /proc")

# Seconds; at the least, under Wine, which asks a process of its own for each step of a socket.
DEADLINE = 200.0 if IS_WINE else 10.0
# Between two polls: long enough to leave the processor to the other side, far below anything a test measures.
_PAUSE = 0.0005


class Polled(Protocol):
    def poll(self) -> None: ...


def listening(**settings: object) -> WebSocketServer:
    """A server with these settings, on a free port of this machine."""
    server = WebSocketServer()
    server.bind_address = "localhost"
    for name, value in settings.items():
        setattr(server, name, value)
    assert server.listen(0) == 0
    return server


def poll_until(condition: Callable[[], bool], *nodes: Polled, deadline: float = DEADLINE) -> None:
    """Poll the nodes in turn until the condition holds. Fails at the deadline."""
    end = time.monotonic() + (max(deadline, DEADLINE) if IS_WINE else deadline)
    while not condition():
        assert time.monotonic() < end, "the condition did not come true in time"
        for node in nodes:
            node.poll()
        time.sleep(_PAUSE)


def poll_while(work: Callable[[], T], *nodes: Polled, deadline: float = DEADLINE) -> T:
    """Do blocking work on another thread while the nodes are polled, and return what it returns."""
    with ThreadPoolExecutor(1) as threads:
        future: Future[T] = threads.submit(work)
        poll_until(future.done, *nodes, deadline=deadline)
        return future.result()


def record(node: object) -> list[tuple[Any, ...]]:
    """A list that grows by (event name, *arguments) with every event of the node from now on."""
    log: list[tuple[Any, ...]] = []
    for name in events_of(type(node)):
        getattr(node, name).connect(lambda *arguments, name=name: log.append((name, *arguments)))
    return log


def named(log: list[tuple[Any, ...]], name: str) -> list[tuple[Any, ...]]:
    """The arguments of every event of that name in a record."""
    return [entry[1:] for entry in log if entry[0] == name]


def socket_of(link: Link) -> socket.socket:
    """A socket of one's own for the connection that a link carries."""
    fd = link._transport.get_extra_info("socket").fileno() if isinstance(link, AsyncioLink) else link.fd  # type: ignore[union-attr]
    return socket.socket(fileno=socket.dup(fd))


def reset_at_close(sock: socket.socket) -> None:
    """Have closing it reset the connection: SO_LINGER of no seconds."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("HH" if os.name == "nt" else "ii", 1, 0))


class RawClient:
    """A client that sends exactly the bytes it is told to, and reads frames with `websockets`' own parser."""

    def __init__(self, port: int, *, receive_buffer: int = 0, subprotocols: Sequence[str] = ()) -> None:
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setblocking(False)
        offered = [Subprotocol(name) for name in subprotocols] or None
        self.protocol = ClientProtocol(parse_uri(f"ws://127.0.0.1:{port}/"), max_size=None, subprotocols=offered)
        self.frames: list[Frame] = []
        self.is_open = False
        self.eof = False

    def shake_hands(self, *nodes: Polled) -> None:
        self.protocol.send_request(self.protocol.connect())
        self.flush()
        poll_until(lambda: self.receive().is_open, *nodes)

    def flush(self) -> None:
        self.send_raw(b"".join(self.protocol.data_to_send()))

    def send_raw(self, data: bytes) -> None:
        self.socket.sendall(data)

    def send(self, opcode: Opcode, payload: bytes, *, fin: bool = True) -> None:
        self.send_raw(Frame(opcode, payload, fin).serialize(mask=True))

    def receive(self) -> RawClient:
        """Take what has arrived, without waiting, and answer pings and the close."""
        while not self.eof:
            try:
                data = self.socket.recv(65536)
            except BlockingIOError:
                break
            except ConnectionResetError:
                data = b""
            if data:
                self.protocol.receive_data(data)
            else:
                self.eof = True
        for event in self.protocol.events_received():
            if isinstance(event, Frame):
                self.frames.append(event)
            else:
                self.is_open = True
        if answer := b"".join(self.protocol.data_to_send()):
            with contextlib.suppress(OSError):
                self.send_raw(answer)
        return self

    def data_segments_received(self) -> int:
        """TCP segments with data that have come so far (tcpi_data_segs_in of Linux's struct tcp_info)."""
        info = self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 160)
        return int.from_bytes(info[152:156], sys.byteorder)

    def close(self) -> None:
        self.socket.close()
