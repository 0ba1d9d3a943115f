"""`drain_on_terminate`: what is asked to end by SIGTERM, as service managers do, drains its servers first, and quits.

The signal is taken off a socket that the loop watches (signal.set_wakeup_fd): Python's own handlers run only when some
Python does, which in a frame in which nothing happens need not be.
"""

from __future__ import annotations

import os
import signal
import socket
from typing import Any

from pythonscript import godot
from pythonscript.godot import Engine, Node
from ws_python.declare.settings import setting
from ws_python.net.watched_socket import WatchedSocket


class TerminationSettings:
    """For a server that may be told to drain by the system."""

    drain_on_terminate: bool = setting(
        False,
        group="Drain",
        doc="In a run without a window, on Linux and macOS: when the process is asked to end (SIGTERM, as by "
        "`systemctl stop`, `docker stop` or `kill`), call drain() with `drain_time`, and when all servers that have "
        "this are empty, tell NOTIFICATION_WM_CLOSE_REQUEST and quit, as when somebody closes a window. A second "
        "SIGTERM quits at once. Have your service manager wait for longer than `drain_time` and `close_timeout`. "
        "Counts from the next listen() on. Off: the process ends at once, and nobody is told goodbye.",
    )
    drain_time: float = setting(
        10.0,
        range=(0.0, 86_400.0),
        step=0.1,
        unit="s",
        group="Drain",
        doc="Over how many seconds `drain_on_terminate` spreads the clients that it sends away.",
    )


class DrainsOnTerminate:
    """Comes before the class of ws_python in a node's bases."""

    def _set_status(self, status: Any) -> None:
        node: Any = self
        if node.is_listening():
            if node.drain_on_terminate:
                _termination.watch(node)
        else:
            _termination.release(node)
        super()._set_status(status)  # type: ignore[misc]

    def _drained_out(self) -> None:
        super()._drained_out()  # type: ignore[misc]
        _termination.finished(self)


class _Termination:
    """The SIGTERM of this process, and the servers that it drains."""

    def __init__(self) -> None:
        # Those that listen, and those of them that are not empty yet once they drain.
        self._servers: dict[Any, None] = {}
        self._draining: dict[Any, None] | None = None
        self._bell: _Bell | None = None

    def watch(self, server: Any) -> None:
        """From now on this server is drained, too."""
        if os.name != "posix" or godot.DisplayServer.get_name() != "headless" or Engine.is_editor_hint():
            return
        if self._bell is None:
            self._bell = _Bell(self._asked)
        self._servers[server] = None

    def release(self, server: Any) -> None:
        """It has stopped."""
        if server not in self._servers:
            return
        del self._servers[server]
        self.finished(server)
        if not self._servers and self._bell is not None:
            self._bell.close()
            self._bell = self._draining = None

    def finished(self, server: Any) -> None:
        """It is empty."""
        if self._draining is None or server not in self._draining:
            return
        del self._draining[server]
        if not self._draining:
            _quit(asks=True)

    def _asked(self) -> None:
        """SIGTERM has come."""
        if self._draining is not None:
            _quit(asks=False)
            return
        self._draining = dict.fromkeys(self._servers)
        for server in list(self._draining):
            if server.drain(server.drain_time):
                self.finished(server)


class _Bell(WatchedSocket):
    """Calls `rung` in a poll when SIGTERM has come."""

    def __init__(self, rung: Any) -> None:
        here, self._written = socket.socketpair()
        here.setblocking(False)
        self._written.setblocking(False)
        super().__init__(here)
        self._rung = rung
        self._handler_before = signal.signal(signal.SIGTERM, lambda *_: None)
        self._written_before = signal.set_wakeup_fd(self._written.fileno(), warn_on_full_buffer=False)
        self.watch_reading()

    def readable(self) -> int:
        """See Watched."""
        try:
            rung = self.socket.recv(64).count(signal.SIGTERM)
        except BlockingIOError:
            return 1
        for _ in range(rung):
            self._rung()
        return 1

    def failed(self, error: Exception) -> None:
        """See Watched."""

    def close(self) -> None:
        """The process ends by SIGTERM as it did before."""
        self.unwatch_reading()
        if signal.set_wakeup_fd(self._written_before) == self._written.fileno():
            signal.signal(signal.SIGTERM, self._handler_before)
        self.socket.close()
        self._written.close()


def _quit(*, asks: bool) -> None:
    """Have the game quit, and with `asks` be told before, as when somebody closes its window. After this frame."""
    tree: Any = Engine.get_main_loop()
    if tree is None:
        return  # It is quitting already.
    if asks and tree.root is not None:
        tree.root.call_deferred("propagate_notification", Node.NOTIFICATION_WM_CLOSE_REQUEST)
    if not asks or tree.auto_accept_quit:
        tree.call_deferred("quit")


_termination = _Termination()
