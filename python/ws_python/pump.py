"""The pump: one asyncio event loop for the whole process, never run, only turned, once for each poll.

Everything here belongs to one thread, the one that polls: the first to do so, or the one that claimed it. Nothing that
a user wrote is called during a turn: what arrives is queued, and delivered after it. The loop is made at the first use,
and again at the first use after close().
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import select
import selectors
import socket
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from threading import get_ident
from typing import Any, Protocol

_log = logging.getLogger("ws_python")

# Turns that close() gives to cancelled tasks and closing transports to come to their end.
_CLOSING_TURNS = 8
# Turns that one poll makes as long as there is something to read.
_MOST_TURNS = 4


if sys.platform == "linux":
    from .plain_tcp import Reader
else:
    Reader = None


class Writer(Protocol):
    """What has bytes to write."""

    def flush(self) -> None:
        """Hand everything queued to the operating system."""


def _events_within(selector: Any) -> Callable[[float], list[Any]]:
    """A function that waits so many milliseconds at the most for what `selector` watches."""
    if sys.platform == "linux":
        # An epoll is itself something to poll, and that runs no Python code: most frames do no more than this.
        poll = select.poll()
        poll.register(selector.fileno(), select.POLLIN)
        return poll.poll
    return lambda milliseconds: selector.select(milliseconds / 1e3)


class _Loop(asyncio.SelectorEventLoop):
    """An event loop that can be waited for, and whose name resolution cannot keep the process from exiting."""

    def __init__(self) -> None:
        selector = selectors.DefaultSelector()
        super().__init__(selector)
        self._events_within = _events_within(selector)

    def has_work(self, seconds: float) -> bool:
        """Whether a turn would find something to do. Waits for that, `seconds` at the most."""
        # asyncio has no public way to ask what is next.
        soon, timers = self._ready, self._scheduled  # type: ignore[attr-defined]
        if soon:
            return True
        if timers:
            seconds = min(seconds, timers[0].when() - self.time())
            if seconds < 0.0:
                return True
        # What is ready is only looked at here: it is still ready when the turn asks the selector again.
        return bool(self._events_within(1e3 * seconds))

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
        self.last_frame = -1
        # The thread that polls; 0 until one does.
        self.thread = 0
        # Seconds that a turn for a frame may wait for the network.
        self.frame_wait = 0.0
        # How many polls are under way: a handler may poll, too.
        self.polls = 0
        self.tasks: set[asyncio.Task[Any]] = set()
        self.writers: list[Writer] = []
        self.reader: Reader | None = None
        self.at_close: dict[Callable[[], None], None] = {}


_state = _State()


def loop() -> asyncio.AbstractEventLoop:
    """The process's event loop."""
    if _state.loop is None:
        _state.loop = _Loop()
        _state.loop.set_exception_handler(_log_loop_error)
    return _state.loop


def turn(wait: float = 0.0) -> bool:
    """Let the loop handle what is ready now: network events, timers, callbacks. False if nothing was.

    If nothing is, it returns at once, or when something is but after `wait` seconds at the latest.
    """
    if _state.loop is not None:
        # Most frames bring nothing, and a turn costs several times as much as asking.
        if _state.loop.has_work(wait):
            _state.loop.call_soon(_state.loop.stop)
            _state.loop.run_forever()
            return True
    elif wait > 0.0:
        time.sleep(wait)
    return False


def wait_in_frames(seconds: float) -> None:
    """Have the turn of each frame wait up to `seconds`: for a host that does not sleep between frames by itself."""
    _state.frame_wait = seconds


def poll(deliver: Callable[[], None], frame: int = -1) -> None:
    """One turn, `deliver()`, and what was written during both leaves; again while more comes in, a few times at most.

    Of several polls with the same `frame` number only the first turns the loop.
    """
    if _state.thread != get_ident() and not _is_first_to_poll():
        return
    first_in_frame = frame < 0 or frame != _state.last_frame
    _state.last_frame = frame
    wait = _state.frame_wait if frame >= 0 else 0.0
    for _ in range(_MOST_TURNS):
        _state.polls += 1
        try:
            worked = first_in_frame and turn(wait)
            deliver()
        finally:
            _state.polls -= 1
            # Also at the end of an inner poll: its handler may wait for the answer to what it just sent.
            flush()
        # What came in the meantime need not wait for another frame. Where nothing happened, that was no time.
        if not worked or _state.reader is None or not _state.reader.is_ready():
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
    if Reader is not None and _state.reader is None:
        _state.reader = Reader()
        loop().add_reader(_state.reader.fileno(), _state.reader.read)
    return _state.reader


def write_soon(writer: Writer) -> None:
    """Have `writer` flushed at the end of the running poll, or when the flush hook says if none is running."""
    writers = _state.writers
    writers.append(writer)
    if len(writers) == 1 and not _state.polls:
        request_flush()


def flush() -> None:
    """Flush the writers that asked for it."""
    while _state.writers:
        writers, _state.writers = _state.writers, []
        for writer in writers:
            writer.flush()


def _flush_at_next_turn() -> None:
    loop().call_soon(flush)


# Called when the first bytes are queued outside a poll. A host that knows when its frame ends may assign its own.
request_flush: Callable[[], None] = _flush_at_next_turn


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
    flush()
    turn()  # A task that never started could not close what it was given.
    for task in _state.tasks:
        task.cancel()
    for _ in range(_CLOSING_TURNS):
        turn()
    _state.writers.clear()
    _state.last_frame = -1
    _state.loop = None
    _state.reader = None
    _state.thread = 0
    ended.close()


def _log_loop_error(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    _log.error("%s", context["message"], exc_info=context.get("exception"))
