"""The way in: what the codec of a connection brought is queued for one server or client, and handed out by its poll.

Batches come in order and each is taken away before it is handed out, and the place in the current batch is shared.
Hence a handler may poll: the inner delivery goes on where the outer one is, and nothing comes twice or out of order.
Compiled, with the types of inbox.pxd.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from weakref import WeakMethod

from .outbox import Outbox
from .protocol.codec import Closed, Codec
from .writers import writers

if TYPE_CHECKING:
    from .peer import WebSocketPeer

_writers = writers
# How deep polls in handlers may nest in one another; each level takes some of the thread's stack.
_MOST_NESTED = 16


class Intake(Outbox):
    """The receiving half of a connection: passes on what the codec has, and stops reading where too much waits."""

    def __init__(self, inbox: Inbox, max_queued_bytes: int, outbound_buffer_size: int) -> None:
        super().__init__(outbound_buffer_size)
        # The server's peer for this connection, from when it is announced until it is taken back; and its id.
        self.peer: WebSocketPeer | None = None
        self.peer_id = 0
        # Whatever the sink wants to find again when the next message comes from here.
        self.kept_by_sink: object = None
        # None when nobody is interested in this connection any more.
        self._inbox: Inbox | None = inbox
        self._max_queued_bytes = max_queued_bytes
        # Bytes of events in the inbox.
        self._queued = 0
        self._read_paused = False

    def received(self) -> None:
        """The reader gave bytes to the codec."""
        codec = self._codec
        if codec is not None:
            self._pass_on(codec)

    def finish(self) -> None:
        """The last event, Closed, is there or delivered. The connection knows what is to be done."""
        raise NotImplementedError

    def _pass_on(self, codec: Codec) -> None:
        size = codec.events_size
        events = codec.events_received()
        if events:
            self._put(events, size)
        if not codec.is_open():
            self.is_open = False
            if events and type(events[-1]) is Closed:
                self.finish()
        if codec.buffered_amount:
            _writers.add(self)  # A pong, or a close frame.

    def _put(self, events: list[Any], size: int) -> None:
        if self._inbox is None:
            return
        self._inbox.put(self, events, size)
        self._queued += size
        if self._queued > self._max_queued_bytes and not self._read_paused:
            self._pause_reading()

    def _taken(self, size: int) -> None:
        # Events that took `size` bytes left the inbox.
        self._queued -= size
        if self._read_paused and self._queued <= self._max_queued_bytes // 2:
            self._resume_reading()

    def _pause_reading(self) -> None:
        """Let what arrives wait in the system. The connection knows how."""
        raise NotImplementedError

    def _resume_reading(self) -> None:
        raise NotImplementedError


class Sink:
    """Whom messages are told: the events of a server or client, or what a host has in their place."""

    def message(self, source: Intake, message: str | bytes) -> None:
        """Tell of one message. It may be the last: a handler can stop everything."""
        raise NotImplementedError

    def settle(self) -> None:
        """Tell whatever is still to be told of the messages so far: something else comes next."""


class PeerSink(Sink):
    """Tells the server of each message, and then the peer that sent it.

    A server's handler may poll, and so bring the next message: the peer is told of the first one before.
    """

    def __init__(self) -> None:
        # The message that the server was told of and the peer was not yet, and its connection.
        self._owing: Intake | None = None
        self._owed: str | bytes = ""

    def message(self, source: Intake, message: str | bytes) -> None:
        """Tell of one message."""
        self.settle()
        self._owing = source
        self._owed = message
        self.tell_server(source, message)
        self.settle()

    def settle(self) -> None:
        """Tell the peer what it is owed, unless it is gone."""
        owing, owed = self._owing, self._owed
        if owing is None:
            return
        self._owing = None
        self._owed = ""
        if owing.peer is not None:  # The handler did not stop the server.
            self.tell_peer(owing, owed)

    def tell_server(self, source: Intake, message: str | bytes) -> None:
        """Tell the server's user."""
        raise NotImplementedError

    def tell_peer(self, source: Intake, message: str | bytes) -> None:
        """Tell the peer's user."""
        raise NotImplementedError


class _Batch:
    """What one connection brought at once, and the memory it takes in bytes."""

    def __init__(self, source: Intake, events: list[Any], size: int) -> None:
        self.source = source
        self.events = events
        self.size = size


class Inbox:
    """A queue of batches of events, each from one connection.

    Messages are told to `sink`; what else happened is told to `other`, if the object is still there that it is of.
    """

    def __init__(self, sink: Sink, other: WeakMethod[Callable[[Any, Any], None]]) -> None:
        self._sink = sink
        self._other = other
        # How many deliveries are under way.
        self._nested = 0
        self._batches: deque[_Batch] = deque()
        # The current batch: the connection it came from (None before the first one), and how far it was handed out.
        self.source: Intake | None = None
        self._events: list[Any] = []
        self._next = 0

    def put(self, source: Intake, events: list[Any], size: int) -> None:
        """Append events that took `size` bytes."""
        self._batches.append(_Batch(source, events, size))

    def is_empty(self) -> bool:
        """Whether there is nothing to deliver. It is asked in each frame."""
        return not self._batches and self._next == len(self._events)

    def deliver(self) -> None:
        """Hand out everything. Nested too deep, it leaves that to the deliveries that are under way."""
        if self._nested == _MOST_NESTED:
            return
        self._nested += 1
        try:
            self._deliver_all()
        finally:
            self._nested -= 1

    def _deliver_all(self) -> None:
        while True:
            while self._next < len(self._events):
                event = self._events[self._next]
                self._events[self._next] = None  # A long message is not kept until the next one comes.
                self._next += 1
                if type(event) is bytes or type(event) is str:
                    self._sink.message(self.source, event)  # type: ignore[arg-type]
                else:
                    self._sink.settle()
                    if (other := self._other()) is not None:
                        other(self.source, event)
            if not self._next_batch():
                return

    def _next_batch(self) -> bool:
        if not self._batches:
            return False
        batch = self._batches.popleft()
        self.source = batch.source
        self._events = batch.events
        self._next = 0
        batch.source._taken(batch.size)
        return True

    def clear(self) -> None:
        """Forget what was not handed out. A delivery that is under way ends, too."""
        self._batches.clear()
        self._events = []
        self._next = 0
