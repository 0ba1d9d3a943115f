# The C view of writers.pyx: what was queued takes no attribute look-up on its way to the end of the poll.

cimport cython

from .sender cimport Sender


cdef class Writers


cdef class Writer:
    cdef bint _writing_soon

    cpdef flush(self)
    cdef bint hand_over(self, Writers writers) except -1
    cdef int settled(self, Py_ssize_t sent) except -1


@cython.final
cdef class Writers:
    cdef list _waiting
    cdef object _request_flush
    cdef public int polls
    #: Sends what is handed over.
    cdef readonly Sender sender
    #: Whether anything is handed over.
    cdef public bint shares_work
    cdef list _handed_over

    cpdef add(self, Writer writer)
    cpdef flush(self)
    cpdef flush_until_next_turn(self)
    cpdef settle(self)
    cdef bint _hand_over(self, Writer writer) except -1
    cdef int _flush(self, Writer writer) except -1
