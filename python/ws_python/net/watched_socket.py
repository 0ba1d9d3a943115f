"""A socket that is watched by epoll, or by asyncio where there is none, and on which nothing but reading waits."""

from __future__ import annotations

import socket

from ..loop.epoll import READING, Watched
from ..loop.hub import hub


class WatchedSocket(Watched):
    """Calls `readable()` of what is derived while there is something to read, or to accept."""

    def __init__(self, watched: socket.socket) -> None:
        self.socket = watched
        self._by_asyncio = False

    def watch_reading(self) -> None:
        """From now on."""
        if hub.epoll is not None:
            self.watch_file(hub.epoll, self.socket.fileno(), READING)
        else:
            hub.loop().add_reader(self.socket, self.readable)
            self._by_asyncio = True

    def unwatch_reading(self) -> None:
        """No more. Before the socket is closed."""
        if self._by_asyncio:
            hub.loop().remove_reader(self.socket)
            self._by_asyncio = False
        self.unwatch()
