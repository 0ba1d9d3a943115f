"""Reaching a server: from an address to a Link, and from a failure to a line that says what to do."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..declare.system_words import words_of
from ..loop.hub import hub
from . import descriptors
from .asyncio_link import AsyncioLink
from .dialer import Dialer, DialError, is_refused
from .link import Link
from .plain_tcp import PlainLink
from .proxy import dialer_through
from .tls import ClientTls, RecordFlood, TlsError, explain_untrusted, is_untrusted, words
from .tls_link import TlsLink
from .unix import UnixDialer

if TYPE_CHECKING:
    import ssl

_STRAIGHT = Dialer()


def dialer_to(host: str, port: int, *, secure: bool, socket_path: str, proxy: str) -> Dialer:
    """What connects to a host, or to a Unix socket if there is a path. Raises ValueError with one line."""
    return UnixDialer(socket_path) if socket_path else dialer_through(proxy, host, port, secure=secure)


async def connect(
    made: Callable[[Link], None],
    host: str,
    port: int,
    *,
    tls: ClientTls | None = None,
    dialer: Dialer = _STRAIGHT,
    carried: Callable[[Link], Link] = lambda link: link,
    failed: Callable[[str], None] = lambda cause: None,
) -> None:
    """Call `made` with a link to a host. Raises OSError, DialError or TlsError; the errors of a TLS handshake are told
    by `Receiver.refused`.

    `carried` is called with the link below TLS, and says which one is to be used in its place; `failed` with the
    cause() where TLS fails.
    """
    context = None if tls is None else await _context(tls)
    connected = await dialer.dial(host, port)
    reached = made
    if tls is not None and context is not None:
        reached = _securing(made, context, host, port, tls.server_name, dialer, failed)
    if hub.epoll is not None:
        link = PlainLink(connected, hub.epoll)
        link.host, link.port = dialer.address(connected, host, port)
        reached(carried(link))
        return
    try:
        by_asyncio = AsyncioLink(lambda link: reached(carried(link)))
        by_asyncio.host, by_asyncio.port = dialer.address(connected, host, port)
        await hub.loop().create_connection(lambda: by_asyncio, sock=connected)
    except BaseException:
        connected.close()
        raise


async def _context(tls: ClientTls) -> ssl.SSLContext:
    """Raises TlsError."""
    if tls.is_ready:
        return tls.ready_context()
    try:
        return await hub.loop().run_in_executor(None, tls.ready_context)
    except TlsError:
        if tls.instead is None:
            raise
        return await _context(tls.instead)


def _securing(
    made: Callable[[Link], None],
    context: ssl.SSLContext,
    host: str,
    port: int,
    server_name: str,
    dialer: Dialer,
    failed: Callable[[str], None],
) -> Callable[[Link], None]:
    """`made`, called with TLS over the link that this is called with."""

    def explained(error: Exception) -> tuple[str, bool]:
        failed(cause(error, secure=True))
        return explain(error, host, port, secure=True, dialer=dialer), may_pass(error)

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


def explain(error: Exception, host: str, port: int, *, secure: bool, dialer: Dialer = _STRAIGHT) -> str:
    """Why connect() failed, and what can be done about it."""
    if isinstance(error, (DialError, TlsError)):
        return str(error)
    if descriptors.lacks_them(error):
        return descriptors.explain(error)
    if isinstance(error, TimeoutError):
        return dialer.timed_out(host, port)
    return _explain(error, host, port, secure) + dialer.via


def _explain(error: Exception, host: str, port: int, secure: bool) -> str:
    if isinstance(error, socket.gaierror):
        return f'the host name "{host}" cannot be resolved ({words_of(error)}); check its spelling and the network'
    if isinstance(error, OSError) and is_refused(error):
        return f"{host} refuses connections on port {port}; check that the server is running, and its port"
    if is_untrusted(error):
        return explain_untrusted(error, host)
    if isinstance(error, RecordFlood):
        return f"{host}, port {port}: {error}"
    if _is_of_tls(error, secure):
        what = words(error) or "it hung up"
        return f"{host}, port {port}, does not speak TLS as it should ({what}); use ws:// if it has no TLS"
    return f"{host}, port {port}, cannot be reached: {_detail(error)}"


def cause(error: Exception, *, secure: bool) -> str:
    """Why connect() failed, as a name in snake case to count it by."""
    if isinstance(error, DialError):
        return error.cause
    if isinstance(error, TlsError):
        return "failed_certificate"
    if descriptors.lacks_them(error):
        return "lacks_descriptors"
    if isinstance(error, TimeoutError):
        return "connect_timeout"
    if isinstance(error, socket.gaierror):
        return "name_unknown"
    if isinstance(error, OSError) and is_refused(error):
        return "connection_refused"
    if is_untrusted(error):
        return "certificate_untrusted"
    if isinstance(error, RecordFlood):
        return "refused_tls_flood"
    if _is_of_tls(error, secure):
        return "failed_tls_handshake"
    return "unreachable"


def _is_of_tls(error: Exception, secure: bool) -> bool:
    # A server without TLS closes on what it cannot read.
    return type(error).__name__.startswith("SSL") or (secure and isinstance(error, ConnectionResetError))


def may_pass(error: Exception) -> bool:
    """Whether another attempt may succeed: not where the certificate was refused, or this program is at fault."""
    if isinstance(error, DialError):
        return error.retryable
    return isinstance(error, OSError) and not is_untrusted(error)


def _detail(error: Exception) -> str:
    if isinstance(error, OSError):
        return words_of(error)
    first_line = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {first_line}"
