"""The server's clock at its clients: samples over the session layer, answered when they are read.

They tell both how long the way to the other side and back takes, more often than the heartbeat does.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from functools import partial
from typing import Any

from ..connection.connection import Connection
from ..declare.errors import Error
from ..declare.settings import setting
from ..loop.clock import monotonic
from ..loop.hub import hub
from ..net.arrival import Arrival, shortest_round_trip, socket_below
from ..protocol import clock
from ..protocol.clock import Clock, ClockError, Sample
from ..protocol.session import CLOCK, DLE, LayerMessage
from .feature import Feature

# Seconds between the first samples, and after which one that was not answered is given up.
_SOON = 0.1
_GIVEN_UP = 2.0
# Where more bytes wait to be sent, an answer would be late, and who reads nothing gets none.
_MOST_OWED = 4096
# Seconds by which a thread sees an arrival late, on a machine that is not busy.
_SEEN_LATE = 0.0002


class ServerClockSettings:
    """For a server with a ServerClock."""

    @property
    def server_time(self) -> float:
        """This server's clock, which its clients know as their `server_time`: seconds, of which none are counted twice.

        It goes on evenly, whatever becomes of the date and time of the system. When it was 0 says nothing: it is the
        same for all servers of one machine, and begins anew when that starts.
        """
        return monotonic()


class ServerClock(Feature):
    """Tells the time to clients."""

    def opened(self, connection: Connection) -> None:
        """See Feature."""
        if connection.layer is not None:
            connection.layer.sampler = _Answering(connection)

    def layer_message(self, connection: Connection, message: LayerMessage) -> bool:
        """See Feature. This one came before the connection was told of."""
        if message.letter == CLOCK:
            connection.layer.sampler(message)
        return message.letter == CLOCK


class _Answering:
    """Answers on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        # The last one.
        self._answer = ""

    def __call__(self, message: LayerMessage) -> None:
        """A sample has come: it is answered here and now, and leaves at once."""
        connection, now = self._connection, monotonic()
        if clock.is_answer(message.head) or connection.outbox.owed() > _MOST_OWED:
            return
        try:
            if round_trip := clock.round_trip(message.payload, self._answer, now):
                connection.meter.sample(round_trip, hub.deadlines.now)
            self._answer = clock.answer(message.head, now)
        except ClockError as problem:
            connection.layer.error = str(problem)
            return
        _send(connection, self._answer)


def _send(connection: Connection, head: str, payload: str = "") -> None:
    if connection.outbox.send_layer(LayerMessage(CLOCK, head, payload)) == Error.OK:
        connection.outbox.flush()


class ClientClockSettings:
    """For a client with a ClientClock."""

    _clock: ClientClock

    clock_interval: float = setting(
        5.0,
        range=(0.0, 3600.0),
        step=0.1,
        unit="s",
        group="Sessions",
        doc="Seconds between two looks at the server's clock, which `server_time` tells, in a session (see `session`). "
        "At the beginning they come ten times a second. 0: there are none.",
    )

    @property
    def server_time(self) -> float:
        """What the server's clock says now, its own `server_time`, in seconds; 0 as long as it is not known.

        It never goes back while there is one server, and is corrected by at most 5 ms in a second. `clock_error` says
        how far off it may be. It takes a session, see `session`, and is known soon after that begins.
        """
        return self._clock.clock.time(monotonic())

    @property
    def clock_error(self) -> float:
        """How far off `server_time` may be, in seconds; infinite (INF) as long as that is not known.

        On Linux, without TLS, a sample that arrives between two frames is known by when it arrived: then it is about
        half of what the network takes there and back, whatever the frame rates are. Otherwise frames of both sides are
        a part of it.
        """
        return self._clock.clock.error(monotonic())


class ClientClock(Feature):
    """Asks the server for its time."""

    node: ClientClockSettings

    def __init__(self, node: Any) -> None:
        super().__init__(node)
        node._clock = self
        self.clock = Clock()
        # The last sample: when it was asked, and whether it is on its way.
        self._asked = 0.0
        self._is_asked = False
        self._last: Sample | None = None
        self._arrival: Arrival | None = None
        self._round_trip = 0.0

    def sweep_period(self) -> float:
        """See Feature."""
        return _SOON if self.node.clock_interval > 0.0 and self.clock.samples < clock.SAMPLES else 1.0

    def opened(self, connection: Connection) -> None:
        """See Feature."""
        self._forget_sample()
        self._last = None
        if connection.layer is not None:
            connection.layer.sampler = partial(self._sampled, connection)

    def closed(self, connection: Connection) -> None:
        """See Feature."""
        self._forget_sample()

    def session_over(self, endpoint: Any, error: Error) -> None:
        """See Feature. The next one may be that of another server."""
        self.clock.restart()

    def forget(self) -> None:
        """See Feature."""
        self._forget_sample()

    def layer_message(self, connection: Connection, message: LayerMessage) -> bool:
        """See Feature."""
        return message.letter == CLOCK

    def sweep(self, now: float, connections: Collection[Connection]) -> None:
        """See Feature."""
        since = monotonic() - self._asked
        interval = self.node.clock_interval
        due = _SOON if self.clock.samples < clock.SAMPLES else interval
        if interval <= 0.0 or since < (max(due, _GIVEN_UP) if self._is_asked else due) - _SOON / 2.0:
            return
        for connection in connections:
            if connection.layer is not None and connection.layer.is_on:
                self._ask(connection)

    def _ask(self, connection: Connection) -> None:
        self._forget_sample()
        now = monotonic()
        head = clock.question(now)
        self._asked = int(head) / 1e6
        self._is_asked = True
        # Without a descriptor or a thread to spare, the clock is as good as a frame allows.
        with contextlib.suppress(OSError, RuntimeError):
            below = None if connection.link is None or hub.drive is not None else socket_below(connection.link)
            if below is not None:
                self._round_trip = shortest_round_trip(below)
                self._arrival = Arrival(below, f"{chr(DLE)}{CLOCK}{head} ".encode())
        _send(connection, head, clock.last_answer(self._last, now) if self._last else "")

    def _sampled(self, connection: Connection, message: LayerMessage) -> None:
        """An answer is read."""
        now = monotonic()
        try:
            asked, answered = clock.answered(message.head)
        except ClockError as problem:
            connection.layer.error = str(problem)
            return
        if asked / 1e6 != self._asked or not self._is_asked:
            return  # It was given up.
        self._is_asked = False
        arrived, round_trip = now, 0.0
        if self._arrival is not None:
            self._arrival.forget()
            arrived = min(self._arrival.at or now, now)
            round_trip = self._round_trip + _SEEN_LATE if self._round_trip else 0.0
        self._last = Sample(asked / 1e6, answered, arrived, round_trip)
        self.clock.add(self._last)
        connection.meter.sample(arrived - self._last.asked, hub.deadlines.now)

    def _forget_sample(self) -> None:
        self._is_asked = False
        arrival, self._arrival = self._arrival, None
        if arrival is not None:
            arrival.stop()
