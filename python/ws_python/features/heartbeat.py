"""The heartbeat: pings (RFC 6455 section 5.5.2) tell whether the other side is there, and how soon it answers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ..connection.connection import Connection
from ..declare.settings import setting
from ..loop.clock import monotonic
from ..loop.hub import hub
from .feature import Feature

# What our pings carry: a pong that begins with it answers one of them, and nobody else is told.
_PREFIX = b"ws_python heartbeat "


class HeartbeatSettings:
    """For a server or client with a Heartbeat."""

    heartbeat_interval: float = setting(
        20.0,
        range=(0.0, 3600.0),
        step=0.1,
        unit="s",
        group="Heartbeat",
        doc="Seconds between two pings to each connection, which the other side answers by itself; they fill "
        "`latency`, and keep routers from forgetting the connection. 0: none are sent, and nobody is dropped for its "
        "silence.",
    )
    heartbeat_timeout: float = setting(
        20.0,
        range=(0.1, 3600.0),
        step=0.1,
        unit="s",
        group="Heartbeat",
        doc="Seconds after a ping in which something must come from the other side; otherwise the connection is closed "
        "with code 1006. Whoever lost its network or its process is gone after `heartbeat_interval` and this at the "
        "most. Time in which nobody polled, such as while a level is loaded, does not count.",
    )


@dataclass(slots=True)
class _Ping:
    """The last ping to one connection: when, on the clock of deadlines and the system's. `payload` is empty before."""

    at: float
    payload: bytes = b""
    sent_at: float = 0.0
    #: Of all bytes sent on the connection: where the ping ends, and how many were confirmed when it was looked at.
    end: int = 0
    confirmed: int = 0


class Heartbeat(Feature):
    """Pings every connection of one server or client, and drops those that are silent."""

    node: HeartbeatSettings

    def __init__(self, node: HeartbeatSettings) -> None:
        super().__init__(node)
        self._number = 0
        self._pings: dict[Connection, _Ping] = {}

    def sweep_period(self) -> float:
        """Often enough to be right within a tenth of the settings."""
        return min(1.0, max(0.02, min(self.node.heartbeat_interval or 10.0, self.node.heartbeat_timeout) / 10))

    def opened(self, connection: Connection) -> None:
        """See Feature."""
        self._pings[connection] = _Ping(hub.deadlines.now)

    def closed(self, connection: Connection) -> None:
        """See Feature."""
        self._pings.pop(connection, None)

    def ponged(self, connection: Connection, payload: bytes) -> bool:
        """See Feature."""
        ping = self._pings.get(connection)
        # Where a clock measures, and as often, that counts: no frame of this side is in it.
        is_measured = hub.deadlines.now - connection.meter.sampled_at <= self.node.heartbeat_interval
        if ping is not None and ping.payload == payload != b"" and not is_measured:
            connection.meter.latency = max(monotonic() - ping.sent_at, 1e-6)
        return payload.startswith(_PREFIX)

    def sweep(self, now: float, connections: Collection[Connection]) -> None:
        """See Feature."""
        interval, timeout = self.node.heartbeat_interval, self.node.heartbeat_timeout
        if interval <= 0.0:
            return
        slack = self.sweep_period()
        for connection in list(connections):
            ping = self._pings.get(connection)
            # What reading pauses for may be the answer.
            if ping is None or connection.link is None or connection.intake.is_full or connection.intake.is_throttled:
                continue
            silent = ping.payload != b"" and connection.meter.heard_at < ping.at
            if silent and ping.confirmed < min(ping.end, confirmed := _confirmed(connection)):
                ping.at, ping.confirmed = now, confirmed  # It takes what is before the ping: slow, but there.
            elif silent and now - ping.at >= timeout - slack:
                self.node._count("closed_heartbeat_timeout")  # type: ignore[attr-defined]
                connection.drop("nothing came within heartbeat_timeout")
            elif not silent and now - ping.at >= interval - slack:
                self._ping(connection, ping, now)

    def _ping(self, connection: Connection, ping: _Ping, now: float) -> None:
        self._number += 1
        ping.at, ping.sent_at, ping.confirmed = now, monotonic(), _confirmed(connection)
        ping.payload = _PREFIX + str(self._number).encode()
        # Where there is no room for it, so much waits that taking that is a sign of life, too.
        connection.outbox.ping(ping.payload)
        ping.end = connection.meter.bytes_sent + connection.outbox.owed()


def _confirmed(connection: Connection) -> int:
    """How many of the bytes sent on a connection have arrived at the other side's system."""
    assert connection.link is not None
    return connection.meter.bytes_sent - connection.link.held() - connection.link.unconfirmed()
