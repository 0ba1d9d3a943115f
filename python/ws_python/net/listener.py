"""Listening sockets: from an address and a port to links of accepted connections."""

from __future__ import annotations

import errno
import logging
import os
import socket
from collections.abc import Callable

from ..loop.epoll import READING, Epoll, Watched
from ..loop.hub import hub
from .addresses import is_ip_address
from .asyncio_link import AsyncioLink, address_of
from .link import Link
from .plain_tcp import PlainLink
from .unix import UnixDoor

_log = logging.getLogger("ws_python")

# Connections that may wait to be accepted. The system cuts it to its own limit (net.core.somaxconn).
_BACKLOG = 4096
# How many are accepted before others have their turn, and about how many microseconds one takes.
_ACCEPTS_PER_TURN = 16
_ACCEPT_WORK = 50
# Seconds without accepting when the system has no room for another connection.
_NO_ROOM_PAUSE = 1.0
_NO_ROOM = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
# Ports to try until one is free on both loopback addresses.
_PORT_ATTEMPTS = 16

ANY_ADDRESS = "*"
LOCALHOST = "localhost"


class Listener:
    """Sockets that listen on one port, or a Unix socket. `accepted` is called with the link of each new connection."""

    def __init__(self, address: str | UnixDoor, port: int, accepted: Callable[[Link], None]) -> None:
        """Start to listen. Raises OSError, and then nothing is left open."""
        self._accepted = accepted
        self._pauses = 0
        self._unix = address if isinstance(address, UnixDoor) else None
        sockets = [address.open()] if isinstance(address, UnixDoor) else open_sockets(address, port)
        #: The TCP port; 0 for a Unix socket.
        self.port: int = 0 if self._unix is not None else sockets[0].getsockname()[1]
        #: Where it listens, for people.
        self.name = f"port {self.port}" if self._unix is None else self._unix.name
        try:
            for listening in sockets:
                listening.listen(_BACKLOG)
        except OSError:
            if self._unix is not None:
                self._unix.remove()
            for listening in sockets:
                listening.close()
            raise
        hub.loop()
        self._doors = [_Door(listening, self) for listening in sockets]
        for door in self._doors:
            door.open(hub.epoll)

    def close(self) -> None:
        """Stop listening: the port, or the path, is free again."""
        if self._unix is not None:
            self._unix.remove()
        for door in self._doors:
            door.close()
        self._doors.clear()

    def accept(self, door: _Door) -> int:
        """Take connections that wait; how many."""
        for count in range(_ACCEPTS_PER_TURN):
            try:
                accepted, address = door.listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return count
            except OSError as error:
                if error.errno not in _NO_ROOM:
                    raise
                self._pause(door, error)
                return count
            self._tell_room()
            accepted.setblocking(False)
            self._link(accepted, address)
            if door not in self._doors:
                return count  # The server was stopped.
        return _ACCEPTS_PER_TURN

    def _link(self, accepted: socket.socket, address: object) -> None:
        if hub.epoll is None:
            hub.start_task(self._link_by_asyncio(accepted, address))
            return
        link = PlainLink(accepted, hub.epoll)
        link.host, link.port = self._address_of(address)
        self._accepted(link)

    async def _link_by_asyncio(self, accepted: socket.socket, address: object) -> None:
        link = AsyncioLink(self._accepted)
        link.host, link.port = self._address_of(address)
        try:
            await hub.loop().connect_accepted_socket(lambda: link, accepted)
        except OSError:  # It was reset already.
            accepted.close()

    def _address_of(self, peer: object) -> tuple[str, int]:
        # Who connects to a Unix socket has no address of its own.
        return address_of(peer) if self._unix is None else (self._unix.name, 0)

    def _pause(self, door: _Door, error: OSError) -> None:
        self._pauses += 1
        if self._pauses == 1:
            _log.error(
                "no new connections, tried again every %g s: %s; raise the limit of open files (ulimit -n)",
                _NO_ROOM_PAUSE,
                error.strerror,
            )
        door.unwatch_listening()
        hub.deadlines.after(_NO_ROOM_PAUSE, lambda: door.open(hub.epoll) if door in self._doors else None)

    def _tell_room(self) -> None:
        if self._pauses:
            _log.warning("new connections again, after %d times without room", self._pauses)
            self._pauses = 0


class _Door(Watched):
    """One listening socket, watched by epoll, or by asyncio where there is none."""

    def __init__(self, listening: socket.socket, listener: Listener) -> None:
        self.listening = listening
        self._listener = listener
        self._by_asyncio = False

    def open(self, epoll: Epoll | None) -> None:
        if epoll is not None:
            self.watch_file(epoll, self.listening.fileno(), READING)
        else:
            hub.loop().add_reader(self.listening, self.readable)
            self._by_asyncio = True

    def unwatch_listening(self) -> None:
        if self._by_asyncio:
            hub.loop().remove_reader(self.listening)
            self._by_asyncio = False
        self.unwatch()

    def close(self) -> None:
        self.unwatch_listening()
        self.listening.close()

    def readable(self) -> int:
        """See Watched."""
        return 1 + _ACCEPT_WORK * self._listener.accept(self)

    def failed(self, error: Exception) -> None:
        """See Watched. The next connection may be a better one."""


def is_valid_address(address: str) -> bool:
    """Whether open_sockets() takes `address`. A host name it does not: resolving it could block."""
    return address in (ANY_ADDRESS, LOCALHOST) or is_ip_address(address)


def open_sockets(address: str, port: int) -> list[socket.socket]:
    """Bound sockets, all on the same port, for "*", "localhost" or an IP address. Raises OSError."""
    if address == ANY_ADDRESS:
        return [_bind_any(port)]
    if address == LOCALHOST:
        return _bind_loopback(port)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return [_bind(family, address, port)]


def _bind_any(port: int) -> socket.socket:
    if socket.has_dualstack_ipv6():
        try:
            return _bind(socket.AF_INET6, "::", port, dual_stack=True)
        except OSError as error:
            if isinstance(error, PermissionError) or error.errno == errno.EADDRINUSE:
                raise
            # The system knows IPv6, but it is switched off.
    return _bind(socket.AF_INET, "0.0.0.0", port)


def _bind_loopback(port: int, attempts: int = _PORT_ATTEMPTS) -> list[socket.socket]:
    ipv4 = _bind(socket.AF_INET, "127.0.0.1", port)
    try:
        return [ipv4, _bind(socket.AF_INET6, "::1", ipv4.getsockname()[1])]
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            return [ipv4]  # No IPv6 here.
        ipv4.close()
        if port != 0 or attempts == 1:
            raise
    # The free port that the system chose for IPv4 was taken for IPv6.
    return _bind_loopback(port, attempts - 1)


def _bind(family: int, address: str, port: int, *, dual_stack: bool = False) -> socket.socket:
    """A bound socket that does not listen yet."""
    address_info = socket.getaddrinfo(address, port, family, socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    # asyncio sets TCP_NODELAY where the protocol is named; see PlainLink.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setblocking(False)
    try:
        if os.name == "posix":
            # Elsewhere this option would let another program take the same port.
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if dual_stack else 1)
        listening.bind(address_info[0][4])
    except BaseException:
        listening.close()
        raise
    return listening
