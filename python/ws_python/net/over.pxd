# The C view of over.pyx.

from ws_python.net.link cimport Link, Receiver, uchar


cdef class OverLink(Link):
    # What carries the bytes; None when nothing does any more.
    cdef Link _below

    cdef int _receive_from(self, Link below) except -1
    cdef int _arrived(self, const uchar* data, Py_ssize_t size) except -1
    cdef int _below_ended(self) except -1
    cdef int _below_writable(self) except -1


cdef class Below(Receiver):
    cdef OverLink _owner
