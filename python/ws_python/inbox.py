"""What arrived during the pump for one server or client and waits for its poll.

Batches come in order and each is taken away before it is handed out, and the iterator over the current batch is shared.
Hence a handler may poll: the inner delivery goes on where the outer one is, and nothing comes twice or out of order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .connection import Connection


class Inbox:
    """A queue of batches of events, each from one connection."""

    __slots__ = ("_batches", "connection", "events")

    def __init__(self) -> None:
        self._batches: deque[tuple[Connection, list[Any], int]] = deque()
        # The current batch: the connection it came from (unset before the first one), and what of it is left.
        self.connection: Any = None
        self.events: Iterator[Any] = iter(())

    def put(self, connection: Connection, events: list[Any], size: int) -> None:
        """Append events that took `size` bytes."""
        self._batches.append((connection, events, size))

    def next_batch(self) -> bool:
        """Make the next batch the current one. False if there is none."""
        if not self._batches:
            return False
        connection, events, size = self._batches.popleft()
        self.connection = connection
        self.events = iter(events)
        connection.taken(size)
        return True

    def clear(self) -> None:
        """Forget what was not handed out. A delivery that is under way ends, too."""
        self._batches.clear()
        for _ in self.events:
            pass
