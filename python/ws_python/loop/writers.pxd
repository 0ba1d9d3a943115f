# The C view of writers.pyx: what was queued takes no attribute look-up on its way to the end of the poll.

cimport cython


cdef class Writer:
    cdef bint _writing_soon

    cpdef flush(self)


@cython.final
cdef class Writers:
    cdef list _waiting
    cdef object _request_flush
    cdef public int polls

    cpdef add(self, Writer writer)
    cpdef flush(self)
