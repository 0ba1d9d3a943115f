# cython: language_level=3
"""Who has something to write: each is flushed once, at the end of the running poll or of the frame."""

import logging

cimport cython

_log = logging.getLogger("ws_python")


cdef class Writer:
    """What has bytes to write."""

    def __cinit__(self):
        # It was added to the Writers, and not flushed since.
        self._writing_soon = False

    cpdef flush(self):
        """Hand everything queued to the operating system."""
        raise NotImplementedError


@cython.final
cdef class Writers:
    """The writers that wait. `request_flush` is called when the first one is added outside a poll."""

    def __init__(self, request_flush):
        self._waiting = []
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
                writer._writing_soon = False
                try:
                    writer.flush()
                except Exception:  # It is not the fault of those behind it.
                    _log.exception("what was sent could not be written")

    def clear(self):
        """Forget who waits."""
        cdef Writer writer
        for writer in self._waiting:
            writer._writing_soon = False
        self._waiting = []
