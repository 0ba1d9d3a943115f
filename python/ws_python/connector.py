"""Reaching a server: from an address to a TCP or TLS connection, and from a failure to a line that says what to do."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from .addresses import is_ip_address

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


async def connect(
    factory: Callable[[], asyncio.BaseProtocol], host: str, port: int, *, secure: bool, deadline: float
) -> None:
    """Connect a protocol from `factory` to a host. Raises OSError (among them TimeoutError and ssl.SSLError)."""
    async with asyncio.timeout_at(deadline):
        await asyncio.get_running_loop().create_connection(
            factory,
            host,
            port,
            ssl=_tls_context() if secure else None,
            # An address has one family. And asyncio's race of several loses the socket that has just won, still open,
            # when it is cancelled in that moment.
            happy_eyeballs_delay=None if is_ip_address(host) else _HAPPY_EYEBALLS_DELAY,
        )


def explain(error: Exception, host: str, port: int, *, secure: bool) -> str:
    """Why connect() failed, and what can be done about it."""
    if isinstance(error, socket.gaierror):
        return f'the host name "{host}" cannot be resolved ({error.strerror}); check its spelling and the network'
    if isinstance(error, TimeoutError):
        return f"{host}, port {port}, did not answer in time; check the address, firewalls, and connect_timeout"
    if _is_refused(error):
        return f"{host} refuses connections on port {port}; check that the server is running, and its port"
    if _is_untrusted(error):
        return f"the certificate of {host} is not trusted ({getattr(error, 'verify_message', error)})"
    # A server without TLS closes on what it cannot read.
    if type(error).__name__.startswith("SSL") or (secure and isinstance(error, ConnectionResetError)):
        what = str(error) or "it hung up"
        return f"{host}, port {port}, does not speak TLS as it should ({what}); use ws:// if it has no TLS"
    return f"{host}, port {port}, cannot be reached: {_detail(error)}"


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
