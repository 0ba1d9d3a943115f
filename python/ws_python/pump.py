"""The pump: one asyncio event loop for the whole process, never run, only turned, by each poll for a moment.

Everything here belongs to one thread, the one that polls: the first to do so, or the one that claimed it. Nothing that
a user wrote is called during a turn: what arrives is queued, and delivered after it. The loop is made at the first use,
and again at the first use after close().
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import selectors
import socket
import threading
import time
from collections.abc import Callable, Collection, Coroutine
from threading import get_ident
from time import monotonic
from typing import Any

from .inbox import Inbox
from .plain_tcp import IS_AVAILABLE, OTHERS, STREAMS, Reader
from .writers import writers

_log = logging.getLogger("ws_python")

_STREAMS = STREAMS
_OTHERS = OTHERS
# Turns that close() gives to cancelled tasks and closing transports to come to their end.
_CLOSING_TURNS = 8
# Seconds that a poll goes on making turns while each brings something.
_TURNING_TIME = 0.001


class _Loop(asyncio.SelectorEventLoop):
    """An event loop whose name resolution cannot keep the process from exiting."""

    async def getaddrinfo(  # type: ignore[override]  # typeshed: str | None, which bytes hosts do not need here
        self, host: str | None, port: str | int | None, **hints: Any
    ) -> list[Any]:
        """As socket.getaddrinfo(), on a daemon thread: asyncio's own executor is waited for when Python exits."""
        answer: asyncio.Future[list[Any]] = self.create_future()

        def resolve() -> None:
            try:
                outcome: list[Any] | Exception = socket.getaddrinfo(host, port, **hints)
            except Exception as error:
                outcome = error
            # RuntimeError: the loop was closed in the meantime, and nobody waits any more.
            with contextlib.suppress(RuntimeError):
                self.call_soon_threadsafe(settle, outcome)

        def settle(outcome: list[Any] | Exception) -> None:
            if answer.done():
                return
            if isinstance(outcome, Exception):
                answer.set_exception(outcome)
            else:
                answer.set_result(outcome)

        threading.Thread(target=resolve, name="ws_python resolver", daemon=True).start()
        return await answer


class _State:
    """What there is one of per process."""

    def __init__(self) -> None:
        self.loop: _Loop | None = None
        # Reads open plain connections past the loop, and waits for the network for both; None elsewhere than on Linux.
        self.reader: Reader | None = None
        # The loop's callbacks that are to be called at once, and its timers.
        self.soon: Collection[object] = ()
        self.timers: list[asyncio.TimerHandle] = []
        self.next_timer: asyncio.TimerHandle | None = None
        self.next_timer_due = 0.0
        self.last_frame = -1
        # The thread that polls; 0 until one does.
        self.thread = 0
        # Seconds that a turn for a frame may wait for the network.
        self.frame_wait = 0.0
        self.tasks: set[asyncio.Task[Any]] = set()
        self.at_close: dict[Callable[[], None], None] = {}


_state = _State()


def loop() -> asyncio.AbstractEventLoop:
    """The process's event loop."""
    if _state.loop is None:
        selector = selectors.DefaultSelector()
        _state.loop = _Loop(selector)
        _state.loop.set_exception_handler(_log_loop_error)
        # asyncio has no public way to ask what is next.
        _state.soon = _state.loop._ready  # type: ignore[attr-defined]
        _state.timers = _state.loop._scheduled  # type: ignore[attr-defined]
        _state.reader = Reader(selector.fileno()) if IS_AVAILABLE else None
    return _state.loop


def turn(wait: float = 0.0) -> int:
    """Let the loop handle what is ready now: network events, timers, callbacks.

    If nothing is, it returns at once, or when something is but after `wait` seconds at the latest. What there was:
    STREAMS of open plain connections, OTHERS for asyncio, both, or 0.
    """
    state = _state
    loop = state.loop
    if loop is None:
        if wait > 0.0:
            time.sleep(wait)
        return 0
    if state.soon:
        wait = 0.0
    elif wait > 0.0 and state.timers:
        until_timer = _next_timer(state) - monotonic()
        if until_timer < wait:
            wait = until_timer if until_timer > 0.0 else 0.0
    found = 0
    if state.reader is not None:
        found = state.reader.read(wait)
    elif loop._selector.select(wait):  # type: ignore[attr-defined]
        found = _OTHERS
    # A turn of asyncio costs several times as much as asking, and most frames bring nothing for it.
    if state.soon or found & _OTHERS or (state.timers and _next_timer(state) <= monotonic()):
        loop.call_soon(loop.stop)
        loop.run_forever()
        state.timers = loop._scheduled  # type: ignore[attr-defined]  # It may be another one now.
        state.next_timer = None
        found |= _OTHERS
    return found


