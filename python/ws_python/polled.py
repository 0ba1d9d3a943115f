"""What server and client have in common: they are polled, deliver what arrived, have a status, and may be shut down."""

from __future__ import annotations

from enum import IntEnum
from weakref import WeakMethod

from . import pump
from .connection import Connection
from .events import Event, silence
from .inbox import Inbox, Sink
from .options import ConnectionOptions


class Polled(ConnectionOptions):
    """Delivers events in poll() only. What is derived declares `status_changed` and sets its first status."""

    status_changed: Event
    _status: IntEnum

    def __init__(self) -> None:
        super().__init__()
        self._inbox = Inbox(self._new_sink(), WeakMethod(self._deliver_other))

    def poll(self) -> None:
        """Read and write the network, and deliver what arrived. Never waits. Call it once a frame.

        A handler may call it, too, and what arrived after the event that it handles is delivered within. Where too many
        such calls are nested in one another, a further one leaves delivering to them. All nodes are polled on one
        thread, which is the main one in Godot; on another, poll() does nothing but log an error.
        """
        pump.poll(self._inbox)

    def _new_sink(self) -> Sink:
        """Make what tells the user of messages. For the derived class."""
        raise NotImplementedError

    def _deliver_other(self, connection: Connection, event: object) -> None:
        """Tell the user of anything but a message. For the derived class."""
        raise NotImplementedError

    def _set_status(self, status: IntEnum) -> None:
        self._status = status
        self.status_changed.emit(status)

    def _shut_down(self) -> None:
        """End everything and deliver nothing any more: for a host that is about to free this object, in any handler."""
        silence(self)
        self._end()

    def _end(self) -> None:
        """Say goodbye to whoever is connected. For the derived class."""
        raise NotImplementedError
