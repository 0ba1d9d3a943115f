"""The limit of what waits to be sent to all peers of a server together: many strangers may ask for much, and take none.

What one of them may have waiting, and for how long, is said by `outbound_buffer_size` and `slow_peer_timeout`. What
waits is counted where a link takes nothing more (connection/outbox.pyx), and added up anew when it has grown by as much
as was left.
"""

from __future__ import annotations

from collections.abc import Collection

from ..connection.connection import Connection
from ..connection.meter import UNLIMITED
from ..declare.settings import setting
from ..loop.hub import hub
from ..protocol.close_codes import POLICY_VIOLATION
from .feature import Feature
from .teller import who

_MIB = 1024 * 1024
# Where hardly anything is left, it may still grow by such a part of the limit before all is added up again.
_LEAST_PART = 16


class OutboundLimitSettings:
    """For a server with OutboundLimit."""

    max_outbound_size: int = setting(
        256 * _MIB,
        range=(0, 2**40),
        unit="bytes",
        group="Message Limits",
        doc="How much may wait for slow receivers, of all peers together. Where it is more at the end of a poll or "
        "frame, those for whom most waits are closed with code 1008, until it is not; what waits for them is thrown "
        "away. Nobody else notices. What may wait for one peer: `outbound_buffer_size`. 0: no limit.",
    )


class OutboundLimit(Feature):
    """Closes those for whom most waits, where too much waits for all."""

    def __init__(self, node: OutboundLimitSettings) -> None:
        super().__init__(node)
        self._limit = 0

    def begin(self) -> None:
        """See Feature."""
        self._add_up()

    def sweep(self, now: float, connections: Collection[Connection]) -> None:
        """See Feature."""
        if self.node.max_outbound_size != self._limit:
            self._add_up()

    def overdrawn(self, connection: Connection) -> None:
        """See Feature."""
        if self.node._meter.outbound_allowance < 0:
            self._add_up()

    def _add_up(self) -> None:
        """Close as many as it takes, and say how much more may wait until all is added up again."""
        limit = self._limit = self.node.max_outbound_size
        meter = self.node._meter
        if limit == 0:
            meter.outbound_allowance = UNLIMITED
            return
        # Also of those that have said goodbye: they have `close_timeout` to take what was sent before.
        leaving = [connection for connection in hub.lingering if connection.meter.is_part_of(meter)]
        waiting = {
            connection: connection.outbox.amount()
            for connection in (*self.node._open_connections(), *leaving)
            if connection.codec is not None  # It was open.
        }
        total = sum(waiting.values())
        if total > limit:
            total = self._close_largest(waiting, total)
        meter.outbound_allowance = max(limit - total, limit // _LEAST_PART)

    def _close_largest(self, waiting: dict[Connection, int], total: int) -> int:
        """What is left of the total when it is within the limit."""
        for connection in sorted(waiting, key=lambda connection: waiting[connection], reverse=True):
            if total <= self._limit:
                break
            self.node._count("closed_max_outbound_size")
            self.node._teller.tell(
                who(connection),
                "%d bytes of %d that wait to be sent, max_outbound_size is %d: closed with 1008",
                waiting[connection],
                total,
                self._limit,
            )
            connection.give_up(POLICY_VIOLATION, "more waited to be sent than max_outbound_size allows")
            connection.drop()
            total -= waiting[connection]
        return total
