"""The seam for capabilities: what a feature is told of, at moments that are rare.

A feature is one file: a class of settings, which the server or client derives from, and a class derived from Feature,
which it lists in `FEATURES`. Nothing of it runs on the way of a message: what it wants to know is counted there
(connection/meter.pyx).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ..connection.connection import Connection
from ..connection.request import WebSocketRequest
from ..declare.errors import Error
from ..net.link import Link
from ..net.listener import Preamble
from ..protocol.session import LayerMessage

if TYPE_CHECKING:
    import socket


class Answer(NamedTuple):
    """How to answer a request in place of opening a connection: status, a line for its body, and further headers."""

    status: int
    text: str
    headers: Sequence[tuple[str, str]] = ()
    #: What `handshake_failed` says, in one line, where that is not `text`.
    error: str = ""


class Later:
    """The request is answered later: by `Connection.answer`, within `handshake_timeout`."""

    def timed_out(self) -> Answer:
        """What to answer once the time for that is over."""
        return Answer(HTTPStatus.SERVICE_UNAVAILABLE, "This server took too long to answer; try again later.")

    def over(self) -> None:
        """It is answered, or nobody waits for the answer any more."""


LATER: Final = Later()


class Feature:
    """One capability of one server or client, `node`."""

    def __init__(self, node: Any) -> None:
        self.node = node

    def sweep_period(self) -> float:
        """How often `sweep` is wanted, at least, in seconds."""
        return 1.0

    def begin(self) -> None:
        """The server is about to listen: read the settings. Raises BadSetting, or ValueError, if they are of no use."""

    def forget(self) -> None:
        """The node is being freed, and nobody is told anything any more: let go of what the user has handed over."""

    def end(self) -> None:
        """The server has stopped, or could not listen."""

    def preamble(self, accepted: socket.socket, address: object) -> Preamble | None:
        """A server has accepted a connection: what to read before TLS and the opening handshake. None: nothing."""
        return None

    def carry(self, link: Link) -> Link:
        """Somebody has connected to a server, or a client to one. The link to use: this one, or another one over it.

        Of a client, TLS comes over that.
        """
        return link

    def accepted(self, connection: Connection) -> Answer | None:
        """Somebody has connected to a server; nothing but the address is known. None, or how to refuse at once.

        Each feature is told; of several answers the first counts.
        """
        return None

    def admit(self, connection: Connection, request: WebSocketRequest) -> Answer | Later | None:
        """Somebody asks for a connection. None: nothing against it; the first other answer of a feature counts."""
        return None

    def failed(self, connection: Connection) -> None:
        """The opening handshake with somebody who connected to a server failed. Before the user is told."""

    def opened(self, connection: Connection) -> None:
        """The opening handshake succeeded. Before the user is told."""

    def seated(self, peer: Any) -> None:
        """A peer is about to be announced: that of a connection, or of a session that has begun."""

    def stays(self, peer: Any) -> bool:
        """Whether a peer, in a session, belongs to this process, so that no other one can go on with it."""
        return False

    def status_changed(self) -> None:
        """The server or client goes on to another status. Before the user is told."""

    def ponged(self, connection: Connection, payload: bytes) -> bool:
        """A pong came. Whether it answers a ping of this feature, so that nobody else is told."""
        return False

    def layer_message(self, connection: Connection, message: LayerMessage) -> bool:
        """A message of the session layer came, in order with messages of the user's. Whether it is known here."""
        return False

    def session_over(self, endpoint: Any, error: Error) -> None:
        """What can be told to a client or peer, `endpoint`, is over: its session, or without one its connection.

        `error` says why, to whoever waits for an answer. Before the user is told; the next connection begins anew.
        """

    def closed(self, connection: Connection) -> None:
        """A connection that was open is over. Before the user is told."""

    def sweep(self, now: float, connections: Collection[Connection]) -> None:
        """Look at all open connections, once in a `sweep_period`. `now` is `hub.deadlines.now`."""

    def overdrawn(self, connection: Connection) -> None:
        """More came through this connection than its meter or its server allows."""
