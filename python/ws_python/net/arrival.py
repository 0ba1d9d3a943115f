"""When certain bytes arrive at a socket, and not only when it is read: a game reads once a frame.

A thread looks, without taking anything, as long as they are waited for. It sees them late at times, and never early.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import sys
import threading
import time

from ..loop.clock import monotonic
from .asyncio_link import AsyncioLink
from .link import Link
from .plain_tcp import PlainLink

# Seconds between two looks: at whether anybody still waits, and, while something else is there to be read, at the rest.
_WAIT = 0.005
_PAUSE = 0.0003
_PEEKED = 64 * 1024
# tcpi_min_rtt of struct tcp_info (linux/tcp.h), in microseconds.
_MIN_RTT = slice(148, 152)
_UNKNOWN_RTT = 2**32 - 1


class Arrival:
    """Of `awaited` at a connected socket."""

    def __init__(self, watched: socket.socket, awaited: bytes) -> None:
        #: When they were there, on the clock of the process; 0 as long as they are not.
        self.at = 0.0
        self._watched = watched
        self._awaited = awaited
        self._is_over = False
        self._thread = threading.Thread(target=self._look, name="ws_python arrival", daemon=True)
        self._thread.start()

    def forget(self) -> None:
        """Nobody waits any more: the thread ends soon."""
        self._is_over = True

    def stop(self) -> None:
        """As forget(), and wait for the end of the thread."""
        self.forget()
        self._thread.join()

    def _look(self) -> None:
        with self._watched, contextlib.suppress(OSError, ValueError):  # It was closed, or broke: reading tells.
            while not self._is_over:
                if not _is_readable(self._watched):
                    continue
                try:
                    peeked = self._watched.recv(_PEEKED, socket.MSG_PEEK)
                except BlockingIOError:
                    continue  # It was read meanwhile.
                if not peeked:
                    return
                if self._awaited in peeked:
                    self.at = monotonic()
                    return
                time.sleep(_PAUSE)


def _is_readable(watched: socket.socket) -> bool:
    """Whether there is something to read, now or soon."""
    if hasattr(select, "poll"):  # It knows descriptors above 1023.
        poll = select.poll()
        poll.register(watched, select.POLLIN)
        return bool(poll.poll(_WAIT * 1000))
    return bool(select.select([watched], [], [], _WAIT)[0])


def socket_below(link: Link) -> socket.socket | None:
    """A further socket object of what a link reads, to be closed; None where what is read is not what was sent."""
    if isinstance(link, PlainLink):
        return socket.socket(fileno=socket.dup(link.fd))
    if isinstance(link, AsyncioLink) and (below := link.socket()) is not None:
        return socket.socket(fileno=socket.dup(below.fileno()))
    return None


def shortest_round_trip(connected: socket.socket) -> float:
    """Seconds from a segment to its confirmation, the shortest that the system has seen; 0 where it does not tell."""
    if sys.platform != "linux":
        return 0.0
    try:
        info = connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _MIN_RTT.stop)
    except OSError:  # No TCP.
        return 0.0
    if len(info) < _MIN_RTT.stop:
        return 0.0
    (usec,) = struct.unpack("=I", info[_MIN_RTT])
    return 0.0 if usec == _UNKNOWN_RTT else max(usec, 1) / 1e6
