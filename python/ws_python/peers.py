"""The connected peers of a server, by their ids: what is sent to one or to many of them finds its connections here.

Compiled, with the types of peers.pxd.
"""

from __future__ import annotations

from .errors import Error
from .inbox import Intake
from .peer import WebSocketPeer
from .protocol.prepared import PreparedMessage

_OK = Error.OK


class Peers:
    """Peers and their connections. A peer's id is the server's matter."""

    def __init__(self) -> None:
        self.by_id: dict[int, WebSocketPeer] = {}
        self._connections: dict[int, Intake] = {}

    def add(self, peer_id: int, peer: WebSocketPeer, connection: Intake) -> None:
        """From now on `peer_id` is the id of this peer."""
        self.by_id[peer_id] = peer
        self._connections[peer_id] = connection

    def remove(self, peer_id: int) -> None:
        """The id is nobody's any more. One that is unknown is ignored."""
        self.by_id.pop(peer_id, None)
        self._connections.pop(peer_id, None)

    def queue(self, peer_id: int, opcode: int, data: object, size: int) -> bool:
        """For compiled code: queue a message from memory, text as UTF-8. False: nothing was done, use send()."""
        connection = self._connections.get(peer_id)
        return connection is not None and connection.queue(opcode, data, size)

    def send_prepared(self, message: PreparedMessage, left_out: int) -> list[tuple[int, Error]]:
        """Queue a message for everybody but `left_out`: the ids and errors of those for whom it cannot be."""
        failed = []
        for peer_id, connection in self._connections.items():
            if peer_id != left_out:
                error = connection.send_prepared(message)
                if error is not _OK:
                    failed.append((peer_id, error))
        return failed
