"""The drive: has the hub work in an event loop of the program's own that is running, so that nobody has to poll.

That loop watches the one epoll (on other systems, each socket), and a timer while there are deadlines. What arrived is
delivered in a callback of the loop's, and at its end, in asyncio.run() for example, everything says goodbye.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Callable, Collection
from typing import Any, Protocol

from .clock import monotonic

_log = logging.getLogger("ws_python")

# Seconds that reading may take before others in the loop have their turn.
_READING_TIME = 0.0025
# Seconds between two looks at the clock of deadlines, which takes longer ones for time in which nobody polled.
_TICK = 0.09
# A deadline that passes only after some polls is not asked about without a pause.
_SHORTEST = 0.001
# At the end: seconds between two looks at those who still say goodbye, and for cancelled tasks.
_GOODBYE_STEP = 0.005
_TASKS_TIME = 1.0
# Turns for closing transports to come to their end.
_CLOSING_TURNS = 3


class _Epoll(Protocol):
    def fileno(self) -> int: ...
    def has_rest(self) -> bool: ...


class _Hub(Protocol):
    @property
    def epoll(self) -> _Epoll | None: ...
    @property
    def deadlines(self) -> Any: ...
    @property
    def writers(self) -> Any: ...
    @property
    def drive(self) -> Drive | None: ...
    @property
    def tasks(self) -> Collection[asyncio.Task[Any]]: ...
    @property
    def is_lingering(self) -> bool: ...
    def turn(self, wait: float, seconds: float) -> int: ...
    def catch_up(self) -> None: ...
    def say_goodbye(self) -> None: ...
    def close(self, seconds: float) -> None: ...


class Drive:
    """Of one hub, in one loop, which is running. Raises OSError where it cannot watch."""

    def __init__(self, hub: _Hub, loop: asyncio.AbstractEventLoop, closing_time: float) -> None:
        self._hub = hub
        self._loop = loop
        self._closing_time = closing_time
        self._fd = -1 if hub.epoll is None else hub.epoll.fileno()
        self._timer: asyncio.TimerHandle | None = None
        # Who has something to deliver, and whether a callback that delivers is under way or comes.
        self._waking: dict[Callable[[], Callable[[], None] | None], None] = {}
        self._delivers_soon = False
        self._is_ending = False
        if self._fd >= 0:
            loop.add_reader(self._fd, self._act)
        # A loop tells of its end by closing the asynchronous generators that were begun in it. A task would be
        # in the way of programs that wait for all tasks.
        self._life = self._live()
        _step(self._life.asend(None))

    def is_over(self) -> bool:
        """Whether the loop was closed without a word."""
        return self._loop.is_closed()

    def wake(self, deliver: Callable[[], Callable[[], None] | None]) -> None:
        """Soon call what `deliver`, a weak reference, refers to: something has arrived there."""
        self._waking[deliver] = None
        if not self._delivers_soon:
            self._delivers_soon = True
            self._loop.call_soon(self._deliver)

    def detach(self) -> None:
        """Leave the loop to itself: the hub has ended."""
        if not self._loop.is_closed():
            if self._fd >= 0:
                self._loop.remove_reader(self._fd)
            if self._timer is not None:
                self._timer.cancel()
        self._waking.clear()
        if not self._is_ending:
            self._is_ending = True
            _step(self._life.aclose())

    # --- the deadlines call these

    def before_adding(self) -> None:
        """A deadline is about to be added: it counts from now, not from when something happened last."""
        self._hub.catch_up()

    def comes_sooner(self) -> None:
        """The first deadline is another one, that comes sooner."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._set_timer()

    # --- in the loop

    def _act(self) -> None:
        """Something is ready, or it is time: do what a poll does for everybody."""
        hub = self._hub
        if hub.drive is not self:  # A callback that was on its way when the hub was closed.
            return
        self._delivers_soon = True  # In this very callback.
        hub.deadlines.polls += 1
        hub.writers.polls += 1
        try:
            hub.turn(0.0, _READING_TIME)
        finally:
            hub.writers.polls -= 1
            self._deliver()
            if hub.drive is self:  # No handler has closed it.
                self._go_on()

    def _go_on(self) -> None:
        if self._hub.epoll is not None and self._hub.epoll.has_rest():
            self._loop.call_soon(self._act)
        if self._timer is None:
            self._set_timer()

    def _tick(self) -> None:
        self._timer = None
        self._act()

    def _set_timer(self) -> None:
        due = self._hub.deadlines.next_due - self._hub.deadlines.now
        if due != float("inf"):
            self._timer = self._loop.call_later(min(max(due, _SHORTEST), _TICK), self._tick)

    def _deliver(self) -> None:
        self._delivers_soon = False
        waking, self._waking = self._waking, {}
        for reference in waking:
            deliver = reference()
            if deliver is not None:
                try:
                    deliver()
                except Exception:  # It is not the fault of those behind it.
                    _log.exception("what arrived could not be delivered")
        self._hub.writers.flush()

    # --- the end

    async def _live(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            if not self._is_ending:
                self._is_ending = True
                await self._end()

    async def _end(self) -> None:
        """The loop is about to be closed: as Hub.close(), but the loop goes on meanwhile."""
        hub = self._hub
        hub.say_goodbye()
        until = monotonic() + self._closing_time
        while hub.is_lingering and monotonic() < until:
            await asyncio.sleep(_GOODBYE_STEP)
        if tasks := set(hub.tasks):
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=_TASKS_TIME)
        hub.close(0.0)
        for _ in range(_CLOSING_TURNS):
            await asyncio.sleep(0)


def _step(awaited: Any) -> None:
    """Do what an asynchronous generator does up to its next yield, or its end, where it awaits nothing."""
    with contextlib.suppress(StopIteration, StopAsyncIteration):
        awaited.send(None)
