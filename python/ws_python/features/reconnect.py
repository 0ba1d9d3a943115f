"""Reconnecting: when a client tries again, and when it gives up. It counts and waits, and touches no socket."""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from ..declare.settings import setting
from ..loop.deadlines import Deadline
from ..loop.hub import hub
from ..net.network_changes import network_changes
from ..protocol.close_codes import FORBIDDEN, POLICY_VIOLATION, UNAUTHORIZED
from ..protocol.retry_after import seconds_to_wait

# Each wait is a random part of the delay, from this share to all of it, lest all clients of a server that restarted
# come back in the same moment.
_LEAST_JITTER = 0.5
# Seconds from a change of the network to the attempt: an interface that is up still gets its addresses and routes, and
# others were cut off by the same access point.
_SETTLING = (0.1, 0.5)
# A network that comes and goes brings at most so many attempts forward in so many seconds.
_MOST_CHANGES = 3
_CHANGES_PERIOD = 30.0
_FOREVER = float("inf")


class ReconnectSettings:
    """For a client with a Reconnect, which has the switch itself: `auto_reconnect`."""

    reconnect_delay: float = setting(
        1.0,
        range=(0.0, 3600.0),
        step=0.1,
        unit="s",
        group="Reconnect",
        doc="Seconds before the first attempt to connect again. Each further wait is twice as long; half of it or "
        "more is random, so that the clients of a server that restarted come back one after the other.",
    )
    reconnect_delay_max: float = setting(
        30.0,
        range=(0.0, 3600.0),
        step=0.1,
        unit="s",
        group="Reconnect",
        doc="The longest wait between two attempts to connect again, in seconds, unless the server asks for a longer "
        "one: see `reconnect_retry_after_max`.",
    )
    reconnect_max_attempts: int = setting(
        0,
        range=(0, 1_000_000),
        group="Reconnect",
        doc="Give up after so many attempts to connect again. Those count that were made since connect_to_url(), or "
        "since a connection held for `reconnect_stable_time`. 0: no bound.",
    )
    reconnect_max_time: float = setting(
        0.0,
        range=(0.0, 604_800.0),
        step=0.1,
        unit="s",
        group="Reconnect",
        doc="Give up when so many seconds have gone since the connection was lost, or since the first attempt failed: "
        "no further attempt begins after that. Time in which nobody polled, such as while the machine slept, does not "
        "count. 0: no bound.",
    )
    reconnect_stable_time: float = setting(
        5.0,
        range=(0.0, 3600.0),
        step=0.1,
        unit="s",
        group="Reconnect",
        doc="Seconds that a connection must hold for delays and attempts to be counted anew. One that is lost sooner "
        "changes neither, so that a server that accepts and closes at once is not asked again and again.",
    )
    reconnect_retry_after_max: float = setting(
        300.0,
        range=(0.0, 86_400.0),
        step=1.0,
        unit="s",
        group="Reconnect",
        doc="A server that answers HTTP 503 or 429 may say in how many seconds, or when, to come back (Retry-After, "
        "RFC 9110 section 10.2.3); one that drains says it in a session. It is heeded up to so many seconds. 0: not at "
        "all.",
    )
    reconnect_stop_codes: list[int] = setting(
        [POLICY_VIOLATION, UNAUTHORIZED, FORBIDDEN],
        range=(1000, 4999),
        group="Reconnect",
        doc="Close codes of the server after which the client stays away: 1008 (policy violation), 3000 (unauthorized) "
        "and 3003 (forbidden), as IANA registers them. A WebSocketServer sends 1008 to whom its limits close, such as "
        "`slow_peer_timeout`: take it out where such clients are to come back. Add those that a game uses for, say, a "
        "ban.",
    )


