# The C view of writers.py: what was queued takes no attribute look-up on its way to the end of the poll.

cimport cython


cdef class Writer:
    cdef public bint _writing_soon

    cpdef flush(self)


@cython.final
cdef class Writers:
    cdef list _waiting
    cdef public int polls
    cdef public object request_flush

    cpdef add(self, Writer writer)
    cpdef flush(self)
