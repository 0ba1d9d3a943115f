"""A proxy on this machine that cuts each connection after so many bytes, of both ways together.

A cut is a reset, or a link that is dead: nothing passes any more, and nobody is told.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Self

_STEP = 65536
# SO_LINGER of no seconds: closing resets.
_RESETS = struct.pack("ii", 1, 0)


class Cutter:
    """A context manager. `budgets` says for one connection after the other how many bytes pass; then all pass."""

    def __init__(self, port: int, budgets: Iterator[int], *, is_silent: bool = False) -> None:
        self._target = port
        self._is_silent = is_silent
        self._budgets = budgets
        self._listener = socket.create_server(("127.0.0.1", 0))
        #: How many connections were cut.
        self.cuts = 0
        self._is_over = False
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    @property
    def port(self) -> int:
        """Where clients connect to."""
        return int(self._listener.getsockname()[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._is_over = True
        # Only Linux wakes who accepts when the listening socket is shut down.
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port)).close()
        self._threads[0].join(10)
        self._listener.close()
        with self._lock:
            for one in self._open:
                _reset(one)
        for thread in self._threads:
            thread.join(10)

    def _start(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                here, _ = self._listener.accept()
                if self._is_over:
                    here.close()
                    return
                there = socket.create_connection(("127.0.0.1", self._target))
                pair = _Pair(self, here, there, next(self._budgets, None))
                with self._lock:
                    self._open |= {here, there}
                self._start(pair.carry, here, there)
                self._start(pair.carry, there, here)

    def _count(self) -> None:
        with self._lock:
            self.cuts += 1

    def _forget(self, *sockets: socket.socket) -> None:
        with self._lock:
            self._open.difference_update(sockets)


class _Pair:
    """One connection, with what is left of its budget."""

    def __init__(self, cutter: Cutter, here: socket.socket, there: socket.socket, budget: int | None) -> None:
        self._cutter = cutter
        self._ends = (here, there)
        self._left = budget
        self._lock = threading.Lock()
        self._is_over = False

    def carry(self, source: socket.socket, sink: socket.socket) -> None:
        """Carry bytes until the end, or the cut."""
        with contextlib.suppress(OSError):
            while data := source.recv(_STEP):
                with self._lock:
                    granted = len(data) if self._left is None else min(len(data), self._left)
                    if self._left is not None:
                        self._left -= granted
                    is_cut = self._left == 0
                sink.sendall(data[:granted])
                if is_cut:
                    break
            else:
                sink.shutdown(socket.SHUT_WR)
                return
        self._end()

    def _end(self) -> None:
        with self._lock:
            if self._is_over:
                return
            self._is_over = True
            if self._left == 0:
                self._cutter._count()
        if self._left == 0 and self._cutter._is_silent:
            return
        self._cutter._forget(*self._ends)
        for one in self._ends:
            _reset(one)


def _reset(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESETS)
        one.shutdown(socket.SHUT_RDWR)  # Wakes the thread that reads it.
    one.close()
