"""Trusted proxies: what a reverse proxy says of the client that it passes on is believed; what a stranger says is not.

A proxy says it in front of the connection (net/proxy_protocol.py) or in the request: X-Forwarded-For, X-Real-IP,
Forwarded (RFC 7239). What it found in a request it mostly leaves there and adds its own at the end: hence they are read
from the right, and only as far as those who wrote them are trusted.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

from ..connection.connection import Connection
from ..connection.request import WebSocketRequest
from ..declare.followed import Followed
from ..declare.settings import setting
from ..net.addresses import canonical_address
from ..net.asyncio_link import address_of
from ..net.listener import Preamble
from ..net.proxy_protocol import ProxyPreamble
from ..protocol.handshake import ServerHandshake
from ..protocol.quoting import one_line
from .feature import Answer, Feature

if TYPE_CHECKING:
    from websockets.datastructures import Headers

# The entry for all who come through a Unix socket. They have no IP address: nothing stands where others have theirs.
UNIX = "unix:"
# As many proxies are gone through; a request may list thousands.
_MOST_HOPS = 32
_SCHEMES = {"https": "wss", "wss": "wss", "http": "ws", "ws": "ws"}
_CONTRADICTION = (
    "The headers of the proxy contradict one another (Forwarded, X-Forwarded-For, X-Real-IP); have it set one of them, "
    "and remove the others that clients send."
)
_MALFORMED = "The Forwarded header is malformed (RFC 7239); have the proxy remove what clients send."
# RFC 7239 section 4: one pair, and what ends it: ";" before another one of the same hop, "," before the next hop.
_PAIR = re.compile(
    r"[ \t]*(?:([-!#$%&'*+.^_`|~0-9A-Za-z]+)=(?:\"((?:[^\"\\]|\\.)*)\"|([^\s\",;]*)))?[ \t]*([;,]|$)", re.ASCII
)


class TrustedProxySettings:
    """For a server with TrustedProxies."""

    trusted_proxies: list[str] = setting(
        [],
        group="Proxies",
        doc="The reverse proxies in front of this server: IP addresses, networks like 10.0.0.0/8, and unix: for all "
        "who come through a Unix socket. Only from these X-Forwarded-For, X-Real-IP, Forwarded (RFC 7239) and the "
        "PROXY protocol (versions 1 and 2) are believed: the client's address that they tell is then that of the peer, "
        "its port if they tell it or 0, and X-Forwarded-Proto or Forwarded say whether get_requested_url() begins with "
        "wss://. Have the proxy replace or append to the one header that it sets, and remove the others: a request in "
        "which they contradict one another is refused with HTTP 400. Changes count for the connections that come after "
        "them.",
    )


class Hop(NamedTuple):
    """Who came to a proxy, as it tells; `scheme` is "ws", "wss" or empty."""

    host: str
    port: int = 0
    scheme: str = ""


class Networks:
    """What `trusted_proxies` says. Raises ValueError with what is wrong in it."""

    def __init__(self, lines: list[str]) -> None:
        self._is_empty = not lines
        self._unix = UNIX in lines
        self._networks = [_network(line) for line in lines if line != UNIX]

    def __bool__(self) -> bool:
        return not self._is_empty

    def hold(self, host: str) -> bool:
        """Whether somebody is trusted; `host` is the IP address, empty of who comes through a Unix socket."""
        if not host or host.startswith(UNIX):
            return self._unix
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in self._networks)


class TrustedProxies(Feature):
    """Finds who the client is where a proxy passes it on. Before all features that look at `connection.host`."""

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        self._networks = Followed(lambda: list(node.trusted_proxies), lambda: Networks(node.trusted_proxies))

    def begin(self) -> None:
        """See Feature."""
        self._networks.begin()

    def preamble(self, accepted: socket.socket, address: object) -> Preamble | None:
        """See Feature."""
        networks = self._networks.get()
        if not networks or not networks.hold(address_of(address)[0]):
            return None
        return ProxyPreamble(accepted, address, lambda: self.node._count("refused_malformed_proxy_header"))

    def admit(self, connection: Connection, request: WebSocketRequest) -> Answer | None:
        """See Feature."""
        networks = self._networks.get()
        if not networks or not networks.hold(connection.host):
            return None
        proxy = Hop(connection.host, connection.port)
        try:
            client = find_client(request.headers, proxy, networks)
        except ValueError as error:
            self.node._count("refused_contradictory_proxy_headers")
            return Answer(HTTPStatus.BAD_REQUEST, str(error))
        connection.host, connection.port = client.host, client.port
        if client.scheme and isinstance(connection.handshake, ServerHandshake):
            connection.handshake.requested_by(client.scheme)
        return None


def find_client(headers: Headers, proxy: Hop, networks: Networks) -> Hop:
    """Whom the headers that a trusted proxy has sent tell of. Raises ValueError where they do not agree."""
    found: list[Hop] = []
    if lines := headers.get_all("Forwarded"):
        found.append(_outermost(proxy, _forwarded(lines), networks))
    if lines := headers.get_all("X-Forwarded-For"):
        entries = ",".join(lines).rsplit(",", _MOST_HOPS)[-_MOST_HOPS:]
        # RFC 9110 section 5.6.1.2: empty entries of a list are none.
        found.append(_outermost(proxy, [_hop(entry) for entry in entries if entry.strip()], networks))
    # It is overwritten by each proxy, which may have had another one before it.
    for line in headers.get_all("X-Real-IP"):
        hop = _hop(line)
        if hop is not None and (not found or not networks.hold(hop.host)):
            found.append(hop)
    if not found:
        found.append(proxy)
    client = found[0]
    if any(other.host != client.host for other in found):
        raise ValueError(_CONTRADICTION)
    if not client.scheme and (lines := headers.get_all("X-Forwarded-Proto")):
        client = client._replace(scheme=_SCHEMES.get(lines[0].partition(",")[0].strip().lower(), ""))
    return client


def _outermost(proxy: Hop, hops: list[Hop | None], networks: Networks) -> Hop:
    """Who is the first, from the right, that is no trusted proxy; the last that is known where that ends."""
    client = proxy
    for hop in hops[: -_MOST_HOPS - 1 : -1]:
        if hop is None:
            break
        client = hop
        if not networks.hold(hop.host):
            break
    return client


def _forwarded(lines: Iterable[str]) -> list[Hop | None]:
    """The hops of Forwarded headers, None for what has no address.

    Raises ValueError where one is malformed: a quote that a client began might swallow what the proxy has added.
    """
    hops: list[Hop | None] = []
    for line in lines:
        pairs: dict[str, str] = {}
        at, end = 0, ","
        while at < len(line) or end != "":
            match = _PAIR.match(line, at)
            if match is None:
                raise ValueError(_MALFORMED)
            name, quoted, plain, end = match.groups()
            if name:
                pairs[name.lower()] = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            if end != ";" and pairs:
                hop = _hop(pairs.get("for", ""))
                hops.append(hop and hop._replace(scheme=_SCHEMES.get(pairs.get("proto", "").lower(), "")))
                pairs = {}
            at = match.end()
    return hops


def _hop(text: str) -> Hop | None:
    """RFC 7239 section 6: an IP address, perhaps with a port, IPv6 then in brackets. None: "unknown" and the like."""
    text = text.strip(" \t")
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        port = port.removeprefix(":")
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    else:
        host, port = text, ""
    host = canonical_address(host)
    is_port = port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= 65535
    return Hop(host, int(port) if is_port else 0) if host else None


def _network(line: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(line)
    except ValueError as error:
        why = "has bits behind its prefix" if "host bits" in str(error) else "is no address"
        raise ValueError(
            f'trusted_proxies: "{one_line(line, 100)}" {why}; use IP addresses, networks like 10.0.0.0/8, or {UNIX}'
        ) from None
