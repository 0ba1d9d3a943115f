"""Listening sockets: from an address and a port to links of accepted connections."""

from __future__ import annotations

import errno
import logging
import select
import socket
from collections.abc import Callable
from typing import Protocol

from ..declare.system_words import words_of
from ..loop.deadlines import Deadline
from ..loop.hub import hub
from . import descriptors
from .addresses import is_ip_address
from .asyncio_link import AsyncioLink, address_of
from .inherited import InheritedSocket, inherited_sockets, is_inherited
from .link import Link
from .plain_tcp import PlainLink
from .unix import UnixDoor
from .watched_socket import WatchedSocket

_log = logging.getLogger("ws_python")

# Connections that may wait to be accepted. The system cuts it to its own limit (net.core.somaxconn); Windows, to 200,
# unless it is asked for its most.
_BACKLOG = max(4096, socket.SOMAXCONN)
# How many are accepted before others have their turn, and about how many microseconds one takes.
_ACCEPTS_PER_TURN = 16
_ACCEPT_WORK = 50
# Seconds without accepting when there is no room for another connection, and how long there has to be room again until
# it is told: a crowd takes what becomes free at once.
_NO_ROOM_PAUSE = 0.25
_ROOM_TIME = 3.0
# accept(2): what has gone wrong on the way of that one connection. The next one may be a better one.
_NOT_THIS_ONE = (
    errno.ECONNRESET,  # Of Windows, which calls it so in place of ECONNABORTED.
    errno.ENETDOWN,
    errno.EPROTO,
    errno.ENOPROTOOPT,
    errno.EHOSTDOWN,
    errno.EHOSTUNREACH,
    errno.EOPNOTSUPP,
    errno.ENETUNREACH,
    errno.EPERM,
)
_NO_ROOM = (*descriptors.USED_UP, errno.ENOBUFS, errno.ENOMEM)
# Ports to try until one is free on both loopback addresses.
_PORT_ATTEMPTS = 16
_NO_ROOM_LEFT = "%d file descriptors are open of %d, and the rest is kept free (reserved_descriptors); %s"

ANY_ADDRESS = "*"
LOCALHOST = "localhost"


class Preamble(Protocol):
    """What is read off an accepted socket before there is a link. Owns the socket until it is done."""

    def start(self, done: Callable[[object], None], failed: Callable[[str], None]) -> None:
        """Begin to read. Later, once: call `done` with the client's address, or `failed` with why there is none."""

    def cancel(self) -> None:
        """Nobody waits any more: close the socket, unless it is done."""


#: Makes a link of an accepted socket and an address as accept() tells it, and calls somebody with it.
Linker = Callable[[socket.socket, object, Callable[[Link], None]], None]


