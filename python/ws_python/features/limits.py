"""Limits of what unfinished messages may take: strangers may begin many, and end none."""

from __future__ import annotations

from collections.abc import Collection

from ..connection.connection import Connection
from ..connection.intake import Waiting
from ..declare.settings import setting
from ..protocol.close_codes import ABNORMAL_CLOSURE, MESSAGE_TOO_BIG, POLICY_VIOLATION
from .feature import Feature
from .teller import who

_MIB = 1024 * 1024
_MAX_BYTES = 2**31 - 1
_NOT_WHOLE = "a message did not arrive whole within unfinished_timeout"


class UnfinishedSettings:
    """For a server or client with UnfinishedLimits."""

    max_unfinished_size: int = setting(
        256 * _MIB,
        range=(1024, _MAX_BYTES),
        unit="bytes",
        group="Message Limits",
        doc="How much memory the messages that have begun to arrive may take, of all connections together. Beyond that "
        "the connection whose message takes most is closed with code 1009. What one may take: `max_message_size`.",
    )
    unfinished_timeout: float = setting(
        60.0,
        range=(0.1, 3600.0),
        step=0.1,
        unit="s",
        group="Message Limits",
        doc="Seconds that a message may take to arrive whole, from its first byte. Then its connection is closed with "
        "code 1008, or cut, with 1006, in a session (`session_timeout`).",
    )


class UnfinishedLimits(Feature):
    """Closes connections whose messages do not come to an end."""

    @property
    def _waiting(self) -> Waiting:
        waiting: Waiting = self.node._inbox.waiting
        return waiting

    def sweep_period(self) -> float:
        """Often enough to be right within a tenth of the setting."""
        timeout: float = self.node.unfinished_timeout
        return timeout / 10

    def opened(self, connection: Connection) -> None:
        """See Feature."""
        self._waiting.max_unfinished = self.node.max_unfinished_size

    def sweep(self, now: float, connections: Collection[Connection]) -> None:
        """See Feature."""
        self._waiting.max_unfinished = self.node.max_unfinished_size
        for connection in list(connections):
            codec = connection.codec
            intake = connection.intake
            if codec is None or not codec.has_unfinished or intake.is_full or intake.is_throttled:
                continue
            if now - intake.unfinished_since > self.node.unfinished_timeout:
                self.node._count("closed_unfinished_timeout")
                self.node._teller.tell(
                    who(connection),
                    "a message did not arrive whole in %.1f s, unfinished_timeout is %g: closed with %d",
                    now - intake.unfinished_since,
                    self.node.unfinished_timeout,
                    ABNORMAL_CLOSURE if connection.outbox.lasts else POLICY_VIOLATION,
                )
                if connection.outbox.lasts:
                    connection.drop(_NOT_WHOLE)  # In a session it comes again, with another connection.
                else:
                    connection.give_up(POLICY_VIOLATION, _NOT_WHOLE)

    def overdrawn(self, connection: Connection) -> None:
        """See Feature."""
        if self._waiting.unfinished <= self._waiting.max_unfinished:
            return
        largest = max(self.node._open_connections(), key=_unfinished, default=connection)
        self.node._count("closed_max_unfinished_size")
        self.node._teller.tell(
            who(largest),
            "%d bytes of %d that are unfinished, max_unfinished_size is %d: closed with 1009",
            _unfinished(largest),
            self._waiting.unfinished,
            self._waiting.max_unfinished,
        )
        largest.give_up(MESSAGE_TOO_BIG, "unfinished messages take more than max_unfinished_size")


def _unfinished(connection: Connection) -> int:
    return 0 if connection.codec is None else connection.codec.unfinished
