"""A Unix socket between two processes of one server: whom it leads to, and sockets that go with what is said.

Both ends see to it that the other one is a process of the same user. What waits here waits until a moment, and no
longer: the engine stands still meanwhile.
"""

from __future__ import annotations

import array
import os
import socket
import struct
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from .inherited import is_connected
from .unix import PREFIX, UnixDoor, UnixSocketSettings, socket_address
from .watched_socket import WatchedSocket

#: Whether this system passes sockets from one process to another, and tells whose the other one is.
IS_AVAILABLE = hasattr(socket, "AF_UNIX") and (hasattr(socket, "SO_PEERCRED") or sys.platform == "darwin")

# Next processes that may wait to be heard: one is usual.
_BACKLOG = 16
_AT_ONCE = 1024 * 1024
# macOS, sys/un.h: SOL_LOCAL, LOCAL_PEERCRED, and of the struct xucred how long it is.
_SOL_LOCAL, _LOCAL_PEERCRED, _XUCRED_SIZE = 0, 1, 76


def _user_at(connected: socket.socket) -> int:
    """Whose process is at the other end."""
    if hasattr(socket, "SO_PEERCRED"):
        credentials = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        return int(struct.unpack("3i", credentials)[1])
    credentials = connected.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, _XUCRED_SIZE)
    return int(struct.unpack_from("=II", credentials)[1])


class Line:
    """One end of the connection between the two, which waits for the other one. Raises OSError, as sockets do."""

    def __init__(self, connected: socket.socket, until: float) -> None:
        self._socket = connected
        #: Until when, on the clock of time.monotonic().
        self.until = until
        #: Descriptors that came, and are nobody's yet.
        self.came: list[int] = []

    @property
    def is_of_this_user(self) -> bool:
        """Whether the process at the other end is one of the same user."""
        return _user_at(self._socket) == os.geteuid()

    def send(self, data: bytes, sockets: Sequence[socket.socket] = ()) -> None:
        """All of it; the sockets go with its first byte."""
        rest = memoryview(data)
        self._limit()
        if sockets:
            numbers = array.array("i", [each.fileno() for each in sockets])
            sent = self._socket.sendmsg([rest[:_AT_ONCE]], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, numbers)])
            rest = rest[sent:]
            self._limit()
        self._socket.sendall(rest)

    def receive(self, most: int, most_sockets: int = 0) -> bytes:
        """What comes next, of at most so many bytes; b"" at the end."""
        self._limit()
        most = min(most, _AT_ONCE)
        if not most_sockets:
            return self._socket.recv(most)
        size = socket.CMSG_SPACE(most_sockets * array.array("i").itemsize)
        data, said, _, _ = self._socket.recvmsg(most, size, getattr(socket, "MSG_CMSG_CLOEXEC", 0))
        for level, kind, numbers in said:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                came = array.array("i")
                came.frombytes(numbers[: len(numbers) - len(numbers) % came.itemsize])
                self.came += came
        for number in self.came:
            os.set_inheritable(number, False)
        return data

    def take_socket(self) -> socket.socket:
        """The next one that came, which listens. Raises OSError where there is none, or it is none of that kind."""
        if not self.came:
            raise OSError("a listening socket did not come along")
        taken = socket.socket(fileno=self.came.pop(0))
        try:
            taken.setblocking(False)
            if taken.type != socket.SOCK_STREAM or is_connected(taken):
                raise OSError("what came along is no listening socket")
        except OSError:
            taken.close()
            raise
        return taken

    def say_last(self, data: bytes) -> None:
        """Say a last word, if it goes without waiting, and close."""
        with suppress(OSError):
            self._socket.setblocking(False)
            self._socket.send(data)
        self.close()

    def close(self) -> None:
        """The other end is told; what came and was not taken is closed, too."""
        self._socket.close()
        for number in self.came:
            os.close(number)
        self.came.clear()

    def _limit(self) -> None:
        left = self.until - time.monotonic()
        if left <= 0.0:
            raise TimeoutError
        self._socket.settimeout(left)


def call(path: str, until: float) -> Line | None:
    """Connect to the process that listens at `path`; None where there is none. Raises OSError."""
    connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connected.settimeout(until - time.monotonic())
        connected.connect(socket_address(path))
    except (FileNotFoundError, ConnectionRefusedError):
        connected.close()
        return None
    except BaseException:
        connected.close()
        raise
    return Line(connected, until)


class HandoverDoor(WatchedSocket):
    """Where the next process asks: a Unix socket of this user's alone. `came` is called with each that connects."""

    def __init__(
        self, path: str, came: Callable[[socket.socket], None], listening: socket.socket | None = None
    ) -> None:
        """Makes the socket, in place of that of a server that is dead; or goes on with one. Raises OSError."""
        self.path = path
        self._came = came
        # A socket with a mode and an owner of its own, which are not those of `bind_address`.
        self._door = UnixDoor(PREFIX + path, UnixSocketSettings())
        if listening is None:
            listening = self._door.open()
            listening.listen(_BACKLOG)
        else:
            try:
                self._door.adopt()
            except OSError:
                listening.close()
                raise
        super().__init__(listening)
        self.watch_reading()

    def readable(self) -> int:
        """See Watched."""
        try:
            connected, _ = self.socket.accept()
        except OSError:  # It has gone, or there is no room: whoever asks waits, or asks again.
            return 1
        connected.setblocking(False)
        self._came(connected)
        return 1

    def failed(self, error: Exception) -> None:
        """See Watched."""

    def give_away(self) -> None:
        """The file, and whoever waits there, is another process's from now on."""
        self._door.give_away()

    def close(self) -> None:
        """Nobody is to ask any more."""
        self._door.remove()
        self.unwatch_reading()
        self.socket.close()


class Caller(WatchedSocket):
    """The next process, on the side of the one that runs: tells what it says, as it comes, and of its end."""

    def __init__(self, connected: socket.socket, heard: Callable[[bytes], None]) -> None:
        """`heard` is called with bytes, and at the end with none."""
        super().__init__(connected)
        self._heard = heard
        self.watch_reading()

    def readable(self) -> int:
        """See Watched."""
        try:
            data = self.socket.recv(_AT_ONCE)
        except BlockingIOError:
            return 1
        except OSError:
            data = b""
        self._heard(data)
        return 1

    def failed(self, error: Exception) -> None:
        """See Watched."""
        self._heard(b"")

    def line(self, until: float) -> Line:
        """From now on wait for it, in place of being told: until that moment."""
        self.unwatch_reading()
        return Line(self.socket, until)

    def close(self) -> None:
        """It is told so by the end of the connection."""
        self.unwatch_reading()
        self.socket.close()
