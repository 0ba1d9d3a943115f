"""Back-pressure: who takes nothing of what waits is closed, lest it hold memory and a place for ever.

How much may wait, and who is told that there is room again, is the matter of connection/outbox.pyx.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from ..connection.connection import Connection
from ..connection.phase import Phase
from ..declare.settings import setting
from ..protocol.close_codes import POLICY_VIOLATION
from .feature import Feature


class BackPressureSettings:
    """For a server or client with BackPressure."""

    slow_peer_timeout: float = setting(
        30.0,
        range=(0.0, 3600.0),
        step=0.1,
        unit="s",
        group="Timeouts",
        doc="Seconds in which the other side must take something of what waits for it, be it little; otherwise the "
        "connection is closed with code 1008, and what waits is thrown away. A WebSocketClient that learns of it stays "
        "away, unless 1008 is taken out of its `reconnect_stop_codes`. In a session (`session_timeout`) the connection "
        "is cut instead, with 1006, and what waits is kept. 0: it may take its time. Time in which nobody polled, such "
        "as while a level is loaded, does not count, and nor does time in which this side reads nothing, because of "
        "`max_queued_bytes`.",
    )


_TOOK_NOTHING = "nothing was taken within slow_peer_timeout"


class _Look(NamedTuple):
    """How many of the bytes sent had arrived at the other side's system, and since when.

    `received` is how many came from there until the last look, which was at `seen`.
    """

    confirmed: int
    since: float
    received: int
    seen: float


class BackPressure(Feature):
    """Closes connections whose other side takes nothing."""

    node: BackPressureSettings

    def __init__(self, node: BackPressureSettings) -> None:
        super().__init__(node)
        # Of those for whom something waits.
        self._looks: dict[Connection, _Look] = {}

    def sweep_period(self) -> float:
        """Often enough to be right within a tenth of the setting."""
        return min(1.0, max(0.02, (self.node.slow_peer_timeout or 10.0) / 10))

    def closed(self, connection: Connection) -> None:
        """See Feature."""
        self._looks.pop(connection, None)

    def sweep(self, now: float, connections: Collection[Connection]) -> None:
        """See Feature."""
        timeout = self.node.slow_peer_timeout
        for connection in list(connections):
            meter = connection.meter
            if meter.bytes_sent == meter.bytes_settled:
                continue  # The many that are idle: the system is not asked about them.
            link = connection.link
            if link is None or connection.phase is not Phase.OPEN:
                continue
            unconfirmed = link.unconfirmed()
            if connection.outbox.owed() + unconfirmed == 0:
                meter.bytes_settled = meter.bytes_sent
            if timeout <= 0.0 or meter.bytes_settled == meter.bytes_sent:
                self._looks.pop(connection, None)
                continue
            confirmed = link.confirmed(meter.bytes_sent)
            look = self._looks.get(connection)
            if look is None or look.confirmed != confirmed:
                since = now
            elif connection.intake.is_full and look.received == meter.bytes_received:
                since = look.since + now - look.seen  # Of two that both wait for the other, this one is to begin.
            else:
                since = look.since
            if now - since >= timeout:
                self._close(connection)
            else:
                self._looks[connection] = _Look(confirmed, since, meter.bytes_received, now)

    def _close(self, connection: Connection) -> None:
        self.node._count("closed_slow_peer")  # type: ignore[attr-defined]
        if connection.outbox.lasts:
            connection.drop(_TOOK_NOTHING)  # The session goes on with another connection, if there is one.
            return
        connection.give_up(POLICY_VIOLATION, _TOOK_NOTHING)
        # The close frame leaves if only the system holds anything, which goes on sending; otherwise it cannot.
        connection.outbox.flush()
        connection.drop()
