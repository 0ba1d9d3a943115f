"""asyncio's event loop, turned and never run: a turn is bounded, and no name being resolved holds up Python's exit."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import logging
import selectors
import threading
from collections.abc import Callable
from typing import Any, TypeVar, TypeVarTuple

from .clock import monotonic

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")

_log = logging.getLogger("ws_python")


class EventLoop(asyncio.SelectorEventLoop):
    """Made for Hub, which calls `turn` in place of run_forever(). asyncio has no public way to bound a turn."""

    # asyncio's own, which typeshed does not tell.
    _ready: Any
    _scheduled: list[asyncio.TimerHandle]
    _selector: selectors.BaseSelector
    _process_events: Any
    _timer_cancelled_count: int

    time = staticmethod(monotonic)  # That of asyncio is as coarse as time.monotonic() may be.

    def __init__(self, selector: selectors.BaseSelector | None = None) -> None:
        # Without descriptors it cannot be made, and then asyncio would try to close in vain what it never had.
        self._closed = True
        selector = selector or selectors.DefaultSelector()
        try:
            super().__init__(selector)
        except OSError:
            selector.close()
            self._closed = True
            raise
        self.set_exception_handler(_log_error)
        self._until = 0.0
        # How many of the callbacks that are ready were so in the turn before, which had no time for them.
        self._left_over = 0

    def fileno(self) -> int:
        """The file descriptor that is readable when a file of the loop's is ready; -1 where there is none."""
        return self._selector.fileno() if hasattr(self._selector, "fileno") else -1

    def has_ready(self) -> bool:
        """Whether callbacks wait for nothing but a turn."""
        return bool(self._ready)

    def next_timer(self) -> float:
        """When the first timer is due, by monotonic(); infinite if there is none."""
        return self._scheduled[0].when() if self._scheduled else float("inf")

    def turn(self, until: float) -> None:
        """Call what is ready now, one callback at least, until monotonic() says `until`; the rest comes first next.

        Within one of these, such as a coroutine that polls, it does nothing: the turn that is under way goes on.
        """
        if self.is_running():
            return
        if asyncio._get_running_loop() is not None:
            raise RuntimeError(
                "poll: this was begun before the event loop that is running; begin it in there, then nobody has to poll"
            )
        self._until = until
        self.stop()  # So that run_forever() makes one turn.
        self.run_forever()

    def _run_once(self) -> None:
        """As asyncio's, but bounded."""
        ready = self._ready
        if not self._left_over:  # Otherwise the selector would find the same files once more.
            self._process_events(self._selector.select(0))
        self._take_due_timers()
        for left in range(len(ready), 0, -1):
            handle = ready.popleft()
            if not handle._cancelled:
                handle._run()
                if monotonic() >= self._until:
                    self._left_over = left - 1
                    return
        self._left_over = 0

    def _take_due_timers(self) -> None:
        now = self.time()
        while self._scheduled and (self._scheduled[0].cancelled() or self._scheduled[0].when() <= now):
            handle: Any = heapq.heappop(self._scheduled)
            handle._scheduled = False
            if handle.cancelled():
                self._timer_cancelled_count -= 1
            else:
                self._ready.append(handle)

    def run_in_executor(  # type: ignore[override]  # Nobody here passes an executor, for which there is no thread pool.
        self, executor: None, func: Callable[[*Arguments], T], *args: *Arguments
    ) -> asyncio.Future[T]:
        """As asyncio's, on a daemon thread: asyncio's own executor is waited for when Python exits."""
        answer: asyncio.Future[T] = self.create_future()

        def run() -> None:
            try:
                outcome: T | Exception = func(*args)
            except Exception as error:
                outcome = error
            # RuntimeError: the loop was closed in the meantime, and nobody waits any more.
            with contextlib.suppress(RuntimeError):
                self.call_soon_threadsafe(settle, outcome)

        def settle(outcome: T | Exception) -> None:
            if answer.done():
                return
            if isinstance(outcome, Exception):
                answer.set_exception(outcome)
            else:
                answer.set_result(outcome)

        threading.Thread(target=run, name="ws_python", daemon=True).start()
        return answer


def _log_error(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    _log.error("%s", context["message"], exc_info=context.get("exception"))