def _next_timer(state: _State) -> float:
    """When the first timer is due, on asyncio's clock, monotonic(); asked of each timer once."""
    timer = state.timers[0]
    if timer is not state.next_timer:
        state.next_timer = timer
        state.next_timer_due = timer.when()
    return state.next_timer_due


def wait_in_frames(seconds: float) -> None:
    """Have the turn of each frame wait up to `seconds`: for a host that does not sleep between frames by itself."""
    _state.frame_wait = seconds


def poll(inbox: Inbox, frame: int = -1) -> None:
    """One turn, the delivery of what is in `inbox`, and what was written leaves; while more comes in, again for 1 ms.

    Of several polls with the same `frame` number only the first turns the loop.
    """
    state = _state
    if state.thread != get_ident() and not _is_first_to_poll():
        return
    first_in_frame = frame < 0 or frame != state.last_frame
    state.last_frame = frame
    if not first_in_frame and inbox.is_empty():
        return  # The poll that turned the loop has flushed, too; for what was sent since, a flush is requested.
    wait = state.frame_wait if frame >= 0 else 0.0
    waiting = writers
    end = 0.0
    if wait > 0.0 and not waiting.polls:
        waiting.flush()  # What was sent before, in `_physics_process` for example, does not wait, too.
    while True:
        waiting.polls += 1
        try:
            found = turn(wait) if first_in_frame else 0
            if found & _STREAMS and end == 0.0:
                end = monotonic() + _TURNING_TIME
            inbox.deliver()
        finally:
            waiting.polls -= 1
            # Also at the end of an inner poll: its handler may wait for the answer to what it just sent.
            waiting.flush()
        # What came in the meantime need not wait for another frame.
        if not found & _STREAMS or monotonic() >= end:
            return
        wait = 0.0


def claim() -> None:
    """Make the calling thread the one that polls. Without it, that is the first one to poll."""
    _state.thread = get_ident()


def _is_first_to_poll() -> bool:
    if _state.loop is None:
        return True  # There is nothing to poll yet.
    if _state.thread:
        _log.error("poll: another thread polls the network already; call it there (in Godot, use call_deferred)")
        return False
    claim()
    return True


def start_task(coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """Run a coroutine in the turns to come."""
    task = loop().create_task(coroutine)
    # asyncio itself keeps only a weak reference to its tasks.
    _state.tasks.add(task)
    task.add_done_callback(_state.tasks.discard)
    return task


def reader() -> Reader | None:
    """What reads plain connections faster than asyncio does; None where there is no such thing."""
    return _state.reader


def _flush_at_next_turn() -> None:
    loop().call_soon(writers.flush)


writers.request_flush = _flush_at_next_turn


def at_close(callback: Callable[[], None]) -> None:
    """Have close() call this, to end what is open: at once, and without waiting."""
    _state.at_close[callback] = None


def not_at_close(callback: Callable[[], None]) -> None:
    """Take an at_close() back: it is closed already."""
    _state.at_close.pop(callback, None)


def close() -> None:
    """End everything: flush, close what is open, cancel timers and tasks, close the loop. Never waits."""
    ended = _state.loop
    if ended is None:
        return
    while _state.at_close:
        _state.at_close.popitem()[0]()
    writers.flush()
    turn()  # A task that never started could not close what it was given.
    for task in _state.tasks:
        task.cancel()
    for _ in range(_CLOSING_TURNS):
        turn()
    writers.clear()
    _state.last_frame = -1
    _state.loop = _state.reader = None
    _state.soon, _state.timers, _state.next_timer = (), [], None
    _state.thread = 0
    ended.close()


def _log_loop_error(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    _log.error("%s", context["message"], exc_info=context.get("exception"))
