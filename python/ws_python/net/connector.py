"""Reaching a server: from an address to a Link, and from a failure to a line that says what to do."""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from ..loop.hub import CLOSING_TIME, hub
from . import descriptors
from .asyncio_link import AsyncioLink
from .dialer import Dialer, DialError, is_refused
from .link import Link
from .plain_tcp import PlainLink
from .proxy import dialer_through
from .unix import UnixDialer

if TYPE_CHECKING:
    import ssl

_STRAIGHT = Dialer()


def tls_problem() -> str:
    """Why this Python cannot speak TLS; "" if it can."""
    # Only loading it tells: the module may be there, and OpenSSL's libraries missing.
    try:
        import_module("ssl")
    except ImportError as error:
        return str(error)
    return ""


def dialer_to(host: str, port: int, *, secure: bool, socket_path: str, proxy: str) -> Dialer:
    """What connects to a host, or to a Unix socket if there is a path. Raises ValueError with one line."""
    return UnixDialer(socket_path) if socket_path else dialer_through(proxy, host, port, secure=secure)


async def connect(
    made: Callable[[Link], None], host: str, port: int, *, secure: bool, dialer: Dialer = _STRAIGHT
) -> None:
    """Call `made` with a link to a host. Raises OSError (among them ssl.SSLError), or DialError."""
    connected = await dialer.dial(host, port)
    if not secure and hub.epoll is not None:
        link = PlainLink(connected, hub.epoll)
        link.host, link.port = dialer.address(connected, host, port)
        made(link)
        return
    try:
        by_asyncio = AsyncioLink(made)
        by_asyncio.host, by_asyncio.port = dialer.address(connected, host, port)
        await hub.loop().create_connection(
            lambda: by_asyncio,
            sock=connected,
            ssl=_tls_context() if secure else None,
            server_hostname=host if secure else None,
            ssl_shutdown_timeout=CLOSING_TIME if secure else None,
        )
    except BaseException:
        connected.close()
        raise


def explain(error: Exception, host: str, port: int, *, secure: bool, dialer: Dialer = _STRAIGHT) -> str:
    """Why connect() failed, and what can be done about it."""
    if isinstance(error, DialError):
        return str(error)
    if descriptors.lacks_them(error):
        return descriptors.explain(error)
    if isinstance(error, TimeoutError):
        return dialer.timed_out(host, port)
    return _explain(error, host, port, secure) + dialer.via


def _explain(error: Exception, host: str, port: int, secure: bool) -> str:
    if isinstance(error, socket.gaierror):
        return f'the host name "{host}" cannot be resolved ({error.strerror}); check its spelling and the network'
    if isinstance(error, OSError) and is_refused(error):
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
    if isinstance(error, DialError):
        return error.retryable
    return isinstance(error, OSError) and not _is_untrusted(error)


def _is_untrusted(error: Exception) -> bool:
    # By name: Python may come without the ssl module.
    return type(error).__name__ == "SSLCertVerificationError"


def _detail(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    first_line = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {first_line}"


@cache
def _tls_context() -> ssl.SSLContext:
    # Made once: loading the system's certificates takes milliseconds.
    import ssl

    return ssl.create_default_context()
