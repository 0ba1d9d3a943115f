"""One connection of a server."""

from __future__ import annotations

from collections.abc import Callable

from .connection.connection import Connection
from .connection.request import WebSocketRequest
from .declare.errors import Error
from .endpoint import Endpoint
from .features.simulation import PeerSimulationSettings
from .protocol.close_codes import NORMAL_CLOSURE


class WebSocketPeer(Endpoint, PeerSimulationSettings):
    """One connection of a WebSocketServer, which makes it and polls it. Use it to talk to this client alone.

    It can be asked for its close code and reason until `client_disconnected` was delivered, and as long as you keep a
    reference to it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._peer_id = 0
        # The server has told of it with `client_connected`.
        self._is_announced = False
        # Called when the game closes it: a session does not wait for it any longer.
        self._give_up: Callable[[WebSocketPeer], None] | None = None

    @property
    def peer_id(self) -> int:
        """The number that the server knows this connection by, from 2 to 2147483647."""
        return self._peer_id

    @property
    def request(self) -> WebSocketRequest | None:
        """What the client asked for when it connected, with the `data` that the `authorizer` stored there.

        There as long as the peer is, inside of `client_connected` and `client_disconnected`, too.
        """
        return None if self._connection is None else WebSocketRequest._of(self._connection)

    def close(self, code: int = NORMAL_CLOSURE, reason: str = "") -> Error:  # noqa: D102 - see below.
        error = super().close(code, reason)
        if error == Error.OK and self._give_up is not None:
            self._give_up(self)
        return error

    close.__doc__ = Endpoint.close.__doc__

    def _bind(self, peer_id: int, connection: Connection) -> None:
        self._peer_id = connection.intake.peer_id = peer_id
        self._connection = connection
        connection.intake.peer = self
