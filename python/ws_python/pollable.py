"""What server and client have in common: they are polled, deliver what arrived, have features, and may be shut down."""

from __future__ import annotations

import logging
from collections.abc import Collection
from enum import IntEnum
from typing import Any, ClassVar
from weakref import WeakMethod, ref

from .connection.connection import Connection
from .connection.inbox import Inbox, Sink
from .connection.intake import Intake
from .connection.meter import Meter
from .connection.outbox import Outbox
from .connection.phase import Phase
from .connection.settings import ConnectionSettings
from .declare.callbacks import forget_callbacks
from .declare.errors import Error
from .declare.events import Event, silence
from .declare.settings import setting
from .endpoint import Endpoint
from .features.back_pressure import BackPressure, BackPressureSettings
from .features.feature import Feature
from .features.heartbeat import Heartbeat, HeartbeatSettings
from .features.limits import UnfinishedLimits, UnfinishedSettings
from .features.message_limits import MessageLimits, MessageSettings
from .features.rate_limits import RateLimits, RateSettings
from .features.requests import Requests, RequestSettings
from .features.simulation import Simulation, SimulationSettings
from .features.statistics import Record, Statistics
from .features.supervision import Supervision, SupervisorSettings
from .features.teller import Teller
from .features.values import Values
from .loop.deadlines import Deadline
from .loop.hub import hub
from .net.link import Link
from .protocol.session import LayerMessage

_log = logging.getLogger("ws_python")

# Connections that are looked at in one go: between two the time of the poll may be up.
_SWEPT_AT_ONCE = 256


