"""A thread that waits until a socket can be read, for event loops without add_reader(): asyncio's on Windows."""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
import threading
from collections.abc import Callable


class ReadingThread:
    """Has the loop call `readable` while there is something to read at `watched`, as its add_reader() would."""

    def __init__(self, loop: asyncio.AbstractEventLoop, watched: socket.socket, readable: Callable[[], object]) -> None:
        self._loop = loop
        self._watched = watched
        self._readable = readable
        self._was_told = threading.Event()
        self._is_over = False
        self._waker, self._woken = socket.socketpair()
        threading.Thread(target=self._wait, name="ws_python", daemon=True).start()

    def stop(self) -> None:
        """No more. Called in the loop; afterwards `watched` may be closed."""
        self._is_over = True
        self._waker.close()
        self._was_told.set()

    def _wait(self) -> None:
        with self._woken, contextlib.suppress(OSError, ValueError, RuntimeError):  # A socket, or the loop, was closed.
            while not self._is_over:
                select.select([self._watched, self._woken], [], [])
                if self._is_over:
                    return
                self._was_told.clear()
                self._loop.call_soon_threadsafe(self._tell)
                self._was_told.wait()

    def _tell(self) -> None:
        try:
            if not self._is_over:
                self._readable()
        finally:
            self._was_told.set()
