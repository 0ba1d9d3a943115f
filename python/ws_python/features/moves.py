"""A client that its server asks to come back later, or elsewhere, before it closes: the session goes on there."""

from __future__ import annotations

import logging
from typing import Any

from ..connection.connection import Connection
from ..net.tls import tls_problem
from ..protocol.moves import Move, MoveError, leads_astray
from ..protocol.session import MOVE, LayerMessage
from ..protocol.urls import parse_url, redacted
from .feature import Feature

_log = logging.getLogger("ws_python")


class Moves(Feature):
    """What one client, `node`, was told of where and when to come back."""

    node: Any

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        node._moves = self
        self._told: tuple[Connection, Move] | None = None

    def opened(self, connection: Connection) -> None:
        """See Feature."""
        self._told = None

    def layer_message(self, connection: Connection, message: LayerMessage) -> bool:
        """See Feature."""
        if message.letter != MOVE or connection.is_server:
            return False
        try:
            self._told = connection, self._checked(Move.unpack(message.head), connection)
        except MoveError as problem:
            self.node._count("moves_unreadable")
            connection.complain("unreadable moves", "%s", problem)
        return True

    def _checked(self, move: Move, connection: Connection) -> Move:
        """As it was told, but for a URL where this client does not go."""
        if not move.url:
            return move
        why = leads_astray(move.url, connection.handshake.url)
        if not why and parse_url(move.url).secure:
            why = tls_problem()
        if not why:
            return move
        self.node._count("moves_refused")
        connection.complain(
            "refused moves",
            "%s: the server asks to come back to %s, where this client does not go: %s; it comes back to the same one",
            redacted(connection.handshake.url),
            redacted(move.url),
            why,
        )
        return Move(move.delay)

    def taken(self, connection: Connection) -> Move | None:
        """What the server had said of that connection, which is over."""
        told, self._told = self._told, None
        if told is None or told[0] is not connection:
            return None
        self.node._count("moves_followed")
        return told[1]
