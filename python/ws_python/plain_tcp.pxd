"""The socket of an open plain connection, for the compiled modules on the way of a message: see plain_tcp.pyx."""

cimport cython

from .protocol.codec cimport Codec
from .writers cimport Writer


cdef class Stream(Writer):
    cdef public Codec _codec
    #: The socket, while the connection is read and written past asyncio; otherwise -1.
    cdef public int _fd

    cpdef received(self)
    cpdef ended(self)
    cdef Py_ssize_t send_queued(self) except -1
    cpdef Py_ssize_t send_uncopied(self, object data) except -1


@cython.final
cdef class Reader:
    cdef int _epoll
    cdef int _also
    cdef list _streams  # by file descriptor; None where there is none

    cdef int _watch(self, int fd) except -1
    cpdef int read(self, double seconds=*) except -1
    cdef int _read_one(self, Stream stream) except -1
