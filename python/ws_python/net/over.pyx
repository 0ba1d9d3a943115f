# cython: language_level=3
"""A Link that lies over another one: how it hears of that."""

from cpython.bytearray cimport PyByteArray_AS_STRING

cdef enum:
    RECEIVE_SIZE = 64 * 1024

# What arrives lies here until its owner has a copy, which is before anything else can arrive.
cdef bytearray shared_buffer = bytearray(RECEIVE_SIZE)


cdef class OverLink(Link):
    """For what derives from it."""

    cdef int _receive_from(self, Link below) except -1:
        """From now on this is told of what happens to `below`."""
        cdef Below receiver = Below.__new__(Below)
        receiver._owner = self
        self._below = below
        below.receiver = receiver
        return 0

    cdef int _arrived(self, const uchar* data, Py_ssize_t size) except -1:
        """Bytes came; about how many microseconds they took, beside what bytes take. They are there until this returns."""
        raise NotImplementedError

    cdef int _below_ended(self) except -1:
        """Nothing more comes."""
        raise NotImplementedError

    cdef int _below_writable(self) except -1:
        """The link below takes bytes again."""
        raise NotImplementedError


cdef class Below(Receiver):
    """Whom the link below gives what arrives."""

    cdef int lend(self) except -1:
        self.target = <uchar*>PyByteArray_AS_STRING(shared_buffer)
        self.room = RECEIVE_SIZE
        return 0

    cdef int received(self, Py_ssize_t size) except -1:
        return self._owner._arrived(self.target, size) if size > 0 else 0

    cpdef ended(self):
        self._owner._below_ended()

    cpdef writable(self):
        self._owner._below_writable()
