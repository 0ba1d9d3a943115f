"""A socket that is watched by epoll, or by asyncio where there is none, and on which nothing but reading waits."""

from __future__ import annotations

import asyncio
import socket

from ..loop.epoll import READING, Watched
from ..loop.hub import hub
from .reading_thread import ReadingThread


class WatchedSocket(Watched):
    """Calls `readable()` of what is derived while there is something to read, or to accept."""

    def __init__(self, watched: socket.socket) -> None:
        self.socket = watched
        # What watches, where that is asyncio's loop, or a thread in its place.
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: ReadingThread | None = None

    def watch_reading(self) -> None:
        """From now on."""
        if hub.epoll is not None:
            self.watch_file(hub.epoll, self.socket.fileno(), READING)
        else:
            loop = hub.loop()
            try:
                loop.add_reader(self.socket, self.readable)
                self._loop = loop
            except NotImplementedError:
                self._thread = ReadingThread(loop, self.socket, self.readable)

    def unwatch_reading(self) -> None:
        """No more. Before the socket is closed."""
        if self._loop is not None:
            self._loop.remove_reader(self.socket)
            self._loop = None
        if self._thread is not None:
            self._thread.stop()
            self._thread = None
        self.unwatch()
