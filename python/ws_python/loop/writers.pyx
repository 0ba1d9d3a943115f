# cython: language_level=3
"""Who has something to write: each is flushed once, at the end of the running poll or of the frame."""

import logging

cimport cython

from .sender import has_processor

_log = logging.getLogger("ws_python")


cdef enum:
    # From so many on it is worth waking a thread: that takes about as long as sending once.
    LEAST_SHARED = 8


cdef class Writer:
    """What has bytes to write."""

    def __cinit__(self):
        # It was added to the Writers, and not flushed since.
        self._writing_soon = False

    cpdef flush(self):
        """Hand everything queued to the operating system."""
        raise NotImplementedError

    cdef bint hand_over(self, Writers writers) except -1:
        """Give `writers.sender` what flush() would write. False: nothing was done."""
        return False

    cdef int settled(self, Py_ssize_t sent) except -1:
        """So much of what was handed over was sent, or -errno: called once for each hand_over() that returned True."""
        raise NotImplementedError


@cython.final
cdef class Writers:
    """The writers that wait. `request_flush` is called when the first one is added outside a poll."""

    def __init__(self, request_flush):
        self._waiting = []
        self._handed_over = []
        self.sender = Sender()
        self.shares_work = has_processor()
        self._request_flush = request_flush
        # How many polls are under way: a handler may poll, too.
        self.polls = 0

    cpdef add(self, Writer writer):
        """Have `writer` flushed at the end of the running poll; if none is running, when `request_flush` sees to it."""
        if writer._writing_soon:
            return
        writer._writing_soon = True
        self._waiting.append(writer)
        if not self.polls and len(self._waiting) == 1:
            self._request_flush()

    cpdef flush(self):
        """Flush the writers that wait, and those that come in the meantime."""
        cdef Writer writer
        cdef list waiting
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            for writer in waiting:
                self._flush(writer)

    cdef int _flush(self, Writer writer) except -1:
        writer._writing_soon = False
        try:
            writer.flush()
        except Exception:  # It is not the fault of those behind it.
            _log.exception("what was sent could not be written")
        return 0

    cpdef flush_until_next_turn(self):
        """As flush(). Where many wait, another thread sends, until settle(): the caller goes on at once."""
        cdef Writer writer
        cdef list waiting, others
        if len(self._waiting) < LEAST_SHARED or not self.shares_work:
            self.flush()
            return
        self.settle()
        self.sender.reserve(len(self._waiting))
        waiting, self._waiting = self._waiting, []
        others = [writer for writer in waiting if not self._hand_over(writer)]
        if len(self._handed_over) >= LEAST_SHARED:
            try:
                self.sender.start()
            except Exception:  # The system has no thread left: settle() sends it all, and from now on flush() does.
                self.shares_work = False
                self.settle()
        for writer in others:
            self._flush(writer)
        if len(self._handed_over) < LEAST_SHARED:
            self.settle()
        self.flush()

    cdef bint _hand_over(self, Writer writer) except -1:
        try:
            if not writer.hand_over(self):
                return False
        except Exception:  # Then flush() tells it.
            return False
        writer._writing_soon = False
        self._handed_over.append(writer)
        return True

    cpdef settle(self):
        """Have all be sent that was handed over, and tell those whose it is."""
        cdef Py_ssize_t number
        cdef list handed_over
        if not self._handed_over:
            return
        handed_over, self._handed_over = self._handed_over, []
        self.sender.finish()
        for number in range(len(handed_over)):
            try:
                (<Writer>handed_over[number]).settled(self.sender.sent(number))
            except Exception:  # It is not the fault of those behind it.
                _log.exception("what was sent could not be written")

    def clear(self):
        """Forget who waits, and end the thread."""
        cdef Writer writer
        self.settle()
        self.sender.stop()
        for writer in self._waiting:
            writer._writing_soon = False
        self._waiting = []