class Listener:
    """Sockets that listen on one port, or a Unix socket. `accepted` is called with the link of each new connection.

    `preceded` is asked first, of each accepted socket: whether it has a preamble, behind which `preceded` itself has
    the link made. `reserve` says how many descriptors are kept free, `count` is told of refusals (Record._count), and
    `waiting` whether connections have to wait for room.
    """

    def __init__(
        self,
        address: str | UnixDoor,
        port: int,
        accepted: Callable[[Link], None],
        *,
        given: list[socket.socket] | None = None,
        preceded: Callable[[socket.socket, object, Linker], bool] = lambda *_: False,
        reserve: Callable[[], int] = lambda: 0,
        count: Callable[[str], None] = lambda _: None,
        waiting: Callable[[bool], None] = lambda _: None,
    ) -> None:
        """Start to listen, with sockets of another process that listened here. Raises OSError; nothing is left open."""
        self._accepted = accepted
        self._preceded = preceded
        self._reserve = reserve
        self._count = count
        self._waiting = waiting
        self._pauses = 0
        self._over: Deadline | None = None
        self._unix = address if isinstance(address, UnixDoor) else None
        self._is_held = False
        sockets = given
        if sockets is None:
            sockets = [address.open()] if isinstance(address, UnixDoor) else open_sockets(address, port)
        #: The TCP port; 0 for a Unix socket.
        self.port: int = port_of(sockets[0])
        #: Where it listens, for people.
        self.name = f"port {self.port}" if self._unix is None else self._unix.name
        try:
            if given is not None and self._unix is not None:
                self._unix.adopt()
            for listening in sockets:
                listening.listen(_BACKLOG)
            hub.loop()
        except OSError:
            if given is not None:
                self.give_away()
            if self._unix is not None:
                self._unix.remove()
            for listening in sockets:
                listening.close()
            raise
        self._doors = [_Door(listening, self) for listening in sockets]
        for door in self._doors:
            door.watch_reading()

    @property
    def sockets(self) -> list[socket.socket]:
        """What it listens on, less what was inherited."""
        return [door.socket for door in self._doors if not isinstance(door.socket, InheritedSocket)]

    def hold(self) -> None:
        """Accept nobody until `release`: who comes waits in the system."""
        self._is_held = True
        for door in self._doors:
            door.unwatch_reading()

    def release(self) -> None:
        """Go on where `hold` has stopped."""
        if self._is_held:
            self._is_held = False
            for door in self._doors:
                self._go_on(door)

    def give_away(self) -> None:
        """Another process goes on with the sockets: the path of a Unix socket is its own."""
        if self._unix is not None:
            self._unix.give_away()

    def close(self) -> None:
        """Stop listening: the port, or the path, is free again."""
        if self._unix is not None:
            self._unix.remove()
        for door in self._doors:
            door.close()
        self._doors.clear()
        if self._over is not None:
            self._over.cancel()

    def accept(self, door: _Door) -> int:
        """Take connections that wait; how many."""
        for count in range(_ACCEPTS_PER_TURN):
            try:
                accepted, address = door.socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                if count == 0 and door.is_shut_down():
                    self._give_up(door, "it was shut down")
                return count
            except OSError as error:
                if error.errno in _NOT_THIS_ONE:
                    return count
                if error.errno not in _NO_ROOM:
                    self._give_up(door, words_of(error))
                    return count
                self._pause(door, f"{words_of(error)}; {descriptors.ADVICE}")
                return count
            accepted.setblocking(False)
            number = accepted.fileno()
            if not self._preceded(accepted, address, self._link):
                self._link(accepted, address, self._accepted)
            if door not in self._doors:
                return count  # The server was stopped.
            if not descriptors.has_room(number + 1, self._reserve()):
                self._pause(door, _NO_ROOM_LEFT % (number + 1, descriptors.limit(), descriptors.ADVICE))
                return count
        return _ACCEPTS_PER_TURN

    def _link(self, accepted: socket.socket, address: object, made: Callable[[Link], None]) -> None:
        if hub.epoll is None:
            hub.start_task(self._link_by_asyncio(accepted, address, made))
            return
        link = PlainLink(accepted, hub.epoll)
        link.host, link.port = self._address_of(address)
        made(link)

    async def _link_by_asyncio(self, accepted: socket.socket, address: object, made: Callable[[Link], None]) -> None:
        link = AsyncioLink(made)
        link.host, link.port = self._address_of(address)
        try:
            await hub.loop().connect_accepted_socket(lambda: link, accepted)
        except OSError:  # It was reset already.
            accepted.close()

    def _address_of(self, peer: object) -> tuple[str, int]:
        # Who connects to a Unix socket has no address of its own; a proxy may have told one.
        return address_of(peer) if self._unix is None or isinstance(peer, tuple) else (self._unix.name, 0)

    def _give_up(self, door: _Door, why: str) -> None:
        """Nothing will ever come through this door: somebody else has shut down a socket that was inherited."""
        self._count("failed_to_accept")
        _log.error("no more connections on %s: %s; call stop() and listen()", self.name, why)
        door.unwatch_reading()

    def _pause(self, door: _Door, why: str) -> None:
        """No more through this door for now: who comes waits in the system."""
        if self._over is not None:
            self._over.cancel()
            self._over = None
        self._pauses += 1
        self._count("paused_without_room")
        self._waiting(True)
        if self._pauses == 1:
            _log.error("new connections wait, as there is no room for them: %s", why)
        door.unwatch_reading()
        hub.deadlines.after(_NO_ROOM_PAUSE, lambda: self._go_on(door))

    def _go_on(self, door: _Door) -> None:
        """See whether there is room again."""
        if door not in self._doors or self._is_held:
            return  # The server was stopped, or release() goes on.
        if descriptors.has_room(descriptors.lowest_free(), self._reserve()):
            door.watch_reading()
            if self._pauses and self._over is None:
                self._over = hub.deadlines.after(_ROOM_TIME, self._tell_room)
        else:
            hub.deadlines.after(_NO_ROOM_PAUSE, lambda: self._go_on(door))

    def _tell_room(self) -> None:
        _log.warning("new connections no longer wait; there was no room for them %d times", self._pauses)
        self._pauses = 0
        self._over = None
        self._waiting(False)


class _Door(WatchedSocket):
    """One listening socket."""

    def __init__(self, listening: socket.socket, listener: Listener) -> None:
        super().__init__(listening)
        self._listener = listener

    def close(self) -> None:
        self.unwatch_reading()
        self.socket.close()

    def is_shut_down(self) -> bool:
        """Whether there is only its end to be found, over and over: what a Unix socket does not tell in accept()."""
        if not hasattr(select, "poll"):
            return False
        poll = select.poll()
        poll.register(self.socket, 0)
        return any(found & select.POLLHUP for _, found in poll.poll(0))

    def readable(self) -> int:
        """See Watched."""
        return 1 + _ACCEPT_WORK * self._listener.accept(self)

    def failed(self, error: Exception) -> None:
        """See Watched. The next connection may be a better one."""


def is_valid_address(address: str) -> bool:
    """Whether open_sockets() takes `address`. A host name it does not: resolving it could block."""
    return address in (ANY_ADDRESS, LOCALHOST) or is_ip_address(address) or is_inherited(address)


def port_of(listening: socket.socket) -> int:
    """The port of a socket; 0 where it has none, as a Unix socket."""
    name = listening.getsockname()
    return int(name[1]) if isinstance(name, tuple) else 0


def open_sockets(address: str, port: int) -> list[socket.socket]:
    """Bound sockets, all on one port, for "*", "localhost" or an IP address, or inherited ones. Raises OSError."""
    if is_inherited(address):
        return [*inherited_sockets(address)]
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
        if error.errno != errno.EADDRINUSE and error.errno not in descriptors.USED_UP:
            return [ipv4]  # No IPv6 here.
        ipv4.close()
        if port != 0 or attempts == 1 or error.errno != errno.EADDRINUSE:
            raise
    # The free port that the system chose for IPv4 was taken for IPv6.
    return _bind_loopback(port, attempts - 1)


def _bind(family: int, address: str, port: int, *, dual_stack: bool = False) -> socket.socket:
    """A bound socket that does not listen yet."""
    address_info = socket.getaddrinfo(address, port, family, socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setblocking(False)
    try:
        # On Windows, SO_REUSEADDR would let another program take the same port, and so would its absence.
        alone = getattr(socket, "SO_EXCLUSIVEADDRUSE", None)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR if alone is None else alone, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if dual_stack else 1)
        listening.bind(address_info[0][4])
    except BaseException:
        listening.close()
        raise
    return listening
