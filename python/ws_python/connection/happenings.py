"""What happens to a connection beside messages: each tells itself to the server or client whose connection it is."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol


class Listener(Protocol):
    """A server or client. Pong and Closed of protocol/codec.pyx tell themselves to it, too."""

    def _opened(self, connection: Any) -> None: ...
    def _failed(self, connection: Any, reason: str, retryable: bool) -> None: ...
    def _ponged(self, connection: Any, payload: bytes) -> None: ...
    def _closed(self, connection: Any) -> None: ...
    def _drained(self, connection: Any) -> None: ...


class Opened(NamedTuple):
    """The opening handshake succeeded."""

    def tell(self, listener: Listener, connection: object) -> None:
        """Tell it."""
        listener._opened(connection)


class Failed(NamedTuple):
    """The opening handshake failed; there will be no further event of this connection."""

    reason: str
    retryable: bool

    def tell(self, listener: Listener, connection: object) -> None:
        """Tell it."""
        listener._failed(connection, self.reason, self.retryable)


class Drained(NamedTuple):
    """What was refused because too much waited can be sent again."""

    def tell(self, listener: Listener, connection: Any) -> None:
        """Tell it, if it is still true: a handler that was called before may have filled it up."""
        if connection.outbox.end_stall():
            listener._drained(connection)


class SessionOver(NamedTuple):
    """A peer whose connection was cut is not waited for any longer: told by that connection."""

    connection: Any

    def tell(self, listener: Any, connection: object) -> None:
        """Tell it."""
        listener._session_over(self.connection)


class NotTried(NamedTuple):
    """There was no further attempt to connect: told by the connection before it."""

    reason: str

    def tell(self, listener: Any, connection: object) -> None:
        """Tell it. Only a client tries again."""
        listener._not_tried(self.reason)
