# cython: language_level=3
"""Deadlines: what is to happen after some seconds in which somebody polled.

A game loads a level, or stands at a breakpoint, and polls nothing for longer than the other side has to answer. That is not
the other side's silence: its answer may lie in the system, unread, or to a question that could not be sent. Hence the clock of
deadlines advances with the polls: from one to the next by twice what it was before at the most, or UNNOTICED; a deadline
passes only in a turn that has looked at all sockets first, and one of an answer not before some polls were there for it.
"""

import logging
from heapq import heapify, heappop, heappush
cimport cython

from .clock import monotonic

_log = logging.getLogger("ws_python")

cdef double INFINITE = float("inf")

cdef enum:
    # Cancelled ones are dropped when they come first, or when they are that many and most of all.
    MOST_CANCELLED = 256

#: Seconds between two polls that always count.
UNNOTICED = 0.1
#: Seconds between two polls that may become usual: more than a frame of a game at 1 fps has.
MOST_USUAL = 1.25

cdef enum:
    # Polls that asking and being answered may take, with all that has to be asked before: a name, a connection.
    POLLS_OF_AN_ANSWER = 6

cdef double _UNNOTICED = UNNOTICED
cdef double _MOST_USUAL = MOST_USUAL
# Seconds between two turns that are those of one poll, and tell nothing of what is usual between polls.
cdef double ONE_POLL = 0.002


cdef class Deadline:
    """What was asked for with `Deadlines.after`."""

    cpdef cancel(self):
        """It is not to happen any more. One that has passed is ignored."""
        if self._callback is None:
            return
        self._callback = None
        self._deadlines._cancelled += 1
        self._deadlines._settle()


@cython.final
cdef class Deadlines:
    """All deadlines of the process: connecting, handshakes, closing, heartbeats, the next attempt to connect."""

    def __init__(self):
        self._heap = []
        self.next_due = INFINITE

    def after(self, double seconds, callback):
        """Call `callback` in `seconds` of polled time, once; the Deadline, to cancel it."""
        return self._add(seconds, callback, 0)

    def of_answer(self, double seconds, callback):
        """As after(), where the other side has so long to answer."""
        return self._add(seconds, callback, self.polls + POLLS_OF_AN_ANSWER)

    cdef Deadline _add(self, double seconds, object callback, unsigned long long not_before):
        cdef Deadline deadline = Deadline.__new__(Deadline)
        if self.driver is not None:
            self.driver.before_adding()
        deadline.when = self.now + seconds
        deadline._callback = callback
        deadline._deadlines = self
        deadline._not_before = not_before
        self._push(deadline)
        return deadline

    cdef int _push(self, Deadline deadline) except -1:
        self._number += 1  # Of those at the same time the first comes first.
        heappush(self._heap, (deadline.when, self._number, deadline))
        if deadline.when < self.next_due:
            self.next_due = deadline.when
            if self.driver is not None:
                self.driver.comes_sooner()
        return 0

    def clear(self):
        """Forget them all."""
        self._heap = []
        self._cancelled = 0
        self.next_due = INFINITE

    cdef int advance(self, double seconds) except -1:
        """So much time has gone since the last poll."""
        self.now += min(seconds, max(_UNNOTICED, 2.0 * self._usual))
        if seconds > ONE_POLL:
            self._usual = min(seconds, _MOST_USUAL)
        return 0

    cdef bint pass_due(self, double until) except -1:
        """Call those that are due; once monotonic() is at `until`, the others wait for the next turn. Whether any was."""
        cdef Deadline deadline
        cdef list too_early = []
        cdef bint any_passed = False
        while self._heap and self.next_due <= self.now:
            deadline = heappop(self._heap)[2]
            if deadline._callback is not None and deadline._not_before > self.polls:
                too_early.append(deadline)
                self._settle()
                continue
            callback, deadline._callback = deadline._callback, None
            if callback is None:
                self._cancelled -= 1
            else:
                any_passed = True
                try:
                    callback()
                except Exception:  # It is not the fault of those behind it.
                    _log.exception("a deadline could not be kept")
            self._settle()
            if callback is not None and monotonic() >= until:
                break
        for deadline in too_early:
            self._push(deadline)
        return any_passed

    cdef int _settle(self) except -1:
        """Drop cancelled ones that come first, or that are too many, and note when the first one is due."""
        cdef Deadline deadline
        if self._cancelled > MOST_CANCELLED and 2 * self._cancelled > len(self._heap):
            self._heap = [entry for entry in self._heap if (<Deadline>entry[2])._callback is not None]
            heapify(self._heap)
            self._cancelled = 0
        while self._heap:
            deadline = self._heap[0][2]
            if deadline._callback is not None:
                self.next_due = deadline.when
                return 0
            heappop(self._heap)
            self._cancelled -= 1
        self.next_due = INFINITE
        return 0
