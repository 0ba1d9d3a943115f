"""Reaching a server: from an address to a Link, and from a failure to a line that says what to do."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from aiohappyeyeballs import start_connection

from ..loop.hub import CLOSING_TIME, hub
from . import descriptors
from .addresses import is_ip_address
from .asyncio_link import AsyncioLink, address_of
from .link import Link
from .plain_tcp import PlainLink

if TYPE_CHECKING:
    import ssl

# RFC 8305 section 5: how long one address family has before the other is tried beside it.
_HAPPY_EYEBALLS_DELAY = 0.25


def tls_problem() -> str:
    """Why this Python cannot speak TLS; "" if it can."""
    # Only loading it tells: the module may be there, and OpenSSL's libraries missing.
    try:
        import_module("ssl")
    except ImportError as error:
        return str(error)
    return ""


async def connect(made: Callable[[Link], None], host: str, port: int, *, secure: bool) -> None:
    """Call `made` with a link to a host. Raises OSError (among them ssl.SSLError)."""
    addresses = await _addresses(host, port)
    connected = await start_connection(addresses, happy_eyeballs_delay=_HAPPY_EYEBALLS_DELAY)
    if not secure and hub.epoll is not None:
        link = PlainLink(connected, hub.epoll)
        link.host, link.port = address_of(_peer(connected))
        made(link)
        return
    try:
        await hub.loop().create_connection(
            lambda: AsyncioLink(made),
            sock=connected,
            ssl=_tls_context() if secure else None,
            server_hostname=host if secure else None,
            ssl_shutdown_timeout=CLOSING_TIME if secure else None,
        )
    except BaseException:
        connected.close()
        raise


async def _addresses(host: str, port: int) -> list[tuple[int, int, int, str, tuple[str, int]]]:
    if is_ip_address(host):  # Resolved at once, and not on another thread.
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)  # type: ignore[return-value]
    return await hub.loop().getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)  # type: ignore[return-value]


def _peer(connected: socket.socket) -> object:
    try:
        return connected.getpeername()
    except OSError:  # It was reset at once.
        return None


def explain(error: Exception, host: str, port: int, *, secure: bool) -> str:
    """Why connect() failed, and what can be done about it."""
    if descriptors.lacks_them(error):
        return descriptors.explain(error)
    if isinstance(error, socket.gaierror):
        return f'the host name "{host}" cannot be resolved ({error.strerror}); check its spelling and the network'
    if isinstance(error, TimeoutError):
        return timed_out(host, port)
    if _is_refused(error):
        return f"{host} refuses connections on port {port}; check that the server is running, and its port"
    if _is_untrusted(error):
        return f"the certificate of {host} is not trusted ({getattr(error, 'verify_message', error)})"
    # A server without TLS closes on what it cannot read.
    if type(error).__name__.startswith("SSL") or (secure and isinstance(error, ConnectionResetError)):
        what = str(error) or "it hung up"
        return f"{host}, port {port}, does not speak TLS as it should ({what}); use ws:// if it has no TLS"
    return f"{host}, port {port}, cannot be reached: {_detail(error)}"


def timed_out(host: str, port: int) -> str:
    """That connecting took too long, and what can be done about it."""
    check = "address" if is_ip_address(host) else "host name, the name server"
    return f"{host}, port {port}, did not answer in time; check the {check}, firewalls, and connect_timeout"


def may_pass(error: Exception) -> bool:
    """Whether another attempt may succeed: not where the certificate was refused, or this program is at fault."""
    return isinstance(error, OSError) and not _is_untrusted(error)


def _is_untrusted(error: Exception) -> bool:
    # By name: Python may come without the ssl module.
    return type(error).__name__ == "SSLCertVerificationError"


def _detail(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    first_line = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {first_line}"


def _is_refused(error: Exception) -> bool:
    # asyncio joins the errors of several addresses into one without errno.
    return isinstance(error, ConnectionRefusedError) or f"[Errno {errno.ECONNREFUSED}]" in str(error)


@cache
def _tls_context() -> ssl.SSLContext:
    # Made once: loading the system's certificates takes milliseconds.
    import ssl

    return ssl.create_default_context()
