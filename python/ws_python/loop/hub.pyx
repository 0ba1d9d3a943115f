# cython: language_level=3
"""The hub: one event loop for the whole process, never run, only turned, by each poll for a moment.

In an asyncio program it is the program's own loop that is used, and drive.py in place of polls.

It belongs to one thread, the one that polls: the first to do so, or the one that claimed it. Nothing that a user wrote is
called during a turn: what arrives is queued, and delivered after it. The loop is made at the first use, and again at the
first use after close().

One turn: what is ready is asked of the system; sockets are read; asyncio's callbacks are called; and when all were, the
deadlines that are due pass. Each of these goes on until the time of the turn is up, and later begins where it stopped.
"""

import logging
from time import sleep

cimport cython

from .clock import monotonic
from .drive import Drive
from .epoll import IS_AVAILABLE, WATCHES_SELECTORS
from .event_loop import EventLoop
from .shared_selector import SharedSelector

cdef extern from "Python.h":
    unsigned long PyThread_get_thread_ident() noexcept nogil

_log = logging.getLogger("ws_python")

# What turn() found: sockets past asyncio, something for asyncio.
cdef enum:
    SOCKETS = 1
    OTHERS = 2

# Seconds that a poll goes on making turns while each brings messages.
cdef double TURNING_TIME = 0.001
# Of the time of a poll, how much reading may take: the rest is for delivering.
cdef double READING_SHARE = 0.5
# Seconds that the end of a frame works for connections that say goodbye, when nobody polled in it.
cdef double FRAME_END_TIME = 0.002
# Seconds that close() gives to what was sent to leave, and to the other side to answer a goodbye.
CLOSING_TIME = 1.0
# Turns for cancelled tasks and closing transports to come to their end.
cdef int CLOSING_TURNS = 8
cdef double FOREVER = float("inf")


cdef class Consumer:
    """What poll() delivers to: the queue of what arrived for one server or client."""

    cpdef bint is_empty(self) except -1:
        """Whether there is nothing to deliver. It is asked in each frame."""
        raise NotImplementedError

    cpdef deliver(self, double until):
        """Hand out what arrived, something at least, until monotonic() says `until`; the rest waits for the next poll."""
        raise NotImplementedError


