"""SOCKS5 (RFC 1928, 1929) by python-socks, on a socket that is connected to the proxy already.

Imported when such a proxy is used.
"""

from __future__ import annotations

import socket
from typing import Any

from python_socks import ProxyError, ProxyType
from python_socks.async_.asyncio import Proxy

from ..loop.hub import hub

# What python-socks says of credentials: it has a number for no other answer than that to the request itself.
_OF_CREDENTIALS = (
    "No acceptable authentication methods were offered",
    "Username and password authentication failure",
)
_HUNG_UP = "Connection closed unexpectedly"
# RFC 1928 section 6: not allowed by ruleset, command not supported, address type not supported.
_FINAL = (0x02, 0x07, 0x08)
# connect_timeout has a clock of its own.
_NEVER = 1e9


class CredentialsError(Exception):
    """The proxy wants others, or any."""


class RefusedError(Exception):
    """The proxy does not connect us; says why. `may_pass`: another attempt may succeed."""

    def __init__(self, why: str, *, may_pass: bool) -> None:
        super().__init__(why)
        self.may_pass = may_pass


class HungUpError(Exception):
    """The proxy closed the connection."""


class MalformedError(Exception):
    """What the proxy answers is no SOCKS5."""


async def connect(
    connected: socket.socket, host: str, port: int, user: str | None, password: str | None, *, here: bool
) -> None:
    """Have the proxy at the other end connect to a host, whose name is resolved `here`, or by it.

    Raises one of the errors above, or OSError. The socket is closed then.
    """
    proxy = Proxy(
        ProxyType.SOCKS5,
        "",
        0,
        user,
        password,
        rdns=not here,
        forward=_Connected(connected),
        loop=hub.loop(),
    )
    try:
        await proxy.connect(host, port, timeout=_NEVER)
    except ProxyError as error:
        raise _explained(error) from None
    except ValueError as error:  # An address that is none.
        raise MalformedError from error


class _Connected(Proxy):
    """Stands for the way to the proxy, of which python-socks would try one address only."""

    def __init__(self, connected: socket.socket) -> None:
        self._connected = connected

    async def connect(self, dest_host: str, dest_port: int, timeout: float | None = None, **_: Any) -> socket.socket:
        """Hand it over."""
        return self._connected


def _explained(error: ProxyError) -> Exception:
    text = str(error)
    if error.error_code is not None:
        return RefusedError(text, may_pass=error.error_code not in _FINAL)
    if text in _OF_CREDENTIALS:
        return CredentialsError()
    return HungUpError() if text == _HUNG_UP else MalformedError()
