"""Origins (RFC 6454): the pages of which sites may connect, and that no stranger's page uses a server of this machine.

A browser lets any page connect anywhere, to the machine that it runs on, too, and tells the server in Origin whose page
it is. What is no browser sends no Origin, and is let in: it could say what it likes.
"""

from __future__ import annotations

import ipaddress
import logging
import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

from ..connection.connection import Connection
from ..connection.request import WebSocketRequest
from ..declare.followed import Followed
from ..declare.settings import setting
from ..protocol.handshake import ServerHandshake
from ..protocol.quoting import one_line, reason
from ..protocol.urls import ascii_name
from .feature import Answer, Feature
from .teller import Told

_log = logging.getLogger("ws_python")

_ANY = "*"
_NULL = "null"  # RFC 6454 section 7.3: a page that has no site.
_FILE = "file://"
_SITE = re.compile(r"([A-Za-z][-+.A-Za-z0-9]*)://(\*\.)?(\[[0-9A-Fa-f:.]+\]|[^\s\[\]:/?#@\\*%]+)(?::([0-9]{1,5}))?/?")
_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_LAST_PORT = 65535
# No name is longer (RFC 1035), and what is longer is not looked at.
_LONGEST = 300
# The most characters of an origin that are repeated.
_SHOWN = 80

_NOT_LISTED = "; if it is yours, list it in allowed_origins"
_NOT_LOCAL = (
    "; by a loopback address only pages of this machine may connect. If it is yours, list it in allowed_origins"
)


class OriginSettings:
    """For a server with Origins."""

    allowed_origins: list[str] = setting(
        [],
        group="Access",
        doc='The sites whose pages may connect: each an origin as browsers send it, "https://example.com" or '
        '"http://localhost:8060", or "https://*.example.com" for all subdomains of a site; "*" for all sites. Pages of '
        "others are refused with HTTP 403. What is no browser sends no origin, and is let in.\n"
        "Empty: all sites, but where the server is reached by a loopback address (127.0.0.1, ::1). There only pages of "
        "this machine may connect: of localhost, of a loopback address, of `file://`. Otherwise any page that a player "
        "or a developer visits could use a server on their machine. Behind a reverse proxy on the same machine, list "
        "your sites.\n"
        'A page that was opened from a file sends "null" in most browsers, as does any site\'s page that wants to: '
        'list "null" only where you would list "*".',
    )


class Site(NamedTuple):
    """An origin in its one form: lower case, the host in ASCII and without a dot at its end, the port always there.

    With `is_wildcard` it stands for all subdomains of `host`. The port is 0 where the scheme is not known.
    """

    scheme: str
    host: str
    port: int
    is_wildcard: bool = False

    def covers(self, origin: Site) -> bool:
        """Whether `origin` is this one, or one of these."""
        if not self.is_wildcard:
            return self == origin
        same_door = (self.scheme, self.port) == (origin.scheme, origin.port)
        return same_door and origin.host.endswith("." + self.host)

    @property
    def is_local(self) -> bool:
        """Whether it is of this machine, by whatever name nobody else can have (RFC 6761 section 6.3)."""
        return self.host == "localhost" or self.host.endswith(".localhost") or is_loopback(self.host)


def parse_site(text: str) -> Site | None:
    """An origin, or a scheme, "://" and a Host header. None for what is none."""
    match = _SITE.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None or int(match[4] or 0) > _LAST_PORT:
        return None
    scheme = match[1].lower()
    try:
        bracketed = match[3].startswith("[")
        host = str(ipaddress.IPv6Address(match[3][1:-1])) if bracketed else ascii_name(match[3]).removesuffix(".")
    except ValueError:
        return None
    return Site(scheme, host, int(match[4] or _DEFAULT_PORTS.get(scheme, 0)), match[2] is not None)


def is_loopback(address: str) -> bool:
    """Whether it is an IP address that leads to this machine from itself. 0.0.0.0 and :: do, where anything does."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return (mapped or parsed).is_loopback or (mapped or parsed).is_unspecified


class _Allowed:
    """What `allowed_origins` says, parsed. Raises ValueError with what is wrong in it."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.is_empty = not lines
        self.all = _ANY in lines
        self.sites: list[Site] = []
        self.others = {line for line in lines if line in (_NULL, _FILE)}
        for line in lines:
            if line in (_ANY, _NULL, _FILE):
                continue
            try:
                site = parse_site(line)
            except ImportError as error:
                raise ValueError(f"allowed_origins: {error}") from None
            if site is None:
                shown = one_line(line, _SHOWN)
                raise ValueError(f'allowed_origins: "{shown}" is no origin; write it like "https://example.com"')
            self.sites.append(site)

    def __contains__(self, origin: str) -> bool:
        if self.all or origin in self.others:
            return True
        site = _sent(origin)
        return site is not None and any(listed.covers(site) for listed in self.sites)


class Origins(Feature):
    """Refuses pages of sites that its server does not allow."""

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        self._told = Told()
        self._allowed = Followed(lambda: list(node.allowed_origins), lambda: _Allowed(node.allowed_origins))

    def begin(self) -> None:
        """See Feature."""
        self._allowed.begin()

    def admit(self, connection: Connection, request: WebSocketRequest) -> Answer | None:
        """See Feature."""
        origins = request.get_header_values("Origin")
        if not origins:
            return None
        # Of two, which no browser sends, it is anybody's guess which one counts.
        origin = origins[0] if len(origins) == 1 else ""
        allowed = self._allowed.get()
        if not allowed.is_empty:
            return None if origin in allowed else self._refused(origin, _NOT_LISTED)
        if _is_over_loopback(connection) and not (_is_local(origin) and _is_local(_requested(connection))):
            return self._refused(origin, _NOT_LOCAL)
        return None

    def _refused(self, origin: str, why: str) -> Answer:
        self.node._count("refused_origin")
        told = reason('a page of "', origin, f'" was refused{why}')
        if self._told.is_new(told):
            _log.error("%s", told)
        return Answer(HTTPStatus.FORBIDDEN, "Pages of this site may not connect here.", error=told)


def _is_over_loopback(connection: Connection) -> bool:
    """Whether it comes from this machine by its own address, and not through a proxy that says for whom."""
    link = connection.link
    return link is not None and is_loopback(link.local_host()) and is_loopback(connection.host)


def _is_local(origin: str) -> bool:
    if origin == _FILE:
        return True  # No site can be that; the user has opened a file.
    site = _sent(origin)
    return site is not None and site.is_local


def _sent(origin: str) -> Site | None:
    """An origin that came from outside: of browsers ASCII, and no wildcard."""
    return parse_site(origin) if origin.isascii() and _ANY not in origin else None


def _requested(connection: Connection) -> str:
    """Scheme and host that were requested: a name that leads to this machine may be a stranger's (DNS rebinding)."""
    handshake = connection.handshake
    return handshake.site if isinstance(handshake, ServerHandshake) else ""