class Reconnect:
    """What one client, `node`, knows of its attempts. `start` begins one."""

    def __init__(self, node: Any, start: Callable[[], None]) -> None:
        self._node = node
        self._start = start
        # Counts the waits, to tell one from the next. `wait` is that of the wait under way, 0 while there is none.
        self._waits = 0
        self.wait = 0
        self._next_attempt: Deadline | None = None
        self._changes: deque[float] = deque(maxlen=_MOST_CHANGES)
        self._forget()

    def _forget(self) -> None:
        # Attempts since there was a connection that held, and how often the delay was doubled since.
        self.attempt = 0
        self._doublings = 0
        # When the trouble began that has not ended since.
        self._since: float | None = None
        self._opened_at = -_FOREVER
        self._was_open = False
        self._is_recovering = False
        self._is_last = False
        self._not_before = 0.0
        # The network has changed during this wait, so that it was shortened; or during the attempt under way.
        self._is_hurried = False
        self._has_changed = False
        self._changes.clear()

    def stop(self) -> None:
        """The user connects or closes, or there is nothing to come back to: forget what was."""
        network_changes.forget(self._network_changed)
        if self._next_attempt is not None:
            self._next_attempt.cancel()
            self._next_attempt = None
        self.wait = 0
        self._forget()

    # --- what happens to the connection

    def opened(self) -> bool:
        """A connection is open. Whether it is one that was lost and came back."""
        network_changes.forget(self._network_changed)
        came_back = self._is_recovering and self._was_open
        self._is_recovering = self._has_changed = False
        self._was_open = True
        self._opened_at = hub.deadlines.now
        return came_back

    def closed(self, code: int, *, by_server: bool, come_back_in: float | None = None) -> str:
        """The connection that was open has ended with a code, and perhaps the server said when to come back.

        That counts for a connection that has held: servers that send it to each other are not asked again and again. As
        failed().
        """
        if hub.deadlines.now - self._opened_at >= self._node.reconnect_stable_time:
            self.attempt = self._doublings = 0
            self._since = None
        if by_server and code in self._node.reconnect_stop_codes:
            return self._give_up(f"the server has closed with {code}, which is one of reconnect_stop_codes")
        asked = 0.0 if come_back_in is None else min(come_back_in, self._node.reconnect_retry_after_max)
        is_exact = come_back_in is not None and asked == come_back_in and self.attempt == 0
        return self._try_again(asked, is_exact=is_exact)

    def failed(self, *, may_pass: bool, retry_after: str = "", date: str = "") -> str:
        """No connection came to be; the server's answer may have had these headers.

        There is a `wait` from now on, or none. Where the client has given up, the answer is why.
        """
        if not may_pass:
            return self._give_up("this does not pass by itself")
        # Only where the answer has no Date does this machine's clock count, which may be wrong: by
        # reconnect_retry_after_max at the most.
        asked = seconds_to_wait(retry_after, date, time.time()) if retry_after else 0.0
        return self._try_again(min(asked, self._node.reconnect_retry_after_max))

    @property
    def seconds_left(self) -> float:
        """How long the wait under way still is."""
        return 0.0 if self._next_attempt is None else max(0.0, self._next_attempt.when - hub.deadlines.now)

    # --- waiting

    def _try_again(self, asked: float, *, is_exact: bool = False) -> str:
        node = self._node
        now = hub.deadlines.now
        if not node._keeps_trying():
            self.stop()
            return ""
        if self._since is None:
            self._since, self._is_last = now, False
        if 0 < node.reconnect_max_attempts <= self.attempt:
            return self._give_up(f"{self.attempt} attempts were made (reconnect_max_attempts)")
        left = self._since + node.reconnect_max_time - now if node.reconnect_max_time > 0.0 else _FOREVER
        if left <= 0.0 or self._is_last:
            return self._give_up(f"{node.reconnect_max_time:g} s have gone (reconnect_max_time)")
        if asked > left:
            return self._give_up(f"the server asks to wait for {asked:.0f} s, longer than reconnect_max_time")
        self.attempt += 1
        self._is_recovering = True
        self._begin_wait(now, asked if is_exact else self._delay(asked, left), asked)
        return ""

    def _delay(self, asked: float, left: float) -> float:
        """How long to wait: `asked` by the server, and `left` of the time in which attempts may begin."""
        node = self._node
        longest: float = min(node.reconnect_delay * 2.0**self._doublings, node.reconnect_delay_max)
        self._doublings = min(self._doublings + 1, 32)
        delay = longest * random.uniform(_LEAST_JITTER, 1.0)
        if asked > 0.0:
            delay = max(delay, asked + longest * random.random())  # All were told the same.
        if delay > left:
            self._is_last = True
            delay = max(asked, left * random.uniform(_LEAST_JITTER, 1.0))
        return delay

    def _begin_wait(self, now: float, delay: float, asked: float) -> None:
        self._waits += 1
        self.wait = self._waits
        self._not_before = now + asked
        self._is_hurried = False
        self._next_attempt = hub.deadlines.after(delay, self._begin_attempt)
        network_changes.tell(self._network_changed)
        if self._has_changed:
            self._network_changed()

    def _begin_attempt(self) -> None:
        self._next_attempt = None
        self.wait = 0
        self._has_changed = False
        self._node._count("reconnect_attempts")
        self._start()

    def _give_up(self, why: str) -> str:
        gives_up = self._node._keeps_trying()
        self.stop()
        if not gives_up:
            return ""
        self._node._count("gave_up")
        return f"not tried again: {why}"

    def _network_changed(self) -> None:
        """What was in the way may be gone: the next attempt comes soon, and if that fails the delays start small."""
        if self._next_attempt is None:
            self._has_changed = True
            return
        if self._is_hurried:
            return
        now = hub.deadlines.now
        begin = max(now + random.uniform(*_SETTLING), self._not_before)
        if len(self._changes) == _MOST_CHANGES:
            begin = max(begin, self._changes[0] + _CHANGES_PERIOD)
        if begin >= self._next_attempt.when:
            return
        self._changes.append(begin)
        self._is_hurried = True
        self._is_last = False
        self._doublings = 0
        self._next_attempt.cancel()
        self._next_attempt = hub.deadlines.after(begin - now, self._begin_attempt)
