"""Listening sockets: from an address and a port to accepted connections.

asyncio's own server is not used: stopped while it accepts, it would leave that connection behind, open.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
from collections.abc import Callable

from . import pump
from .addresses import is_ip_address

_log = logging.getLogger("ws_python")

# Connections that may wait to be accepted. The system cuts it to its own limit (net.core.somaxconn).
_BACKLOG = 4096
# How many are accepted in one turn: a flood of them must not hold up a frame for long.
_ACCEPTS_PER_TURN = 256
# Seconds without accepting when the system has no room for another connection.
_NO_ROOM_PAUSE = 1.0
_NO_ROOM = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
# Ports to try until one is free on both loopback addresses.
_PORT_ATTEMPTS = 16

ANY_ADDRESS = "*"
LOCALHOST = "localhost"


class Listener:
    """Sockets that listen on one port. `factory` makes the protocol of each accepted connection."""

    def __init__(self, address: str, port: int, factory: Callable[[], asyncio.BaseProtocol]) -> None:
        """Start to listen. Raises OSError, and then nothing is left open."""
        self._factory = factory
        self._sockets = open_sockets(address, port)
        self.port: int = self._sockets[0].getsockname()[1]
        try:
            for listening in self._sockets:
                listening.listen(_BACKLOG)
        except OSError:
            self.close()
            raise
        for listening in self._sockets:
            self._watch(listening)

    def close(self) -> None:
        """Stop listening: the port is free again."""
        for listening in self._sockets:
            pump.loop().remove_reader(listening)
            listening.close()
        self._sockets.clear()

    def _watch(self, listening: socket.socket) -> None:
        if listening in self._sockets:
            pump.loop().add_reader(listening, self._accept, listening)

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(_ACCEPTS_PER_TURN):
            try:
                accepted, _address = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _NO_ROOM:
                    raise
                self._pause(listening, error)
                return
            accepted.setblocking(False)
            pump.start_task(self._attach(self._factory(), accepted))

    async def _attach(self, protocol: asyncio.BaseProtocol, accepted: socket.socket) -> None:
        await pump.loop().connect_accepted_socket(lambda: protocol, accepted)

    def _pause(self, listening: socket.socket, error: OSError) -> None:
        _log.error(
            "no new connections for %g s: %s; raise the limit of open files (ulimit -n)", _NO_ROOM_PAUSE, error.strerror
        )
        pump.loop().remove_reader(listening)
        pump.loop().call_later(_NO_ROOM_PAUSE, self._watch, listening)


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
    # asyncio sets TCP_NODELAY where the protocol is named. Nagle's algorithm would hold a short message back until the
    # one before is acknowledged, which the other side may put off for 40 ms.
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
