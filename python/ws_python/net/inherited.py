"""Sockets that somebody else has opened and this process was started with: socket activation, as systemd does it.

sd_listen_fds(3): LISTEN_FDS says how many there are, from descriptor 3 on, and LISTEN_PID for which process. They stay
open as long as the process does: what is handed out are duplicates, so that stop() closes none, and another listen()
finds them again.
"""

from __future__ import annotations

import os
import re
import socket
import stat

from ..declare.errors import CannotListen, Error

SYSTEMD = "systemd"
_ONE = re.compile(r"fd:(0|[1-9][0-9]{0,8})")
_FIRST = 3

# Those that a listener of this process has now: two would take each other's connections.
_in_use: set[int] = set()


def is_inherited(address: str) -> bool:
    """Whether an address names sockets that this process was started with: "systemd" or "fd:3"."""
    return address == SYSTEMD or _ONE.fullmatch(address) is not None


class InheritedSocket(socket.socket):
    """A duplicate of an inherited socket. Closing it leaves the inherited one open, and free for another."""

    def __init__(self, number: int) -> None:
        _check(number)
        # The duplicate and the inherited one itself are nothing for the programs that this one starts.
        os.set_inheritable(number, False)
        super().__init__(fileno=os.dup(number))
        self._number = number
        _in_use.add(number)
        self.setblocking(False)

    def close(self) -> None:
        """See socket."""
        if self.fileno() >= 0:
            _in_use.discard(self._number)
        super().close()


def inherited_sockets(address: str) -> list[InheritedSocket]:
    """The sockets that `address` names. Raises OSError, and then none is in use."""
    if os.name != "posix":
        raise CannotListen(Error.ERR_UNAVAILABLE, "this system hands no sockets over; use an IP address")
    found: list[InheritedSocket] = []
    try:
        for number in _numbers(address):
            found.append(InheritedSocket(number))
    except OSError:
        for taken in found:
            taken.close()
        raise
    return found


def _numbers(address: str) -> list[int]:
    if address != SYSTEMD:
        return [int(address.partition(":")[2])]
    told = os.environ.get("LISTEN_FDS", "")
    if os.environ.get("LISTEN_PID") != str(os.getpid()) or not told.isdecimal() or not 0 < int(told) <= 1024:
        raise CannotListen(
            Error.ERR_UNAVAILABLE,
            "this process was not started with a socket (LISTEN_FDS, LISTEN_PID); start it by its systemd .socket unit",
        )
    return list(range(_FIRST, _FIRST + int(told)))


def _check(number: int) -> None:
    """Raise CannotListen unless it is an open socket that takes connections, or could."""
    if number in _in_use:
        raise CannotListen(
            Error.ERR_ALREADY_IN_USE, f"descriptor {number} is used by another server already; call its stop()"
        )
    try:
        is_socket = stat.S_ISSOCK(os.fstat(number).st_mode)
    except OSError:
        raise CannotListen(
            Error.ERR_INVALID_PARAMETER, f"descriptor {number} is not open; have what starts this process pass it"
        ) from None
    if not is_socket:
        raise CannotListen(
            Error.ERR_INVALID_PARAMETER, f"descriptor {number} is no socket; have what starts this process pass one"
        )
    inherited = socket.socket(fileno=os.dup(number))
    with inherited:
        families = (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX)
        if inherited.family not in families or inherited.type != socket.SOCK_STREAM:
            raise CannotListen(
                Error.ERR_INVALID_PARAMETER,
                f"descriptor {number} is no stream socket; use ListenStream in the .socket unit",
            )
        if is_connected(inherited):
            raise CannotListen(
                Error.ERR_INVALID_PARAMETER, f"descriptor {number} is one connection; set Accept=no in the .socket unit"
            )


def is_connected(taken: socket.socket) -> bool:
    """Whether it is one connection, and takes none."""
    try:
        taken.getpeername()
    except OSError:
        return False
    return True
