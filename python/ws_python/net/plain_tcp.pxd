# The C view of plain_tcp.pyx: calls to a link whose class is known are direct ones.

cimport cython

from ws_python.loop.writers cimport Writers

from .link cimport Link


@cython.final
cdef class PlainLink(Link):
    cdef object _socket
    cdef bint _is_paused
    # The system tells that there is room only when it has sent everything: asked for by is_clear().
    cdef bint _awaits_clear

    # Who has another thread send what was handed over; None: nothing was.
    cdef Writers _in_use_by

    cdef int _settle(self) except -1
    cdef int _end(self) except -1
    cdef Py_ssize_t _taken(self, Py_ssize_t sent, Py_ssize_t size) except -1
