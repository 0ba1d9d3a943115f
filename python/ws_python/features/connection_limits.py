"""Limits of connections: how many there may be, from one address, and in the opening handshake."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from http import HTTPStatus

from ..connection.connection import Connection
from ..connection.phase import Phase
from ..connection.request import WebSocketRequest
from ..declare.settings import setting
from ..loop.hub import hub
from ..net.unix import is_unix
from ..protocol.handshake import CLOSED_EARLY, TLS_REQUEST, ServerHandshake
from .feature import Answer, Feature
from .teller import who

_MANY = 1_000_000
# Refused connections that may wait for their end at the same time: who is refused is given time to read why.
_MOST_REFUSED = 256
# Handshakes beyond the limit that may have begun in one poll: those, too, are to be read before anybody is called slow.
_MOST_NEW = 64
# What one household, or one rented server, has of IPv6 (RFC 6177).
_IPV6_PREFIX = 64
_SLOW_HEADS = {
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: (
        "refused_header_fields_too_large",
        "more header fields than are taken",
    ),
    HTTPStatus.REQUEST_URI_TOO_LONG: ("refused_uri_too_long", "a longer request line than is taken"),
}
# Of a request that no feature has refused, but the handshake itself: by the status that it was answered with.
_IMPROPER: dict[int, str] = {
    HTTPStatus.BAD_REQUEST: "refused_bad_request",
    HTTPStatus.METHOD_NOT_ALLOWED: "refused_method_not_allowed",
    HTTPStatus.UPGRADE_REQUIRED: "refused_upgrade_required",
    HTTPStatus.HTTP_VERSION_NOT_SUPPORTED: "refused_http_version",
}
# What ends one without an HTTP answer.
_UNANSWERED = {TLS_REQUEST: "refused_tls_hello", CLOSED_EARLY: "left_in_handshake"}


class ConnectionLimitSettings:
    """For a server with ConnectionLimits."""

    max_connections: int = setting(
        16384,
        range=(0, _MANY),
        group="Connection Limits",
        doc="The most TCP connections to this server at the same time: open ones, those in the opening handshake, and "
        "those that are being closed. Further ones are answered with HTTP 503. The system has a limit of its own "
        "(`ulimit -n`). 0: no limit.",
    )
    max_connections_per_address: int = setting(
        256,
        range=(0, _MANY),
        group="Connection Limits",
        doc="The most connections of one IPv4 address, or of one /64 network of IPv6, at the same time. Further ones "
        "are answered with HTTP 503. Those from this machine itself (loopback, Unix sockets) count for "
        "`max_connections` only. Behind a reverse proxy that is not on this machine, name it in `trusted_proxies`, or "
        "all players have its address. 0: no limit.",
    )
    max_pending_handshakes: int = setting(
        1024,
        range=(0, _MANY),
        group="Connection Limits",
        doc="The most connections that may be in the opening handshake at the same time. When another one comes, the "
        "one that has taken longest over its request is answered with HTTP 503 and dropped, so that many that are "
        "slow on purpose keep nobody out; where all wait for an answer of this server, the new one is. 0: no limit.",
    )


class ConnectionLimits(Feature):
    """Refuses, as early as can be, connections beyond the limits of a server."""

    def __init__(self, node: ConnectionLimitSettings) -> None:
        super().__init__(node)
        self._present = _Present()

    def accepted(self, connection: Connection) -> Answer | None:
        """See Feature."""
        node, present = self.node, self._present
        network = network_of(connection.host)
        if 0 < node.max_connections <= len(present):
            return self._refuse_at_once(connection, "max_connections", len(present))
        if (count := self._too_many_of(network)) is not None:
            return self._refuse_at_once(connection, "max_connections_per_address", count)
        if 0 < node.max_pending_handshakes <= present.pending and not self._make_room():
            return self._refuse_at_once(connection, "max_pending_handshakes", present.pending)
        present.add(connection, network)
        return None

    def admit(self, connection: Connection, request: WebSocketRequest) -> Answer | None:
        """The request may have told, by a proxy that is trusted, from where it really comes."""
        self._present.has_asked(connection)
        network = network_of(connection.host)
        if network == self._present.network_of(connection):
            return None
        if (count := self._too_many_of(network)) is not None:
            return self._refuse(connection, "max_connections_per_address", count)
        self._present.move(connection, network)
        return None

    def opened(self, connection: Connection) -> None:
        """See Feature."""
        self._present.end_handshake(connection)

    def failed(self, connection: Connection) -> None:
        """See Feature."""
        self._present.end_handshake(connection)
        handshake = connection.handshake
        assert isinstance(handshake, ServerHandshake)
        if handshake.status in _SLOW_HEADS:
            reason, what = _SLOW_HEADS[HTTPStatus(handshake.status)]
            self.node._count(reason)
            self.node._teller.tell(who(connection), "the request has %s: %s", what, handshake.error)
        elif handshake.is_improper:
            self.node._count(_IMPROPER.get(handshake.status, "refused_bad_request"))
        elif handshake.error in _UNANSWERED and not handshake.status:
            self.node._count(_UNANSWERED[handshake.error])
        elif not handshake.status and not handshake.error:  # Nothing else ends one that has said nothing of it.
            self.node._count("refused_handshake_timeout")
            self.node._teller.tell(
                who(connection), "no whole request within handshake_timeout, %g s", self.node.handshake_timeout
            )

    def _too_many_of(self, network: str) -> int | None:
        """How many there are of a network that is to have no more; None for one that may."""
        limit = self.node.max_connections_per_address
        count = self._present.count_of(network)
        return count if network and 0 < limit <= count else None

    def _refuse_at_once(self, connection: Connection, name: str, count: int) -> Answer:
        self._present.add_refused(connection)
        return self._refuse(connection, name, count)

    def _refuse(self, connection: Connection, name: str, count: int) -> Answer:
        self.node._count(f"refused_{name}")
        self.node._teller.tell(
            connection.host or "a local connection",
            "refused with HTTP 503: there are %d, %s is %d",
            count,
            name,
            getattr(self.node, name),
        )
        return Answer(HTTPStatus.SERVICE_UNAVAILABLE, f"Too many connections ({name}); try again later.")

    def _make_room(self) -> bool:
        """Make room for another handshake. False if there is none, and nobody is slow: all wait for this server."""
        present = self._present
        limit: int = self.node.max_pending_handshakes
        slowest = next(iter(present.unread), None)
        if slowest is None:
            present.look_at_asked()
            return present.pending < limit
        if slowest.phase is not Phase.OPENING:
            del present.unread[slowest]  # Its end is still to be told.
            return True
        if present.unread[slowest] == hub.deadlines.polls:  # Nobody has asked yet what it says.
            return present.pending < limit + _MOST_NEW
        slowest.answer(self._refuse(slowest, "max_pending_handshakes", present.pending))
        slowest.outbox.flush()
        slowest.drop()  # It had its time.
        return True


class _Present:
    """Whose TCP connections are there, until they are gone. Knows no server, which may go before."""

    def __init__(self) -> None:
        self._networks: dict[Connection, str] = {}
        self._counts: dict[str, int] = {}
        # In the opening handshake, and perhaps some whose end is still to be told: those whose request is not read,
        # with the poll in which they came, the slowest one first; and those that have asked.
        self.unread: dict[Connection, int] = {}
        self._asked: dict[Connection, None] = {}
        # Not counted with the others.
        self._refused: dict[Connection, None] = {}
        # Bound once, and not for each connection.
        self._when_gone, self._when_refused_gone = self._forget, self._forget_refused

    def __len__(self) -> int:
        return len(self._networks)

    def add(self, connection: Connection, network: str) -> None:
        self._networks[connection] = network
        self._counts[network] = self.count_of(network) + 1
        self.unread[connection] = hub.deadlines.polls
        connection.when_gone = self._when_gone

    def move(self, connection: Connection, network: str) -> None:
        """It is of another network."""
        if connection in self._networks:
            self._uncount(self._networks[connection])
            self._networks[connection] = network
            self._counts[network] = self.count_of(network) + 1

    def network_of(self, connection: Connection) -> str | None:
        return self._networks.get(connection)

    def count_of(self, network: str) -> int:
        return self._counts.get(network, 0)

    @property
    def pending(self) -> int:
        """How many are in the opening handshake."""
        return len(self.unread) + len(self._asked)

    def has_asked(self, connection: Connection) -> None:
        """Its request is read."""
        if self.unread.pop(connection, None) is not None:
            self._asked[connection] = None

    def look_at_asked(self) -> None:
        """Leave out those that are no longer in the opening handshake."""
        self._asked = {each: None for each in self._asked if each.phase is Phase.OPENING}

    def end_handshake(self, connection: Connection) -> None:
        self.unread.pop(connection, None)
        self._asked.pop(connection, None)

    def add_refused(self, connection: Connection) -> None:
        """It is to be answered, and then to end. Of too many, the first one goes at once."""
        self._refused[connection] = None
        connection.when_gone = self._when_refused_gone
        if len(self._refused) > _MOST_REFUSED:
            next(iter(self._refused)).drop()

    def _forget(self, connection: Connection) -> None:
        self._uncount(self._networks.pop(connection))
        self.end_handshake(connection)

    def _forget_refused(self, connection: Connection) -> None:
        self._refused.pop(connection, None)

    def _uncount(self, network: str) -> None:
        self._counts[network] -= 1
        if not self._counts[network]:
            del self._counts[network]


@lru_cache(maxsize=1024)
def network_of(host: str) -> str:
    """What connections of one origin have in common: the IPv4 address, or the IPv6 network. "" for this machine."""
    if is_unix(host):
        return ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address
    if address.is_loopback:
        return ""
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(ipaddress.IPv6Network((int(address), _IPV6_PREFIX), strict=False))