@cython.final
cdef class Hub:
    """What there is one of in a process: `hub`."""

    def __init__(self):
        self.writers = Writers(self._request_flush)
        self.deadlines = Deadlines()
        self._host = Host()
        # False: asyncio watches all sockets, as it does on other systems. It counts when the loop is made.
        self.uses_epoll = IS_AVAILABLE
        self.shares_epoll = not WATCHES_SELECTORS
        self._tasks = set()
        self._closers = {}
        self._lingering = set()
        self._reset()

    def _reset(self):
        self._loop = None
        self.drive = None
        self.deadlines.driver = None
        self.epoll = None
        self._ready = ()
        self._timers = []
        self._thread = 0
        self._last_frame = -1
        self._waits_for_frame_end = False
        self.opening = 0
        self.now = monotonic()

    # --- who polls, and where

    @property
    def host(self):
        """What the engine adds; a plain Host until it hands its own over."""
        return self._host

    @host.setter
    def host(self, Host host not None):
        self._host = host

    def claim(self):
        """Make the calling thread the one that polls. Without it, that is the first one to poll."""
        self._thread = PyThread_get_thread_ident()

    cdef bint is_foreign(self) noexcept nogil:
        return self._thread != 0 and self._thread != PyThread_get_thread_ident()

    def is_elsewhere(self):
        """Whether the calling thread is not the one that polls."""
        return self.is_foreign()

    def refuses(self, str method):
        """Whether the calling thread is not the one that polls; then one line in the log tells that of `method`."""
        self._forget_closed_loop()
        if not self.is_foreign():
            return False
        if self.drive is not None:
            _log.error(
                "%s: only the thread of the event loop in which nodes are in use may call it; use call_soon_threadsafe", method
            )
        else:
            _log.error("%s: only the thread that polls may call it (in Godot, the main one): use call_deferred", method)
        return True

    def refuses_to_begin(self, str method):
        """As refuses(), where something is to be begun: also in another event loop than the one that is in use."""
        if self.refuses(method):
            return True
        running = self._host.running_loop()
        if self._loop is None or running is None or running is self._loop:
            return False
        if self.drive is None and not (self._closers or self._tasks or self._lingering):
            self._discard_loop()  # Nothing was polled in it yet, or nothing is any more.
            return False
        _log.error(
            "%s: nodes are in use %s; stop them first, or use them in the event loop that is running now", method,
            "outside of it, by poll()" if self.drive is None else "in another event loop, which is not closed",
        )
        return True

    def at_frame_end(self, callback):
        """Call it once on the thread that polls, at the end of the frame. False where there are no frames."""
        return self._host.at_frame_end(callback)

    # --- turning

    def loop(self):
        """The event loop. Raises OSError where it has to be made, and the system has nothing left for it."""
        self._forget_closed_loop()
        if self._loop is None:
            running = self._host.running_loop()
            if running is None:
                self._make_loop()
            else:
                self._join_loop(running)
        return self._loop

    def _make_loop(self):
        if self.uses_epoll and self.shares_epoll:
            epoll = Epoll(-1)
            selector = SharedSelector(epoll)
            loop = selector.loop = EventLoop(selector)
        else:
            loop = EventLoop()
            try:
                epoll = Epoll(loop.fileno()) if self.uses_epoll else None
            except OSError:
                loop.close()
                raise
        self.epoll = epoll
        self.now = monotonic()
        self._loop = loop
        self._ready, self._timers = loop._ready, loop._scheduled

    def _join_loop(self, running):
        """Use the program's own loop. Where that cannot watch an epoll, asyncio watches all sockets."""
        self.epoll = Epoll(-1) if self.uses_epoll and not self.shares_epoll else None
        try:
            self.drive = Drive(self, running, CLOSING_TIME)
        except OSError:
            self.epoll = None
            raise
        self.now = monotonic()
        self._loop = running
        self.deadlines.driver = self.drive
        self.drive.comes_sooner()  # There may be deadlines already.
        self.claim()

    def _forget_closed_loop(self):
        """The program has closed its loop with nodes in use in it: they have ended."""
        if self.drive is not None and not self._is_closing and self.drive.is_over():
            self.claim()  # The thread of that loop has nothing to do with it any more.
            self.close(0.0)

    cpdef int turn(self, double wait, double seconds) except -1:
        """Handle what is ready now, for `seconds`; if nothing is, return at once, or when something is but after `wait`.

        What there was: 1 for sockets past asyncio, 2 for asyncio or a deadline, both, or 0.
        """
        cdef object loop = self._loop
        cdef double before, until
        cdef bint others = False
        cdef int found = 0
        if loop is None:
            if wait > 0.0:
                sleep(wait)
            return 0
        if wait > 0.0:
            wait = self._wait_until_due(loop, wait)
        if self.epoll is not None:
            others = self.epoll.collect(wait)
        elif self.drive is None:
            others = bool(loop._selector.select(wait))
        self.writers.settle()  # After the wait: so long there was time for it.
        before = self.now
        self.now = monotonic()
        self.deadlines.advance(self.now - before)
        self._turns += 1
        until = self.now + seconds
        if self.epoll is not None and self.epoll.handle(until):
            found |= SOCKETS
        # A turn of asyncio costs several times as much as asking, and most frames bring nothing for it.
        if self._ready or others or self._timers and loop.next_timer() <= self.now:
            loop.turn(until)
            found |= OTHERS
        if self.deadlines.next_due <= self.deadlines.now and not (self.epoll is not None and self.epoll.has_rest()):
            if self.deadlines.pass_due(until):
                found |= OTHERS
        return found

    def _wait_until_due(self, loop, double wait):
        """How long a turn may wait that was asked to wait for `wait`."""
        if self._ready:
            return 0.0
        wait = min(wait, self.deadlines.next_due - self.deadlines.now)
        if self.drive is None:
            wait = min(wait, loop.next_timer() - monotonic())
        return max(wait, 0.0)

    cpdef poll(self, Consumer consumer, long long frame=-1):
        """Turn, deliver what `consumer` has, flush what was written: for its `poll_time` in all, but for one message at least.

        While more comes in, again: for a millisecond, and while a connection opens for all of the time. Of several polls with
        the same `frame` number only the first turns the loop.
        """
        cdef Writers writers = self.writers
        cdef bint turns
        cdef double seconds = consumer.poll_time
        cdef double wait = 0.0
        cdef double until = 0.0
        cdef double more_until = 0.0
        cdef int found
        if self._thread != PyThread_get_thread_ident() and not self._is_first_to_poll():
            return
        turns = frame < 0 or frame != self._last_frame
        self._last_frame = frame
        if not turns and consumer.is_empty():
            return  # The poll that turned the loop has flushed, too; for what was sent since, a flush is requested.
        self.deadlines.polls += turns
        if frame >= 0 and turns:
            wait = 0.0 if self.is_behind or not consumer.is_empty() else self._host.frame_wait
            self.is_behind = False
            if wait > 0.0 and not writers.polls:
                writers.flush()  # What was sent before, in `_physics_process` for example, does not wait, too.
        while True:
            writers.polls += 1
            try:
                found = self.turn(wait, seconds * READING_SHARE) if turns else 0
                if until == 0.0:
                    until = (self.now if turns and self._loop is not None else monotonic()) + seconds
                if not consumer.is_empty():
                    consumer.deliver(until)
            finally:
                writers.polls -= 1
                # Also at the end of an inner poll: its handler may wait for the answer to what it just sent.
                writers.flush()
            if not found:
                return
            # What came in the meantime need not wait for another frame.
            if more_until == 0.0:
                more_until = min(until, self.now + TURNING_TIME)
            if monotonic() >= (until if self.opening or found & OTHERS else more_until):
                return
            wait = 0.0

    def deliver(self, Consumer consumer):
        """What poll() does behind its turn, for the `poll_time` of the consumer."""
        cdef Writers writers = self.writers
        writers.polls += 1
        try:
            if not consumer.is_empty():
                consumer.deliver(monotonic() + consumer.poll_time)
        finally:
            writers.polls -= 1
            writers.flush()

    def catch_up(self):
        """Have the clock of deadlines go on to now, as far as it goes without a poll."""
        cdef double before = self.now
        self.now = monotonic()
        self.deadlines.advance(self.now - before)

    def _is_first_to_poll(self):
        if self._loop is None:
            return True  # There is nothing to poll yet.
        if self.refuses("poll"):
            return False
        self.claim()
        return True

    def start_task(self, coroutine):
        """Run a coroutine in the turns to come."""
        task = self.loop().create_task(coroutine)
        # asyncio itself keeps only a weak reference to its tasks.
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    @property
    def tasks(self):
        """The coroutines that are not at their end."""
        return self._tasks

    def call_soon(self, callback):
        """Call it in the next turn. From any thread."""
        self.loop().call_soon_threadsafe(callback)
        # There may be nobody who polls any more. A poll of this frame may have been before: then it is the next frame's.
        self._frames_of_calls = 2
        self._turns_at_frame_end = self._turns
        self._request_frame_end()

    def call_where_polled(self, callback):
        """Call it on the thread that polls: now, where that is the calling one, or else in the next turn."""
        if self.is_foreign():
            self.call_soon(callback)
        else:
            callback()

    # --- when nobody polls

    def _request_flush(self):
        if not self._request_frame_end():
            # The method of Python: what C calls it by takes one argument more than the wrapper that Cython makes here gives.
            self.loop().call_soon((<object>self.writers).flush)

    def _request_frame_end(self):
        if not self._waits_for_frame_end:
            self._waits_for_frame_end = True  # First: on another thread the frame may end before the host returns.
            if not self._host.at_frame_end(self._end_frame):
                self._waits_for_frame_end = False
        return self._waits_for_frame_end

    def _end_frame(self):
        """The end of a frame: what a game sent outside of a poll leaves, and all else goes on if no node is left to poll."""
        self._waits_for_frame_end = False
        self.writers.flush_until_next_turn()
        if self._frames_of_calls:
            self._frames_of_calls -= 1
        elif not self._lingering:
            return
        if self._turns == self._turns_at_frame_end:
            self.deadlines.polls += 1
            self.turn(0.0, FRAME_END_TIME)
            self.writers.flush()
        self._turns_at_frame_end = self._turns
        if self._lingering or self._frames_of_calls:
            self._request_frame_end()

    def linger(self, connection):
        """A connection ends, perhaps with nobody who polls for it: until `part`, frames and close() see to it."""
        self._lingering.add(connection)
        self._turns_at_frame_end = self._turns
        self._request_frame_end()

    def part(self, connection):
        """It is gone."""
        self._lingering.discard(connection)

    # --- the end

    def at_close(self, callback):
        """Have close() call this, to end what is open: at once, and without waiting."""
        self._closers[callback] = None

    def not_at_close(self, callback):
        """Take an at_close() back: it is closed already."""
        self._closers.pop(callback, None)

    @property
    def is_lingering(self):
        """Whether connections still say goodbye."""
        return bool(self._lingering)

    @property
    def lingering(self):
        """The connections that still say goodbye."""
        return self._lingering

    def say_goodbye(self):
        """End what is open, and let what was sent leave as far as it does at once."""
        while self._closers:
            self._closers.popitem()[0]()
        self.writers.flush()

    def close(self, double seconds=CLOSING_TIME):
        """End everything: say goodbye, for `seconds` at the most let what was sent leave, cancel timers and tasks.

        In an asyncio program, where it has no part in the end of the loop, nothing but sockets of ours goes on meanwhile.
        """
        if self._loop is None or self._is_closing:
            return
        self._is_closing = True
        self.writers.polls += 1  # Nobody is to request what is flushed here.
        try:
            self._close(seconds if self.drive is None or self.epoll is not None else 0.0)
        finally:
            self.writers.polls -= 1
            self._is_closing = False

    def _close(self, double seconds):
        cdef double until
        loop = self._loop
        self.say_goodbye()
        until = monotonic() + seconds
        while self._lingering and monotonic() < until:
            self.turn(until - monotonic(), seconds)
            self.writers.flush()
        while self._lingering:
            self._lingering.pop().drop()
        self.turn(0.0, CLOSING_TIME)  # A task that never started could not close what it was given.
        for task in list(self._tasks):
            if not loop.is_closed():
                task.cancel()
        for _ in range(CLOSING_TURNS):
            self.turn(0.0, CLOSING_TIME)
        self._discard_loop()

    def _discard_loop(self):
        loop, drive = self._loop, self.drive
        self.writers.clear()
        self.deadlines.clear()
        self._lingering.clear()
        self._reset()
        if drive is None:
            loop.close()
        else:
            drive.detach()


cdef Hub hub = Hub()
globals()["hub"] = hub  # For Python, which does not see what C declares.
