"""Limits of what one connection may send in a second: bytes, messages, control frames, with a burst (a token bucket).

A bucket holds as much as may come at once, and is refilled at the rate. The connection is handed a portion of it, which
is only counted down (connection/meter.pyx); when that is used up, the bucket is looked at. Where it is empty, reading
pauses until it is not, so that the sender is slowed down; who has emptied it too far, or does so again and again, is
closed.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..connection.connection import Connection
from ..connection.meter import UNLIMITED
from ..declare.settings import setting
from ..loop.clock import monotonic
from ..loop.deadlines import Deadline
from ..loop.hub import hub
from ..protocol.close_codes import POLICY_VIOLATION
from .feature import Feature
from .teller import who

_MAX_RATE = 2**31 - 1
# In how many portions the connection gets what is in a full bucket.
_PORTIONS = 4
# Seconds that a pause lasts at least, and between two that count as one.
_LEAST_PAUSE = 0.1
_IN_A_ROW = 1.0
# After so many seconds in which nobody polled, what was sent meanwhile comes at once, through no fault of the sender's:
# so long it may.
_STALL = 0.1
_CATCHING_UP = 2.0


class RateSettings:
    """For a server or client with RateLimits."""

    max_messages_per_second: int = setting(
        0,
        range=(0, _MAX_RATE),
        group="Rate Limits",
        doc="Messages, and answers to ping(), that may come in a second on one connection, see `rate_burst` and "
        "`rate_timeout`. 0: no limit; `max_poll_time` keeps the frames of the game all the same.",
    )
    max_bytes_per_second: int = setting(
        0,
        range=(0, _MAX_RATE),
        unit="bytes",
        group="Rate Limits",
        doc="Bytes that may come in a second on one connection, as they are on the wire, see `rate_burst` and "
        "`rate_timeout`. 0: no limit.",
    )
    max_control_frames_per_second: int = setting(
        500,
        range=(0, _MAX_RATE),
        group="Rate Limits",
        doc="Pings, pongs and closes that may come in a second on one connection, see `rate_burst` and `rate_timeout`. "
        "0: no limit.",
    )
    rate_burst: float = setting(
        2.0,
        range=(0.1, 3600.0),
        step=0.1,
        unit="s",
        group="Rate Limits",
        doc="As much as may come in so many seconds may come at once, after a time in which less came.",
    )
    rate_timeout: float = setting(
        10.0,
        range=(0.0, 3600.0),
        step=0.1,
        unit="s",
        group="Rate Limits",
        doc="A connection through which more comes than `max_messages_per_second`, `max_bytes_per_second` or "
        "`max_control_frames_per_second` is not read until as much time has passed as that should have taken. If such "
        "pauses take longer than this, in one or in a row, it is closed with code 1008. 0: it is never closed for it.",
    )


class RateLimits(Feature):
    """Slows down connections through which too much comes, and closes those through which far too much does."""

    def __init__(self, node: RateSettings) -> None:
        super().__init__(node)
        self._flows: dict[Connection, _Flow] = {}

    def opened(self, connection: Connection) -> None:
        """See Feature."""
        node, codec = self.node, connection.codec
        assert codec is not None
        if node.max_messages_per_second or node.max_bytes_per_second:
            self._begin(connection)
        elif node.max_control_frames_per_second:
            # Hardly anybody sends that many: what keeps account of it is made for those who do.
            codec.control_allowance = _portion(node.max_control_frames_per_second * node.rate_burst)
        if node.max_messages_per_second:
            # Else one read could bring ten thousands before the allowance is looked at.
            codec.limit_step(_portion(node.max_messages_per_second * node.rate_burst))

    def _begin(self, connection: Connection) -> _Flow:
        node, burst = self.node, self.node.rate_burst
        kinds = (
            (connection.meter, "message_allowance", "max_messages_per_second", "messages"),
            (connection.meter, "allowance", "max_bytes_per_second", "bytes"),
            (connection.codec, "control_allowance", "max_control_frames_per_second", "control frames"),
        )
        flow = _Flow(
            [
                _Bucket(holder, allowance, name, what, rate, burst)
                for holder, allowance, name, what in kinds
                if (rate := getattr(node, name))
            ]
        )
        self._flows[connection] = flow
        return flow

    def _begin_late(self, connection: Connection) -> _Flow | None:
        """For one that has used up its first portion of control frames, if it has."""
        codec, rate = connection.codec, self.node.max_control_frames_per_second
        if codec is None or codec.control_allowance >= 0:
            return None
        if not rate:
            codec.control_allowance = UNLIMITED
            return None
        used = _portion(rate * self.node.rate_burst) - codec.control_allowance
        flow = self._begin(connection)
        flow.buckets[-1].left -= used
        return flow

    def closed(self, connection: Connection) -> None:
        """See Feature."""
        flow = self._flows.pop(connection, None)
        if flow is not None and flow.next_look is not None:
            flow.next_look.cancel()

    def overdrawn(self, connection: Connection) -> None:
        """See Feature."""
        if connection.intake.is_throttled:
            return
        flow = self._flows.get(connection) or self._begin_late(connection)
        if flow is None:
            return
        flow.settle()
        bucket = flow.emptiest()
        if bucket.left < 0.0:
            self._slow_down(connection, flow, bucket)

    def _slow_down(self, connection: Connection, flow: _Flow, bucket: _Bucket) -> None:
        node, now = self.node, hub.deadlines.now
        pause = max(_LEAST_PAUSE, -bucket.left / bucket.rate)
        if now - flow.paused_until > _IN_A_ROW:
            flow.paused_since = now
        flow.paused_until = now + pause
        beyond = f"{-bucket.left:.0f} {bucket.what} beyond {bucket.name}, {bucket.rate}"
        if 0.0 < node.rate_timeout < flow.paused_until - flow.paused_since:
            node._count(f"closed_{bucket.name}")
            node._teller.tell(who(connection), "%s, in more than rate_timeout: closed with 1008", beyond)
            connection.give_up(POLICY_VIOLATION, f"more {bucket.what} than {bucket.name} allows")
            return
        node._count(f"paused_{bucket.name}")
        node._teller.tell(who(connection), "%s: not read for %.1f s", beyond, pause)
        connection.intake.throttle()
        self._look_again(connection, flow, pause)

    def _look_again(self, connection: Connection, flow: _Flow, seconds: float) -> None:
        flow.next_look = hub.deadlines.after(seconds, lambda: self._go_on(connection, flow))

    def _go_on(self, connection: Connection, flow: _Flow) -> None:
        flow.next_look = None
        flow.settle()
        bucket = flow.emptiest()
        if bucket.left < 0.0:  # Some more had been on the way.
            self._look_again(connection, flow, max(_LEAST_PAUSE, -bucket.left / bucket.rate))
        else:
            connection.intake.unthrottle()


def _portion(room: float) -> int:
    """What of a full bucket a connection is handed at first."""
    return int(max(1.0, room / _PORTIONS))


class _Bucket:
    """What one connection may still receive of one kind. `left` counts what it was handed."""

    __slots__ = ("_allowance", "_extra", "_extra_until", "_handed", "_holder", "_room", "left", "name", "rate", "what")

    def __init__(self, holder: object, allowance: str, name: str, what: str, rate: int, burst: float) -> None:
        self.name = name
        self.what = what
        self.rate = rate
        self._room = max(1.0, rate * burst)
        self.left = self._room
        # What may come beside it, for so long, after a stall.
        self._extra = self._extra_until = 0.0
        self._holder = holder
        self._allowance = allowance
        self._hand_out()

    def settle(self, now: float, seconds: float, stalled: float) -> None:
        """Take away what came since the last time, and add what is due for the time since then."""
        used = self._handed - getattr(self._holder, self._allowance)
        self.left = min(self._room, self.left + self.rate * seconds) - used
        if stalled:
            self._extra, self._extra_until = self.rate * stalled, now + _CATCHING_UP
        if self.left < 0.0 < self._extra and now < self._extra_until:
            taken = min(self._extra, -self.left)
            self.left += taken
            self._extra -= taken
        self._hand_out()

    def _hand_out(self) -> None:
        self._handed = max(0, min(int(self.left), _portion(self._room)))
        setattr(self._holder, self._allowance, self._handed)


@dataclass(slots=True)
class _Flow:
    """The buckets of one connection, at least one."""

    buckets: list[_Bucket]
    paused_since: float = 0.0
    paused_until: float = float("-inf")
    next_look: Deadline | None = None
    # When the buckets were settled, on the clock of deadlines and the system's.
    _polled_at: float = 0.0
    _at: float = 0.0

    def __post_init__(self) -> None:
        self._polled_at, self._at = hub.deadlines.now, monotonic()

    def settle(self) -> None:
        """Bring all up to date."""
        polled_at, at = hub.deadlines.now, monotonic()
        seconds = polled_at - self._polled_at
        stalled = at - self._at - seconds
        self._polled_at, self._at = polled_at, at
        for bucket in self.buckets:
            bucket.settle(polled_at, seconds, stalled if stalled > _STALL else 0.0)

    def emptiest(self) -> _Bucket:
        """The one that takes longest until something may come again."""
        return min(self.buckets, key=lambda bucket: bucket.left / bucket.rate)