class Pollable(
    Record,
    ConnectionSettings,
    HeartbeatSettings,
    UnfinishedSettings,
    BackPressureSettings,
    MessageSettings,
    RateSettings,
    SupervisorSettings,
    SimulationSettings,
    RequestSettings,
):
    """Delivers events in poll(), or in callbacks of asyncio's loop where it was begun in one that was running.

    What is derived declares `status_changed` and sets its first status.
    """

    FEATURES: ClassVar[tuple[type[Feature], ...]] = (
        Statistics,
        Heartbeat,
        UnfinishedLimits,
        BackPressure,
        MessageLimits,
        RateLimits,
        Supervision,
        Simulation,
        Requests,
        Values,
    )

    status_changed: Event
    _status: IntEnum

    def _note_poll_time(self) -> None:
        self._inbox.poll_time = self.max_poll_time

    max_poll_time: float = setting(
        0.005,
        range=(0.0001, 1.0),
        step=0.0001,
        unit="s",
        group="Polling",
        changed=_note_poll_time,
        doc="Seconds that one poll spends on reading and delivering at the most; what is left waits for the next one, "
        "in order. It is shared between the connections, so that one that sends much keeps no other one waiting. A "
        "message is never cut, and the time of a handler is its own.",
    )

    def __init__(self) -> None:
        super().__init__()
        self._sink = self._new_sink()
        # Where messages are told first: `_sink`, or what takes some of them before it.
        self._front: Sink = self._sink
        self._inbox = Inbox(self._sink, ref(self))  # type: ignore[arg-type]  # What is derived is a Listener.
        self._note_poll_time()
        self._teller = Teller()
        self._features = [feature(self) for feature in self.FEATURES]
        self._next_sweep: Deadline | None = None
        # Where what is of no connection waits for the poll.
        self._own_intake: Intake | None = None
        # Whether what arrives is told to the hub, so that it is delivered with nobody to poll.
        self._wakes_hub = False
        # It is being freed: nothing can be started any more.
        self._is_going = False

    def poll(self) -> None:
        """Read and write the network, and deliver what arrived. Never waits. Call it once a frame.

        In a program that runs asyncio's event loop nobody has to call it: what was begun there is polled by the loop.

        A handler may call it, too, and what arrived after the event that it handles is delivered within. Where too many
        such calls are nested in one another, a further one leaves delivering to them. All nodes are polled on one
        thread, which is the main one in Godot; on another, poll() does nothing but log an error.
        """
        hub.poll(self._inbox)

    # --- for the derived class

    def _new_sink(self) -> Sink:
        """Make what tells the user of messages."""
        raise NotImplementedError

    def _end(self) -> None:
        """Say goodbye to whoever is connected."""
        raise NotImplementedError

    def _open_connections(self) -> Collection[Connection]:
        """The connections that are open, and perhaps others."""
        raise NotImplementedError

    def _set_status(self, status: IntEnum) -> None:
        self._status = status
        for feature in self._features:
            feature.status_changed()
        self.status_changed.emit(status)

    def _cannot_start(self, method: str) -> Error:
        """Why `method` cannot start anything now, in the log, too; OK if it can."""
        if hub.refuses_to_begin(method):
            return Error.ERR_UNAVAILABLE
        if self._is_going:
            _log.error("%s: this node is being freed; use another one", method)
            return Error.ERR_UNAVAILABLE
        return Error.OK

    def _joins_hub(self) -> None:
        """Something is open from now on."""
        hub.at_close(self._end)
        if hub.drive is not None and not self._wakes_hub:
            self._wakes_hub = True
            deliver = WeakMethod(self._deliver)
            self._inbox.waiting.tell(lambda: None if hub.drive is None else hub.drive.wake(deliver))

    def _deliver(self) -> None:
        hub.deliver(self._inbox)

    def _tell_later(self, event: Any) -> None:
        """Have an event tell itself in the next delivery: what a deadline brings, and is of no connection."""
        if self._own_intake is None:
            meter = Meter()
            self._own_intake = Intake(None, self._inbox.waiting, Outbox(None, meter, 0), meter, 0)
        self._own_intake.put([event], 0)

    # --- features

    def _carried(self, link: Link) -> Link:
        """The link that a connection is to use in place of this one, as the features say."""
        for feature in self._features:
            link = feature.carry(link)
        return link

    def _tell_opened(self, connection: Connection) -> None:
        for feature in self._features:
            feature.opened(connection)
        if self._next_sweep is None:
            self._next_sweep = hub.deadlines.after(0.0, self._begin_sweep)

    def _tell_closed(self, connection: Connection) -> None:
        for feature in self._features:
            feature.closed(connection)

    def _is_answer(self, connection: Connection, payload: bytes) -> bool:
        """Whether a pong answers a ping of a feature."""
        answers = [feature.ponged(connection, payload) for feature in self._features]  # Each is told.
        return any(answers)

    def _layer_message(self, connection: Connection, message: LayerMessage) -> None:
        """One that no feature here knows is ignored, as that of a later version."""
        for feature in self._features:
            if feature.layer_message(connection, message):
                return

    def _session_ends(self, endpoint: Endpoint, error: Error = Error.ERR_CONNECTION_ERROR) -> None:
        for feature in self._features:
            feature.session_over(endpoint, error)

    def _overdrawn(self, connection: Connection) -> None:
        for feature in self._features:
            feature.overdrawn(connection)

    def _begin_sweep(self) -> None:
        self._sweep([connection for connection in self._open_connections() if connection.phase is Phase.OPEN], 0)

    def _sweep(self, connections: list[Connection], begin: int) -> None:
        """Have the features look at the connections from `begin` on, and later at the others."""
        # Before anything can go wrong in one: what the others look after, such as the heartbeat, must go on.
        self._next_sweep = hub.deadlines.after(1.0, self._begin_sweep)
        for feature in self._features:
            feature.sweep(hub.deadlines.now, connections[begin : begin + _SWEPT_AT_ONCE])
        self._next_sweep.cancel()
        begin += _SWEPT_AT_ONCE
        if begin < len(connections):
            self._next_sweep = hub.deadlines.after(0.0, lambda: self._sweep(connections, begin))
        elif connections:
            period = min(feature.sweep_period() for feature in self._features)
            self._next_sweep = hub.deadlines.after(period, self._begin_sweep)
        else:
            self._next_sweep = None  # The next one that opens begins again.

    # --- the end

    def _shut_down(self) -> None:
        """End everything and deliver nothing any more: for a host that is about to free this object, in any handler."""
        self._is_going = True
        silence(self)
        forget_callbacks(self)
        for feature in self._features:
            feature.forget()
        if self._next_sweep is not None:
            self._next_sweep.cancel()
        # A node may be freed on any thread; what it has open belongs to the one that polls.
        hub.call_where_polled(self._end)
