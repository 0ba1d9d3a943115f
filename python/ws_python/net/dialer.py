"""Dialers: what makes the connected socket to a server, and tells why it could not. This one goes straight, by TCP."""

from __future__ import annotations

import errno
import socket

from ..declare.system_words import numbers_of
from ..loop.hub import hub
from .addresses import is_ip_address
from .asyncio_link import address_of

# Without it, servers and Unix sockets go on. Not loaded when it is first used: that takes the time of a frame.
_lacks: ImportError | None = None
try:
    from aiohappyeyeballs import start_connection
except ImportError as error:
    _lacks = error.with_traceback(None)

# RFC 8305 section 5: how long one address family has before the other is tried beside it.
_HAPPY_EYEBALLS_DELAY = 0.25


class DialError(Exception):
    """Why a server cannot be reached, in one line that says what to do."""

    def __init__(self, reason: str, *, retryable: bool, cause: str) -> None:
        super().__init__(reason)
        #: Whether another attempt may succeed.
        self.retryable = retryable
        #: A name for it in snake case, to count it by.
        self.cause = cause


def lacking(package: str, error: ImportError, cause: str) -> DialError:
    """That a package cannot be loaded which comes with the addon."""
    return DialError(
        f"this needs the Python package {package}, which cannot be loaded ({error}); copy the whole addon folder "
        f"again, or pip install {package}",
        retryable=False,
        cause=cause,
    )


class Dialer:
    """Goes straight to a host, by TCP. Derived ones go elsewhere, or through somebody."""

    #: What to add to the reason of a failure behind the connected socket.
    via = ""

    async def dial(self, host: str, port: int) -> socket.socket:
        """A connected socket, which does not block. Raises OSError, or DialError."""
        return await dial_tcp(host, port)

    def address(self, connected: socket.socket, host: str, port: int) -> tuple[str, int]:
        """Who is at the other end, as a Link tells it."""
        try:
            return address_of(connected.getpeername())
        except OSError:  # It was reset at once.
            return "", 0

    def timed_out(self, host: str, port: int) -> str:
        """That it took too long, and what can be done about it."""
        check = "address" if is_ip_address(host) else "host name, the name server"
        return f"{host}, port {port}, did not answer in time; check the {check}, firewalls, and connect_timeout"


async def dial_tcp(host: str, port: int) -> socket.socket:
    """A socket that is connected to a host, whichever of its addresses answers first. Raises OSError, DialError."""
    if _lacks is not None:
        raise lacking("aiohappyeyeballs", _lacks, "lacks_aiohappyeyeballs")
    return await start_connection(await _addresses(host, port), happy_eyeballs_delay=_HAPPY_EYEBALLS_DELAY)


def is_refused(error: OSError) -> bool:
    """Whether nobody listens: on any of the addresses, if there are several."""
    return isinstance(error, ConnectionRefusedError) or errno.ECONNREFUSED in numbers_of(error)


async def _addresses(host: str, port: int) -> list[tuple[int, int, int, str, tuple[str, int]]]:
    if is_ip_address(host):  # Resolved at once, and not on another thread.
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)  # type: ignore[return-value]
    return await hub.loop().getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)  # type: ignore[return-value]
