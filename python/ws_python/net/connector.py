"""Reaching a server: from an address to a Link, and from a failure to a line that says what to do."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from aiohappyeyeballs import start_connection

from ..loop.hub import hub
from .addresses import is_ip_address
from .asyncio_link import AsyncioLink, address_of
from .link import Link
from .plain_tcp import PlainLink
from .tls import ClientTls, explain_untrusted, is_ready, is_untrusted, ready_context, words
from .tls_link import TlsLink

if TYPE_CHECKING:
    import ssl

# RFC 8305 section 5: how long one address family has before the other is tried beside it.
_HAPPY_EYEBALLS_DELAY = 0.25


async def connect(made: Callable[[Link], None], host: str, port: int, *, tls: ClientTls | None = None) -> None:
    """Call `made` with a link to a host. Raises OSError; what goes wrong with TLS is told by `Receiver.refused`."""
    context = None if tls is None else await _context(tls)
    addresses = await _addresses(host, port)
    connected = await start_connection(addresses, happy_eyeballs_delay=_HAPPY_EYEBALLS_DELAY)
    reached = made
    if tls is not None and context is not None:
        reached = _securing(made, context, host, port, tls.server_name)
    if hub.epoll is not None:
        link = PlainLink(connected, hub.epoll)
        link.host, link.port = address_of(_peer(connected))
        reached(link)
        return
    try:
        await hub.loop().create_connection(lambda: AsyncioLink(reached), sock=connected)
    except BaseException:
        connected.close()
        raise


async def _context(tls: ClientTls) -> ssl.SSLContext:
    return ready_context(tls) if is_ready(tls) else await hub.loop().on_thread(lambda: ready_context(tls))


def _securing(
    made: Callable[[Link], None], context: ssl.SSLContext, host: str, port: int, server_name: str
) -> Callable[[Link], None]:
    """`made`, called with TLS over the link that this is called with."""

    def explained(error: Exception) -> tuple[str, bool]:
        return explain(error, host, port, secure=True), may_pass(error)

    def secure(link: Link) -> None:
        # A certificate has neither the zone of an address (RFC 6874) nor the dot behind a name (RFC 6066 section 3).
        name = server_name or host.partition("%")[0].rstrip(".")
        try:
            secured = TlsLink(link, context, explained, server=False, server_name=name)
        except BaseException:
            link.drop()
            raise
        made(secured)

    return secure


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
    if isinstance(error, socket.gaierror):
        return f'the host name "{host}" cannot be resolved ({error.strerror}); check its spelling and the network'
    if isinstance(error, TimeoutError):
        return timed_out(host, port)
    if _is_refused(error):
        return f"{host} refuses connections on port {port}; check that the server is running, and its port"
    if is_untrusted(error):
        return explain_untrusted(error, host)
    # A server without TLS closes on what it cannot read.
    if type(error).__name__.startswith("SSL") or (secure and isinstance(error, ConnectionResetError)):
        what = words(error) or "it hung up"
        return f"{host}, port {port}, does not speak TLS as it should ({what}); use ws:// if it has no TLS"
    return f"{host}, port {port}, cannot be reached: {_detail(error)}"


def timed_out(host: str, port: int) -> str:
    """That connecting took too long, and what can be done about it."""
    return f"{host}, port {port}, did not answer in time; check the address, firewalls, and connect_timeout"


def may_pass(error: Exception) -> bool:
    """Whether another attempt may succeed: not where the certificate was refused, or this program is at fault."""
    return isinstance(error, OSError) and not is_untrusted(error)


def _detail(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    first_line = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {first_line}"


def _is_refused(error: Exception) -> bool:
    # asyncio joins the errors of several addresses into one without errno.
    return isinstance(error, ConnectionRefusedError) or f"[Errno {errno.ECONNREFUSED}]" in str(error)
